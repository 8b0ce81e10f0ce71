"""EKS node groups and Fargate profiles."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples_compute import GATEWAY, NODES, TABLE, nodes, profile, role

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
PROFILE = "aws:eks/fargateProfile:FargateProfile"
BLOCK: dict[str, Any] = {
    "instanceType": "p5.48xlarge",
    "instanceMarketOptions": {"marketType": "capacity-block"},
    "capacityReservationSpecification": {"capacityReservationTarget": {"capacityReservationId": "cr-0123"}},
}
ONE: dict[str, Any] = {"scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 2}}


def test_sizes_are_in_order(cloud: Cloud) -> None:
    for least, desired, most, said in ((2, 1, 3, "Minimum capacity 2 can't be greater"), (1, 4, 3, "desired capacity 4 can't be greater")):
        sizes = {"minSize": least, "desiredSize": desired, "maxSize": most}
        (failure,) = cloud.check(NODES, clusterName="x", nodeRoleArn="x", subnetIds=["x"], scalingConfig=sizes)
        assert said in failure.reason
    made = cloud.up(NODES, **(arguments := nodes(cloud)), **ONE)
    with pytest.raises(Exception, match="can't be greater than max size 2"):
        cloud.boto("eks").update_nodegroup_config(
            clusterName="models", nodegroupName=made.outputs["nodeGroupName"], scalingConfig={"desiredSize": 5}
        )
    assert cloud.refresh(NODES, made).inputs == made.inputs  # type: ignore[union-attr]
    assert arguments["clusterName"] == "models"


def test_a_node_group_needs_its_role_and_types_that_fit_its_image(cloud: Cloud) -> None:
    arguments = nodes(cloud)
    with pytest.raises(ProviderError, match=r"The role with name nobody cannot be found"):
        cloud.up(NODES, **{**arguments, "nodeRoleArn": "arn:aws:iam::123456789012:role/nobody"}, **ONE)
    for types, more, said in (
        (["g7.huge"], {}, r"instance types do not exist: \[g7.huge\]"),
        (
            ["m7g.large"],
            {"amiType": "AL2023_x86_64_NVIDIA"},
            r"\[m7g.large\] is not a valid instance type for requested amiType AL2023_x86_64",
        ),
        (["m7i.large"], {"amiType": "AL2_x86_64"}, "AL2_x86_64 is only supported for kubernetes versions 1.32 or earlier"),
        (["m7i.large"], {"amiType": "CUSTOM"}, "needs an image id in the launch template"),
    ):
        with pytest.raises(ProviderError, match=said):
            cloud.up(NODES, **arguments, **ONE, instanceTypes=types, **more)
    (failure,) = cloud.check(NODES, **arguments, **ONE, amiType="AL2023")
    assert '"AL2023_x86_64_NVIDIA"' in failure.reason


def test_without_an_image_type_a_node_group_has_one_for_x86(cloud: Cloud) -> None:
    arguments = {**nodes(cloud), **ONE}
    with pytest.raises(ProviderError, match=r"\[m6g.large\] is not a valid instance type for requested amiType AL2023_x86_64_STANDARD"):
        cloud.up(NODES, **arguments, instanceTypes=["m6g.large"])
    assert cloud.up(NODES, **arguments).outputs["amiType"] == "AL2023_x86_64_STANDARD"
    assert cloud.up(NODES, "arm", **arguments, instanceTypes=["m6g.large"], amiType="AL2023_ARM_64_STANDARD")


def test_the_role_of_a_node_group_trusts_ec2(cloud: Cloud) -> None:
    arguments = {**nodes(cloud), "nodeRoleArn": role(cloud, "functions", "lambda.amazonaws.com")}
    with pytest.raises(ProviderError, match=r"required service principals \[ec2.amazonaws.com\] were not found in the trust relationships"):
        cloud.up(NODES, **arguments, **ONE)


def test_the_role_of_a_fargate_profile_trusts_its_pods(cloud: Cloud) -> None:
    arguments = {**profile(cloud), "selectors": [{"namespace": "kube-system"}]}
    with pytest.raises(ProviderError, match=r"Please add the eks-fargate-pods.amazonaws.com Service Principal"):
        cloud.up(PROFILE, **{**arguments, "podExecutionRoleArn": role(cloud, "wrong", "ec2.amazonaws.com")})
    assert cloud.up(PROFILE, **arguments)


def test_what_eks_cannot_change_needs_a_new_group(cloud: Cloud) -> None:
    arguments = {**nodes(cloud), **ONE, "instanceTypes": ["g6.xlarge"]}
    made = cloud.up(NODES, **arguments)
    for change in (
        {"instanceTypes": ["g6.2xlarge"]},
        {"amiType": "BOTTLEROCKET_x86_64_NVIDIA"},
        {"capacityType": "SPOT"},
        {"diskSize": 100},
        {"subnetIds": arguments["subnetIds"][:1]},
        {"nodeRoleArn": "arn:aws:iam::123456789012:role/other"},
    ):
        difference = cloud.diff(NODES, made, **{**arguments, **change})
        assert difference.replace, change
        assert difference.replace == frozenset(difference.changed)
    grown: dict[str, Any] = {**arguments, "scalingConfig": {"minSize": 1, "desiredSize": 2, "maxSize": 3}}
    assert not cloud.diff(NODES, made, **grown).replace


def test_a_capacity_block_group_targets_its_block_by_launch_template(cloud: Cloud) -> None:
    arguments = {**nodes(cloud), **ONE}
    with pytest.raises(ProviderError, match="CAPACITY_BLOCK needs a launch template with an instance type"):
        cloud.up(NODES, **arguments, capacityType="CAPACITY_BLOCK")
    template = cloud.up(TEMPLATE, **BLOCK)
    target = {"id": template.id, "version": str(template.outputs["latestVersion"])}
    made = cloud.up(NODES, **arguments, capacityType="CAPACITY_BLOCK", launchTemplate=target)
    assert (made.outputs["capacityType"], made.outputs["launchTemplate"]["name"]) == ("CAPACITY_BLOCK", template.inputs["name"])
    assert cloud.refresh(NODES, made).inputs == made.inputs  # type: ignore[union-attr]
    with pytest.raises(ProviderError, match="cannot specify instance types in both"):
        cloud.up(NODES, "both", **arguments, launchTemplate=target, instanceTypes=["p5.48xlarge"])
    (failure,) = cloud.check(NODES, **arguments, launchTemplate=target, diskSize=100)
    assert failure.reason == "Disk size must be specified within the launch template."


@pytest.mark.parametrize("left_out", BLOCK)
def test_the_template_of_a_capacity_block_group_has_type_market_and_block(cloud: Cloud, left_out: str) -> None:
    template = cloud.up(TEMPLATE, **{key: value for key, value in BLOCK.items() if key != left_out})
    target = {"id": template.id, "version": str(template.outputs["latestVersion"])}
    with pytest.raises(ProviderError, match="CAPACITY_BLOCK needs a launch template with an instance type"):
        cloud.up(NODES, **nodes(cloud), **ONE, capacityType="CAPACITY_BLOCK", launchTemplate=target)


def test_nodes_follow_the_version_of_their_cluster(cloud: Cloud) -> None:
    arguments = {**nodes(cloud), **ONE}
    made = cloud.up(NODES, **arguments, version="1.33")
    for version in ("1.34", "1.29"):
        with pytest.raises(ProviderError, match=f"Nodegroup version {version} must be at most 3 minor versions behind the cluster's 1.33"):
            cloud.up(NODES, "other", **arguments, version=version)
    cloud.boto("eks").update_cluster_version(name="models", version="1.34")
    upgraded = cloud.change(NODES, made, **arguments, version="1.34")
    assert (upgraded.outputs["version"], upgraded.outputs["releaseVersion"][:4]) == ("1.34", "1.34")
    with pytest.raises(ProviderError, match="cannot be downgraded"):
        cloud.change(NODES, upgraded, **arguments, version="1.33")


def test_gpu_nodes_beyond_the_vcpu_quota_are_refused(cloud: Cloud) -> None:
    cloud.package.quota("L-DB2E81BA", 8)
    arguments = {**nodes(cloud), "instanceTypes": ["g6.xlarge"]}
    made = cloud.up(NODES, **arguments, scalingConfig={"minSize": 0, "desiredSize": 2, "maxSize": 9})
    with pytest.raises(ProviderError, match=r"VcpuLimitExceeded: .* vCPU limit of 8 .*L-DB2E81BA"):
        cloud.change(NODES, made, **arguments, scalingConfig={"minSize": 0, "desiredSize": 3, "maxSize": 9})
    assert cloud.up(NODES, "spot", **arguments, capacityType="SPOT", scalingConfig={"minSize": 0, "desiredSize": 2, "maxSize": 9})


def test_a_pool_of_warm_nodes_comes_and_goes(cloud: Cloud) -> None:
    arguments = {**nodes(cloud), **ONE}
    made = cloud.change(NODES, cloud.up(NODES, **arguments), **arguments, warmPoolConfig={"minSize": 1})
    described = cloud.boto("eks").describe_nodegroup(clusterName="models", nodegroupName=made.id.partition(":")[2])["nodegroup"]
    assert described["warmPoolConfig"] == {"enabled": True, "minSize": 1}
    made = cloud.change(NODES, made, **arguments)
    assert "warmPoolConfig" not in made.outputs


def test_a_fargate_profile_stands_in_private_subnets(cloud: Cloud) -> None:
    arguments = {**profile(cloud), "selectors": [{"namespace": "kube-system"}]}
    made = cloud.up(PROFILE, **arguments)
    assert made.id == f"models:{made.inputs['fargateProfileName']}"
    subnet = arguments["subnetIds"][0]
    vpc_id = cloud.boto("ec2").describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"]
    gateway = cloud.up(GATEWAY, vpcId=vpc_id).id
    table = cloud.up(TABLE, vpcId=vpc_id, routes=[{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway}]).id
    cloud.up("aws:ec2/routeTableAssociation:RouteTableAssociation", routeTableId=table, subnetId=subnet)
    with pytest.raises(ProviderError, match=f"Subnet {subnet} provided in Fargate Profile is not a private subnet"):
        cloud.up(PROFILE, "public", **arguments)
