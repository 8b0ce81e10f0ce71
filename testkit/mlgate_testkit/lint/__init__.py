"""Rules that a platform keeps, checked over a graph: recorded from a program, or read from a state export."""

from mlgate_testkit.lint.aws import required_tags
from mlgate_testkit.lint.findings import Finding, Rule
from mlgate_testkit.lint.linting import RULES, assert_clean, lint

__all__ = ["RULES", "Finding", "Rule", "assert_clean", "lint", "required_tags"]
