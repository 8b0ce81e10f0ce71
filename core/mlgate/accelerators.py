"""The accelerators a service can name, and the machines AWS sells with them: how many, how much memory, which architecture, what price,
in which regions, and by which quotas.

The figures lie in `accelerators.json`, which says where each comes from and when it was written (`docs/accelerators.py` writes it). It is
read when the first question is asked. Three of its traps are resolved here: "A100" alone is two accelerators, a machine with a fraction of
a GPU has a count of 0, and one GPU's machines are Arm.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from mlgate.errors import UsageError

_DATA = "accelerators.json"


@dataclass(frozen=True, slots=True)
class InstanceType:
    """A machine with accelerators of one kind.

    `count`: whole accelerators, 0 where it has a `share` of one (1/8 is 0.125). `accelerator_memory_mib`: of each, or of the share.
    `architecture`: "amd64" or "arm64". `sold_as`: of "on-demand", "spot", "capacity-block". `usd_per_hour`: on demand in us-east-1, None
    where the source has none.
    """

    name: str
    accelerator: str
    count: int
    share: float
    accelerator_memory_mib: int
    cpus: int
    memory_mib: int
    architecture: str
    efa_interfaces: int
    sold_as: tuple[str, ...]
    usd_per_hour: float | None


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the figures come from, in words, and the day (ISO) they were written."""

    instance_types: str
    prices: str
    offers: str
    mig: str
    quotas: str
    written: str


def accelerators() -> Sequence[str]:
    """The names of all, sorted."""
    return sorted({kind.accelerator for kind in instance_types()})


def instance_types(accelerator: str | None = None) -> Sequence[InstanceType]:
    """All machines, or those with that accelerator, by name. Raises UsageError, with the nearest one, for a name that is none's."""
    if accelerator is None:
        return _read()[0]
    found = [kind for kind in _read()[0] if kind.accelerator == accelerator]
    if not found:
        raise UsageError(
            f"{accelerator!r} is no accelerator of the catalogue", where="accelerator", remedy=_nearest(accelerator, accelerators())
        )
    return found


def smallest(accelerator: str, count: int = 1) -> InstanceType:
    """The machine with exactly `count` whole accelerators and the fewest CPUs, then the least memory.

    Raises UsageError for an accelerator or a count that no machine has.
    """
    kinds = instance_types(accelerator)
    found = [kind for kind in kinds if kind.count == count and kind.count > 0]
    if not found:
        counts = ", ".join(map(str, sorted({kind.count for kind in kinds if kind.count})))
        raise UsageError(f"no machine has {count} {accelerator}", where="count", remedy=f"machines with {accelerator} have {counts}")
    return min(found, key=lambda kind: (kind.cpus, kind.memory_mib, kind.name))


def instance_type(name: str) -> InstanceType:
    """The machine of that name ("g6.xlarge"). Raises UsageError, with the nearest ones, for a name that is none's."""
    found = next((kind for kind in instance_types() if kind.name == name), None)
    if found is None:
        known = [kind.name for kind in instance_types()]
        raise UsageError(f"{name!r} is no machine of the catalogue", where="instance type", remedy=_nearest(name, known))
    return found


def zones_offering(kind: InstanceType) -> Mapping[str, int]:
    """In how many availability zones of each region the machine is offered; a region of `regions` that is not named has none."""
    found: Mapping[str, int] = _data()["offered"][kind.name]
    return found


def regions() -> Sequence[str]:
    """Those whose offers the catalogue knows, sorted."""
    found: Sequence[str] = _data()["regions"]
    return found


def mig_profiles(accelerator: str) -> Mapping[str, int]:
    """The MIG profiles of a GPU ("1g.5gb") and how many of each it is cut into; none for one that cannot be."""
    found: Mapping[str, int] = _data()["mig"].get(accelerator, {})
    return found


def vcpu_quota(kind: InstanceType, sold_as: str) -> str | None:
    """The code of the quota that counts the machine's CPUs, "on-demand" or "spot"; None where no source names it."""
    family = "g" if kind.name.startswith("g") else kind.name[:2]
    found: str | None = _data()["quotas"][family][sold_as]
    return found


def sources() -> Sources:
    """Where the figures come from."""
    return _read()[1]


def _nearest(name: str, known: Sequence[str]) -> str:
    longer = [other for other in known if other.startswith(name.lower())]  # "a100" is two
    near = longer or difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    return f"use {' or '.join(near)}" if near else f"known are {', '.join(known)}"


@cache
def _data() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(files("mlgate").joinpath(_DATA).read_text(encoding="utf-8"))
    return read


@cache
def _read() -> tuple[tuple[InstanceType, ...], Sources]:
    data = _data()
    kinds = tuple(InstanceType(**{**entry, "sold_as": tuple(entry["sold_as"])}) for entry in data["instance_types"])
    return kinds, Sources(
        instance_types=data["instance_types_source"],
        prices=data["prices_source"],
        offers=data["offered_source"],
        mig=data["mig_source"],
        quotas=data["quotas_source"],
        written=data["written"],
    )
