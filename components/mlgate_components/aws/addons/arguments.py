"""What the add-ons of a cluster are told."""

from typing import Any, NotRequired, TypedDict

import pulumi

from mlgate_components.aws.tags import Tags

__all__ = ["AddonSettings", "AddonsCluster", "ClusterAddonsArgs"]


class AddonsCluster(TypedDict):
    """The cluster that they are for: the outputs of Cluster of these names."""

    cluster_name: pulumi.Input[str]
    """Its name."""
    cluster_arn: pulumi.Input[str]
    """Its ARN."""
    version: pulumi.Input[str]
    """Its Kubernetes version, such as 1.35."""
    security_group_id: pulumi.Input[str]
    """The group of its nodes, in which load balancers are let through."""
    node_role_arn: pulumi.Input[str]
    """The role of the nodes that Karpenter starts."""


class AddonSettings(TypedDict):
    """What is said of one add-on."""

    on: NotRequired[bool]
    """Whether it is there; it is unless said."""
    version: NotRequired[str]
    """The exact version of its chart, or of EKS's add-on; the table's unless said, or EKS's default at each preview."""
    digest: NotRequired[str]
    """The digest of its chart in a registry, sha256:..., so that nobody puts another one there; the table's, if any, unless said."""
    values: NotRequired[dict[str, Any]]
    """Values of its chart, or of EKS's configuration, over those of the table; the table's alone unless said."""


class ClusterAddonsArgs(TypedDict):
    """Which add-ons a cluster has, and from where."""

    cluster: AddonsCluster
    """The cluster."""
    vpc_id: pulumi.Input[str]
    """The network that it stands in."""
    tags: Tags
    """What every resource of them carries."""
    dns_zone_ids: NotRequired[list[pulumi.Input[str]]]
    """The hosted zones of Route 53 in which external-dns may write; none unless said, and external-dns must be off then."""
    mirror: NotRequired[str]
    """The registry, and a folder in it, that every chart and image comes from, under its whole own name; from upstream unless said."""
    pinned: NotRequired[bool]
    """Refuses whatever is not at an exact version, and a chart from a registry without its digest; it does not unless said."""
    deletion_protection: NotRequired[bool]
    """Whether the cluster is protected, as it is told itself; on unless said. Once it is not, what owns nothing outside goes with it."""
    addons: NotRequired[dict[str, AddonSettings]]
    """What is said of each, by its name in the table; all are there unless said."""
