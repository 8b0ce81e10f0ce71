"""EKS clusters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import cidr, enumerated, given
from mlgate_testkit.aws.models.eks_common import retag_arn, seen_role
from mlgate_testkit.aws.rules import text, values_at
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["CLUSTER", "MODELS"]

CLUSTER = "aws:eks/cluster:Cluster"

_NETWORK = ("subnetIds", "securityGroupIds", "endpointPublicAccess", "endpointPrivateAccess", "publicAccessCidrs")
_AS_IS = ("accessConfig", "computeConfig", "storageConfig", "upgradePolicy", "zonalShiftConfig", "controlPlaneScalingConfig")
_UNTOLD = frozenset(
    {
        "bootstrapSelfManagedAddons",
        "defaultAddonsToRemoves",
        "forceUpdateVersion",
        "kubeApiServerConfig",
        "kubeControllerManagerConfig",
        "kubeSchedulerConfig",
        "outpostConfig",
    }
)


def _create(aws: Aws, inputs: Inputs) -> str:
    role = inputs["roleArn"]
    seen_role(aws, role, f"Role with arn: {role} could not be assumed because it does not exist or the trusted entity is not correct")
    request = given(inputs, name="name", roleArn="roleArn", version="version", deletionProtection="deletionProtection", tags="tags")
    request |= {key: inputs[key] for key in (*_AS_IS, "bootstrapSelfManagedAddons") if inputs.get(key) is not None}
    request["resourcesVpcConfig"] = _network(inputs)
    request["logging"] = _logging(inputs.get("enabledClusterLogTypes") or [])
    if network := inputs.get("kubernetesNetworkConfig"):
        request["kubernetesNetworkConfig"] = {key: value for key, value in network.items() if key != "serviceIpv6Cidr"}
    if inputs.get("encryptionConfig"):
        request["encryptionConfig"] = [inputs["encryptionConfig"]]
    if inputs.get("remoteNetworkConfig"):
        request["remoteNetworkConfig"] = {key: [value] for key, value in inputs["remoteNetworkConfig"].items() if value}
    with aws.within("L-1194D53C", lambda: len(aws.client("eks").list_clusters()["clusters"]) + 1):
        aws.client("eks").create_cluster(**request)
    return str(inputs["name"])


def _network(inputs: Inputs) -> dict[str, Any]:
    return {key: inputs["vpcConfig"][key] for key in _NETWORK if inputs["vpcConfig"].get(key) is not None}


def _logging(types: list[str]) -> dict[str, Any]:
    return {"clusterLogging": [{"types": types, "enabled": True}]} if types else {"clusterLogging": []}


def _read(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    cluster: dict[str, Any] = aws.client("eks").describe_cluster(name=name)["cluster"]
    network, services = cluster["resourcesVpcConfig"], cluster["kubernetesNetworkConfig"]
    remote = cluster.get("remoteNetworkConfig") or {}
    logs = [kind for setup in cluster["logging"]["clusterLogging"] if setup["enabled"] for kind in setup["types"]]
    encryption = cluster.get("encryptionConfig") or [None]
    return {
        "name": cluster["name"],
        "arn": cluster["arn"],
        "roleArn": cluster["roleArn"],
        "version": cluster["version"],
        "vpcConfig": {key: network[key] for key in (*_NETWORK, "clusterSecurityGroupId", "vpcId")},
        "kubernetesNetworkConfig": services,
        "enabledClusterLogTypes": logs or None,
        "encryptionConfig": encryption[0],
        "remoteNetworkConfig": {key: value[0] for key, value in remote.items() if value} or None,
        **{key: cluster.get(key) for key in _AS_IS},
        "deletionProtection": cluster["deletionProtection"],
        "endpoint": cluster["endpoint"],
        "platformVersion": cluster["platformVersion"],
        "status": cluster["status"],
        "createdAt": time_of(cluster["createdAt"]),
        "certificateAuthority": {"data": cluster["certificateAuthority"]["data"]},
        "identities": [{"oidcs": [{"issuer": cluster["identity"]["oidc"]["issuer"]}]}],
        "tags": cluster["tags"],
    }


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    """In the order of the real provider: one request for each part, the version before all others but the protection."""
    eks = aws.client("eks")
    if news.get("version") and olds.get("version") != news["version"]:
        there = eks.describe_cluster(name=name)["cluster"]["version"]
        if there != news["version"]:
            eks.update_cluster_version(name=name, version=news["version"])
    for key in ("upgradePolicy", "zonalShiftConfig", "controlPlaneScalingConfig", "deletionProtection"):
        if olds.get(key) != news.get(key) and news.get(key) is not None:
            eks.update_cluster_config(name=name, **{key: news[key]})
    mode = (news.get("accessConfig") or {}).get("authenticationMode")
    if mode not in {None, eks.describe_cluster(name=name)["cluster"]["accessConfig"]["authenticationMode"]}:
        eks.update_cluster_config(name=name, accessConfig={"authenticationMode": mode})
    if olds["vpcConfig"] != news["vpcConfig"]:
        eks.update_cluster_config(name=name, resourcesVpcConfig=_network(news))
    if not same_set(olds.get("enabledClusterLogTypes") or [], news.get("enabledClusterLogTypes") or []):
        eks.update_cluster_config(name=name, logging=_logging(news.get("enabledClusterLogTypes") or []))
    if olds.get("encryptionConfig") is None and news.get("encryptionConfig"):
        eks.associate_encryption_config(clusterName=name, encryptionConfig=[news["encryptionConfig"]])
    automatic = {key: news[key] for key in ("computeConfig", "storageConfig") if olds.get(key) != news.get(key) and news.get(key)}
    balancing = [(each.get("kubernetesNetworkConfig") or {}).get("elasticLoadBalancing") for each in (olds, news)]
    if balancing[0] != balancing[1]:
        automatic["kubernetesNetworkConfig"] = {"elasticLoadBalancing": balancing[1] or {"enabled": False}}
    if automatic:
        eks.update_cluster_config(name=name, **automatic)
    retag_arn(aws, aws.arn("eks", f"cluster/{name}"), olds, news)


def _delete(aws: Aws, name: str, _inputs: Inputs) -> None:
    aws.client("eks").delete_cluster(name=name)


def _modes(inputs: Inputs) -> Iterator[Failure]:
    for place, network in values_at(inputs, "vpcConfig"):
        public, private = network.get("endpointPublicAccess", True), network.get("endpointPrivateAccess", False)
        if public is False and private is False:
            yield Failure(f"{place}.endpointPrivateAccess", "Private and public endpoint access cannot be false: turn one of them on")


MODELS = (
    ResourceModel(
        type=CLUSTER,
        noun="EKS Cluster",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 100),
        defaults={"bootstrapSelfManagedAddons": True},
        forces_new=frozenset(
            {
                "name",
                "roleArn",
                "bootstrapSelfManagedAddons",
                "kubernetesNetworkConfig.ipFamily",
                "kubernetesNetworkConfig.serviceIpv4Cidr",
                "accessConfig.bootstrapClusterCreatorAdminPermissions",
                "encryptionConfig.resources",
                "encryptionConfig.provider",
                "outpostConfig.controlPlaneInstanceType",
                "outpostConfig.controlPlanePlacement.groupName",
            }
        ),
        computed=frozenset(
            {
                "version",
                "accessConfig",
                "computeConfig",
                "storageConfig",
                "kubernetesNetworkConfig",
                "upgradePolicy",
                "controlPlaneScalingConfig",
                "zonalShiftConfig",
                "deletionProtection",
                "vpcConfig.clusterSecurityGroupId",
                "vpcConfig.vpcId",
                "vpcConfig.publicAccessCidrs",
                "accessConfig.authenticationMode",
                "kubernetesNetworkConfig.ipFamily",
                "kubernetesNetworkConfig.serviceIpv4Cidr",
                "kubernetesNetworkConfig.elasticLoadBalancing",
                "upgradePolicy.supportType",
            }
        )
        | _UNTOLD - {"bootstrapSelfManagedAddons"},
        nested_defaults={
            "vpcConfig.endpointPublicAccess": True,
            "vpcConfig.endpointPrivateAccess": False,
            "vpcConfig.securityGroupIds": [],
            "accessConfig.bootstrapClusterCreatorAdminPermissions": True,
        },
        state_only=_UNTOLD,
        absent=frozenset({"clusterId"}),
        equivalent={
            "enabledClusterLogTypes": same_set,
            "vpcConfig.subnetIds": same_set,
            "vpcConfig.securityGroupIds": same_set,
            "vpcConfig.publicAccessCidrs": same_set,
        },
        renewed={"platformVersion": frozenset({"version"})},
        rules=(
            text(
                "name",
                r"[0-9A-Za-z][A-Za-z0-9\-_]*",
                "must begin with a letter or digit and have letters, digits, - and _ only",
                at_most=100,
            ),
            text("version", r"\d+\.\d+", "is no Kubernetes minor version such as 1.34"),
            enumerated("accessConfig.authenticationMode", "eks", "AuthenticationMode"),
            enumerated("kubernetesNetworkConfig.ipFamily", "eks", "IpFamily"),
            cidr("kubernetesNetworkConfig.serviceIpv4Cidr", 12, 24),
            enumerated("upgradePolicy.supportType", "eks", "SupportType"),
            enumerated("enabledClusterLogTypes", "eks", "LogType"),
            text("encryptionConfig.resources", "secrets", "cannot be encrypted: the only resource is secrets"),
            _modes,
        ),
        behaviours=(
            Behaviour(
                "its version goes up one minor at a time and never down",
                "EKS user guide, Update existing cluster to new Kubernetes version; message of UpdateClusterVersion",
                "test_eks_cluster.py::test_the_version_goes_up_by_one_minor_and_never_down",
            ),
            Behaviour(
                "its authentication mode goes from CONFIG_MAP to API_AND_CONFIG_MAP to API, and never back",
                "EKS user guide, Change authentication mode to use access entries",
                "test_eks_cluster.py::test_the_authentication_mode_goes_one_way",
            ),
            Behaviour(
                "its subnets stand in at least two zones, and its role exists and trusts eks.amazonaws.com",
                "EKS user guide, Amazon EKS networking requirements for VPC and subnets, and Amazon EKS cluster IAM role; messages of "
                "CreateCluster (terraform-aws-modules/terraform-aws-eks#2406)",
                "test_eks_cluster.py::test_a_cluster_needs_two_zones_and_a_role_that_exists",
                ("test_eks_cluster.py::test_the_role_of_a_cluster_trusts_eks",),
            ),
            Behaviour(
                "it is not deleted while node groups or Fargate profiles are left, or while it is protected",
                "EKS API reference, DeleteCluster; error code ResourceInUseException",
                "test_eks_cluster.py::test_a_cluster_is_not_deleted_while_node_groups_are_left_or_it_is_protected",
                ("test_eks_cluster.py::test_a_cluster_is_not_deleted_while_a_fargate_profile_is_left",),
            ),
            Behaviour(
                "bootstrapSelfManagedAddons, name, role, service addresses and creator access need a new cluster",
                "terraform-provider-aws, aws_eks_cluster (ForceNew)",
                "test_eks_cluster.py::test_what_eks_cannot_change_needs_a_new_cluster",
            ),
            Behaviour(
                "whoever creates it is admitted by an access entry of its own, unless that is switched off",
                "EKS user guide, Access entries (bootstrapClusterCreatorAdminPermissions)",
                "test_eks_access.py::test_the_creator_of_a_cluster_has_an_entry_already",
            ),
            Behaviour(
                "auto mode is on in all three places or in none",
                "message of CreateCluster",
                "test_eks_cluster.py::test_auto_mode_is_on_in_all_places_or_in_none",
            ),
        ),
    ),
)
