"""The share of failed requests under a limit: not 2xx, no answer in time, off the declared schema, connection or row lost."""

from __future__ import annotations

from mlgate_gates.checks.claims import not_run
from mlgate_gates.checks.rate import judge_rate
from mlgate_gates.plan import ErrorRateTerms, Plan
from mlgate_gates.result import Finding
from mlgate_gates.rows import LOAD, Rows


def judge_error_rate(terms: ErrorRateTerms, plan: Plan, rows: Rows) -> Finding:
    """The estimate is the observed share of failed requests."""
    load = rows.phase(LOAD, "candidate")
    if not len(load):
        return not_run(terms)
    failed = load.failed
    met = load.commonest_failure
    what = "failed" if met is None else f"failed (mostly {met})"
    return judge_rate(terms, plan, load, failed, terms.at_most, what=what, estimate=float(failed.mean()))
