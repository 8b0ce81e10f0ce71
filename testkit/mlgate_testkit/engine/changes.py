"""What one run of the engine did, or in a preview would do: a step for each resource, and questions about them.

The engine carries out a replacement as three steps on one resource; here it is one, `replace`. The stack itself and the providers that
the engine makes by itself are left out: no program declares them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mlgate.errors import StackError, UsageError
from mlgate_testkit.engine.events import Diagnostic, Event, EventLog, PropertyChange, ResourceState
from mlgate_testkit.nearest import meant
from mlgate_testkit.provider.provider import compare

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["Changes", "Operation", "Step"]

Operation = Literal["create", "update", "replace", "delete", "same", "read", "import"]
_STACK = "pulumi:pulumi:Stack"
_REPLACING = frozenset({"create-replacement", "replace", "delete-replaced", "discard-replaced", "import-replacement", "read-replacement"})
_PLAIN: Mapping[str, Operation] = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "same": "same",
    "read": "read",
    "import": "import",
    "discard": "delete",  # of a read one: it leaves the state, and nothing of the cloud
    "remove-pending-replace": "delete",
    "refresh": "same",  # begun, and nothing found changed
}


@dataclass(frozen=True, slots=True)
class Step:
    """What happened to one resource. `phase`: "begun" where the engine was ended in the middle of it, "failed", else "ended".

    `diff`: the properties that differ, as the provider says, else the inputs that do. `replace_reasons`: the properties that force a new
    resource.
    """

    type: str
    name: str
    urn: str
    operation: Operation
    phase: Literal["begun", "ended", "failed"]
    diff: Sequence[PropertyChange] = ()
    replace_reasons: Sequence[str] = ()
    old: ResourceState | None = None
    new: ResourceState | None = None
    diagnostics: Sequence[Diagnostic] = ()

    @property
    def old_inputs(self) -> Mapping[str, Any]:
        """What the program gave before; empty for a new resource."""
        return self.old.inputs if self.old else {}

    @property
    def new_inputs(self) -> Mapping[str, Any]:
        """What the program gives now, with the provider's defaults; empty for one that goes."""
        return self.new.inputs if self.new else {}

    @property
    def old_outputs(self) -> Mapping[str, Any]:
        """What the cloud held before; empty for a new resource."""
        return self.old.outputs if self.old else {}

    @property
    def new_outputs(self) -> Mapping[str, Any]:
        """What the cloud holds now; UNKNOWN in a preview for what only the cloud knows."""
        return self.new.outputs if self.new else {}

    def __str__(self) -> str:
        changed = ", ".join(change.path for change in self.diff) or ", ".join(self.replace_reasons)
        how = {"begun": " (never ended)", "failed": " (failed)", "ended": ""}[self.phase]
        return f"{self.operation} {self.type} {self.name}{f' [{changed}]' if changed else ''}{how}"

    def __repr__(self) -> str:
        return f"<{self}>"


class Changes:
    """The steps of one run, by resource in the order in which they began, with diagnostics and the log behind them.

    A query takes a type token and raises UsageError for one that no resource of this run has: a misspelt type must not pass for "none".
    To say that there is none at all: `assert "aws:ec2/natGateway:NatGateway" not in changes.types`.

    `needs`: by URN, the URNs of what the engine knew each resource to need, by the state before the run.
    """

    def __init__(
        self,
        operation: str,
        events: Sequence[Event],
        diagnostics: Sequence[Diagnostic],
        needs: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        self.operation = operation
        self.needs = dict(needs or {})
        self.diagnostics = tuple(diagnostics)
        self.events = EventLog(tuple(events))
        self.steps = tuple(_steps(events, diagnostics))

    @property
    def types(self) -> tuple[str, ...]:
        """The type tokens of every resource of this run, those that stay as they are included."""
        return tuple(sorted({step.type for step in self.steps}))

    def created(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002 - what everybody calls it
        """Resources that were not there before; not those made anew in place of others."""
        return self._of("create", type)

    def updated(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002
        """Resources changed in place; of a refresh, those found changed by hand."""
        return self._of("update", type)

    def replaced(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002
        """Resources made anew, in whichever order old and new went."""
        return self._of("replace", type)

    def deleted(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002
        """Resources that go; of a refresh, those found gone."""
        return self._of("delete", type)

    def same(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002
        """Resources that stay as they are."""
        return self._of("same", type)

    def read(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002
        """Resources that are only looked up."""
        return self._of("read", type)

    def imported(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002
        """Resources that were there already and are taken into the state."""
        return self._of("import", type)

    def failed(self, type: str | None = None) -> tuple[Step, ...]:  # noqa: A002
        """Resources whose operation was refused; not those that were begun and never ended."""
        return tuple(step for step in self._typed(type) if step.phase == "failed")

    def nothing(self) -> bool:
        """Whether every resource stays as it is."""
        return all(step.operation in {"same", "read"} for step in self.steps)

    def of(self, name: str, *, type: str | None = None) -> Step:  # noqa: A002
        """The step of the resource with that name. Raises UsageError for none, naming the nearest, and for several, naming their types."""
        found = [step for step in self._typed(type) if step.name == name]
        if not found:
            there = sorted({step.name for step in self._typed(type)})
            raise UsageError(f"there is no resource {name!r}", where=self._where, remedy=meant(name, there, "the resources"))
        if len(found) > 1:
            types = ", ".join(step.type for step in found)
            raise UsageError(f"{len(found)} resources are called {name!r}", where=self._where, remedy=f"add type=, one of {types}")
        return found[0]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __repr__(self) -> str:
        moved = [str(step) for step in self.steps if step.operation not in {"same", "read"}]
        counts = Counter(step.operation for step in self.steps)
        said = ", ".join(f"{count} {operation}" for operation, count in sorted(counts.items())) or "no resources"
        return f"<{self.operation}: {said}{': ' if moved else ''}{'; '.join(moved)}>"

    @property
    def _where(self) -> str:
        return f"the changes of {self.operation}"

    def _of(self, operation: Operation, type: str | None) -> tuple[Step, ...]:  # noqa: A002
        return tuple(step for step in self._typed(type) if step.operation == operation)

    def _typed(self, type: str | None) -> tuple[Step, ...]:  # noqa: A002
        if type is None:
            return self.steps
        if type not in self.types:
            raise UsageError(
                f"no resource is a {type!r}",
                where=self._where,
                remedy=f"{meant(type, self.types, 'the types')}; to say that there is none, look into .types",
            )
        return tuple(step for step in self.steps if step.type == type)


def _steps(events: Sequence[Event], diagnostics: Sequence[Diagnostic]) -> Iterator[Step]:
    by_urn: dict[str, list[Event]] = {}
    for event in events:
        if event.type != _STACK:
            by_urn.setdefault(event.urn, []).append(event)
    for urn, of_one in by_urn.items():
        yield _step(of_one, [said for said in diagnostics if said.urn == urn])


def _step(events: Sequence[Event], diagnostics: Sequence[Diagnostic]) -> Step:
    replacing = [event for event in events if event.operation in _REPLACING]
    last = events[-1]
    # Of a replacement, the new one's creation tells most: it has old and new state, reasons and the diff.
    told = next((event for event in reversed(replacing) if event.new), replacing[-1]) if replacing else last
    old = next((event.old for event in reversed(replacing or events) if event.old), None)
    reasons = next((event.replace_reasons for event in reversed(events) if event.replace_reasons), ())
    return Step(
        type=last.type,
        name=last.name,
        urn=last.urn,
        operation="replace" if replacing else _plain(last),
        phase=_phase(events),
        diff=next((event.diff for event in reversed(events) if event.diff), ()) or _compared(old, told.new, reasons),
        replace_reasons=reasons,
        old=old,
        new=told.new,
        diagnostics=tuple(diagnostics),
    )


def _compared(old: ResourceState | None, new: ResourceState | None, reasons: Sequence[str]) -> Sequence[PropertyChange]:
    """The inputs that differ, for a component and a provider that do not say it themselves. Secrets look alike, and stay out."""
    if old is None or new is None:
        return ()
    found = sorted(compare(old.inputs, new.inputs).items())
    return tuple(PropertyChange(path, kind.value, path.split(".")[0].split("[")[0] in reasons) for path, kind in found)


def _plain(event: Event) -> Operation:
    try:
        return _PLAIN[event.operation]
    except KeyError:
        known = ", ".join(sorted({*_PLAIN, *_REPLACING}))
        raise StackError(
            f"the engine did {event.operation!r} to {event.name}, which this version of mlgate does not know",
            where="pulumi --event-log",
            remedy=f"update mlgate; it knows {known}",
        ) from None


def _phase(events: Sequence[Event]) -> Literal["begun", "ended", "failed"]:
    if any(event.phase == "failed" for event in events):
        return "failed"
    return "begun" if events[-1].phase == "begun" and events[-1].operation != "same" else "ended"
