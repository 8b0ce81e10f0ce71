"""What no machine of the catalogue can be for a pool of an environment, told by its line, before a program runs.

The component that makes a pool refuses the same and more; an environment's file is where people look for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlgate import capacity
from mlgate.documents import Location
from mlgate.gpu_types import Wanted, fit
from mlgate.platform_pools import GpuAmi, Pool

__all__ = ["impossible", "needs_karpenter"]

_OF_ALL_POOLS = {"network.zones": "network.zones", "ami.architecture": "pins.gpu_ami.architecture"}


def impossible(name: str, pool: Pool, region: str, zones: Sequence[str], ami: GpuAmi | None) -> Iterator[tuple[Location, str, str]]:
    """(where in the environment, what was found, what would be accepted) of all that the pool `name` asks for and nobody has."""
    here: Location = ("pools", name)
    share = pool.share
    found = fit(
        Wanted(
            accelerator=pool.accelerator,
            region=region,
            count=pool.count,
            mig_profile=share.mig_profile if share else None,
            time_slices=share.time_slices if share else None,
            capacity=tuple(way.buy for way in pool.capacity),
            zones=pool.least_zones,
            architecture=ami.architecture if ami else "amd64",
        )
    )
    for problem in found.problems:
        if shared := _OF_ALL_POOLS.get(problem.where):  # which is no fault of it, for another pool may be right there
            yield (*here, "accelerator"), f"is {pool.accelerator!r}, and {shared} {problem.found}", problem.expected
        else:
            yield (*here, *problem.where.split(".")), problem.found, problem.expected
    if pool.least_zones > len(zones):
        yield (*here, "least_zones"), f"is {pool.least_zones}, more than the zones of the network, {', '.join(zones)}", "as many or fewer"
    fitting = [kind.name for kind in found.machines]
    for index, way in enumerate(pool.capacity):
        for number, reserved in enumerate(way.reservations):
            at: Location = (*here, "capacity", index, "reservations", number)
            if reserved.zone not in zones:
                yield (*at, "zone"), f"is {reserved.zone!r}", f"a zone of the network, {', '.join(zones)}: nodes start where it is"
            if fitting and reserved.instance_type not in fitting:
                reason = found.rejected.get(reserved.instance_type, "is no machine of the catalogue")
                yield (*at, "instance_type"), f"is {reserved.instance_type!r}, which {reason}", f"one of {', '.join(fitting)}"
    if pool.floor:
        least = _on_demand(pool)
        if least > pool.replicas:
            yield (*here, "floor"), f"comes to {least} replicas, more than replicas, which are {pool.replicas}", f"{least} replicas or more"


def needs_karpenter(pool: Pool) -> bool:
    """Whether it has nodes that come and go: those of a share, and of the floor on demand, are node groups of fixed size."""
    return pool.share is None and pool.replicas > _on_demand(pool)


def _on_demand(pool: Pool) -> int:
    return capacity.Floor(**pool.floor.model_dump()).replicas if pool.floor else 0
