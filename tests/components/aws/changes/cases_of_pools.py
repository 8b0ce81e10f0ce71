"""Usual arguments and other values for each: a pool of GPUs in its three uses, each of which is told with all arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.core.platforms import LEAVE_OUT

from ..gpu.pools import CLUSTER
from ..storage.stores import KEY
from .changing import Case, With, within
from .values import OTHER_TAGS, ROLE, TAGS, ZONES

_SPOT, _ON_DEMAND = {"buy": "spot"}, {"buy": "on-demand"}
_BOTTLEROCKET, _AL2023 = {"family": "bottlerocket", "version": "1.46.0"}, {"family": "al2023", "version": "v20240807"}
# Each of the other numbers brings the replacement within the two minutes of a spot notice, or another number of replicas.
_FLOOR = {"rate_per_s": 100.0, "replica_rate_per_s": 30.0, "node_start_s": 60.0, "image_pull_s": 50.0, "model_start_s": 40.0}
_OTHER_FLOOR = {"rate_per_s": 130.0, "replica_rate_per_s": 20.0, "node_start_s": 20.0, "image_pull_s": 10.0, "model_start_s": 5.0}
_OTHER_IMAGE = {"family": "al2023", "id": "ami-2", "architecture": "arm64"}
_SYDNEY = ["ap-southeast-2a", "ap-southeast-2b", "ap-southeast-2c"]  # where the cheapest machine with an h100 is to be had in one zone


def _image(asked: Mapping[str, Any]) -> dict[str, str]:
    """AWS publishes another image under each path."""
    return {"value": f"ami-{asked['name'].strip('/').replace('/', '-')}"}


_ANSWERS = {
    "aws:ssm/getParameter:getParameter": _image,
    "aws:servicequotas/getServiceQuota:getServiceQuota": {"value": 10_000.0},
}
_USUAL = {
    "accelerator": "l4",
    "replicas": 8,
    "cluster": {**CLUSTER, "service_cidr": "172.20.0.0/16"},
    "network": {"zones": ZONES, "private_subnet_ids": ["subnet-1", "subnet-2", "subnet-3"]},
    "capacity": [_SPOT, _ON_DEMAND],
    "ami": _BOTTLEROCKET,
    "tags": TAGS,
}
_CHANGES: dict[str, Any] = {
    "accelerator": "a10g",
    "replicas": 16,
    "cluster.cluster_name": "other",
    "cluster.endpoint": "https://other.eks",
    "cluster.certificate_authority": "Qg==",
    "cluster.version": "1.36",
    "cluster.security_group_id": "sg-2",
    "cluster.node_role_name": "other-nodes",
    "cluster.node_role_arn": f"{ROLE}other-nodes",
    "cluster.service_cidr": "10.100.0.0/16",
    "network.zones": ["eu-central-1b", "eu-central-1a", "eu-central-1c"],
    "network.private_subnet_ids": ["subnet-4", "subnet-2", "subnet-3"],
    "capacity": [_ON_DEMAND],
    **within("ami", {"family": "bottlerocket", "id": "ami-1"}, **_OTHER_IMAGE),
    "ami.version": "1.54.0",
    "count": 4,
    "share.time_slices": With(2, {"capacity": [_ON_DEMAND]}),
    "share.mig_profile": With("1g.5gb", {"capacity": [_ON_DEMAND], "accelerator": "a100-40g"}),
    **within("floor", _FLOOR, **_OTHER_FLOOR),
    "zones": ZONES[:2],
    "least_zones": With(2, {"accelerator": "h100", "network.zones": _SYDNEY, "zones": _SYDNEY}),
    "efa": True,
    "placement": With("cluster", {"zones": ZONES[:1]}),
    "pinned": False,
    "image_disk_gib": 400,
    "disk_key_arn": KEY,
    "labels": {"team": "vision"},
    "disruption.idle_s": 600,
    "disruption.move_pods": True,
    "disruption.nodes_at_once": 2,
    "disruption.expire_after_h": 24,
    "disruption.drain_s": 60,
    "check_quota": True,
    "tags": OTHER_TAGS,
}
CASES = (
    Case("GpuNodePool", _USUAL, _CHANGES, _ANSWERS, in_cluster=True),
    Case(
        "GpuNodePool",
        {**_USUAL, "zones": ZONES[:1], "capacity": [_ON_DEMAND], "share": {"time_slices": 2}},
        {
            **_CHANGES,
            "capacity": [_SPOT],
            "share.time_slices": 4,
            "share.mig_profile": With("2g.10gb", {"accelerator": "a100-40g", "share": {"mig_profile": "1g.5gb"}}),
            **within("floor", _FLOOR, {"capacity": [_SPOT]}, **_OTHER_FLOOR),
            "zones": ZONES[1:2],
        },
        _ANSWERS,
        in_cluster=True,
        of="of fixed size",
    ),
    Case(
        "GpuNodePool",
        {**_USUAL, "ami": _AL2023, "floor": _FLOOR},
        {
            **_CHANGES,
            "capacity": [_SPOT],
            **within("ami", {"family": "al2023", "id": "ami-1"}, **{**_OTHER_IMAGE, "family": "bottlerocket"}),
            "ami.version": "v20261115",
            "share.time_slices": With(2, {"capacity": [_SPOT], "ami": _BOTTLEROCKET}),
            "share.mig_profile": With("1g.5gb", {"capacity": [_SPOT], "ami": _BOTTLEROCKET, "accelerator": "a100-40g"}),
            "floor": LEAVE_OUT,
            **{f"floor.{key}": value for key, value in _OTHER_FLOOR.items()},
        },
        _ANSWERS,
        in_cluster=True,
        of="with a floor on AL2023",
    ),
)
