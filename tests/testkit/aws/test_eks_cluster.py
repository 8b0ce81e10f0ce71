"""EKS clusters."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import UNKNOWN

from .cloud import Cloud
from .samples_compute import CLUSTER, NODES, SUBNET, cluster_arguments, nodes, profile, role

PROFILE = "aws:eks/fargateProfile:FargateProfile"
API = {"authenticationMode": "API"}


def test_a_cluster_has_an_address_an_issuer_and_a_group_of_its_own(cloud: Cloud) -> None:
    made = cloud.up(CLUSTER, "models", **cluster_arguments(cloud))
    assert made.id.startswith("models-")
    assert made.outputs["arn"] == f"arn:aws:eks:eu-central-1:123456789012:cluster/{made.id}"
    assert made.outputs["endpoint"].endswith(".gr7.eu-central-1.eks.amazonaws.com")
    assert made.outputs["identities"][0]["oidcs"][0]["issuer"].startswith("https://oidc.eks.eu-central-1.amazonaws.com/id/")
    assert made.outputs["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-")
    assert made.outputs["version"] == "1.34"
    assert cloud.boto("eks").list_clusters()["clusters"] == [made.id]


def test_a_preview_leaves_open_what_eks_adds_to_the_network(cloud: Cloud) -> None:
    expected = cloud.preview(CLUSTER, **cluster_arguments(cloud))
    assert expected["vpcConfig"]["clusterSecurityGroupId"] is expected["vpcConfig"]["vpcId"] is expected["endpoint"] is UNKNOWN
    assert expected["vpcConfig"]["endpointPublicAccess"] is True


def test_a_preview_of_a_change_keeps_what_eks_added_to_the_network(cloud: Cloud) -> None:
    arguments = cluster_arguments(cloud)
    made = cloud.up(CLUSTER, **arguments)
    private = {**arguments["vpcConfig"], "endpointPrivateAccess": True}
    expected = cloud.change(CLUSTER, made, preview=True, roleArn=arguments["roleArn"], vpcConfig=private).outputs
    group = made.outputs["vpcConfig"]["clusterSecurityGroupId"]
    assert expected["vpcConfig"]["clusterSecurityGroupId"] == group
    after = cloud.change(CLUSTER, made, roleArn=arguments["roleArn"], vpcConfig=private).outputs
    assert (after["vpcConfig"]["endpointPrivateAccess"], after["vpcConfig"]["clusterSecurityGroupId"]) == (True, group)


def test_a_cluster_needs_two_zones_and_a_role_that_exists(cloud: Cloud) -> None:
    arguments = cluster_arguments(cloud)
    one = {"subnetIds": arguments["vpcConfig"]["subnetIds"][:1]}
    with pytest.raises(ProviderError, match="Subnets specified must be in at least two different AZs"):
        cloud.up(CLUSTER, roleArn=arguments["roleArn"], vpcConfig=one)
    with pytest.raises(ProviderError, match="The subnet ID 'subnet-0' does not exist"):
        cloud.up(CLUSTER, roleArn=arguments["roleArn"], vpcConfig={"subnetIds": ["subnet-0"]})
    with pytest.raises(ProviderError, match=r"Role with arn: .*role/nobody could not be assumed because it does not exist"):
        cloud.up(CLUSTER, roleArn="arn:aws:iam::123456789012:role/nobody", vpcConfig=arguments["vpcConfig"])
    with pytest.raises(ProviderError, match="The security group 'sg-0' does not exist"):
        cloud.up(CLUSTER, roleArn=arguments["roleArn"], vpcConfig={**arguments["vpcConfig"], "securityGroupIds": ["sg-0"]})


def test_the_role_of_a_cluster_trusts_eks(cloud: Cloud) -> None:
    arguments = {**cluster_arguments(cloud), "roleArn": role(cloud, "machines", "ec2.amazonaws.com")}
    with pytest.raises(ProviderError, match=r"role/machines, could not be assumed because .* the trusted entity is not correct"):
        cloud.up(CLUSTER, **arguments)


def test_the_version_goes_up_by_one_minor_and_never_down(cloud: Cloud) -> None:
    arguments = cluster_arguments(cloud)
    made = cloud.up(CLUSTER, **arguments, version="1.33")
    for version in ("1.35", "1.32"):
        with pytest.raises(ProviderError, match=f"Unsupported Kubernetes minor version update from 1.33 to {version}"):
            cloud.change(CLUSTER, made, **arguments, version=version)
    upgraded = cloud.change(CLUSTER, made, **arguments, version="1.34")
    assert upgraded.outputs["version"] == "1.34"
    assert cloud.change(CLUSTER, made, preview=True, **arguments, version="1.34").outputs["platformVersion"] is UNKNOWN
    with pytest.raises(ProviderError, match=r"unsupported Kubernetes version 1.11; supported are 1.29"):
        cloud.up(CLUSTER, "old", **arguments, version="1.11")


def test_the_authentication_mode_goes_one_way(cloud: Cloud) -> None:
    arguments = cluster_arguments(cloud)
    made = cloud.up(CLUSTER, **arguments)
    assert made.outputs["accessConfig"]["authenticationMode"] == "CONFIG_MAP"
    with pytest.raises(ProviderError, match="Unsupported authentication mode update from CONFIG_MAP to API"):
        cloud.change(CLUSTER, made, **arguments, accessConfig=API)
    both = cloud.change(CLUSTER, made, **arguments, accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    api = cloud.change(CLUSTER, both, **arguments, accessConfig=API)
    with pytest.raises(ProviderError, match="Unsupported authentication mode update from API to API_AND_CONFIG_MAP"):
        cloud.change(CLUSTER, api, **arguments, accessConfig={"authenticationMode": "API_AND_CONFIG_MAP"})
    (failure,) = cloud.check(CLUSTER, **arguments, accessConfig={"authenticationMode": "IAM"})
    assert 'to be one of ["API" "API_AND_CONFIG_MAP" "CONFIG_MAP"], got IAM' in failure.reason


def test_a_cluster_is_not_deleted_while_node_groups_are_left_or_it_is_protected(cloud: Cloud) -> None:
    group = cloud.up(NODES, **nodes(cloud), scalingConfig={"minSize": 1, "desiredSize": 1, "maxSize": 1})
    made = cloud.imported(CLUSTER, "models")
    assert made
    with pytest.raises(ProviderError, match="ResourceInUseException: Cluster has nodegroups attached"):
        cloud.delete(CLUSTER, made)
    subnet = cloud.imported(SUBNET, group.inputs["subnetIds"][0])
    assert subnet
    with pytest.raises(ProviderError, match="DependencyViolation"):
        cloud.delete(SUBNET, subnet)
    cloud.delete(NODES, group)
    cloud.boto("eks").update_cluster_config(name="models", deletionProtection=True)
    with pytest.raises(ProviderError, match="deletion protection enabled"):
        cloud.delete(CLUSTER, made)
    cloud.boto("eks").update_cluster_config(name="models", deletionProtection=False)
    cloud.delete(CLUSTER, made)
    cloud.delete(SUBNET, subnet)


def test_a_cluster_is_not_deleted_while_a_fargate_profile_is_left(cloud: Cloud) -> None:
    left = cloud.up(PROFILE, **profile(cloud), selectors=[{"namespace": "kube-system"}])
    made = cloud.imported(CLUSTER, "models")
    assert made
    with pytest.raises(ProviderError, match="ResourceInUseException: Cluster has Fargate profiles attached"):
        cloud.delete(CLUSTER, made)
    cloud.delete(PROFILE, left)
    cloud.delete(CLUSTER, made)


def test_what_eks_cannot_change_needs_a_new_cluster(cloud: Cloud) -> None:
    arguments = {**cluster_arguments(cloud), "name": "models"}
    made = cloud.up(CLUSTER, **arguments)
    for change in (
        {"name": "other"},
        {"roleArn": "arn:aws:iam::123456789012:role/other"},
        {"bootstrapSelfManagedAddons": False},
        {"kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.21.0.0/16"}},
        {"accessConfig": {"bootstrapClusterCreatorAdminPermissions": False}},
    ):
        assert cloud.diff(CLUSTER, made, **{**arguments, **change}).replace, change
    for change in ({"version": "1.35"}, {"tags": {"a": "b"}}, {"vpcConfig": {**arguments["vpcConfig"], "endpointPrivateAccess": True}}):
        assert not cloud.diff(CLUSTER, made, **{**arguments, **change}).replace, change


def test_auto_mode_is_on_in_all_places_or_in_none(cloud: Cloud) -> None:
    arguments = cluster_arguments(cloud)
    with pytest.raises(ProviderError, match="For EKS Auto Mode, please ensure that all required configs"):
        cloud.up(CLUSTER, **arguments, computeConfig={"enabled": True})
    auto = {
        "computeConfig": {"enabled": True, "nodePools": ["general-purpose"], "nodeRoleArn": arguments["roleArn"]},
        "storageConfig": {"blockStorage": {"enabled": True}},
        "kubernetesNetworkConfig": {"elasticLoadBalancing": {"enabled": True}},
    }
    made = cloud.up(CLUSTER, **arguments, **auto)
    assert cloud.refresh(CLUSTER, made).inputs == made.inputs  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["", "a" * 101, "-models", "models.dev", "modèles"])
def test_a_name_has_1_to_100_letters_digits_hyphens_and_underscores(cloud: Cloud, name: str) -> None:
    failures = cloud.check(CLUSTER, name=name, roleArn="arn:aws:iam::1:role/x", vpcConfig={"subnetIds": []})
    assert [failure.property for failure in failures] == ["name"]


@pytest.mark.parametrize("block", ["1", "172.20.0.0/8", "172.20.0.1/16"])
def test_services_have_a_block_of_addresses(cloud: Cloud, block: str) -> None:
    (failure,) = cloud.check(CLUSTER, **cluster_arguments(cloud), kubernetesNetworkConfig={"serviceIpv4Cidr": block})
    assert failure.property == "kubernetesNetworkConfig.serviceIpv4Cidr"


def test_nobody_reaches_a_cluster_with_both_endpoints_off(cloud: Cloud) -> None:
    off = {"subnetIds": [], "endpointPublicAccess": False}
    (failure,) = cloud.check(CLUSTER, roleArn="arn:aws:iam::1:role/x", vpcConfig=off)
    assert failure.property == "vpcConfig.endpointPrivateAccess"


def test_what_was_changed_by_hand_is_seen_even_where_the_program_is_silent(cloud: Cloud) -> None:
    made = cloud.up(CLUSTER, **cluster_arguments(cloud))
    assert cloud.refresh(CLUSTER, made).inputs == made.inputs  # type: ignore[union-attr]
    cloud.boto("eks").update_cluster_config(name=made.id, resourcesVpcConfig={"endpointPublicAccess": False, "endpointPrivateAccess": True})
    drifted = cloud.refresh(CLUSTER, made)
    assert drifted
    assert (drifted.inputs["vpcConfig"]["endpointPublicAccess"], drifted.inputs["vpcConfig"]["endpointPrivateAccess"]) == (False, True)
    assert "clusterSecurityGroupId" not in drifted.inputs["vpcConfig"]


def test_a_role_that_iam_does_not_show_yet_is_waited_for(cloud: Cloud) -> None:
    cloud.package.lag(3, "aws:iam/role:Role")
    assert cloud.up(CLUSTER, **cluster_arguments(cloud))
    cloud.package.lag(10_000, "aws:iam/role:Role")
    cloud.package.reset()
    cloud.package.lag(10_000, "aws:iam/role:Role")
    with pytest.raises(ProviderError, match="could not be assumed"):
        cloud.up(CLUSTER, **cluster_arguments(cloud))
