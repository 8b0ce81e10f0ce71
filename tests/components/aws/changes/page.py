"""Writes `docs/platform-changes.md`: `python -m tests.components.aws.changes.page`."""

from __future__ import annotations

from pathlib import Path

from .cases import CASES
from .changing import effects

PAGE = Path(__file__).resolve().parents[4] / "docs" / "platform-changes.md"
_HEAD = """\
# What a change of an argument does

Before anything is run: what each argument of a component does to its resources when it changes. `update` changes or adds in place,
`replace` makes a resource anew, `none` is read by the component alone. Generated from the components and from the Diff of simulated AWS and
of the Kubernetes stand-in ([how faithful](testkit-aws.md#how-faithful)): `python -m tests.components.aws.changes.page`. A test holds it to
the code.

What is replaced has another id afterwards, so whatever takes one is asked again. Where a replaced resource holds what nobody can make again
it is protected, and Pulumi stops before it: taking the protection off is a decision, and the [plan guard](plan-guard.md) asks for its
signed approval.
"""


def page() -> str:
    """The page, one table a component."""
    text = [_HEAD]
    for case in CASES:
        text.append(f"\n## {case.title}\n\n| argument | kind | what happens |\n|---|---|---|\n")
        text += [f"| `{path}` | {found.kind} | {found} |\n" for path, found in effects(case).items()]
    return "".join(text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
