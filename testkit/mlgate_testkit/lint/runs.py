"""Rules over what the engine did or would do: what no program shows, because it depends on what is deployed already.

A platform checks its previews and refreshes with them: `assert_expected(prod.preview())`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from mlgate_testkit.lint.deletions import delete_order
from mlgate_testkit.lint.drift import drift
from mlgate_testkit.lint.findings import Finding
from mlgate_testkit.lint.linting import refuse, sift
from mlgate_testkit.lint.replacements import forced_replacements, renamed

if TYPE_CHECKING:
    from mlgate_testkit.engine import Changes

__all__ = ["RUN_RULES", "assert_expected", "lint_run"]


def lint_run(changes: Changes, *, allow: Mapping[str, str] | None = None) -> list[Finding]:
    """Every breach of the rules, those left out that `allow` gives a reason for, as for `lint`; the path is the resource's name."""
    found = (found for check in RUN_RULES.values() for found in check(changes))
    return sift(found, allow, RUN_RULES.keys(), changes.operation)


def assert_expected(changes: Changes, *, allow: Mapping[str, str] | None = None) -> None:
    """`lint_run` as a test: AssertionError with a table of all findings."""
    __tracebackhide__ = True
    refuse(lint_run(changes, allow=allow), changes.operation)


RUN_RULES: Mapping[str, Callable[[Changes], Iterator[Finding]]] = {
    "forced-replacement": forced_replacements,
    "renamed": renamed,
    "drift": drift,
    "delete-order": delete_order,
}
"""What is checked, by the name that `allow` takes."""
