"""What a run of the real engine does to each component, in the words of `docs/platform-changes.md`, and what the page says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mlgate_testkit.engine import Changes, Step

from .changing import Effect
from .page import PAGE


def row(title: str, argument: str) -> str:
    """What the page says of a change of that argument, of the component of that title."""
    (section,) = [text for text in PAGE.read_text(encoding="utf-8").split("\n## ") if text.startswith(f"{title}\n")]
    (line,) = [line for line in section.splitlines() if line.startswith(f"| `{argument}` |")]
    return line.split(" | ", 2)[2].removesuffix(" |")


def done_to(changes: Changes, component: str, *names: str) -> str:
    """What was done to the parts of that component; of one of those names, or that begin so, where any are given."""
    steps = [
        step
        for step in changes
        if _of(step) == component and (not names or any(step.name == name or step.name.startswith(f"{name}-") for name in names))
    ]
    counted = {operation: _counted(step for step in steps if step.operation == operation) for operation in _DONE}
    return str(Effect(counted["create"], counted["update"], counted["replace"], counted["delete"], Counter()))


_DONE = ("create", "update", "replace", "delete")


def _of(step: Step) -> str:
    """The component that a part stands in: the last but one of the types in its URN."""
    types = step.urn.split("::")[2].split("$")
    return types[-2].rpartition(":")[2] if len(types) > 1 and not types[-1].startswith("mlgate:") else ""


def _counted(steps: Iterable[Step]) -> Counter[str]:
    return Counter(f"{step.type.split(':')[1].split('/')[0]} {step.type.rsplit(':', 1)[-1]}" for step in steps)
