"""A row per check: what it claims, how it ended, and how far its evidence has come towards either end."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlgate.verdict import Verdict
from mlgate_gates.plan import Plan
from mlgate_gates.report import charts, formats
from mlgate_gates.result import Finding, GateResult


@dataclass(frozen=True, slots=True)
class Mark:
    """A verdict as text, and the shape and tone it is drawn in."""

    label: str
    tone: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far the evidence for one conclusion has come: `value` against what it `needs`."""

    goal: str
    tone: str
    value: str
    needs: str
    reached: bool
    meter: charts.Meter


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One line of the table of checks."""

    name: str
    claim: str
    mark: Mark
    estimate: str
    proven: str
    evidence: tuple[Evidence, ...]
    no_evidence: str
    requests: str
    reason: str
    missing: str


def mark(verdict: Verdict | None) -> Mark:
    """How a verdict is shown; None was not run."""
    return Mark("not run", "none") if verdict is None else Mark(verdict.value, verdict.value.lower())


def sentence(clause: str) -> str:
    """A clause with a capital and a full stop."""
    return f"{clause[:1].upper()}{clause[1:]}{'' if clause.endswith('.') else '.'}"


def check_row(finding: Finding, result: GateResult, plan: Plan) -> CheckRow:
    """The line of one finding. A reason that voids everything stands once, over the table."""
    shared = len(result.findings) > 1 and finding.reason == result.reason
    reason = "For the reason above." if shared else sentence(finding.reason)
    return CheckRow(
        name=finding.name,
        claim=finding.claim,
        mark=mark(finding.verdict),
        estimate=_estimate(finding),
        proven=_proven(finding),
        evidence=_evidence(finding, plan),
        no_evidence=_no_evidence(finding),
        requests=formats.whole(finding.requests),
        reason="Another check had decided already." if finding.verdict is None else reason,
        missing=finding.missing or "",
    )


def _estimate(finding: Finding) -> str:
    if finding.estimate is None:
        return formats.NONE
    write = {
        "accuracy": formats.accuracy,
        "margin": formats.signed,
        "latency": formats.duration,
        "error-rate": formats.percent,
        "contract": formats.percent,
    }
    return write.get(finding.kind, formats.significant)(finding.estimate)


def _proven(finding: Finding) -> str:
    """The bound that an exact test of a share proves on the side that it came out on."""
    side, bound = ("under", "upper_bound") if finding.verdict is Verdict.FAIL else ("over", "lower_bound")
    return f"{side} {formats.accuracy(finding.numbers[bound])} proven" if bound in finding.numbers else ""


def _evidence(finding: Finding, plan: Plan) -> tuple[Evidence, ...]:
    """Both sides of a check: an e-value must reach 1 over its budget, a p-value must come down to it."""
    sides = (("PASS", "pass", plan.alpha), ("FAIL", "fail", plan.alpha_block))
    shown = []
    for goal, tone, budget in sides:
        enough = -math.log(budget)
        if (log_e := finding.numbers.get(f"log_e_{tone}")) is not None:
            value, needs = f"e = {formats.from_log(log_e)}", f"≥ {formats.from_log(enough)}"
        elif (p_value := finding.numbers.get("p_value" if tone == "pass" else "p_value_fail")) is not None:
            log_e = -math.log(p_value) if p_value > 0 else math.inf
            value, needs = f"p = {formats.chance(p_value)}", f"≤ {formats.chance(budget)}"
        else:
            continue
        shown.append(Evidence(goal, tone, value, needs, log_e >= enough, charts.meter(log_e, enough)))
    return tuple(shown)


def _no_evidence(finding: Finding) -> str:
    """Why a check has neither e-value nor p-value."""
    if finding.verdict is None:
        return formats.NONE
    return "exact: nothing is left to chance" if finding.numbers else "not weighed"


def evidence_chart(index: int, finding: Finding, plan: Plan) -> charts.Chart:
    """How a finding's e-values came to be; it has a path."""
    return charts.evidence_chart(
        f"evidence-{index}",
        finding.name,
        finding.path,
        log_pass=-math.log(plan.alpha),
        log_fail=-math.log(plan.alpha_block),
        conclusion=f"{mark(finding.verdict).label}.",
    )
