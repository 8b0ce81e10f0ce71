"""The plan guard: what a promotion would do, judged before any of it is done.

A promotion is about one service's endpoint. Whatever else its update would do by the way, because somebody changed the program, the
configuration or a neighbour by hand, is refused; so is losing what nobody can make again, without a signed approval, and every plan that
cannot be judged. `judge` is a pure function and total: it never raises, and a document that it does not understand is a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mlgate.stateful import why_stateful
from mlgate_delivery.approval import Approval
from mlgate_delivery.plan import STACK_TYPE, Effect, Step, UnreadableError, read_plan
from mlgate_delivery.resources import endpoint_urn


class Kind(Enum):
    """Why a plan is refused: a step `OUTSIDE` the endpoint, a `STATEFUL` resource that would be lost, or nothing that can be judged."""

    OUTSIDE = "outside"
    STATEFUL = "stateful"
    UNJUDGED = "unjudged"


@dataclass(frozen=True, slots=True)
class Scope:
    """What may change: one service's endpoint in one stack of one project."""

    stack: str
    project: str
    service: str

    @property
    def endpoint(self) -> str:
        """The URN of the endpoint's component."""
        return endpoint_urn(self.stack, self.project, self.service)


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason to refuse. `urn` and `operation` (the engine's word; of what is lost, "replace" or "delete") are "" for UNJUDGED.

    `id`: the cloud's name for what would be lost.
    """

    kind: Kind
    problem: str
    urn: str = ""
    operation: str = ""
    id: str = ""

    def __str__(self) -> str:
        return f"{self.operation} {self.urn}: {self.problem}" if self.urn else self.problem


def judge(document: bytes, scope: Scope, approvals: Sequence[Approval], now_ns: int) -> Sequence[Finding]:
    """Every reason to refuse the update that `document` (as `LocalStack.plan` gives it) describes; none where it may be done.

    `approvals` are verified ones; whether one holds at `now_ns` (Unix time) is asked here. An approval is a yes to losing a resource of the
    endpoint, and no yes to a step outside of it.
    """
    try:
        steps = read_plan(document, scope.stack, scope.project)
    except UnreadableError as error:
        return [Finding(Kind.UNJUDGED, str(error))]
    # In order, each once: a replacement is three steps.
    return list(dict.fromkeys(_findings(steps, scope, approvals, now_ns)))


def _findings(steps: Sequence[Step], scope: Scope, approvals: Sequence[Approval], now_ns: int) -> Iterator[Finding]:
    inside = _inside(scope.endpoint, steps)
    for step in steps:
        loss = step.effect.value if step.effect in (Effect.REPLACE, Effect.DELETE) else ""
        if step.effect is not Effect.NONE and step.urn not in inside and not _is_bookkeeping(step):
            yield Finding(Kind.OUTSIDE, f"{_change(step)}no part of the endpoint of {scope.service}", step.urn, loss or step.operation)
        if loss and (problem := _unapproved(step, loss, scope.stack, approvals, now_ns)):
            yield Finding(Kind.STATEFUL, problem, step.urn, loss, step.id)


def _inside(endpoint: str, steps: Sequence[Step]) -> frozenset[str]:
    """The endpoint, and what has no other parent than what is inside of it, before the update and after it."""
    parents: dict[str, frozenset[str]] = {}
    for step in steps:
        parents[step.urn] = parents.get(step.urn, frozenset()) | step.parents
    inside = frozenset({endpoint}) if len(parents.get(endpoint, ())) < 2 else frozenset[str]()  # one that is moved is somebody else's too
    while more := frozenset(urn for urn, above in parents.items() if above <= inside) - inside:
        inside |= more
    return inside


def _is_bookkeeping(step: Step) -> bool:
    """The stack itself is made by its first update, and changes with what it exports."""
    return step.type == STACK_TYPE and step.effect is Effect.CHANGE


def _change(step: Step) -> str:
    """The engine's word for what stays as it is, but for its protection or its parent, says nothing of that."""
    return "its protection or its parent is changed, and it is " if step.operation in ("same", "read") else ""


def _unapproved(step: Step, loss: str, stack: str, approvals: Sequence[Approval], now_ns: int) -> str:
    """Why the resource may not be lost; "" where it may: it can be made again, or somebody has signed for it."""
    why = why_stateful(step.type, guarded=step.guarded, component=not step.id)
    about = [approval for approval in approvals if (approval.stack, approval.urn, approval.operation) == (stack, step.urn, loss)]
    said = [approval.void(step.id, now_ns) for approval in about]
    if why is None or "" in said:
        return ""
    return f"{why}; {', '.join(said) or 'nobody has approved that'}"
