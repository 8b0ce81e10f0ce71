"""The contract: every deliberate request, right or wrong, got its documented answer. No statistics: one wrong answer is proof."""

from __future__ import annotations

from collections import Counter

from mlgate import Verdict
from mlgate_gates.checks.claims import concluded, not_run
from mlgate_gates.contract_cases import VALID
from mlgate_gates.plan import CONTRACT, ContractTerms
from mlgate_gates.result import Finding
from mlgate_gates.rows import Rows

_NAMED = 5


def judge_contract(terms: ContractTerms, rows: Rows) -> Finding:
    """FAIL on the first documented answer that was not given; VOID where an answer was lost, is missing or came twice."""
    asked = rows.phase(CONTRACT, "candidate")
    if not len(asked):
        return not_run(terms)
    kept = asked.only(~asked.lost)
    names = kept.text("case_id")
    found = zip(names, kept.number("score").tolist(), kept.text("error"), kept.whole("status").tolist(), strict=True)
    # The score holds status and mention; a right request must also be answered on the declared schema, which stands in the error.
    wrong = [_said(name, status, error) for name, score, error, status in found if score != 1 or (name == VALID and error is not None)]
    expected = Counter(terms.cases)
    numbers = {"n": len(names), "k": len(names) - len(wrong), "cases": len(terms.cases), "lost": len(asked) - len(kept)}
    details = {"estimate": numbers["k"] / len(terms.cases), "requests": len(names), "numbers": numbers}
    if repeated := sorted(name for name, times in Counter(names).items() if times > expected[name]):
        return concluded(terms, Verdict.VOID, f"rows of requests that were not planned: {_list(repeated)}", **details)
    if wrong:
        return concluded(terms, Verdict.FAIL, f"{len(wrong)} of {len(terms.cases)} were answered otherwise: {_list(wrong)}", **details)
    if missing := [name for name in terms.cases if name not in names]:
        return concluded(terms, Verdict.VOID, f"no answer on record to {_list(missing)}", **details)
    return concluded(terms, Verdict.PASS, f"all {len(terms.cases)} got their documented answers", **details)


def _said(name: str, status: int, error: str | None) -> str:
    """A case and what it got: the status alone does not say whether the refusal named the field."""
    return f"{name} ({error or f'status {status}'})" if status else f"{name} ({error or 'no answer'})"


def _list(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
