"""What a cluster is told, and what of it cannot be."""

import re
from typing import NotRequired, TypedDict

import pulumi

from mlgate.addresses import wrong_callers
from mlgate.log_days import LOG_DAYS
from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.cluster.eks_addon import check_addon_versions
from mlgate_components.aws.cluster.entries import check_principals
from mlgate_components.aws.cluster.node_groups import SystemNodes, check_nodes
from mlgate_components.aws.cluster.version import check_version
from mlgate_components.aws.names import KMS_KEY, ROLE_NAME, check_arn, check_name
from mlgate_components.aws.storage.keys import check_deletion
from mlgate_components.aws.tags import Tags

__all__ = ["ADDONS", "LOGS_KEPT_DAYS", "ClusterArgs", "ClusterSubnets", "check_cluster"]

ADDONS = ("vpc-cni", "eks-pod-identity-agent", "kube-proxy", "coredns", "aws-ebs-csi-driver")
"""The add-ons of EKS that every cluster has, by EKS's names. ClusterAddons has the others."""
LOGS_KEPT_DAYS = 90
_NAME = re.compile(r"[0-9A-Za-z][A-Za-z0-9_-]{0,99}")  # EKS API reference, CreateCluster: 1 to 100 characters
_FEWEST_SUBNETS = 2  # EKS user guide, "VPC requirements": the control plane stands in at least two zones


class ClusterSubnets(TypedDict):
    """The subnets of a Network that a cluster stands in."""

    private_subnet_ids: pulumi.Input[list[pulumi.Input[str]]]
    """For nodes and pods."""
    intra_subnet_ids: pulumi.Input[list[pulumi.Input[str]]]
    """For the control plane's own interfaces, in two zones or more. Private ones do as well."""


class ClusterArgs(TypedDict):
    """What a cluster is made of."""

    cluster_name: str
    """Its name in its account and region, 1 to 100 characters. A Network is told the same one, so that its subnets are found."""
    version: str
    """Kubernetes' minor version, such as 1.35. It goes up one at a time, never down: control plane, what runs on every node, nodes."""
    network: ClusterSubnets
    """Where it stands."""
    nodes: SystemNodes
    """What its own services stand on."""
    admins: dict[str, pulumi.Input[str]]
    """Roles that may do everything in it, by name. The one that this program runs by is among them: who makes a cluster is none."""
    tags: Tags
    """What every resource of it carries."""
    viewers: NotRequired[dict[str, pulumi.Input[str]]]
    """Roles that may see workloads, their logs and configuration (no Secret, node, RBAC, custom resource), by name; nobody unless said."""
    public_from: NotRequired[list[str]]
    """Addresses that reach its endpoint from the internet, such as 198.51.100.0/24. Nobody unless said: it is private then."""
    key_arn: NotRequired[pulumi.Input[str]]
    """A key of your own for its Secrets. It gets one of its own unless said."""
    deletion_days: NotRequired[int]
    """How long a deleted key of its own can be brought back, 7 to 30 days; 30 unless said."""
    log_days: NotRequired[int]
    """How long the logs of its control plane are kept, in days that CloudWatch Logs knows; 90 unless said."""
    addon_versions: NotRequired[dict[str, str]]
    """The versions of EKS's add-ons, by name; one is looked up at each preview unless said."""
    pinned: NotRequired[bool]
    """Refuses whatever is not at an exact version, an add-on or the image of nodes; it does not unless said."""
    deletion_protection: NotRequired[bool]
    """EKS refuses to delete it, and Pulumi to delete or replace it; on unless said."""
    kubeconfig: NotRequired[pulumi.Input[str]]
    """How this program reaches it, such as through a tunnel or a proxy; at its endpoint unless said."""


def check_cluster(name: str, args: ClusterArgs) -> None:
    """Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("Cluster", name)
    check(ClusterArgs, args, wrong)
    check_name(name, wrong, at_most=ROLE_NAME - len("-aws-ebs-csi-driver"))
    wrong.stop()
    if not _NAME.fullmatch(args["cluster_name"]):
        wrong.add("cluster_name", f"is {args['cluster_name']!r}", "1 to 100 letters, digits, hyphens and underscores, no sign first")
    check_version(args["version"], wrong)
    check_nodes(args["nodes"], wrong, pinned=args.get("pinned", False))
    check_addon_versions(args.get("addon_versions", {}), ADDONS, wrong, path="addon_versions", pinned=args.get("pinned", False))
    if not args["admins"]:
        wrong.add("admins", "is empty", "name at least the role that this program runs by: nobody else would ever get in")
    check_principals({"admins": args["admins"], "viewers": args.get("viewers", {})}, wrong)
    for twice in sorted(set(args["admins"]) & set(args.get("viewers", {}))):
        wrong.add(f"viewers.{twice}", "is a name of admins too", "each name once: its parts are called so")
    if args.get("log_days", LOGS_KEPT_DAYS) not in LOG_DAYS:
        wrong.add("log_days", f"is {args['log_days']}", f"CloudWatch Logs keeps for {', '.join(map(str, LOG_DAYS))} days")
    check_arn(args.get("key_arn"), wrong, "key_arn", KMS_KEY)
    check_deletion(args, wrong)
    _check_public(args, wrong)
    _check_subnets(args["network"], wrong)
    wrong.stop()


def _check_public(args: ClusterArgs, wrong: Wrong) -> None:
    blocks = args.get("public_from")
    if blocks == []:
        wrong.add("public_from", "is empty", "name who reaches the endpoint, or leave it out: it is private then")
    for index, block in enumerate(blocks or ()):
        if told := wrong_callers(block):
            wrong.add(f"public_from[{index}]", *told)


def _check_subnets(network: ClusterSubnets, wrong: Wrong) -> None:
    for key in ("private_subnet_ids", "intra_subnet_ids"):
        given = network[key]
        if isinstance(given, list | tuple) and len(given) < _FEWEST_SUBNETS:
            wrong.add(f"network.{key}", f"are {len(given)}", f"{_FEWEST_SUBNETS} or more, in as many zones")
