"""Which machines carry what a pool of GPUs is asked for, why each other one does not, and what is nearest where none does.

A machine fits if its GPUs can be handed out to pods without rest: a machine of four takes pods of one, two or four, and for pods of three
no machine fits that has four. Everything is answered from the catalogue; AWS is not asked.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mlgate.accelerators import InstanceType, accelerators, instance_types, mig_profiles, regions, zones_offering
from mlgate.errors import Problem

__all__ = ["Fit", "Wanted", "fit", "is_sold", "pods_per_machine"]

_SOLD_AS = {"reservation": "on-demand", "block": "capacity-block", "spot": "spot", "on-demand": "on-demand"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the machines of a pool are to carry.

    `count`: GPUs that a pod asks for. `mig_profile`, `time_slices`: what each GPU is cut into, a pod then asks for one of these.
    `capacity`: ways to buy, of "reservation", "block", "spot", "on-demand"; a machine fits if one of them sells it. `zones`: availability
    zones of the region in which a machine is offered, at least. `architecture`: of the image, "amd64" or "arm64".
    """

    accelerator: str
    region: str
    count: int = 1
    mig_profile: str | None = None
    time_slices: int | None = None
    capacity: tuple[str, ...] = ("on-demand",)
    zones: int = 1
    efa: bool = False
    architecture: str = "amd64"


@dataclass(frozen=True, slots=True)
class Fit:
    """Machines that fit, cheapest for each pod first (without a known price last); why each other one of the catalogue does not, by name;
    and what is impossible, by the argument of a pool, where none fits."""

    machines: Sequence[InstanceType]
    rejected: Mapping[str, str]
    problems: Sequence[Problem]


@dataclass(frozen=True, slots=True)
class _Need:
    """One thing that is asked for: what must hold of a machine, why one is rejected, and what to say where it holds of none with the
    accelerator. What no single machine decides holds of all or of none."""

    path: str
    holds: Callable[[InstanceType], bool]
    rejected: Callable[[InstanceType], str]
    found: str
    nearest: Callable[[], str]


def fit(wanted: Wanted) -> Fit:
    """Every machine of the catalogue, held against what is asked for."""
    kinds = instance_types()
    accelerator, *needs = _needs(wanted)
    machines = [kind for kind in kinds if all(need.holds(kind) for need in (accelerator, *needs))]
    rejected = {
        kind.name: next(need.rejected(kind) for need in (accelerator, *needs) if not need.holds(kind))
        for kind in kinds
        if kind not in machines
    }
    of_it = [kind for kind in kinds if accelerator.holds(kind)]
    if not of_it:
        return Fit((), rejected, [Problem(accelerator.path, accelerator.found, accelerator.nearest())])
    problems = [Problem(need.path, need.found, need.nearest()) for need in needs if not any(map(need.holds, of_it))]
    if not machines and not problems:
        problems = [_together(wanted, needs, of_it)]
    return Fit(sorted(machines, key=lambda kind: _worth(kind, wanted)), rejected, problems)


def pods_per_machine(kind: InstanceType, wanted: Wanted) -> int:
    """How many pods of the pool a machine carries."""
    if wanted.mig_profile:
        return kind.count * mig_profiles(wanted.accelerator)[wanted.mig_profile]
    return kind.count * (wanted.time_slices or 1) // wanted.count


def is_sold(kind: InstanceType, way: str) -> bool:
    """Whether AWS sells the machine that way: "reservation", "block", "spot" or "on-demand"."""
    return _SOLD_AS[way] in kind.sold_as


def _worth(kind: InstanceType, wanted: Wanted) -> tuple[float, int, str]:
    price = kind.usd_per_hour / pods_per_machine(kind, wanted) if kind.usd_per_hour else float("inf")
    return price, kind.cpus, kind.name


def _together(wanted: Wanted, needs: Sequence[_Need], of_it: Sequence[InstanceType]) -> Problem:
    """Each need is met by some machine, all of them by none: what would fit if one were left out."""
    left_out = {
        need.path: [kind.name for kind in of_it if all(other.holds(kind) for other in needs if other is not need)] for need in needs
    }
    ways = "; ".join(f"with another {path}: {', '.join(names)}" for path, names in left_out.items() if names)
    found = f"is {wanted.accelerator!r}, of which no machine has all that is asked for"
    return Problem("accelerator", found, ways or "ask for less")


def _needs(wanted: Wanted) -> Iterator[_Need]:
    """The accelerator first."""
    known = [kind for kind in instance_types() if kind.accelerator == wanted.accelerator and kind.count]
    yield _Need(
        "accelerator",
        lambda kind: kind.accelerator == wanted.accelerator and kind.count > 0,
        lambda kind: f"has {kind.accelerator}" if kind.count else f"has {kind.share:g} of an {kind.accelerator}, no whole one",
        f"is {wanted.accelerator!r}",
        lambda: _near(wanted.accelerator, accelerators()),
    )
    yield _Need(
        "network.zones",
        lambda kind: wanted.region not in regions() or wanted.region in zones_offering(kind),
        lambda kind: f"is not offered in {wanted.region}",
        f"are in {wanted.region}, where {wanted.accelerator} is not offered",
        lambda: _elsewhere(wanted, known),
    )
    yield _Need(
        "least_zones",
        lambda kind: wanted.zones <= zones_offering(kind).get(wanted.region, wanted.zones),
        lambda kind: f"is offered in {_zones(zones_offering(kind)[wanted.region])} of {wanted.region}",
        f"are {wanted.zones}",
        lambda: f"{wanted.accelerator} is offered in {_zones(_most_zones(known, wanted.region))} of {wanted.region}",
    )
    yield _Need(
        "count",
        lambda kind: wanted.count > 0 and kind.count % wanted.count == 0,
        lambda kind: f"has {kind.count}, which pods of {wanted.count} do not use up",
        f"is {wanted.count}",
        lambda: f"machines with {wanted.accelerator} carry pods of {_either(_counts(known))}",
    )
    yield _Need(
        "ami.architecture",
        lambda kind: kind.architecture == wanted.architecture,
        lambda kind: f"is {kind.architecture}",
        f"is {wanted.architecture}",
        lambda: f"machines with {wanted.accelerator} are {_either(sorted({kind.architecture for kind in known}))}",
    )
    yield _Need(
        "capacity",
        lambda kind: any(is_sold(kind, way) for way in wanted.capacity),
        lambda kind: f"is sold {_either(kind.sold_as)} only",
        f"is {', '.join(wanted.capacity)}",
        lambda: f"machines with {wanted.accelerator} are sold {_either(sorted({way for kind in known for way in kind.sold_as}))}",
    )
    if wanted.efa:
        yield _Need(
            "efa",
            lambda kind: kind.efa_interfaces > 0,
            lambda kind: "has no EFA",
            "is asked for",
            lambda: f"machines with {wanted.accelerator} have none; of these some have: {', '.join(_with_efa())}",
        )
    if wanted.mig_profile:
        profiles = mig_profiles(wanted.accelerator)
        yield _Need(
            "share.mig_profile",
            lambda kind: wanted.mig_profile in profiles,
            lambda kind: f"has no MIG profile {wanted.mig_profile}",
            f"is {wanted.mig_profile!r}",
            lambda: _near(str(wanted.mig_profile), list(profiles)) if profiles else _partitioned(wanted.accelerator),
        )


def _near(name: str, known: Sequence[str]) -> str:
    near = [other for other in known if other.startswith(name)] or difflib.get_close_matches(name, known, n=2)
    others = f"of {', '.join(known)}"
    return f"did you mean {_either(near)}? one {others}" if near else f"one {others}"


def _partitioned(accelerator: str) -> str:
    able = [name for name in accelerators() if mig_profiles(name)]
    return f"{accelerator} cannot be partitioned, {', '.join(able)} can; time_slices can be had of every GPU"


def _elsewhere(wanted: Wanted, known: Sequence[InstanceType]) -> str:
    there = sorted({region for kind in known for region in zones_offering(kind)})
    same = [region for region in there if region.split("-")[0] == wanted.region.split("-")[0]]
    here = sorted({kind.accelerator for kind in instance_types() if kind.count and wanted.region in zones_offering(kind)})
    return f"it is in {', '.join(same or there)}; {wanted.region} has {', '.join(here) or 'no GPUs'}"


def _most_zones(known: Sequence[InstanceType], region: str) -> int:
    return max((zones_offering(kind).get(region, 0) for kind in known), default=0)


def _counts(known: Sequence[InstanceType]) -> list[int]:
    return sorted({pods for kind in known for pods in range(1, kind.count + 1) if kind.count % pods == 0})


def _with_efa() -> list[str]:
    return sorted({kind.accelerator for kind in instance_types() if kind.count and kind.efa_interfaces})


def _zones(number: int) -> str:
    return "1 zone" if number == 1 else f"{number} zones"


def _either(values: Sequence[object]) -> str:
    *others, last = map(str, values)
    return f"{', '.join(others)} or {last}" if others else last
