"""The rule about drift: what a refresh finds in the cloud that no run of the engine put there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlgate_testkit.lint.findings import Finding, at, brief

if TYPE_CHECKING:
    from mlgate_testkit.engine import Changes

__all__ = ["drift"]

_BACK = "run `pulumi up` to put it back, or write the new value into the program"


def drift(changes: Changes) -> Iterator[Finding]:
    """One for each resource that is gone, and for each property that has another value than the state."""
    if changes.operation != "refresh":
        return
    for step in changes.deleted():
        remedy = "run `pulumi up` to make it again, or take it out of the program"
        yield Finding("drift", step.type, step.name, "id", "somebody deleted it by hand", remedy)
    for step in changes.updated():
        for change in step.diff:
            old, new = at(step.old_outputs, change.path), at(step.new_outputs, change.path)
            problem = f"somebody changed it by hand: {brief(old)} -> {brief(new)}"
            yield Finding("drift", step.type, step.name, change.path, problem, _BACK)
