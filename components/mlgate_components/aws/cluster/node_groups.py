"""Nodes that the cluster's own services stand on: a managed group of on-demand machines, whose launch template says how each is made."""

import enum
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong
from mlgate_components.aws.cluster.launch_template import create_launch_template
from mlgate_components.aws.parts import Parts

__all__ = ["NodeImage", "SystemNodes", "check_nodes", "create_system_nodes"]

_LEAST, _MOST = 2, 4  # Karpenter's two replicas stand on different nodes (its chart's podAntiAffinity)
_DISK_GIB = 50
_SMALLEST_DISK_GIB = 20  # EKS user guide, "Create a managed node group": the size that EKS itself takes for Linux


class NodeImage(enum.Enum):
    """The operating system of nodes, for x86-64."""

    AL2023 = "al2023"
    BOTTLEROCKET = "bottlerocket"


# EKS's names, and the disk that holds images and logs: Bottlerocket's own system stands on another (its README, "Default Volumes"), as
# large as the image says, which differs from variant to variant (bottlerocket at 91632ff50caf, os-image-size-gib in variants/).
_TYPES = {NodeImage.AL2023: "AL2023_x86_64_STANDARD", NodeImage.BOTTLEROCKET: "BOTTLEROCKET_x86_64"}
_DISKS = {NodeImage.AL2023: "/dev/xvda", NodeImage.BOTTLEROCKET: "/dev/xvdb"}
_SYSTEM_DISKS = {NodeImage.BOTTLEROCKET: "/dev/xvda"}


class SystemNodes(TypedDict):
    """What the cluster's own services stand on. Models get nodes of their own."""

    instance_types: list[str]
    """Machine types for x86-64, the first one that is to be had."""
    min: NotRequired[int]
    """How many nodes there are; 2 unless said, so that one may go. Nothing scales them by itself."""
    max: NotRequired[int]
    """How many there may be while they are replaced, or made more by hand; 4 unless said."""
    disk_gib: NotRequired[int]
    """The disk of a node for images and logs, in GiB; 50 unless said. It is gp3 and encrypted."""
    image: NotRequired[NodeImage]
    """The operating system; Amazon Linux 2023 unless said."""
    release: NotRequired[str]
    """The release of EKS's image for that system. The one that is newest when the group is made, or its version changed, unless said."""


def check_nodes(nodes: SystemNodes, wrong: Wrong, *, pinned: bool) -> None:
    """Sizes in order, types that are named, and a release if everything is pinned."""
    least, most = nodes.get("min", _LEAST), nodes.get("max", _MOST)
    if least < _LEAST:
        wrong.add("nodes.min", f"is {least}", f"{_LEAST} or more: with one alone, a lost node takes CoreDNS and Karpenter along")
    if most < least:
        wrong.add("nodes.max", f"is {most}", f"{least} or more, which is nodes.min")
    if not nodes["instance_types"]:
        wrong.add("nodes.instance_types", "is empty", "name at least one type, such as m7i.large")
    if nodes.get("disk_gib", _DISK_GIB) < _SMALLEST_DISK_GIB:
        wrong.add("nodes.disk_gib", f"is {nodes['disk_gib']}", f"{_SMALLEST_DISK_GIB} GiB or more")
    if pinned and not nodes.get("release"):
        wrong.add("nodes.release", "is missing", "pin the image, since `pinned` is on (a node group that is there tells its own)")


def create_system_nodes(
    parts: Parts,
    nodes: SystemNodes,
    *,
    cluster_name: pulumi.Input[str],
    version: pulumi.Input[str],
    role_arn: pulumi.Input[str],
    subnet_ids: pulumi.Input[list[pulumi.Input[str]]],
    after: list[pulumi.Resource],
) -> "aws.eks.NodeGroup":
    """The group; its nodes come when all of `after` is there, and go before any of it."""
    image = NodeImage(nodes.get("image", NodeImage.AL2023))
    system: dict[str, dict[str, Any]] = {_SYSTEM_DISKS[image]: {}} if image in _SYSTEM_DISKS else {}
    template = create_launch_template(parts, "system", {**system, _DISKS[image]: {"volume_size": nodes.get("disk_gib", _DISK_GIB)}})
    return aws.eks.NodeGroup(
        parts.called("system"),
        cluster_name=cluster_name,
        version=version,
        release_version=nodes.get("release"),
        node_role_arn=role_arn,
        subnet_ids=subnet_ids,
        ami_type=_TYPES[image],
        capacity_type="ON_DEMAND",
        instance_types=nodes["instance_types"],
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        scaling_config={
            "min_size": nodes.get("min", _LEAST),
            "desired_size": nodes.get("min", _LEAST),
            "max_size": nodes.get("max", _MOST),
        },
        update_config={"max_unavailable": 1},
        tags=parts.tagged("system"),
        opts=parts.opts(*after),
    )
