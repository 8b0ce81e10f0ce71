"""EKS node groups. No node starts: what would run is counted against the vCPU quotas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import enumerated, given, one_template_name
from mlgate_testkit.aws.models.ec2_vcpus import within_vcpus
from mlgate_testkit.aws.models.eks_common import parts, retag_arn, seen_role
from mlgate_testkit.aws.rules import Rule, between, conflicting, exactly_one, text
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_DEFAULT_TYPE = "t3.medium"
_NEW = ("amiType", "capacityType", "clusterName", "diskSize", "instanceTypes", "nodeGroupName", "nodeRoleArn", "remoteAccess", "subnetIds")


def _create(aws: Aws, inputs: Inputs) -> str:
    role = inputs["nodeRoleArn"]
    seen_role(aws, role, f"The role with name {role.rsplit('/', 1)[-1]} cannot be found.")
    name = inputs.get("nodeGroupName") or f"{inputs['nodeGroupNamePrefix']}{aws.unique()}"
    request = given(
        inputs,
        clusterName="clusterName",
        nodeRole="nodeRoleArn",
        subnets="subnetIds",
        scalingConfig="scalingConfig",
        amiType="amiType",
        capacityType="capacityType",
        diskSize="diskSize",
        instanceTypes="instanceTypes",
        labels="labels",
        taints="taints",
        remoteAccess="remoteAccess",
        updateConfig="updateConfig",
        version="version",
        releaseVersion="releaseVersion",
        tags="tags",
    )
    request |= given(inputs, launchTemplate="launchTemplate", nodeRepairConfig="nodeRepairConfig")
    if inputs.get("warmPoolConfig") is not None:
        request["warmPoolConfig"] = _warm(inputs)
    with _within_quota(aws, inputs, inputs["scalingConfig"]["desiredSize"]):
        aws.client("eks").create_nodegroup(nodegroupName=name, **request)
    return f"{inputs['clusterName']}:{name}"


def _within_quota(aws: Aws, inputs: Inputs, nodes: int) -> AbstractContextManager[None]:
    """AWS tells of it after minutes, in the health of the group (AsgInstanceLaunchFailures); here the request is refused."""
    if inputs.get("capacityType") == "CAPACITY_BLOCK" or (inputs.get("launchTemplate") and not inputs.get("instanceTypes")):
        return nullcontext()
    kind = (inputs.get("instanceTypes") or [_DEFAULT_TYPE])[0]
    return within_vcpus(aws, kind, nodes, spot=inputs.get("capacityType") == "SPOT")


def _warm(inputs: Inputs) -> dict[str, Any]:
    """The program has a pool or has none, the API one that is enabled or is not."""
    pool = inputs.get("warmPoolConfig")
    return {"enabled": False} if pool is None else {**pool, "enabled": True}


def _describe(aws: Aws, group_id: str) -> dict[str, Any]:
    cluster, name = parts(group_id)
    found: dict[str, Any] = aws.client("eks").describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"]
    return found


def _read(aws: Aws, group_id: str, known: Inputs) -> Outputs | None:
    group = _describe(aws, group_id)
    template, pool = group.get("launchTemplate"), group.get("warmPoolConfig")
    if template and not (known.get("launchTemplate") or {}).get("version", "1").isdigit():
        template = {**template, "version": known["launchTemplate"]["version"]}  # "$Latest" stays what the program wrote
    resources = group.get("resources") or {}
    return {
        "clusterName": group["clusterName"],
        "nodeGroupName": group["nodegroupName"],
        "nodeGroupNamePrefix": None,
        "arn": group["nodegroupArn"],
        "nodeRoleArn": group["nodeRole"],
        "subnetIds": group["subnets"],
        "scalingConfig": group["scalingConfig"],
        "amiType": group["amiType"],
        "capacityType": group["capacityType"],
        "diskSize": group.get("diskSize"),
        "instanceTypes": [] if known.get("instanceTypes") == [] else group.get("instanceTypes") or [],  # none leaves them to EKS
        "labels": group["labels"],
        "taints": [{key: taint[key] for key in ("key", "value", "effect") if taint.get(key)} for taint in group["taints"]],
        "launchTemplate": template,
        "remoteAccess": group.get("remoteAccess"),
        "updateConfig": group["updateConfig"],
        "nodeRepairConfig": group["nodeRepairConfig"],
        "warmPoolConfig": pool and {key: value for key, value in pool.items() if key != "enabled"},
        "version": group["version"],
        "releaseVersion": group["releaseVersion"],
        "status": group["status"],
        "resources": [
            {
                "autoscalingGroups": [{"name": each["name"]} for each in resources.get("autoScalingGroups", ())],
                "remoteAccessSecurityGroupId": resources.get("remoteAccessSecurityGroup") or "",
            }
        ],
        "tags": group["tags"],
    }


def _update(aws: Aws, group_id: str, olds: Inputs, news: Inputs) -> None:
    eks, (cluster, name) = aws.client("eks"), parts(group_id)
    named = {"clusterName": cluster, "nodegroupName": name}
    if any(olds.get(key) != news.get(key) for key in ("version", "releaseVersion", "launchTemplate")):
        eks.update_nodegroup_version(**named, **_version(olds, news), force=bool(news.get("forceUpdateVersion")))
    changes: dict[str, Any] = {}
    if olds.get("scalingConfig") != news["scalingConfig"]:
        changes["scalingConfig"] = news["scalingConfig"]
    for key in ("updateConfig", "nodeRepairConfig"):
        if olds.get(key) != news.get(key) and news.get(key):
            changes[key] = news[key]
    if olds.get("warmPoolConfig") != news.get("warmPoolConfig"):
        changes["warmPoolConfig"] = _warm(news)
    if (olds.get("labels") or {}) != (news.get("labels") or {}):
        before, after = olds.get("labels") or {}, news.get("labels") or {}
        changes["labels"] = {"addOrUpdateLabels": after, "removeLabels": [key for key in before if key not in after]}
    if (olds.get("taints") or []) != (news.get("taints") or []):
        after_taints = news.get("taints") or []
        gone = [each for each in olds.get("taints") or [] if each not in after_taints]
        changes["taints"] = {"addOrUpdateTaints": after_taints, "removeTaints": gone}
    if changes:
        with _within_quota(aws, news, news["scalingConfig"]["desiredSize"] - olds["scalingConfig"]["desiredSize"]):
            eks.update_nodegroup_config(**named, **changes)
    retag_arn(aws, _describe(aws, group_id)["nodegroupArn"], olds, news)


def _version(olds: Inputs, news: Inputs) -> dict[str, Any]:
    request = given(news, version="version") if olds.get("version") != news.get("version") else {}
    request |= given(news, releaseVersion="releaseVersion") if olds.get("releaseVersion") != news.get("releaseVersion") else {}
    return request | (given(news, launchTemplate="launchTemplate") if olds.get("launchTemplate") != news.get("launchTemplate") else {})


def _delete(aws: Aws, group_id: str, _inputs: Inputs) -> None:
    cluster, name = parts(group_id)
    aws.client("eks").delete_nodegroup(clusterName=cluster, nodegroupName=name)


def _sizes(inputs: Inputs) -> Iterator[Failure]:
    scaling = inputs.get("scalingConfig")
    sizes = [scaling.get(key) if isinstance(scaling, dict) else None for key in ("minSize", "desiredSize", "maxSize")]
    least, desired, most = (int(size) if isinstance(size, (int, float, str)) else None for size in sizes)
    if least is not None and desired is not None and least > desired:
        yield Failure("scalingConfig.minSize", f"Minimum capacity {least} can't be greater than desired size {desired}")
    if desired is not None and most is not None and desired > most:
        yield Failure("scalingConfig.desiredSize", f"desired capacity {desired} can't be greater than max size {most}")


def _told_by_the_template(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("launchTemplate") is not None and inputs.get("diskSize") is not None:
        yield Failure("diskSize", "Disk size must be specified within the launch template.")


_RULES: tuple[Rule, ...] = (
    conflicting("nodeGroupName", "nodeGroupNamePrefix"),
    conflicting("launchTemplate", "remoteAccess"),
    conflicting("maxParallelNodesRepairedCount", "maxParallelNodesRepairedPercentage", inside="nodeRepairConfig"),
    conflicting("maxUnhealthyNodeThresholdCount", "maxUnhealthyNodeThresholdPercentage", inside="nodeRepairConfig"),
    text(
        "nodeGroupName",
        r"[0-9A-Za-z][A-Za-z0-9\-_]*",
        "must begin with a letter or digit and have letters, digits, - and _ only",
        at_most=63,
    ),
    enumerated("amiType", "eks", "AMITypes"),
    enumerated("capacityType", "eks", "CapacityTypes"),
    enumerated("taints.effect", "eks", "TaintEffect"),
    enumerated("updateConfig.updateStrategy", "eks", "NodegroupUpdateStrategies"),
    between("scalingConfig.minSize", 0, 1000),
    between("scalingConfig.maxSize", 1, 1000),
    between("scalingConfig.desiredSize", 0, 1000),
    between("updateConfig.maxUnavailable", 1, 100),
    between("updateConfig.maxUnavailablePercentage", 1, 100),
    _sizes,
    one_template_name,
    _told_by_the_template,
    exactly_one("maxUnavailable", "maxUnavailablePercentage", inside="updateConfig"),
)


MODELS = (
    ResourceModel(
        type="aws:eks/nodeGroup:NodeGroup",
        noun="EKS Node Group",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("nodeGroupName", 63, instead=("nodeGroupNamePrefix",)),
        forces_new=frozenset({*_NEW, "launchTemplate.id", "launchTemplate.name"}),
        computed=frozenset(
            {
                "amiType",
                "capacityType",
                "diskSize",
                "instanceTypes",
                "releaseVersion",
                "version",
                "updateConfig",
                "nodeRepairConfig",
                "launchTemplate.id",
                "launchTemplate.name",
            }
        ),
        state_only=frozenset({"forceUpdateVersion"}),
        equivalent={"subnetIds": same_set, "taints": same_set},
        rules=_RULES,
        behaviours=(
            Behaviour(
                "sizes are in order: minimum, desired, maximum",
                "EKS API reference, NodegroupScalingConfig; messages of CreateNodegroup",
                "test_eks_nodes.py::test_sizes_are_in_order",
            ),
            Behaviour(
                "it needs a role that trusts ec2.amazonaws.com, and types that exist and fit its AMI (one for x86 unless said)",
                "EKS user guide, Amazon EKS node IAM role; messages of CreateNodegroup (bottlerocket-os/bottlerocket-update-operator#316, "
                "eksctl-io/eksctl#7754)",
                "test_eks_nodes.py::test_a_node_group_needs_its_role_and_types_that_fit_its_image",
                (
                    "test_eks_nodes.py::test_the_role_of_a_node_group_trusts_ec2",
                    "test_eks_nodes.py::test_without_an_image_type_a_node_group_has_one_for_x86",
                ),
            ),
            Behaviour(
                "what EKS cannot change needs a new group: AMI type, capacity type, disk, instance types, role, subnets",
                "terraform-provider-aws, aws_eks_node_group (ForceNew)",
                "test_eks_nodes.py::test_what_eks_cannot_change_needs_a_new_group",
            ),
            Behaviour(
                "capacity types are ON_DEMAND, SPOT and CAPACITY_BLOCK; the last needs a launch template that targets a block",
                "botocore's model of EKS; EKS user guide, Create a managed node group with Capacity Blocks for ML",
                "test_eks_nodes.py::test_a_capacity_block_group_targets_its_block_by_launch_template",
                ("test_eks_nodes.py::test_the_template_of_a_capacity_block_group_has_type_market_and_block",),
            ),
            Behaviour(
                "its version is at most the cluster's, and at most three minors behind",
                "EKS user guide, Update a managed node group; Kubernetes version skew policy",
                "test_eks_nodes.py::test_nodes_follow_the_version_of_their_cluster",
            ),
            Behaviour(
                "what would start is counted against the vCPU quota; AWS tells of it in the group's health, here the request is refused",
                "EC2 user guide, Amazon EC2 instance type quotas; EKS user guide, AsgInstanceLaunchFailures",
                "test_eks_nodes.py::test_gpu_nodes_beyond_the_vcpu_quota_are_refused",
            ),
        ),
    ),
)
