"""Accuracy over a bar: one look at every case of a fixed sample, an exact binomial test on each side."""

from __future__ import annotations

from mlgate import Verdict
from mlgate_gates.checks.answers import read_answers
from mlgate_gates.checks.claims import concluded, decided, not_run, repeated
from mlgate_gates.plan import AccuracyTerms, Plan
from mlgate_gates.result import Finding, Number
from mlgate_gates.rows import Rows
from mlgate_gates.statistics import exact


def judge_accuracy(terms: AccuracyTerms, plan: Plan, rows: Rows) -> Finding:
    """A failed answer is a wrong one. A lost one is wrong for PASS and right for FAIL; what hangs on lost answers is VOID."""
    sample = plan.sample(terms.sample)
    answers = read_answers(rows, sample, "candidate")
    cases, right, lost = len(answers), int(answers.right.sum()), int(answers.lost.sum())
    if not cases:
        return not_run(terms)
    if answers.problem:
        return concluded(terms, Verdict.VOID, answers.problem, requests=cases)
    bar, best = terms.at_least, right + lost
    p_pass, p_fail = exact.p_value_below(right, cases, bar), exact.p_value_above(best, cases, bar)
    verdict = decided(
        disproven=p_fail <= plan.alpha_block,
        proven=p_pass <= plan.alpha,
        doubtful=exact.p_value_below(best, cases, bar) <= plan.alpha or exact.p_value_above(right, cases, bar) <= plan.alpha_block,
    )
    concludes = {
        Verdict.FAIL: f"which proves an accuracy under {bar:g}",
        Verdict.PASS: f"which proves an accuracy over {bar:g}",
        Verdict.VOID: f"and the verdict hangs on {lost:,} lost answers",
        Verdict.INCONCLUSIVE: f"which neither proves nor refutes an accuracy over {bar:g}",
    }
    needed = exact.right_needed(cases, bar, plan.alpha)
    numbers: dict[str, Number] = {
        "n": cases,
        "k": right,
        "limit": bar,
        "failed": int(answers.failed.sum()),
        "lost": lost,
        "p_value": p_pass,
        "p_value_fail": p_fail,
        "alpha": plan.alpha,
        "alpha_block": plan.alpha_block,
        "lower_bound": exact.lower_bound(right, cases, plan.alpha),
        "upper_bound": exact.upper_bound(best, cases, plan.alpha_block),
        **({} if needed is None else {"right_needed": needed}),
    }
    return concluded(
        terms,
        verdict,
        f"{right:,} of {cases:,} cases{repeated(sample)} are right{answers.failures}, {concludes[verdict]}",
        estimate=right / cases,
        requests=cases,
        numbers=numbers,
        missing=_missing(right, cases, bar, plan.alpha, needed) if verdict is Verdict.INCONCLUSIVE else None,
    )


def _missing(right: int, cases: int, bar: float, alpha: float, needed: int | None) -> str:
    here = "more cases than these" if needed is None else f"{needed - right:,} more right of these {cases:,} cases"
    total = exact.cases_needed_at(right / cases, bar, alpha)
    if total is None:
        return f"{here}; more cases at the observed accuracy cannot prove it"
    return f"{here}, or about {total:,} cases at the observed accuracy"
