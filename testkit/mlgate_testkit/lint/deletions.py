"""The rule about the order of deletions: what names another resource goes first, because the engine knows it and not by luck."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlgate_testkit.lint.findings import Finding, leaves

if TYPE_CHECKING:
    from mlgate_testkit.engine import Changes, Step

__all__ = ["delete_order", "identities"]


def delete_order(changes: Changes) -> Iterator[Finding]:
    """What names another resource by its id, arn or name has to be gone before that one goes, and the engine has to know.

    Judged by what the state says and not by what went first: without a dependency that is luck, which another run does not have. What was
    made before the resource that it names does without it, and is passed over; so is what stays in the cloud.
    """
    gone = [] if changes.operation == "refresh" else [step for step in changes.deleted() if not (step.old and step.old.retained)]
    owners: dict[str, list[Step]] = {}
    for step in gone:
        for text in identities(step):
            owners.setdefault(text, []).append(step)
    for step in gone:
        for path, value in leaves(step.old_inputs):
            owner = _owner(path, owners.get(value, []), step) if isinstance(value, str) else None
            if owner and not _needs(changes, step.urn, owner.urn) and not _needs(changes, owner.urn, step.urn):
                yield Finding(
                    "delete-order",
                    step.type,
                    step.name,
                    path,
                    f"it names {owner.type} {owner.name}, and the engine does not know it: that one may go first",
                    "pass that resource's own output instead of the text, or name it in depends_on: then this goes first",
                )


def _needs(changes: Changes, urn: str, other: str) -> bool:
    """Whether the state says so, directly or by way of others."""
    seen, pending = {urn}, [urn]
    while pending:
        found = changes.needs.get(pending.pop(), frozenset()) - seen
        if other in found:
            return True
        seen |= found
        pending += found
    return False


def identities(step: Step) -> set[str]:
    """What others may call a resource by."""
    known: Mapping[str, Any] = step.old_outputs
    found = (step.old.id if step.old else "", known.get("arn"), known.get("name"), known.get("bucket"))
    return {value for value in found if isinstance(value, str) and value and value != "[secret]"}


def _owner(path: str, called: list[Step], user: Step) -> Step | None:
    """Of those that a text may mean, the one whose type the property is named after: a setting often has the id of what it is set on."""
    others = [step for step in called if step.urn != user.urn]
    key = path.rpartition(".")[2].lower()
    named = [step for step in others if key.startswith(step.type.rpartition(":")[2].lower())]
    if user in called and not named:
        return None
    found = named or others
    return found[0] if len(found) == 1 else None
