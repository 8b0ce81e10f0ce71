"""Accuracy and margin: one look at all cases, failed answers are wrong, and nothing is concluded from answers that nobody has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlgate import Verdict
from mlgate_gates.plan import Plan
from mlgate_gates.result import Finding, GateResult
from mlgate_gates.samples import Sample

Judge = Callable[..., GateResult]

CASES = 900


@pytest.fixture
def accuracy(judge: Judge, plan: Plan, rows: Any) -> Callable[..., Finding]:
    """The finding on accuracy for candidate's answers."""
    return lambda wrong=20, **columns: judge(plan, rows.copy().quality(wrong, **columns).table(), ended=False).finding("accuracy")


@pytest.fixture
def margin(judge: Judge, plan: Plan, rows: Any) -> Callable[..., Finding]:
    """The finding on the margin for both arms' wrong answers; `stable` holds columns of stable's rows, the rest are candidate's."""

    def find(wrong: Any, wrong_of_stable: Any, stable: dict[str, Any] | None = None, **columns: Any) -> Finding:
        table = rows.copy().quality(wrong, **columns).quality(wrong_of_stable, "stable", **(stable or {})).table()
        return judge(plan, table, ended=False).finding("no-worse")

    return find


def failing(places: range, status: int = 0, error: str = "timeout") -> dict[str, Any]:
    """Columns in which these cases failed."""
    return {
        "status": [status if place in places else 200 for place in range(CASES)],
        "error": [error if place in places else None for place in range(CASES)],
    }


@pytest.mark.parametrize(
    ("wrong", "verdict"),
    [(20, Verdict.PASS), (37, Verdict.PASS), (38, Verdict.INCONCLUSIVE), (70, Verdict.INCONCLUSIVE), (80, Verdict.FAIL)],
)
def test_863_of_900_prove_the_bar_and_too_few_refute_it(accuracy: Callable[..., Finding], wrong: int, verdict: Verdict) -> None:
    found = accuracy(wrong)
    assert (found.verdict, found.numbers["k"], found.numbers["right_needed"]) == (verdict, 900 - wrong, 863)
    assert found.estimate == (900 - wrong) / 900


def test_inconclusive_says_how_many_more_right_answers_or_cases_it_takes(accuracy: Callable[..., Finding]) -> None:
    missing = accuracy(45).missing
    assert missing is not None
    assert missing.startswith("8 more right of these 900 cases, or about ")


def test_inconclusive_under_the_bar_says_that_more_cases_would_not_help(accuracy: Callable[..., Finding]) -> None:
    missing = accuracy(60).missing
    assert missing is not None
    assert missing.endswith("more cases at the observed accuracy cannot prove it")


@pytest.mark.parametrize(("status", "error"), [(0, "timeout"), (503, "status: 503"), (200, "schema: no field")])
def test_a_failed_answer_is_a_wrong_answer_whatever_score_it_carries(accuracy: Callable[..., Finding], status: int, error: str) -> None:
    found = accuracy(0, **failing(range(80), status, error))
    assert (found.verdict, found.numbers["k"], found.numbers["failed"]) == (Verdict.FAIL, 820, 80)


def test_the_reason_says_how_many_cases_got_no_valid_answer_and_what_most_met(accuracy: Callable[..., Finding]) -> None:
    assert accuracy(0, **failing(range(3), 503, "status: 503 busy")).reason.startswith(
        "897 of 900 cases are right (3 got no valid answer, mostly status: 503 busy), which "
    )
    assert accuracy(3).reason.startswith("897 of 900 cases are right, which ")


def test_the_reason_tells_of_each_arms_failures(margin: Callable[..., Finding]) -> None:
    reason = margin([], [], stable=failing(range(2)), **failing(range(2, 5), 500, "status: 500")).reason
    assert "candidate alone is right on 2 (3 got no valid answer, mostly status: 500), stable" in reason
    assert "stable alone on 3 (2 got no valid answer, mostly timeout), which" in reason


def test_the_reason_says_how_many_cases_repeat_another_and_were_not_asked(
    judge: Judge, plan_from: Callable[..., Plan], sample_of_size: Callable[..., Sample], good: Any
) -> None:
    result = judge(plan_from(samples=(sample_of_size(repeats=8100),)), good.load().table())
    told = "900 cases (8,100 more repeat one of them and were not asked)"
    assert result.finding("accuracy").reason.startswith(f"880 of {told} are right")
    assert result.finding("no-worse").reason.startswith(f"of {told} candidate alone")


def test_a_lost_answer_is_wrong_for_pass(accuracy: Callable[..., Finding]) -> None:
    assert accuracy(0, **failing(range(37), error="lost: killed")).verdict is Verdict.PASS


def test_a_pass_that_hangs_on_lost_answers_is_void(accuracy: Callable[..., Finding]) -> None:
    found = accuracy(range(100, 120), **failing(range(30), error="lost: killed"))
    assert (found.verdict, found.numbers["lost"]) == (Verdict.VOID, 30)
    assert "hangs on 30 lost answers" in found.reason


def test_a_lost_answer_is_right_for_fail(accuracy: Callable[..., Finding]) -> None:
    found = accuracy(range(100, 170), **failing(range(15), error="lost: killed"))
    assert found.verdict is Verdict.VOID
    assert found.numbers["p_value_fail"] > 0.002


def test_a_case_that_was_lost_may_be_asked_again(judge: Judge, plan: Plan, rows: Any) -> None:
    rows.quality(20, **failing(range(200, 300), error="lost: killed"))
    again = [f"case-{place}" for place in range(200, 300)]
    found = judge(plan, rows.add("quality:holdout", case_id=again, score=[1.0] * 100).table(), ended=False).finding("accuracy")
    assert (found.verdict, found.requests, found.numbers["lost"], found.numbers["k"]) == (Verdict.PASS, 900, 0, 880)
    assert found.reason.startswith("880 of 900 cases are right, which "), "a failure that nobody saw is none"


def test_a_case_answered_twice_is_void_because_repeating_is_no_evidence(judge: Judge, plan: Plan, rows: Any) -> None:
    table = rows.quality(20).add("quality:holdout", case_id=["case-3"]).table()
    found = judge(plan, table, ended=False).finding("accuracy")
    assert found.verdict is Verdict.VOID
    assert "1 answers of candidate to holdout repeat a case" in found.reason


def test_a_failed_answer_may_not_be_asked_again_until_it_is_right(judge: Judge, plan: Plan, rows: Any) -> None:
    table = rows.quality(20, **failing(range(5))).add("quality:holdout", case_id=["case-3"]).table()
    assert judge(plan, table, ended=False).finding("accuracy").verdict is Verdict.VOID


def test_cases_without_an_answer_are_void_and_never_dropped(judge: Judge, plan: Plan, rows: Any) -> None:
    table = rows.add("quality:holdout", case_id=[f"case-{place}" for place in range(880)]).table()
    found = judge(plan, table, ended=False).finding("accuracy")
    assert (found.verdict, found.reason) == (Verdict.VOID, "candidate answered 880 of the 900 cases of holdout")


@pytest.mark.parametrize("score", [None, 0.5, 2.0])
def test_an_answer_that_was_not_scored_right_or_wrong_is_void(accuracy: Callable[..., Finding], score: float | None) -> None:
    found = accuracy(0, score=[score] + [1.0] * 899)
    assert found.verdict is Verdict.VOID
    assert "carry no score" in found.reason


def test_another_samples_answers_are_not_counted(judge: Judge, plan: Plan, rows: Any) -> None:
    found = judge(plan, rows.quality(20).quality(900, "stable").table(), ended=False).finding("accuracy")
    assert found.numbers["k"] == 880


# The margin.


@pytest.mark.parametrize(
    ("only_candidate", "only_stable", "verdict"),
    [
        (12, 12, Verdict.PASS),
        (11, 15, Verdict.PASS),
        (10, 16, Verdict.INCONCLUSIVE),
        (0, 18, Verdict.INCONCLUSIVE),
        (5, 60, Verdict.FAIL),
        (40, 0, Verdict.PASS),
    ],
)
def test_the_margin_is_paired_on_the_same_cases(
    margin: Callable[..., Finding], only_candidate: int, only_stable: int, verdict: Verdict
) -> None:
    both_wrong = 10
    found = margin(
        range(both_wrong + only_stable), [*range(both_wrong), *range(both_wrong + only_stable, both_wrong + only_stable + only_candidate)]
    )
    assert found.verdict is verdict
    assert (found.numbers["only_candidate"], found.numbers["only_stable"]) == (only_candidate, only_stable)
    assert found.estimate == pytest.approx((only_candidate - only_stable) / 900)
    assert found.requests == 1800


def test_margin_inconclusive_says_how_many_cases_it_takes(margin: Callable[..., Finding]) -> None:
    missing = margin(range(26), range(16, 36)).missing
    assert missing is not None
    assert missing.startswith("about ")
    assert int(missing.split()[1].replace(",", "")) > 900


def test_margin_inconclusive_says_when_the_claim_looks_false(margin: Callable[..., Finding]) -> None:
    assert margin(range(18), []).missing == "cannot: at the observed difference the claim is false"


def test_a_stable_that_does_not_answer_cannot_make_a_candidate_pass(margin: Callable[..., Finding]) -> None:
    """Candidate wrong on 30 cases, stable on none, but 40 of stable's answers never came."""
    found = margin(range(30), [], stable=failing(range(100, 140)))
    assert found.verdict is Verdict.VOID
    assert found.numbers["stable_failed"] == 40


def test_a_stable_that_does_not_answer_cannot_make_a_candidate_fail(margin: Callable[..., Finding]) -> None:
    found = margin(range(60), [], stable=failing(range(50)))
    assert found.verdict is Verdict.VOID


def test_failed_answers_of_the_candidate_are_wrong_ones(margin: Callable[..., Finding]) -> None:
    assert margin([], [], **failing(range(60))).verdict is Verdict.FAIL


def test_lost_answers_of_the_candidate_decide_nothing(margin: Callable[..., Finding]) -> None:
    assert margin([], [], **failing(range(60), error="lost: killed")).verdict is Verdict.VOID


def test_few_unknown_answers_do_not_hinder_what_is_proven_without_them(margin: Callable[..., Finding]) -> None:
    assert margin([], [], stable=failing(range(3))).verdict is Verdict.PASS


def test_margin_without_stables_answers_is_void(judge: Judge, plan: Plan, rows: Any) -> None:
    found = judge(plan, rows.quality(20).table(), ended=False).finding("no-worse")
    assert (found.verdict, found.reason) == (Verdict.VOID, "stable answered 0 of the 900 cases of holdout")


def test_margin_on_different_cases_is_void(margin: Callable[..., Finding]) -> None:
    found = margin(5, 5, stable={"case_id": [f"other-{place}" for place in range(900)]})
    assert (found.verdict, found.reason) == (Verdict.VOID, "candidate and stable answered different cases")
