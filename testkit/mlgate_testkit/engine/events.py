"""What the engine tells while it works: events on resources in their order, and diagnostics.

The engine's event log (`--event-log`) has one JSON object a line; the fields are those of sdk/go/common/apitype/events.go. Secret values
are masked by the engine and stay masked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mlgate.errors import StackError, UsageError
from mlgate_testkit.nearest import meant
from mlgate_testkit.provider.values import UNKNOWN

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["SECRET", "Diagnostic", "Event", "EventLog", "Order", "PropertyChange", "ResourceState"]

SECRET = "[secret]"  # noqa: S105 - what the engine shows instead of one
"""What stands for a secret value in events, diffs and outputs."""

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature of the protocol, no secret
_UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_KINDS: Mapping[str, Literal["begun", "ended", "failed"]] = {
    "resourcePreEvent": "begun",
    "resOutputsEvent": "ended",
    "resOpFailedEvent": "failed",
}
_SAID = ("error", "warning", "info", "info#err")


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """One property that differs. `path` as the provider writes it ("tags.owner"); `kind`: add, delete, update.

    `replaces`: the change needs a new resource.
    """

    path: str
    kind: str
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class ResourceState:
    """A resource before or after a step. Values: SECRET for a secret one, UNKNOWN for what only the cloud will know."""

    id: str
    parent: str
    protect: bool
    retained: bool
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One operation on one resource begun, ended or failed. `operation` is the engine's word; `number`: the event's place, from 1."""

    number: int
    phase: Literal["begun", "ended", "failed"]
    operation: str
    type: str
    name: str
    urn: str
    old: ResourceState | None = None
    new: ResourceState | None = None
    diff: Sequence[PropertyChange] = ()
    replace_reasons: Sequence[str] = ()

    def __str__(self) -> str:
        return f"event {self.number}: {self.operation} of {self.type} {self.name} {self.phase}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What the engine, a provider or the program said. `urn` is "" where it is about no resource; `severity`: error, warning or info."""

    severity: str
    message: str
    urn: str = ""

    @property
    def resource(self) -> str:
        """`aws:s3/bucket:Bucket logs`, or "" where it is about none."""
        if not self.urn:
            return ""
        parts = self.urn.split("::", 3)
        return f"{parts[2].rsplit('$', 1)[-1]} {parts[3]}"

    def __str__(self) -> str:
        return f"{self.resource}: {self.message}" if self.urn else self.message


@dataclass(frozen=True, slots=True)
class Order:
    """Whether one operation ended before another began; false as a bool where it did not, and its text says how it was."""

    kept: bool
    words: str

    def __bool__(self) -> bool:
        return self.kept

    def __repr__(self) -> str:
        return self.words


@dataclass(frozen=True)
class EventLog:
    """The events of one run in order. Iterating gives each `Event`."""

    events: Sequence[Event] = field(default_factory=tuple)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def __len__(self) -> int:
        return len(self.events)

    def before(self, first: str, then: str, *, operation: str | None = None) -> Order:
        """Whether everything done to the resource named `first` had ended when the first thing done to `then` began.

        Names are the program's own, or URNs where a name is not unique. `operation`: only this one ("delete"), in the engine's words, with
        create and delete meaning those of a replacement as well. What stays as it is is not an operation.

        Raises UsageError where nothing was done to one of them: an order of nothing proves nothing.
        """
        done, begun = self._of(first, operation), self._of(then, operation)
        last = done[-1]
        start = begun[0]
        kept = last.number < start.number and last.phase != "begun"
        words = f"{last.operation} of {first} {last.phase} as event {last.number}, "
        words += f"{'before' if kept else 'and not before'} {start.operation} of {then} began as event {start.number}"
        return Order(kept, words)

    def _of(self, name: str, operation: str | None) -> list[Event]:
        acted = [event for event in self.events if event.operation not in {"same", "refresh"}]
        named = [event for event in acted if name in {event.name, event.urn}]
        if not named:
            there = sorted({event.name for event in acted})
            raise UsageError(
                f"nothing was done to a resource {name!r}", where="events", remedy=meant(name, there, "what something was done to")
            )
        urns = sorted({event.urn for event in named})
        if len(urns) > 1:
            raise UsageError(f"{name!r} names {len(urns)} resources", where="events", remedy=f"give one of the URNs: {', '.join(urns)}")
        found = [event for event in named if operation is None or event.operation in {operation, *_ALSO.get(operation, ())}]
        if not found:
            did = ", ".join(sorted({event.operation for event in named}))
            raise UsageError(f"{name!r} had no {operation}", where="events", remedy=f"it had: {did}")
        return found


_ALSO = {"create": ("create-replacement",), "delete": ("delete-replaced",)}


@dataclass
class Heard:
    """What the log said so far, line by line. `engine`: its version, for the error that a log of another shape raises."""

    engine: str
    on_event: Callable[[Event], None] = lambda _event: None
    events: list[Event] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    summary: Mapping[str, int] | None = None
    lines: int = 0

    def hear(self, raw: Any) -> None:
        """Takes one object of the log. Raises StackError where its shape is not the known one, and whatever `on_event` raises."""
        self.lines += 1
        try:
            event = self._take(raw)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise unknown_shape(self.engine, f"line {self.lines}: {type(error).__name__}: {error}") from None
        if event:
            self.events.append(event)
            self.on_event(event)

    def _take(self, raw: Mapping[str, Any]) -> Event | None:
        for key, phase in _KINDS.items():
            if key in raw:
                event = _event(raw[key]["metadata"], phase, len(self.events) + 1)
                return None if _is_default_provider(event) else event
        if "diagnosticEvent" in raw:
            said = raw["diagnosticEvent"]
            if said["severity"] in _SAID:
                self.diagnostics.append(Diagnostic(said["severity"], str(said["message"]).strip(), said.get("urn") or ""))
        elif "policyEvent" in raw:
            said = raw["policyEvent"]
            severity = "error" if said["enforcementLevel"] == "mandatory" else "warning"
            self.diagnostics.append(Diagnostic(severity, f"{said['policyName']}: {said['message'].strip()}", said.get("resourceUrn") or ""))
        elif "summaryEvent" in raw:
            self.summary = dict(raw["summaryEvent"]["resourceChanges"] or {})
        elif "sequence" not in raw:
            raise KeyError("sequence")
        return None


def unknown_shape(engine: str, what: str) -> StackError:
    """The error for a log that this version cannot read."""
    return StackError(
        f"the events of Pulumi {engine} are not in the shape this version of mlgate reads ({what})",
        where="pulumi --event-log",
        remedy="put an older Pulumi first on PATH (`python -m mlgate_tools engine` gets the one mlgate is tested with), or update mlgate",
    )


def _event(metadata: Mapping[str, Any], phase: Literal["begun", "ended", "failed"], number: int) -> Event:
    urn = str(metadata["urn"])
    return Event(
        number=number,
        phase=phase,
        operation=str(metadata["op"]),
        type=str(metadata["type"]),
        name=urn.split("::", 3)[3],
        urn=urn,
        old=_state(metadata["old"]),
        new=_state(metadata["new"]),
        diff=_diff(metadata),
        replace_reasons=tuple(metadata.get("keys") or ()),
    )


def _diff(metadata: Mapping[str, Any]) -> tuple[PropertyChange, ...]:
    detailed = metadata.get("detailedDiff") or {}
    if detailed:
        found = []
        for path, change in sorted(detailed.items()):
            kind, _, replaces = str(change["diffKind"]).partition("-")
            found.append(PropertyChange(path, kind, bool(replaces)))
        return tuple(found)
    reasons = metadata.get("keys") or ()
    return tuple(PropertyChange(path, "update", path in reasons) for path in metadata.get("diffs") or ())


def _state(raw: Mapping[str, Any] | None) -> ResourceState | None:
    if raw is None:
        return None
    return ResourceState(
        id=raw["id"],
        parent=raw["parent"],
        protect=bool(raw.get("protect")),
        retained=bool(raw.get("retainOnDelete")),
        inputs=plain_values(raw["inputs"] or {}),
        outputs=plain_values(raw["outputs"] or {}),
    )


def plain_values(value: Any) -> Any:
    """Values as the engine writes them to JSON, with SECRET and UNKNOWN in their places."""
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET_SIGNATURE:
            return SECRET
        return {key: plain_values(member) for key, member in value.items() if key != "__provider"}  # a pickled class: no input of anybody's
    if isinstance(value, list):
        return [plain_values(member) for member in value]
    return UNKNOWN if value == _UNKNOWN_TEXT else value


def _is_default_provider(event: Event) -> bool:
    """The engine makes these by itself, one for each package: nobody declared them, and nobody asks for them."""
    return event.type.startswith("pulumi:providers:") and (event.name == "default" or event.name.startswith("default_"))
