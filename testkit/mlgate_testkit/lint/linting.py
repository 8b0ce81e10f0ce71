"""`lint` and `assert_clean`: rules over a graph, with exceptions that say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from fnmatch import fnmatchcase

from mlgate.errors import UsageError
from mlgate_testkit.lint import aws, kubernetes, secrets, structure
from mlgate_testkit.lint.findings import Finding, Rule, table
from mlgate_testkit.record import Graph

__all__ = ["RULES", "assert_clean", "lint", "refuse", "sift"]

RULES: tuple[Rule, ...] = (*structure.RULES, *secrets.RULES, *aws.RULES, *kubernetes.RULES)
"""All rules that need no word from the platform. Which tags it requires it says itself: `required_tags("Owner", "Service")`."""


def lint(graph: Graph, *, rules: Iterable[Rule] = RULES, allow: Mapping[str, str] | None = None) -> list[Finding]:
    """Every breach of `rules`, which take the place of `RULES`, in the graph, those left out that `allow` gives a reason for.

    A key of `allow` is a rule, or a rule and a path: `{"public-bucket:site/content": "it serves the website"}`; `*` stands for anything.
    A key that matches nothing is itself a finding ("stale-allow"), so that exceptions go when their cause does. Raises UsageError for a
    reason that says nothing and for a rule that does not exist.
    """
    checked = tuple(rules)
    found = (found for rule in checked for found in rule.check(graph))
    return sift(found, allow, {rule.name for rule in (*checked, *RULES)}, f"{graph.project}/{graph.stack}")


def sift(findings: Iterable[Finding], allow: Mapping[str, str] | None, known: Set[str], where: str) -> list[Finding]:
    """The findings that `allow` gives no reason for, and one for each key of it that matches nothing. `known`: the names of all rules."""
    if not isinstance(allow, Mapping | None):
        raise UsageError(
            f"allow is {allow!r}, and it takes a reason for each exception",
            where="allow=...",
            remedy=f'allow={{"{min(known)}": "why it may be so here"}}',
        )
    allowed = dict(allow or {})
    _refuse_empty(allowed, known)
    used: set[str] = set()
    kept: list[Finding] = []
    for found in findings:
        keys = [key for key in allowed if _covers(key, found)]
        used.update(keys)
        if not keys:
            kept.append(found)
    kept += [
        Finding("stale-allow", "all", where, key, "nothing is found that this allows", "take it out of allow")
        for key in allowed
        if key not in used
    ]
    return kept


def assert_clean(graph: Graph, *, rules: Iterable[Rule] = RULES, allow: Mapping[str, str] | None = None) -> None:
    """`lint` as a test: AssertionError with a table of all findings."""
    __tracebackhide__ = True
    refuse(lint(graph, rules=rules, allow=allow), f"{graph.project}/{graph.stack}")


def refuse(findings: list[Finding], where: str) -> None:
    """AssertionError with a table of the findings, if there are any."""
    __tracebackhide__ = True
    if findings:
        some = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        raise AssertionError(f"{some} in {where}\n{table(findings)}")


def _covers(key: str, found: Finding) -> bool:
    rule, _, path = key.partition(":")
    return rule == found.rule and (not path or fnmatchcase(found.path, path))


def _refuse_empty(allowed: Mapping[str, str], known: Set[str]) -> None:
    for key, reason in allowed.items():
        if not str(reason).strip():
            raise UsageError(f"{key} is allowed for no reason", where="allow=...", remedy="say why, in words a reviewer can judge")
        if key.partition(":")[0] not in known:
            raise UsageError(f"{key} names no rule", where="allow=...", remedy=f"rules are {', '.join(sorted(known))}")
