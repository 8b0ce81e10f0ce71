"""The verdict of a gate: a pure function of plan, rows and the generator's account of them.

The gate calls it while it runs, `verify` calls it years later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from mlgate import Verdict, join_all
from mlgate_gates.checks.base import Check, PlannedCheck
from mlgate_gates.checks.claims import concluded
from mlgate_gates.health import assess
from mlgate_gates.plan import Plan
from mlgate_gates.result import Finding, GateResult
from mlgate_gates.rows import Rows
from mlgate_loadtests.account import Generator

EVERY_CHECK = "every check"
HEALTH = "health"
_DECISIVE = (Verdict.FAIL, Verdict.VOID)


def build_checks(plan: Plan) -> list[Check]:
    """The checks of a plan, in its order."""
    return [PlannedCheck(terms, plan) for terms in plan.checks]


def judge(plan: Plan, rows: pa.Table, generator: Generator, *, ended: bool = True) -> GateResult:
    """What `rows`, in any order, prove under `plan`; `generator` is what was sent by its own account.

    `ended` is False while a gate runs: a check without rows is then still to come, and the result is at best INCONCLUSIVE. At the end
    such a check was "not run" where another one failed or is void, and otherwise is a FAIL: declared and never attempted.
    Raises EvidenceError where the table is not one of observations.
    """
    observed = Rows.of(rows)
    health = assess(plan, observed, generator, ended=ended)
    if health.problems:
        reason = "; ".join(health.problems)
        findings = [concluded(terms, Verdict.VOID, reason) for terms in plan.checks]
        return GateResult(Verdict.VOID, HEALTH, reason, tuple(findings), health.to_dict())
    checks = build_checks(plan)
    for check in checks:
        check.update(observed)
    findings = [check.verdict() for check in checks]
    return _joined(_at_the_end(findings) if ended else findings, health.to_dict(), ended=ended)


def _at_the_end(findings: Sequence[Finding]) -> list[Finding]:
    if any(finding.verdict in _DECISIVE for finding in findings):
        return list(findings)
    return [replace(one, verdict=Verdict.FAIL, reason="declared and never attempted") if one.verdict is None else one for one in findings]


def _joined(findings: Sequence[Finding], health: dict[str, Any], *, ended: bool) -> GateResult:
    """At the end a check that was not run takes no part; before it, it is one that nothing is known of yet."""
    counted = [(finding, finding.verdict or Verdict.INCONCLUSIVE) for finding in findings if finding.verdict or not ended]
    verdict = join_all(each for _, each in counted)
    if not counted:
        return GateResult(verdict, HEALTH, "no check was planned, so nothing was measured", tuple(findings), health)
    if verdict is Verdict.PASS:
        return GateResult(verdict, EVERY_CHECK, "every required check proved its claim", tuple(findings), health)
    decisive = next(finding for finding, each in counted if each is verdict)
    return GateResult(verdict, decisive.name, f"{decisive.name}: {decisive.reason}", tuple(findings), health)
