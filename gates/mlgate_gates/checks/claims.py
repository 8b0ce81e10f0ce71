"""What each check claims, how its verdict follows from what is proven, and findings that need no numbers."""

from __future__ import annotations

from typing import Any

from mlgate import Verdict
from mlgate.quantities import format_duration, format_share
from mlgate_gates.plan import AccuracyTerms, ContractTerms, ErrorRateTerms, LatencyTerms, MarginTerms, PlannedSample, Terms, UnknownTerms
from mlgate_gates.result import Finding


def claim_of(terms: Terms) -> str:
    """The claim as a sentence without its full stop."""
    match terms:
        case ContractTerms():
            return f"{len(terms.cases)} right and wrong requests get their documented answers"
        case AccuracyTerms():
            return f"accuracy on {terms.sample} is over {terms.at_least:g}"
        case MarginTerms():
            return f"accuracy on {terms.sample} is worse than stable's by less than {terms.margin:g}"
        case LatencyTerms():
            return f"{format_share(terms.quantile)} of requests are answered within {format_duration(terms.at_most_ns)}"
        case ErrorRateTerms():
            return f"under {format_share(terms.at_most)} of requests fail"
        case UnknownTerms():
            return f"a claim of kind {terms.kind}"


def repeated(sample: PlannedSample) -> str:
    """In parentheses, to stand behind its cases: how many more the file holds that were not asked. Empty where there are none."""
    return f" ({sample.repeats:,} more repeat one of them and were not asked)" if sample.repeats else ""


def decided(*, disproven: bool, proven: bool, doubtful: bool) -> Verdict:
    """The one rule of every statistical check.

    `doubtful`: one side would be proven if rows that nobody can vouch for were taken the way that proves it.
    """
    if disproven:
        return Verdict.FAIL
    if proven:
        return Verdict.PASS
    return Verdict.VOID if doubtful else Verdict.INCONCLUSIVE


def concluded(terms: Terms, verdict: Verdict | None, reason: str, **details: Any) -> Finding:
    """The finding of a check; `details` are the fields of `Finding` that have defaults."""
    return Finding(terms.name, terms.kind, claim_of(terms), verdict, reason, **details)


def not_run(terms: Terms) -> Finding:
    """The finding of a check that has no rows: it has no verdict, and whether that is a failure is the gate's to say."""
    return concluded(terms, None, "not run")
