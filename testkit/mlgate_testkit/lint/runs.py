"""Rules over what the engine did or would do: what no program shows, because it depends on what is deployed already.

A platform checks its previews and refreshes with them: `assert_expected(prod.preview())`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlgate_testkit.lint.findings import Finding, leaves
from mlgate_testkit.lint.linting import refuse, sift

if TYPE_CHECKING:
    from mlgate_testkit.engine import Changes, Step

__all__ = ["RUN_RULES", "assert_expected", "lint_run"]


def lint_run(changes: Changes, *, allow: Mapping[str, str] | None = None) -> list[Finding]:
    """Every breach of the rules, those left out that `allow` gives a reason for, as for `lint`; the path is the resource's name."""
    found = (found for check in RUN_RULES.values() for found in check(changes))
    return sift(found, allow, RUN_RULES.keys(), changes.operation)


def assert_expected(changes: Changes, *, allow: Mapping[str, str] | None = None) -> None:
    """`lint_run` as a test: AssertionError with a table of all findings."""
    __tracebackhide__ = True
    refuse(lint_run(changes, allow=allow), changes.operation)


def _forced_replacements(changes: Changes) -> Iterator[Finding]:
    for step in changes.replaced():
        for name in step.replace_reasons or ("",):
            old, new = step.old_inputs.get(name), step.new_inputs.get(name)
            yield _finding(
                "forced-replacement",
                step,
                name or "-",
                f"it is {new!r} and was {old!r}: that needs a new resource, and the old one goes with what it holds",
                "keep the old value; where the new one is wanted, move what it holds first and allow this with the reason",
            )


def _drift(changes: Changes) -> Iterator[Finding]:
    if changes.operation != "refresh":
        return
    for step in changes.deleted():
        yield _finding(
            "drift", step, "id", "somebody deleted it by hand", "run `pulumi up` to make it again, or take it out of the program"
        )
    for step in changes.updated():
        for change in step.diff:
            yield _finding(
                "drift",
                step,
                change.path,
                "somebody changed it by hand",
                "run `pulumi up` to put it back, or write the new value into the program",
            )


def _delete_order(changes: Changes) -> Iterator[Finding]:
    """What names another resource by its id, arn or name has to be gone before that one goes, and the engine has to know.

    Judged by what the state says and not by what went first: without a dependency that is luck, which another run does not have. What was
    made before the resource that it names does without it, and is passed over; so is what stays in the cloud.
    """
    gone = [] if changes.operation == "refresh" else [step for step in changes.deleted() if not (step.old and step.old.retained)]
    owners: dict[str, list[Step]] = {}
    for step in gone:
        for text in _identities(step):
            owners.setdefault(text, []).append(step)
    for step in gone:
        for path, value in leaves(step.old_inputs):
            owner = _owner(path, owners.get(value, []), step) if isinstance(value, str) else None
            if owner and not _needs(changes, step.urn, owner.urn) and not _needs(changes, owner.urn, step.urn):
                yield _finding(
                    "delete-order",
                    step,
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


def _identities(step: Step) -> set[str]:
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


def _finding(rule: str, step: Step, property: str, problem: str, remedy: str) -> Finding:  # noqa: A002 - as the field
    return Finding(rule, step.type, step.name, property, problem, remedy)


RUN_RULES: Mapping[str, Callable[[Changes], Iterator[Finding]]] = {
    "forced-replacement": _forced_replacements,
    "drift": _drift,
    "delete-order": _delete_order,
}
"""What is checked, by the name that `allow` takes."""
