"""vCPU quotas: EC2 counts vCPUs by the letter of the instance family, and spot apart from on demand (EC2 user guide, "Amazon EC2 instance
type quotas")."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

from mlgate_testkit.aws.account import Aws

__all__ = ["vcpus", "within_vcpus"]

_ON_DEMAND = {"g": "L-DB2E81BA", "vt": "L-DB2E81BA", "p": "L-417A185B", "trn": "L-2C3B7624", "inf": "L-1945791B", "dl": "L-6E869C2A"}
_SPOT = {"g": "L-3819A6DF", "vt": "L-3819A6DF", "p": "L-7212CCBC", "trn": "L-6B0D517C", "inf": "L-B5D1601B"}
_STANDARD = {True: "L-34B43A08", False: "L-1216C47A"}
_STANDARD_FAMILIES = frozenset("acdhimrtz")


def vcpus(instance_type: str) -> int:
    """Of one instance; 0 for a type that moto's table has not (AWS refuses it by itself)."""
    return int(INSTANCE_TYPES.get(instance_type, {}).get("VCpuInfo", {}).get("DefaultVCpus", 0))


def _quota(instance_type: str, spot: bool) -> str:
    """The quota that counts it, "" for families whose quota is not simulated."""
    if spot and instance_type.startswith("p5"):
        return "L-C4BD4855"
    letters = instance_type[: next((at for at, letter in enumerate(instance_type) if not letter.isalpha()), 0)]
    special = (_SPOT if spot else _ON_DEMAND).get(letters)
    return special or (_STANDARD[spot] if letters[:1] in _STANDARD_FAMILIES and letters not in _ON_DEMAND else "")


def within_vcpus(aws: Aws, instance_type: str, count: int, *, spot: bool = False) -> AbstractContextManager[None]:
    """`Aws.within` for `count` more instances: VcpuLimitExceeded (on demand) or MaxSpotInstanceCountExceeded beyond the quota."""
    quota = _quota(instance_type, spot)
    if not quota or count <= 0:
        return nullcontext()

    def wanted() -> int:
        used = sum(each for kind, of_spot, each in _running(aws) if _quota(kind, of_spot) == quota)
        return used + count * vcpus(instance_type)

    return aws.within(quota, wanted)


def _running(aws: Aws) -> Iterator[tuple[str, bool, int]]:
    """Type, whether spot, and vCPUs of everything that runs: instances, reservations, and nodes that EKS would have started."""
    ec2, eks = aws.client("ec2"), aws.client("eks")
    for reservation in ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            if instance["State"]["Name"] in {"pending", "running"}:
                kind = instance["InstanceType"]
                yield kind, instance.get("InstanceLifecycle") == "spot", vcpus(kind)
    for each in ec2.describe_capacity_reservations()["CapacityReservations"]:
        if each["State"] == "active" and each.get("ReservationType") != "capacity-block":
            yield each["InstanceType"], False, each["TotalInstanceCount"] * vcpus(each["InstanceType"])
    for cluster in eks.list_clusters()["clusters"]:
        for name in eks.list_nodegroups(clusterName=cluster)["nodegroups"]:
            yield from _nodes(eks.describe_nodegroup(clusterName=cluster, nodegroupName=name)["nodegroup"])


def _nodes(group: dict[str, Any]) -> Iterator[tuple[str, bool, int]]:
    types = group.get("instanceTypes") or []
    if types and group["capacityType"] != "CAPACITY_BLOCK":
        yield types[0], group["capacityType"] == "SPOT", group["scalingConfig"]["desiredSize"] * vcpus(types[0])
