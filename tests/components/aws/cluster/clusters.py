"""A cluster as most tests have it: its usual arguments, its recording, and what its hooks answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from pulumi import ResourceHookArgs

from mlgate_components.aws.cluster.arguments import ADDONS, ClusterArgs
from mlgate_testkit.record import Graph, record
from mlgate_testkit.record.graph import Resource

TAGS = {"environment": "dev", "owner": "platform"}
ADMIN = "arn:aws:iam::123456789012:role/deployer"
PINS = dict.fromkeys(ADDONS, "v1.2.3-eksbuild.4")
USUAL: dict[str, Any] = {
    "cluster_name": "ml",
    "version": "1.34",
    "network": {"private_subnet_ids": ["subnet-1", "subnet-2"], "intra_subnet_ids": ["subnet-3", "subnet-4"]},
    "nodes": {"instance_types": ["m7i.large", "m6i.large"]},
    "admins": {"deployer": ADMIN},
    "addon_versions": PINS,
    "tags": TAGS,
}
OUTPUTS = (
    *("cluster_name", "cluster_arn", "endpoint", "certificate_authority", "version"),
    *("security_group_id", "service_cidr", "node_role_name", "node_role_arn", "key_arn"),
)
CALLER = {"aws:index/getCallerIdentity:getCallerIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/deployer/ci"}}
ADDON, CLUSTER, NODES = "aws:eks/addon:Addon", "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"


def program(args: dict[str, Any]) -> Callable[[], None]:
    def cluster() -> None:
        import pulumi

        from mlgate_components.aws.cluster.cluster import Cluster

        made = Cluster("ml", ClusterArgs(**args))
        for output in OUTPUTS:
            pulumi.export(output, getattr(made, output))

    return cluster


@cache
def usual() -> Graph:
    return record(program(USUAL), invokes=CALLER)


def recorded(**args: Any) -> Graph:
    return record(program({**USUAL, **args}), invokes=CALLER) if args else usual()


def statement(document: str) -> dict[str, Any]:
    (only,) = json.loads(document)["Statement"]
    return dict(only)


def provider_of(graph: Graph) -> Resource:
    """What makes its objects."""
    return graph.one("pulumi:providers:kubernetes")


def asked(binding: Callable[[], Any], when: str, *, in_previews: bool = True, **step: Any) -> Any:
    """What the hook answers when the engine asks it, which it does in previews too unless said otherwise."""
    made: list[Any] = []
    record(lambda: made.append(binding()))
    (hook,) = getattr(made[0], when)
    assert bool(hook.opts and hook.opts.on_dry_run) is in_previews
    return hook.callback(ResourceHookArgs("urn", "ml", "ml", CLUSTER, **step))
