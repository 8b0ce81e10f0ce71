"""Managed node groups of fixed size: the floor on demand, and pools whose GPUs are shared, which Karpenter does not understand."""

from __future__ import annotations

import base64
from typing import Any

import pulumi
import pulumi_aws as aws

from mlgate_components.aws.cluster.launch_template import create_launch_template
from mlgate_components.aws.gpu.images import image_parameter, user_data
from mlgate_components.aws.gpu.plan import Disk, Group, PoolPlan
from mlgate_components.aws.parts import Parts

__all__ = ["create_group"]

_EFFECTS = {"NoSchedule": "NO_SCHEDULE"}
_TOLD = ("cluster_name", "endpoint", "certificate_authority", "service_cidr")


def create_group(parts: Parts, plan: PoolPlan, group: Group, placement_group: pulumi.Input[str] | None) -> aws.eks.NodeGroup:
    """The nodes of a group, all of them from the beginning and as many ever after."""
    cluster, size = plan.args["cluster"], group.machines.number
    template = _create_template(parts, plan, group, placement_group)
    return aws.eks.NodeGroup(
        parts.called(group.role),
        cluster_name=cluster["cluster_name"],
        node_role_arn=cluster["node_role_arn"],
        subnet_ids=pulumi.Output.from_input(plan.args["network"]["private_subnet_ids"]).apply(lambda ids: _subnets(plan, group, ids)),
        capacity_type={"spot": "SPOT", "block": "CAPACITY_BLOCK"}.get(group.buy, "ON_DEMAND"),
        # Of a block the template says the type, and then nobody else may.
        instance_types=None if group.buy == "block" else [group.machines.kind.name],
        scaling_config={"min_size": size, "desired_size": size, "max_size": size},
        update_config={"max_unavailable": 1, **_replaced(group)},
        labels=dict(plan.labels),
        taints=[{**taint, "effect": _EFFECTS[taint["effect"]]} for taint in plan.taints],
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        tags=parts.tagged(group.role),
        opts=parts.opts(),
    )


def _replaced(group: Group) -> dict[str, str]:
    """EKS starts new nodes before it ends old ones, and what is reserved has none more (EKS API reference, NodegroupUpdateConfig)."""
    return {} if group.reservation is None else {"update_strategy": "MINIMAL"}


def _subnets(plan: PoolPlan, group: Group, ids: list[str]) -> list[str]:
    """Those of the pool; where nodes start from a reservation, the one that it is in."""
    if group.reservation is None:
        return list(plan.of_zones(ids))
    return [subnet for zone, subnet in zip(plan.zones, plan.of_zones(ids), strict=True) if zone == group.reservation["zone"]]


def _create_template(parts: Parts, plan: PoolPlan, group: Group, placement_group: pulumi.Input[str] | None) -> aws.ec2.LaunchTemplate:
    cluster = plan.args["cluster"]
    told = pulumi.Output.all(**{key: cluster[key] for key in _TOLD if key in cluster})  # type: ignore[literal-required]
    return create_launch_template(
        parts,
        group.role,
        {disk.device: _disk(disk, plan.args.get("disk_key_arn")) for disk in plan.disks},
        image_id=_image(parts, plan),
        user_data=told.apply(lambda known: base64.b64encode(user_data(plan, known).encode()).decode()),
        placement=None if placement_group is None else {"group_name": placement_group},
        **_reserved(group),
        **_interfaces(plan, group),
    )


def _image(parts: Parts, plan: PoolPlan) -> pulumi.Input[str]:
    ami = plan.args["ami"]
    if "id" in ami:
        return ami["id"]
    path = pulumi.Output.from_input(plan.args["cluster"]["version"]).apply(lambda version: image_parameter(plan, version))
    found: pulumi.Output[str] = aws.ssm.get_parameter_output(name=path, opts=pulumi.InvokeOutputOptions(parent=parts.owner)).value
    return found


def _disk(disk: Disk, key: pulumi.Input[str] | None) -> dict[str, Any]:
    return {"volume_size": disk.gib, **({} if key is None else {"kms_key_id": key})}


def _reserved(group: Group) -> dict[str, Any]:
    if group.reservation is None:
        return {}
    target = {"capacity_reservation_target": {"capacity_reservation_id": group.reservation["id"]}}
    if group.buy != "block":
        return {"capacity_reservation_specification": target}
    market = {"market_type": "capacity-block"}
    return {"capacity_reservation_specification": target, "instance_market_options": market, "instance_type": group.machines.kind.name}


def _interfaces(plan: PoolPlan, group: Group) -> dict[str, Any]:
    """One EFA on each network card, as Karpenter 1.15.1 has them (pkg/providers/launchtemplate); the groups then stand in them."""
    groups = [plan.args["cluster"]["security_group_id"]]
    if not plan.wanted.efa:
        return {"vpc_security_group_ids": groups}
    cards = range(group.machines.kind.efa_interfaces)
    return {
        "network_interfaces": [
            {"network_card_index": card, "device_index": min(card, 1), "interface_type": "efa", "security_groups": groups} for card in cards
        ]
    }
