"""Rules about what a run makes anew: an input that forces a new resource, and a resource that goes because its program calls it otherwise.

Either way the old one takes with it what it holds. The engine calls only the first a replacement. For the second it sees one resource less
and one more, since a resource is its name, its type and what it stands in (its URN).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mlgate_testkit.lint.deletions import identities
from mlgate_testkit.lint.findings import Finding, at, brief
from mlgate_testkit.record import UNKNOWN
from mlgate_testkit.record.resource import STACK

if TYPE_CHECKING:
    from mlgate_testkit.engine import Changes, Step

__all__ = ["forced_replacements", "renamed"]

_ALLOWED = "move what it holds first and allow this with the reason"


def forced_replacements(changes: Changes) -> Iterator[Finding]:
    """One for each property that forces a new resource, as deep as the provider says which, or for one that goes without any."""
    going = [*changes.replaced(), *changes.deleted()]
    for step in changes.replaced():
        paths = _forcing(step)
        if not paths:
            problem = "the engine makes it anew, and no property is named for it: the old one goes with what it holds"
            remedy = f"look for what asks for it (--target-replace, say); where it is wanted, {_ALLOWED}"
            yield Finding("forced-replacement", step.type, step.name, "-", problem, remedy)
        for path in paths:
            old, new = at(step.old_inputs, path), at(step.new_inputs, path)
            if new is UNKNOWN:
                problem, remedy = _handed_on(step, old, going)
            else:
                problem = f"it is {brief(new)} and was {brief(old)}: that needs a new resource, and the old one goes with what it holds"
                remedy = f"keep the old value; where the new one is wanted, {_ALLOWED}"
            yield Finding("forced-replacement", step.type, step.name, path, problem, remedy)


def _forcing(step: Step) -> Sequence[str]:
    told = [change.path for change in step.diff if change.replaces]
    return [path for name in step.replace_reasons for path in [each for each in told if _is_in(each, name)] or [name]]


def _is_in(path: str, name: str) -> bool:
    return path == name or path.startswith((f"{name}.", f"{name}["))


def _handed_on(step: Step, old: Any, going: Sequence[Step]) -> tuple[str, str]:
    """The words for a value that nobody wrote: another resource gives it, and that one is made anew."""
    source = next((each for each in going if each.urn != step.urn and isinstance(old, str) and old in identities(each)), None)
    whose = f"{source.type} {source.name}, which goes in this run" if source else "a resource that is made in this run"
    problem = f"it was {brief(old)} and is now of {whose}: that needs a new resource, and the old one goes with what it holds"
    return problem, f"keep {source.name if source else 'the old resource'}: this one then stays as well"


def renamed(changes: Changes) -> Iterator[Finding]:
    """What goes while another of its type, with its parent or its name, comes. What moves with a component is that component's finding."""
    gone = changes.deleted() if changes.operation != "refresh" else ()
    found = {old.urn: [new for new in changes.created() if _may_be(old, new)] for old in gone}
    for old in gone:
        with_parent = {new.urn for new in found.get(_parent(old), ())}
        others = [new for new in found[old.urn] if _parent(new) not in with_parent]
        if others:
            yield _renamed(old, others)


def _may_be(old: Step, new: Step) -> bool:
    return old.type == new.type and (old.name == new.name or _parent(old) == _parent(new))


def _parent(step: Step) -> str:
    state = step.old or step.new
    return state.parent if state else ""


def _renamed(old: Step, others: Sequence[Step]) -> Finding:
    moved = [new for new in others if new.name == old.name]
    if moved:
        what = f"one of its type and name comes in {_place(_parent(moved[0]))}: to the engine that is a new resource"
        change, alias = "parent", f"parent={_written(_parent(old))}"
    else:
        what = f"{' or '.join(new.name for new in others)} of its type comes: to the engine a renamed resource is a new one"
        change, alias = "name", f'name="{old.name}"'
    kept = old.old is not None and old.old.retained
    loses = "the old one stays in the cloud, and nothing manages it" if kept else "the old one goes with what it holds"
    remedy = f"where it is the same one, give it aliases=[pulumi.Alias({alias})]; where it is another, allow this with the reason"
    return Finding("renamed", old.type, old.name, change, f"it goes, and {what}, and {loses}", remedy)


def _place(parent: str) -> str:
    return "the stack" if _is_stack(parent) else parent.split("::", 3)[3]


def _written(parent: str) -> str:
    return "pulumi.ROOT_STACK_RESOURCE" if _is_stack(parent) else f'"{parent}"'


def _is_stack(urn: str) -> bool:
    return not urn or urn.split("::", 3)[2] == STACK
