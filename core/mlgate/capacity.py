"""How many replicas stand on demand so that spot can be lost, how many machines that takes, and which quotas count their CPUs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mlgate.accelerators import InstanceType, vcpu_quota

__all__ = ["KARPENTERS_ORDER", "SPOT_NOTICE_S", "Floor", "Machines", "machines_for", "needed_vcpus", "ranks"]

# EC2 user guide, "Spot Instance interruption notices": two minutes before, sent as an event. Karpenter then starts the replacement.
SPOT_NOTICE_S = 120.0

# Karpenter 1.15, concepts/nodepools, karpenter.sh/capacity-type: reserved before spot before on-demand, within one NodePool.
KARPENTERS_ORDER = ("reserved", "spot", "on-demand")
_RESERVED = {"reservation", "block"}


@dataclass(frozen=True, slots=True)
class Floor:
    """The replicas on demand that a declared rate needs while what replaces lost spot nodes starts.

    `rate_per_s`: requests per second that must be served meanwhile. `replica_rate_per_s`: what one replica serves. `node_start_s`: from the
    order until the node is ready. `image_pull_s`: of the server's image. `model_start_s`: from the container's start until it is ready.
    """

    rate_per_s: float
    replica_rate_per_s: float
    node_start_s: float
    image_pull_s: float
    model_start_s: float

    @property
    def replacement_s(self) -> float:
        """node_start_s + image_pull_s + model_start_s: one follows upon the other."""
        return self.node_start_s + self.image_pull_s + self.model_start_s

    @property
    def gap_s(self) -> float:
        """max(0, replacement_s - SPOT_NOTICE_S): as long are spot's replicas missing, if the replacement starts with the notice."""
        return max(0.0, self.replacement_s - SPOT_NOTICE_S)

    @property
    def replicas(self) -> int:
        """ceil(rate_per_s / replica_rate_per_s) if gap_s > 0, else 0.

        All spot nodes are taken for lost at once, since spot capacity of a machine in a zone is reclaimed together: for the length of the
        gap the floor serves the whole rate by itself. Where the replacement is ready within the notice there is no gap, and no floor.
        """
        return math.ceil(self.rate_per_s / self.replica_rate_per_s) if self.gap_s > 0 else 0

    def said(self) -> str:
        """The arithmetic with each of its terms."""
        start = f"node {self.node_start_s:g} s + image {self.image_pull_s:g} s + model {self.model_start_s:g} s = {self.replacement_s:g} s"
        if not self.gap_s:
            return f"on-demand floor: none: {start}, within the {SPOT_NOTICE_S:g} s of a spot notice"
        rate = f"{self.rate_per_s:g}/s / {self.replica_rate_per_s:g}/s a replica"
        return f"on-demand floor: {self.replicas} replicas = ceil({rate}); {start}, {self.gap_s:g} s longer than a spot notice"


@dataclass(frozen=True, slots=True)
class Machines:
    """So many machines of a kind, for so many pods each."""

    kind: InstanceType
    number: int
    pods_each: int


def machines_for(pods: int, fitting: Sequence[tuple[InstanceType, int]]) -> Machines:
    """The cheapest way to carry so many pods on machines of one kind. `fitting`: kinds, and the pods that one carries.

    A kind without a known price is taken only if none has one; then that with the fewest CPUs in all.
    """
    ways = [Machines(kind, -(-pods // each), each) for kind, each in fitting]
    return min(ways, key=lambda way: (_usd_per_hour(way), way.number * way.kind.cpus, way.kind.name))


def _usd_per_hour(way: Machines) -> float:
    return math.inf if way.kind.usd_per_hour is None else way.number * way.kind.usd_per_hour


def needed_vcpus(bought: Sequence[tuple[str, int, Sequence[tuple[InstanceType, int]]]]) -> tuple[Mapping[str, int], Sequence[str]]:
    """The vCPUs that each quota must allow, by its code; and of what the code is not known.

    `bought`: a way ("spot", "on-demand"; what is reserved was counted when it was bought), pods, and the kinds that may carry them with the
    pods of each. Counted are the kinds with the fewest CPUs for each pod: with a lower quota the pods cannot be had whatever is bought; if
    larger kinds are bought, more is needed.
    """
    needed: dict[str, int] = {}
    unknown: dict[str, None] = {}
    for way, pods, fitting in bought:
        if way not in {"spot", "on-demand"} or not pods:
            continue
        kind, each = min(fitting, key=lambda found: (found[0].cpus / found[1], found[0].name))
        code = vcpu_quota(kind, way)
        if code is None:
            unknown.setdefault(f"{way} {kind.name}")
        else:
            needed[code] = needed.get(code, 0) + -(-pods // each) * kind.cpus
    return needed, list(unknown)


def ranks(order: Sequence[str]) -> Sequence[tuple[str, ...]]:
    """Ways to buy, in the order wanted, by NodePool: one for all of them if that is Karpenter's own order, else one for each.

    Between a reservation and a block Karpenter has no order, so those two are never in one.
    """
    by_karpenter = ["reserved" if way in _RESERVED else way for way in order]
    own = [way for way in KARPENTERS_ORDER if way in by_karpenter]
    return [tuple(order)] if by_karpenter == own else [(way,) for way in order]
