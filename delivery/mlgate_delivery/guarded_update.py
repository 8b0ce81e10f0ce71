"""Updating a stack for one service: by a plan that was judged for a promotion, and without waiting for one on the way back."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence

from mlgate.errors import StackError
from mlgate.stateful import why_stateful
from mlgate_delivery.approval import read_approvals
from mlgate_delivery.engine import Update
from mlgate_delivery.plan_guard import Finding, Kind, Scope, judge
from mlgate_delivery.resources import ours
from mlgate_delivery.stack import LocalStack
from mlgate_tools.tool import Progress


def update_by_plan(stack: LocalStack, service: str, progress: Progress) -> Update:
    """Updates for the promotion of a service, by exactly the plan that was judged.

    Raises StackError, with nothing changed, where the plan does anything else or cannot be judged; and where something changed between
    plan and update: then a part of it may be done, and the next try plans anew.
    """
    require_plan(stack, service, progress)
    return stack.up_by_plan(progress)


def require_plan(stack: LocalStack, service: str, progress: Progress) -> None:
    """Plans the update and judges the plan, without doing anything. Raises StackError that names each step and what to do about it."""
    try:
        document = stack.plan()
    except StackError as error:
        raise StackError(f"the preview failed, so nothing was changed: {error.problem}", where=error.where, remedy=error.remedy) from error
    if findings := _judged(stack, service, document, progress):
        stack.drop_plan()
        raise _refusal(stack, service, findings)


def update_back(stack: LocalStack, service: str, progress: Progress) -> Update:
    """Updates for a rollback: nothing holds it up but the loss, unapproved, of what nobody can make again. Raises StackError.

    A rollback is what people turn to when something is wrong, so a neighbour that has changed or a plan that cannot be judged is told and
    does not stop it; it is bound to no plan, since whatever dies meanwhile would stop it too. Where a stack holds nothing that could be
    lost there is nothing to ask, and it takes no longer than it did.
    """
    state = stack.state.checkpoint()
    if state.protected or any(why_stateful(resource.type, guarded=resource.retained) for resource in state.resources):
        try:
            findings = _judged(stack, service, stack.plan(), progress)
        except StackError as error:
            progress(f"what this update does cannot be known before it is done, and it is done all the same: {error.problem}")
            return stack.up(progress)
        finally:
            stack.drop_plan()
        if lost := [finding for finding in findings if finding.kind is Kind.STATEFUL]:
            raise _refusal(stack, service, lost)
        for finding in findings:
            progress(f"done by the way, since a rollback does not wait: {finding}")
    return stack.up(progress)


def has_neighbours(stack: LocalStack, service: str) -> bool:
    """Whether the stack holds, or is configured to hold, anything besides this service's endpoint."""
    resources = stack.state.checkpoint().resources
    mine = [resource for resource in ours(resources) if resource.properties.get("service") == service]
    return len(mine) < len(resources) or not stack.file.services().keys() <= {service}


def _judged(stack: LocalStack, service: str, document: bytes, progress: Progress) -> Sequence[Finding]:
    scope = Scope(stack.environment.name, stack.project.name, service)
    return judge(document, scope, read_approvals(stack.environment, progress), time.time_ns())


def _refusal(stack: LocalStack, service: str, findings: Sequence[Finding]) -> StackError:
    told = "".join(f"\n  - {finding}" for finding in findings)
    return StackError(
        f"the plan is not one for {service} alone, so nothing was changed:{told}",
        where=f"stack {stack.environment.name}",
        remedy="\n     ".join(_remedies(stack, findings)),
    )


def _remedies(stack: LocalStack, findings: Sequence[Finding]) -> Iterator[str]:
    name = stack.environment.name
    if outside := dict.fromkeys(finding.urn for finding in findings if finding.kind is Kind.OUTSIDE):
        targets = " ".join(f"--target {shlex.quote(urn)}" for urn in outside)  # names are whatever a program says
        yield "take back what changed besides, or have that done by itself first:"
        yield f'eval "$(mlgate env {name})" && pulumi up -s {name} {targets}'
    for finding in findings:
        if finding.kind is Kind.STATEFUL:
            yield "keep it, or have its loss approved by who may sign for that:"
            lost = f"{shlex.quote(finding.urn)} --id {shlex.quote(finding.id)}"
            yield f"mlgate approve {lost} --operation {finding.operation} --lasts '1 h' --reason WHY"
        if finding.kind is Kind.UNJUDGED:
            yield f'what the engine said lies in {stack.engine.logs}; by hand: eval "$(mlgate env {name})" && pulumi up -s {name}'
