"""`ClusterAddons` as most tests have it: its usual arguments, and its recording."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from mlgate_components.aws.addons.table import TABLE
from mlgate_testkit.record import Graph, record

TAGS = {"environment": "dev", "owner": "platform"}
ARN = "arn:aws:eks:eu-central-1:123456789012:cluster/ml"
NODES = "arn:aws:iam::123456789012:role/ml-node"
USUAL: dict[str, Any] = {
    "cluster": {
        "cluster_name": "ml",
        "cluster_arn": ARN,
        "version": "1.34",
        "security_group_id": "sg-1",
        "node_role_arn": NODES,
    },
    "vpc_id": "vpc-1",
    "dns_zone_ids": ["Z0123456789ABCDEFGHIJ"],
    "tags": TAGS,
}
ADDON, RELEASE, QUEUE = "aws:eks/addon:Addon", "kubernetes:helm.sh/v3:Release", "aws:sqs/queue:Queue"
POD = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
DIGEST = "sha256:" + "0123456789abcdef" * 4
LOOKED_UP = {"aws:eks/getAddonVersion:getAddonVersion": lambda asked: {"version": f"v1.0.0-eksbuild.{len(asked['addonName'])}"}}
RESOURCES = {QUEUE: {"arn": "arn:aws:sqs:eu-central-1:123456789012:ml"}}


def program(args: dict[str, Any], provided: bool = True) -> Callable[[], None]:
    def addons() -> None:
        import pulumi
        import pulumi_kubernetes as kubernetes

        from mlgate_components.aws.addons.arguments import ClusterAddonsArgs
        from mlgate_components.aws.addons.cluster_addons import ClusterAddons

        provider = [kubernetes.Provider("ml", kubeconfig="{}")] if provided else None
        made = ClusterAddons("ml", ClusterAddonsArgs(**args), pulumi.ResourceOptions(providers=provider))
        pulumi.export("versions", made.versions)
        pulumi.export("queue", made.interruption_queue_name)
        pulumi.export("roles", made.role_arns)

    return addons


@cache
def usual() -> Graph:
    return record(program(USUAL), invokes=LOOKED_UP, resources=RESOURCES)


def recorded(**args: Any) -> Graph:
    return record(program({**USUAL, **args}), invokes=LOOKED_UP, resources=RESOURCES) if args else usual()


def off(*names: str) -> dict[str, Any]:
    return {name: {"on": False} for name in names}


def only(*names: str) -> dict[str, Any]:
    return off(*(name for name in TABLE if name not in names))


def release(graph: Graph, name: str) -> dict[str, Any]:
    return graph.one(RELEASE, f"ml-{name}").inputs
