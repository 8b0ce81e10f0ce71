"""Rules that a platform keeps, checked over a graph: recorded from a program, or read from a state export."""

from mlgate_testkit.lint.aws import required_tags
from mlgate_testkit.lint.findings import Finding, Rule
from mlgate_testkit.lint.leaks import assert_no_secret_in_clear
from mlgate_testkit.lint.linting import RULES, assert_clean, lint
from mlgate_testkit.lint.runs import RUN_RULES, assert_expected, lint_run

__all__ = [
    "RULES",
    "RUN_RULES",
    "Finding",
    "Rule",
    "assert_clean",
    "assert_expected",
    "assert_no_secret_in_clear",
    "lint",
    "lint_run",
    "required_tags",
]
