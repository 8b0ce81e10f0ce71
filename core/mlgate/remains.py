"""What stays after `pulumi destroy --exclude-protected`: what is protected or retained, and whatever that stands on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from mlgate.stateful import STATEFUL

__all__ = ["Kept", "Remaining", "remaining", "waiting"]

_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
_KEY, _SECRET, _BUCKET = "aws:kms/key:Key", "aws:secretsmanager/secret:Secret", "aws:s3/bucket:Bucket"
_WAITS = {_KEY: "deletionWindowInDays", _SECRET: "recoveryWindowInDays"}  # in days; 30 of either unless said
_CLUSTER = "aws:eks/cluster:Cluster"
_HELD = {**STATEFUL, _CLUSTER: "a cluster, which costs by the hour"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A resource of a stack. `kept`: it is protected, or retained when it is deleted. `needs`: the URNs of what it was made after, its
    parent among them."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    kept: bool
    needs: Sequence[str] = ()
    component: bool = False


@dataclass(frozen=True, slots=True)
class Remaining:
    """A resource that stays. `holds`: what would be lost with it, or goes on costing; "" where nothing is. `until`: when it can go."""

    type: str
    name: str
    holds: str
    until: str


@dataclass(slots=True)
class _Stays:
    by_urn: Mapping[str, Kept]
    found: dict[str, Kept] = field(default_factory=dict)

    def add(self, urn: str) -> None:
        """The resource, and all that it was made after: a bucket's policy cannot outlive the role that it names."""
        pending = [urn]
        while pending:
            here = self.by_urn.get(pending.pop())
            if here is not None and here.urn not in self.found:
                self.found[here.urn] = here
                pending += here.needs


def remaining(resources: Iterable[Kept], on: date | None = None) -> list[Remaining]:
    """What stays of them, in the order of the program; components and providers, which are nothing in a cloud, left out.

    `on`: the day for whose objects the day is told on which their lock ends.
    """
    by_urn = {resource.urn: resource for resource in resources}
    stays = _staying(by_urn)
    locks = {need: resource.inputs for resource in by_urn.values() if resource.type == _LOCK for need in resource.needs}
    return [
        Remaining(resource.type, resource.name, _HELD.get(resource.type, ""), _until(resource, locks.get(resource.urn), on))
        for resource in by_urn.values()
        if resource.urn in stays and not resource.component and not resource.type.startswith("pulumi:")
    ]


def waiting(resources: Iterable[Kept]) -> list[Remaining]:
    """What is deleted and goes only after days in which it can be brought back: keys and secrets that nothing keeps."""
    by_urn = {resource.urn: resource for resource in resources}
    stays = _staying(by_urn)
    return [
        Remaining(
            each.type,
            each.name,
            _HELD[each.type],
            f"{each.inputs.get(_WAITS[each.type], 30)} days after it, and until then it can come back",
        )
        for each in by_urn.values()
        if each.type in _WAITS and each.urn not in stays
    ]


def _staying(by_urn: Mapping[str, Kept]) -> Mapping[str, Kept]:
    stays = _Stays(by_urn)
    for resource in by_urn.values():
        if resource.kept:
            stays.add(resource.urn)
    return stays.found


def _until(resource: Kept, lock: Mapping[str, Any] | None, on: date | None) -> str:
    if resource.type == _KEY:
        return f"somebody schedules its deletion, and {resource.inputs.get(_WAITS[_KEY], 30)} days more"
    if resource.type == _CLUSTER:
        return "its protection is taken off (`deletion_protection: false`, `pulumi up`), then another destroy"
    if resource.type == _SECRET:
        return f"somebody deletes it, and {resource.inputs.get(_WAITS[_SECRET], 30)} days more"
    if resource.type == _BUCKET and lock and "rule" in lock:  # without one nothing is locked by itself
        kept = lock["rule"]["defaultRetention"]
        time = f"{kept['years']} years" if kept.get("years") else f"{kept['days']} days"  # S3 takes one of both
        told = f", one of {on} on {on + timedelta(days=kept['days'])}" if on and kept.get("days") else ""
        return f"somebody empties it, each version {time} after it was written at the earliest ({kept['mode']}){told}"
    return "somebody deletes it"
