"""The objects from which Karpenter knows a pool: an EC2NodeClass, and a NodePool for each rank of its ways to come by machines.

Fields are those of karpenter-provider-aws v1.15.1, pkg/apis/crds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from mlgate_components.aws.gpu.plan import GPU, PoolPlan

__all__ = ["API", "CLASS_API", "node_class", "node_pool", "pool_names"]

API = "karpenter.sh/v1"
CLASS_API = "karpenter.k8s.aws/v1"
_FAMILIES = {"bottlerocket": "Bottlerocket", "al2023": "AL2023"}
_TYPES = {"reservation": "reserved", "block": "reserved", "spot": "spot", "on-demand": "on-demand"}
_RESERVED_AS = {"reservation": "default", "block": "capacity-block"}
_HEAVIEST, _STEP = 100, 10  # a NodePool's weight is 1 to 100, the heaviest is tried first


def node_class(plan: PoolPlan, placement_group: pulumi.Input[str] | None, tags: Mapping[str, str]) -> dict[str, Any]:
    """The spec of the EC2NodeClass: where and as what machines start."""
    cluster, network, ami = plan.args["cluster"], plan.args["network"], plan.args["ami"]
    term = {"id": ami["id"]} if "id" in ami else {"alias": f"{plan.family}@{plan.ami_version}"}
    spec: dict[str, Any] = {
        "amiFamily": _FAMILIES[plan.family],
        "amiSelectorTerms": [term],
        "role": cluster["node_role_name"],
        "subnetSelectorTerms": pulumi.Output.from_input(network["private_subnet_ids"]).apply(
            lambda ids: [{"id": subnet} for subnet in plan.of_zones(ids)]
        ),
        "securityGroupSelectorTerms": [{"id": cluster["security_group_id"]}],
        "associatePublicIPAddress": False,
        "blockDeviceMappings": [
            {"deviceName": disk.device, "rootVolume": disk.holds_images, "ebs": _disk(disk.gib, plan.args.get("disk_key_arn"))}
            for disk in plan.disks
        ],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpProtocolIPv6": "disabled",
            "httpPutResponseHopLimit": 1,
            "httpTokens": "required",
        },
        "tags": dict(tags),
    }
    if plan.reservations:
        spec["capacityReservationSelectorTerms"] = [{"id": each["id"]} for each in plan.reservations]
    if placement_group is not None:
        spec["placementGroupSelector"] = {"name": placement_group}
    return spec


def node_pool(plan: PoolPlan, rank: int) -> dict[str, Any]:
    """The spec of the NodePool for one rank of the ways to come by machines."""
    ways = plan.ranks[rank]
    disruption = plan.args.get("disruption", {})
    requirements = {
        "node.kubernetes.io/instance-type": [kind.name for kind in plan.machines_of(ways)],
        "kubernetes.io/arch": [plan.wanted.architecture],
        "kubernetes.io/os": ["linux"],
        "topology.kubernetes.io/zone": list(plan.zones),
        "karpenter.sh/capacity-type": sorted({_TYPES[way] for way in ways}),
    }
    if len(plan.ranks) > 1 and ways[0] in _RESERVED_AS:
        requirements["karpenter.k8s.aws/capacity-reservation-type"] = [_RESERVED_AS[ways[0]]]
    spec: dict[str, Any] = {
        "template": {
            "metadata": {"labels": dict(plan.labels)},
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": plan.name},
                "requirements": [{"key": key, "operator": "In", "values": values} for key, values in requirements.items()],
                "taints": list(plan.taints),
                "expireAfter": f"{disruption.get('expire_after_h', 720)}h",
                "terminationGracePeriod": f"{plan.drain_s}s",
            },
        },
        "limits": {GPU: str(plan.gpus_of(ways))},
        "disruption": {
            "consolidationPolicy": "WhenEmptyOrUnderutilized" if disruption.get("move_pods") else "WhenEmpty",
            "consolidateAfter": f"{disruption.get('idle_s', 300)}s",
            "budgets": [{"nodes": str(disruption.get("nodes_at_once", 1))}],
        },
    }
    if len(plan.ranks) > 1:
        spec["weight"] = _HEAVIEST - _STEP * rank
    return spec


def pool_names(plan: PoolPlan) -> Sequence[str]:
    """What the NodePools are called: as the pool, with the way to buy where there are several."""
    return [plan.name] if len(plan.ranks) == 1 else [f"{plan.name}-{way}" for (way,) in plan.ranks]


def _disk(gib: int, key: pulumi.Input[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"volumeType": "gp3", "volumeSize": f"{gib}Gi", "encrypted": True, "deleteOnTermination": True}
    return found if key is None else {**found, "kmsKeyID": key}
