"""Writes `docs/platform-changes.md`: `python -m tests.components.aws.changes.page`."""

from __future__ import annotations

from pathlib import Path

from .cases import CASES
from .changing import Case, effects

PAGE = Path(__file__).resolve().parents[4] / "docs" / "platform-changes.md"
HEAD = """\
# What a change of an argument does

Before anything is run: what each argument of a component does to its resources when it changes. `update` changes or adds in place,
`replace` makes a resource anew, `none` changes nothing, `refused` is a value that the component does not take. Generated from the
components and from what simulated AWS and the Kubernetes stand-in say ([how faithful](testkit-aws.md#how-faithful)):
`python -m tests.components.aws.changes.page`. A test holds it to the code.

What is replaced has another id afterwards, and some updates give something new too, so whatever takes it is asked again: a launch template
that changes has another version, by which EKS makes the nodes of its group anew, one after the other. What keeps its name goes before its
replacement is there, and takes along what cannot be without it. Where a replaced resource holds what nobody can make again it is
protected, and Pulumi stops before it: taking the protection off is a decision ([how](plan-guard.md#on-aws)).

A row is one argument alone, a list as a whole. Of an optional argument that holds others the row of its own name is that it is given, or
left out where it was; the rows below are its parts where it is given. `GpuNodePool` has a table for each use: nodes that Karpenter
starts, groups of fixed size for GPUs that are shared, and a floor on demand beside Karpenter's nodes.
"""


def page() -> str:
    """The page, one table a component."""
    return HEAD + "".join(f"\n## {case.title}\n{section(case)}" for case in CASES)


def section(case: Case) -> str:
    """A component's table."""
    rows = "".join(f"| `{path}` | {found.kind} | {found} |\n" for path, found in effects(case).items())
    return f"\n| argument | kind | what happens |\n|---|---|---|\n{rows}"


def written() -> dict[str, str]:
    """The sections of the page as it is, by their titles in order, the head under ""."""
    head, *sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    return {"": head, **{title: text for title, _, text in (each.partition("\n") for each in sections)}}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
