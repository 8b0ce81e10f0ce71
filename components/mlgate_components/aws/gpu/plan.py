"""What the arguments of a pool come to: machines, node groups of fixed size, NodePools, quotas, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlgate.accelerators import InstanceType, regions, sources
from mlgate.capacity import Floor, Machines, needed_vcpus
from mlgate.errors import Problem
from mlgate.gpu_types import Fit, Wanted, pods_per_machine
from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.gpu.arguments import GpuNodePoolArgs, Reservation

__all__ = ["GPU", "RESERVED", "Disk", "Group", "PoolPlan", "value_of", "wrong_subnets"]

GPU = "nvidia.com/gpu"
_SHARED = "nvidia.com/gpu.shared"
RESERVED = ("reservation", "block")
_OS_GIB = 6  # the snapshot in Bottlerocket's image, as Karpenter has it: v1.15.1, pkg/providers/amifamily/bottlerocket.go


def wrong_subnets(zones: Sequence[str], subnets: Sequence[object]) -> Problem | None:
    """What is wrong with them; None where there is one for each zone."""
    if len(subnets) == len(zones):
        return None
    return Problem("network.private_subnet_ids", f"are {len(subnets)}", f"one for each of {', '.join(zones)}, in that order")


def value_of(member: Any) -> str:
    """Of an enumeration, or its plain value, which other languages give."""
    return str(getattr(member, "value", member))


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a node, by its device."""

    device: str
    gib: int
    holds_images: bool


@dataclass(frozen=True, slots=True)
class Group:
    """A managed node group of fixed size: what it is for, how its machines are bought, and how many of which there are."""

    role: str
    buy: str
    machines: Machines
    reservation: Reservation | None


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What the arguments of the pool `name` come to."""

    name: str
    args: GpuNodePoolArgs
    wanted: Wanted
    found: Fit
    zones: Sequence[str]
    floor: Floor | None
    groups: Sequence[Group]
    karpenter_replicas: int
    ranks: Sequence[tuple[str, ...]]

    @property
    def family(self) -> str:
        """The system of the nodes."""
        return value_of(self.args["ami"]["family"])

    @property
    def ami_version(self) -> str:
        """Of EKS's own image, as Karpenter's aliases and SSM's paths write it; "" where there is an id instead."""
        version = self.args["ami"].get("version", "")
        return version.removeprefix("v") if self.family == "bottlerocket" else version

    @property
    def resource(self) -> str:
        """What pods ask for. Bottlerocket calls a time slice so, that nobody takes it for a GPU of his own."""
        return _SHARED if self.wanted.time_slices else GPU

    @property
    def labels(self) -> Mapping[str, str]:
        """What pods find the nodes by, and labels of the program's own."""
        share = self.wanted.mig_profile or (f"time-slices-{self.wanted.time_slices}" if self.wanted.time_slices else "whole")
        own = {"mlgate/pool": self.name, "mlgate/accelerator": self.wanted.accelerator, "mlgate/share": share}
        # ClusterAddons sends NVIDIA's device plugin to nodes with this label: to those only whose image brings none.
        plugged = {} if self.family == "bottlerocket" else {"nvidia.com/gpu.present": "true"}
        return {**self.args.get("labels", {}), **own, **plugged}

    @property
    def taints(self) -> Sequence[Mapping[str, str]]:
        """So that nothing else stands on nodes with GPUs; NVIDIA's device plugin and DCGM exporter tolerate it as they come."""
        return [{"key": GPU, "value": "present", "effect": "NoSchedule"}]

    @property
    def disks(self) -> Sequence[Disk]:
        """Bottlerocket has its system on one disk, and images on another."""
        gib = self.args.get("image_disk_gib", 200)
        if self.family == "bottlerocket":
            return [Disk("/dev/xvda", _OS_GIB, False), Disk("/dev/xvdb", gib, True)]
        return [Disk("/dev/xvda", gib, True)]

    @property
    def reservations(self) -> Sequence[Reservation]:
        """All that are named."""
        return [each for way in self.args["capacity"] for each in way.get("reservations", [])]

    @property
    def drain_s(self) -> int:
        """How long the pods of a node have to end."""
        return self.args.get("disruption", {}).get("drain_s", 1800)

    def machines_of(self, ways: Sequence[str]) -> Sequence[InstanceType]:
        """Those that one of the ways can buy: of reservations, the types that are reserved."""
        named = (way for way in self.args["capacity"] if value_of(way["buy"]) in ways)
        reserved = {each["instance_type"] for way in named for each in way.get("reservations", [])}
        open_ways = set(ways) - set(RESERVED)
        return [kind for kind in self.found.machines if open_ways or kind.name in reserved]

    def gpus_of(self, ways: Sequence[str]) -> int:
        """The GPUs that Karpenter may have by these ways: those of whole machines, the smallest ones, that carry its replicas.

        Karpenter starts no machine that has more GPUs than are left to its limit (filterByRemainingResources in its scheduler): of machines
        with eight, a limit of four would be none at all.
        """
        smallest = min(kind.count for kind in self.machines_of(ways))
        return -(-self.karpenter_replicas * self.wanted.count // smallest) * smallest

    def of_zones(self, subnets: Sequence[str]) -> Sequence[str]:
        """Of the network's subnets, in the order of its zones, those in the pool's. Raises ArgumentsError for another number of them."""
        zones = self.args["network"]["zones"]
        if problem := wrong_subnets(zones, subnets):
            raise ArgumentsError("GpuNodePool", self.name, [problem])
        return [subnet for zone, subnet in zip(zones, subnets, strict=True) if zone in self.zones]

    def quotas(self) -> tuple[Mapping[str, int], Sequence[str]]:
        """The vCPUs that each quota must allow, by code; and of what the code is not known."""
        bought: list[tuple[str, int, Sequence[tuple[InstanceType, int]]]] = [
            (group.buy, group.machines.number * group.machines.pods_each, [(group.machines.kind, group.machines.pods_each)])
            for group in self.groups
        ]
        fitting = [(kind, pods_per_machine(kind, self.wanted)) for kind in self.found.machines]
        bought += [(way, self.karpenter_replicas, fitting) for rank in self.ranks for way in rank]
        return needed_vcpus(bought)

    def said(self) -> Sequence[str]:
        """What a preview should say of the pool that its resources do not."""
        names = ", ".join(kind.name for kind in self.found.machines)
        count = f"{self.wanted.count} {self.wanted.accelerator}"
        lines = [f"{count} for each of {self.args['replicas']} pods, on {names} (catalogue of {sources().written})"]
        if self.wanted.region not in regions():
            lines.append(f"what is offered in {self.wanted.region} is not in the catalogue")
        lines += [self.floor.said()] if self.floor else []
        for group in self.groups:
            machines = group.machines
            hourly = machines.kind.usd_per_hour
            price = f"{hourly:g} USD/h each on demand in us-east-1" if hourly else "at a price that is not known"
            lines.append(
                f"{group.role}: {machines.number} x {machines.kind.name}, {group.buy}, always, {price}: Karpenter does not scale it"
            )
        if len(self.ranks) > 1:
            order = ", ".join(way for (way,) in self.ranks)
            lines.append(f"{order} is not Karpenter's own order: a NodePool for each, each of which may have all of the pool's pods")
        return lines
