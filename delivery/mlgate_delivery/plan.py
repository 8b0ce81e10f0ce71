"""What an update would do, as `pulumi preview --json` says it: typed, and read whole or not at all.

The engine is asked for every step (`--show-sames --show-replacement-steps`), so its own summary can be counted against them, and the parent
of each resource is in the document too. What it leaves out where it is false (`protect`, `retainOnDelete`) is false; anything else that is
missing makes a document that nobody can judge. Default providers, which hold nothing, never appear.

Source: pkg/backend/display/json.go and pkg/resource/deploy/step.go of engine 3.259.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

STACK_TYPE = "pulumi:pulumi:Stack"


class Effect(Enum):
    """What an operation does to a resource, as far as it matters here."""

    NONE = "none"
    CHANGE = "change"
    REPLACE = "replace"
    DELETE = "delete"


class _Operation(NamedTuple):
    """`old` and `new`: whether it has a state before and after it. `summed`: whether the engine's summary counts it."""

    effect: Effect
    old: bool | None
    new: bool | None
    summed: bool


# None: either. A replacement is told in three steps, of which the summary counts `replace`. Not in here, and so refused: what follows a
# killed replacement, what becomes of a resource that was only read, `refresh`, which no promotion asks for, and what a newer engine adds.
_OPERATIONS = {
    "same": _Operation(Effect.NONE, old=True, new=True, summed=True),
    "read": _Operation(Effect.NONE, old=None, new=True, summed=True),
    "create": _Operation(Effect.CHANGE, old=False, new=True, summed=True),
    "update": _Operation(Effect.CHANGE, old=True, new=True, summed=True),
    "import": _Operation(Effect.CHANGE, old=None, new=True, summed=True),
    "replace": _Operation(Effect.REPLACE, old=True, new=True, summed=True),
    "create-replacement": _Operation(Effect.REPLACE, old=True, new=True, summed=False),
    "delete-replaced": _Operation(Effect.REPLACE, old=True, new=False, summed=False),
    "delete": _Operation(Effect.DELETE, old=True, new=False, summed=True),
}


class UnreadableError(ValueError):
    """The document is not what an engine says that has looked at everything. The message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one resource. `operation` is the engine's word.

    `parents`: the URNs of its parents before and after, "" for none. `guarded`: whether it is protected or retained, before or after. `id`:
    the cloud's name for what is there before it, "" for nothing and for a component.
    """

    urn: str
    id: str
    type: str
    operation: str
    effect: Effect
    parents: frozenset[str]
    guarded: bool


def read_plan(document: bytes, stack: str, project: str) -> Sequence[Step]:
    """Every step, in the engine's order; those that do nothing, too, since they tell what lies where.

    Raises UnreadableError for a document that is cut short, of a preview that failed, about another stack, with an operation that this
    version does not know, with a field missing or wrong, or whose steps do not add up.
    """
    try:
        plan = _Document.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableError(f"{place}: {first['msg']}" if place else f"the document is cut short or no JSON: {first['msg']}") from None
    for problem in _problems(plan, f"urn:pulumi:{stack}::{project}::"):
        raise UnreadableError(problem)
    return [_step(said) for said in plan.steps]


class _Said(BaseModel):
    """Strict in what it names; what it does not name is not asked for. A null is no value."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class _State(_Said):
    urn: str
    id: str = ""
    type: str
    custom: bool
    parent: str = ""
    protect: bool = False
    retain: Annotated[bool, Field(alias="retainOnDelete")] = False

    @property
    def guards(self) -> tuple[bool, bool]:
        return self.protect, self.retain


class _Step(_Said):
    op: str
    urn: str
    old: Annotated[_State | None, Field(alias="oldState")] = None
    new: Annotated[_State | None, Field(alias="newState")] = None

    @property
    def states(self) -> list[_State]:
        return [state for state in (self.old, self.new) if state]


class _Diagnostic(_Said):
    severity: str
    message: str


class _Document(_Said):
    steps: tuple[_Step, ...]
    diagnostics: tuple[_Diagnostic, ...] = ()
    summary: Annotated[Mapping[str, Annotated[int, Field(ge=0)]], Field(alias="changeSummary")]
    corrupt: Annotated[bool, Field(alias="maybeCorrupt")] = False


def _problems(plan: _Document, prefix: str) -> Iterator[str]:
    for said in plan.diagnostics:
        if said.severity == "error":
            yield f"the preview failed: {said.message.strip()}"
    if plan.corrupt:
        yield "the engine says that the stack's state may be corrupt"
    for step in plan.steps:
        yield from _problems_of(step, prefix)
    if len([step for step in plan.steps if step.states[0].type == STACK_TYPE]) != 1:
        yield "the stack itself is not in it exactly once"
    counted = Counter(step.op for step in plan.steps if _OPERATIONS[step.op].summed)
    if counted != Counter(plan.summary):
        yield f"its steps are {_in_words(counted)}, and its summary says {_in_words(plan.summary)}"


def _problems_of(step: _Step, prefix: str) -> Iterator[str]:
    known = _OPERATIONS.get(step.op)
    if known is None:
        yield f"{step.urn}: this version does not know the operation {step.op!r}"
        return
    for name, state, expected in (("oldState", step.old, known.old), ("newState", step.new, known.new)):
        if expected is not None and (state is not None) != expected:
            yield f"{step.urn}: {step.op} with{'out' if expected else ''} {name}"
    if step.old and step.old.custom and not step.old.id:
        yield f"{step.urn}: oldState without id"
    if not step.urn.startswith(prefix):
        yield f"{step.urn}: not a resource of this stack, whose begin with {prefix}"
    for state in step.states:
        if state.urn != step.urn or state.type != step.urn.removeprefix(prefix).partition("::")[0].rpartition("$")[2]:
            yield f"{step.urn}: its state is that of a {state.type}, {state.urn}"


def _in_words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {op}" for op, count in sorted(counts.items()) if count) or "none"


def _step(said: _Step) -> Step:
    effect = _OPERATIONS[said.op].effect
    if effect is Effect.NONE and len({(state.guards, state.parent) for state in said.states}) > 1:
        effect = Effect.CHANGE  # of the state alone: whether it is protected or retained, and whose it is
    return Step(
        urn=said.urn,
        id=said.old.id if said.old else "",
        type=said.states[0].type,
        operation=said.op,
        effect=effect,
        parents=frozenset(state.parent for state in said.states),
        guarded=any(guard for state in said.states for guard in state.guards),
    )
