"""Candidate against stable on the same cases: worse by less than a margin, exact and unconditional."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.special import ndtri

from mlgate import Verdict
from mlgate_gates.checks.answers import read_answers
from mlgate_gates.checks.claims import concluded, decided, not_run, repeated
from mlgate_gates.plan import MarginTerms, Plan
from mlgate_gates.result import Finding, Number
from mlgate_gates.rows import BoolArray, Rows
from mlgate_gates.statistics import paired


def judge_margin(terms: MarginTerms, plan: Plan, rows: Rows) -> Finding:
    """A failed answer of the candidate is a wrong one; a lost one is wrong for PASS and right for FAIL.

    A failed answer of stable says nothing about its model: it counts as right for PASS and as wrong for FAIL. What hangs on lost answers,
    or on those that stable failed to give, is VOID.
    """
    sample = plan.sample(terms.sample)
    candidate, stable = read_answers(rows, sample, "candidate"), read_answers(rows, sample, "stable")
    if not len(candidate) and not len(stable):
        return not_run(terms)
    different = None if candidate.case_ids == stable.case_ids else "candidate and stable answered different cases"
    if problem := candidate.problem or stable.problem or different:
        return concluded(terms, Verdict.VOID, problem, requests=len(candidate) + len(stable))

    for_pass = _Split.of(candidate.right, stable.right | stable.failed)
    for_fail = _Split.of(candidate.right | candidate.lost, stable.right)
    margin, unknown = terms.margin, int((candidate.lost | stable.failed).sum())
    p_pass, p_fail = for_pass.p_not_worse(margin, plan.alpha), for_fail.p_worse(margin, plan.alpha_block)
    verdict = decided(
        disproven=p_fail <= plan.alpha_block,
        proven=p_pass <= plan.alpha,
        doubtful=unknown > 0
        and (for_fail.p_not_worse(margin, plan.alpha) <= plan.alpha or for_pass.p_worse(margin, plan.alpha_block) <= plan.alpha_block),
    )
    concludes = {
        Verdict.FAIL: f"which proves it worse by over {margin:g}",
        Verdict.PASS: f"which proves it worse by less than {margin:g}",
        Verdict.VOID: f"and the verdict hangs on {unknown:,} answers that never came",
        Verdict.INCONCLUSIVE: f"which neither proves nor refutes worse by less than {margin:g}",
    }
    seen = _Split.of(candidate.right, stable.right)
    numbers: dict[str, Number] = {
        "n": seen.cases,
        "only_candidate": seen.only_candidate,
        "only_stable": seen.only_stable,
        "both_right": int((candidate.right & stable.right).sum()),
        "limit": -margin,
        "failed": int(candidate.failed.sum()),
        "stable_failed": int(stable.failed.sum()),
        "lost": int(candidate.lost.sum() + stable.lost.sum()),
        "p_value": p_pass,
        "p_value_fail": p_fail,
        "alpha": plan.alpha,
        "alpha_block": plan.alpha_block,
    }
    return concluded(
        terms,
        verdict,
        f"of {seen.cases:,} cases{repeated(sample)} candidate alone is right on {seen.only_candidate:,}{candidate.failures}, "
        f"stable alone on {seen.only_stable:,}{stable.failures}, "
        f"{concludes[verdict]}",
        estimate=(seen.only_candidate - seen.only_stable) / seen.cases,
        requests=len(candidate) + len(stable),
        numbers=numbers,
        missing=_missing(for_pass, margin, plan.alpha) if verdict is Verdict.INCONCLUSIVE else None,
    )


@dataclass(frozen=True, slots=True)
class _Split:
    """How many of all cases only the candidate, and only stable, has right."""

    only_candidate: int
    only_stable: int
    cases: int

    @classmethod
    def of(cls, candidate: BoolArray, stable: BoolArray) -> _Split:
        return cls(int(np.sum(candidate & ~stable)), int(np.sum(stable & ~candidate)), len(candidate))

    def p_not_worse(self, margin: float, alpha: float) -> float:
        """Small: the candidate is worse by less than the margin, or better."""
        return paired.p_value(self.only_candidate, self.only_stable, self.cases, -margin, gamma=paired.gamma_for(alpha))

    def p_worse(self, margin: float, alpha: float) -> float:
        """Small: the candidate is worse by more than the margin."""
        return paired.p_value(self.only_stable, self.only_candidate, self.cases, margin, gamma=paired.gamma_for(alpha))


def _missing(split: _Split, margin: float, alpha: float) -> str:
    """The score grows with the root of the number of cases as long as the shares stay as they are."""
    reached = float(paired.score(split.only_candidate, split.only_stable, split.cases, -margin))
    if reached <= 0:
        return "cannot: at the observed difference the claim is false"
    total = ceil(split.cases * (float(ndtri(1 - alpha)) / reached) ** 2)
    return f"about {max(total, split.cases + 1):,} cases in all at the observed difference"
