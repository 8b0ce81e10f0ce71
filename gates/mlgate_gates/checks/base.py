"""What a check is, and which function judges each kind of terms."""

from __future__ import annotations

from typing import Any, Protocol

from mlgate import Verdict
from mlgate_gates.checks.accuracy import judge_accuracy
from mlgate_gates.checks.claims import claim_of, concluded, not_run
from mlgate_gates.checks.contract import judge_contract
from mlgate_gates.checks.error_rate import judge_error_rate
from mlgate_gates.checks.latency import judge_latency
from mlgate_gates.checks.margin import judge_margin
from mlgate_gates.plan import AccuracyTerms, ContractTerms, ErrorRateTerms, LatencyTerms, MarginTerms, Plan, Terms, UnknownTerms
from mlgate_gates.result import Finding
from mlgate_gates.rows import Rows


class Check(Protocol):
    """One hypothesis, told of rows and asked for what they prove."""

    def plan(self) -> dict[str, Any]:
        """Its terms, as they stand in the plan."""
        ...

    def update(self, rows: Rows) -> None:
        """Takes all rows that there are so far, in place of those it had; it picks its own."""
        ...

    def verdict(self) -> Finding:
        """What those rows prove; a finding without a verdict while there is no row of its own."""
        ...


class PlannedCheck:
    """The check that a plan's terms describe."""

    def __init__(self, terms: Terms, plan: Plan) -> None:
        self._terms = terms
        self._plan = plan
        self._rows: Rows | None = None

    def plan(self) -> dict[str, Any]:
        """Its terms, as they stand in the plan."""
        return self._terms.model_dump(mode="json")

    def update(self, rows: Rows) -> None:
        """Takes all rows that there are so far, in place of those it had."""
        self._rows = rows

    def verdict(self) -> Finding:
        """What those rows prove. The same rows give the same finding."""
        return not_run(self._terms) if self._rows is None else _judge(self._terms, self._plan, self._rows)


def _judge(terms: Terms, plan: Plan, rows: Rows) -> Finding:
    match terms:
        case ContractTerms():
            return judge_contract(terms, rows)
        case AccuracyTerms():
            return judge_accuracy(terms, plan, rows)
        case MarginTerms():
            return judge_margin(terms, plan, rows)
        case LatencyTerms():
            return judge_latency(terms, plan, rows)
        case ErrorRateTerms():
            return judge_error_rate(terms, plan, rows)
        case UnknownTerms():
            return concluded(terms, Verdict.VOID, f"this version of mlgate knows no check of kind {terms.kind}: {claim_of(terms)}")
