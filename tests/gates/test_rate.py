"""Latency and error rate: what counts, what proves, what may not decide. Each rule has a row that breaks it."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import numpy as np
import pytest

from mlgate import Verdict
from mlgate_gates.plan import Plan
from mlgate_gates.result import Finding, GateResult
from mlgate_gates.statistics.eprocess import log_e_above, log_e_below

Judge = Callable[..., GateResult]

Judged = Callable[..., Finding]


@pytest.fixture
def latency(judge: Judge, plan: Plan, good: Any) -> Judged:
    """The finding on p99 at most 200 ms for a load with these columns."""
    return lambda count=3200, **columns: judge(plan, good.copy().load(count, **columns).table()).finding("latency-p99")


@pytest.fixture
def errors(judge: Judge, plan: Plan, good: Any) -> Judged:
    """The finding on at most 1 % errors for a load with these columns."""
    return lambda count=3200, **columns: judge(plan, good.copy().load(count, **columns).table()).finding("error-rate")


def at(places: range | list[int], value: float, otherwise: float, count: int = 3200) -> list[float]:
    """A column that holds `value` in these places."""
    column = [otherwise] * count
    for place in places:
        column[place] = value
    return column


def spread(exceedances: int, count: int = 3200) -> list[int]:
    """So many places, evenly over the load."""
    return np.linspace(100, count - 100, exceedances).astype(int).tolist()


def test_a_healthy_load_proves_both_claims(latency: Judged, errors: Judged) -> None:
    found = latency()
    assert (found.verdict, found.requests, found.numbers["k"], found.missing) == (Verdict.PASS, 3200, 0, None)
    assert found.numbers["log_e_pass"] >= found.numbers["threshold_pass"] == pytest.approx(log(1 / 0.008))
    assert found.estimate == 8_000_000, "the observed p99 in ns"


def test_an_error_free_load_proves_the_error_rate(errors: Judged) -> None:
    found = errors()
    assert (found.verdict, found.estimate) == (Verdict.PASS, 0.0)
    assert found.reason == "0 of 3,200 requests failed, which proves a share under 1 %"


def test_latency_runs_from_the_scheduled_instant_and_the_bound_itself_is_kept(latency: Judged) -> None:
    assert latency(latency_ms=200.0).numbers["k"] == 0
    assert latency(latency_ms=at(range(40), 200.001, 8.0)).numbers["k"] == 40


@pytest.mark.parametrize(
    ("status", "error"),
    [(0, "timeout"), (0, "connection: reset"), (503, "status: 503 busy"), (429, "status: 429"), (200, "schema: no field"), (500, None)],
)
def test_a_failed_request_counts_as_an_error_and_as_over_every_latency_bound(
    judge: Judge, plan: Plan, good: Any, status: int, error: str | None
) -> None:
    places = spread(100)
    statuses = [status if place in places else 200 for place in range(3200)]
    texts = [error if place in places else None for place in range(3200)]
    result = judge(plan, good.load(status=statuses, error=texts, latency_ms=1.0).table())
    for name in ("latency-p99", "error-rate"):
        found = result.finding(name)
        assert (found.verdict, found.numbers["k"], found.numbers["failed"]) == (Verdict.FAIL, 100, 100)


def test_the_reason_says_how_many_got_no_valid_answer_and_what_most_met(latency: Judged, errors: Judged) -> None:
    failures = ["timeout: no whole answer within 5 s"] * 2 + ["status: 503 busy"] * 3 + [None] * 3195
    columns = {"error": failures, "status": [0] * 2 + [503] * 3 + [200] * 3195, "latency_ms": at([9], 300.0, 8.0)}
    assert latency(**columns).reason.startswith(
        "6 of 3,200 requests took over 200 ms or failed (5 got no valid answer, mostly status: 503 busy), which "
    )
    assert errors(**columns).reason.startswith("5 of 3,200 requests failed (mostly status: 503 busy), which ")


def test_a_refusal_without_a_text_is_named_by_its_status(errors: Judged) -> None:
    found = errors(status=[429] + [200] * 3199)
    assert found.reason.startswith("1 of 3,200 requests failed (mostly status 429), which ")


def test_the_reason_tells_of_no_failures_where_there_are_none(latency: Judged) -> None:
    assert latency().reason == "0 of 3,200 requests took over 200 ms or failed, which proves a share under 1 %"


def test_fast_refusals_cannot_improve_the_quantile(latency: Judged) -> None:
    found = latency(status=[503 if place % 20 == 0 else 200 for place in range(3200)], latency_ms=0.5, lag_ms=0.0)
    assert found.verdict is Verdict.FAIL
    assert found.estimate is None, "the 99th percentile is a failed request"


def test_a_breach_fails_at_its_first_proof_however_good_the_rest_is(latency: Judged) -> None:
    found = latency(latency_ms=at(range(10, 60), 900.0, 8.0))
    assert found.verdict is Verdict.FAIL
    assert 10 < found.numbers["proved_at"] <= 60
    assert found.numbers["log_e_fail"] >= found.numbers["threshold_fail"] == pytest.approx(log(5 / 0.01))


def test_the_minimum_duration_does_not_bind_a_fail(latency: Judged) -> None:
    assert latency(60, latency_ms=900.0).verdict is Verdict.FAIL


def test_the_minimum_duration_binds_a_pass(latency: Judged) -> None:
    found = latency(2001)  # 10 s of at least 15
    assert found.numbers["log_e_pass"] >= found.numbers["threshold_pass"]
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.missing is not None
    assert "5 s of the load" in found.missing


def test_the_minimum_duration_lies_between_the_first_and_the_last_arrival(latency: Judged) -> None:
    assert latency(3001).verdict is Verdict.PASS
    assert latency(3000).verdict is Verdict.INCONCLUSIVE


def test_the_minimum_duration_binds_at_a_low_rate_too(judge: Judge, plan_from: Callable[..., Plan], good: Any) -> None:
    """A median at 1 request a second is proven long before 60 s, and a stall that comes every half minute was then not seen."""
    plan = plan_from(
        ("quantile: 0.99, at_most: 200 ms", "quantile: 0.5, at_most: 200 ms"),
        ("  - {name: error-rate, at_most: 1 %}\n", ""),
        ("rate: 200/s, warm_up: 5 s, at_least: 15 s", "rate: 1/s, warm_up: 5 s, at_least: 60 s"),
    )
    verdicts = {}
    for count in (40, 60, 61):
        table = good.copy().load(count, offsets_ns=np.arange(count) * 10**9).table()
        found = judge(plan, table).finding("latency-p99")
        assert found.numbers["log_e_pass"] >= found.numbers["threshold_pass"]
        verdicts[count] = found.verdict
    assert verdicts == {40: Verdict.INCONCLUSIVE, 60: Verdict.INCONCLUSIVE, 61: Verdict.PASS}


@pytest.mark.parametrize(("quantile", "count", "expected_ms"), [(0.99, 100, 99), (0.99, 101, 100), (0.5, 3, 2), (1e-9, 5, 1)])
def test_the_estimate_is_the_least_latency_that_the_share_of_requests_kept(
    judge: Judge, plan_from: Callable[..., Plan], good: Any, quantile: float, count: int, expected_ms: int
) -> None:
    plan = Plan.from_dict(
        {**plan_from().to_dict(), "checks": [{"name": "p", "kind": "latency", "quantile": quantile, "at_most_ns": 10**9}]}
    )
    found = judge(plan, good.load(count, latency_ms=list(range(count, 0, -1))).table()).finding("p")
    assert found.estimate == expected_ms * 10**6


def test_what_was_proven_once_and_lost_again_does_not_pass(latency: Judged) -> None:
    found = latency(3200, latency_ms=at(range(1500, 3200, 60), 300.0, 8.0))
    assert max(log_pass for _, log_pass, _ in found.path) >= found.numbers["threshold_pass"] > found.numbers["log_e_pass"]
    assert found.verdict is not Verdict.PASS


@pytest.mark.parametrize(("exceedances", "verdict"), [(3, Verdict.PASS), (13, Verdict.PASS), (25, Verdict.INCONCLUSIVE)])
def test_a_few_exceedances_are_allowed(latency: Judged, exceedances: int, verdict: Verdict) -> None:
    assert latency(latency_ms=at(spread(exceedances), 300.0, 8.0)).verdict is verdict


def test_inconclusive_says_how_many_more_requests_it_takes(latency: Judged) -> None:
    found = latency(latency_ms=at(spread(20), 300.0, 8.0))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.missing is not None
    assert "more requests at the observed rate" in found.missing


def test_inconclusive_says_when_no_number_of_requests_would_do(latency: Judged) -> None:
    found = latency(latency_ms=at(spread(33), 300.0, 8.0))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.missing == "cannot: at the observed rate the claim is false"


# Late and lost rows: against whatever would be proven, and VOID where only they decide.


def test_a_late_row_counts_with_its_full_latency_for_pass(latency: Judged) -> None:
    slow = at(spread(40), 300.0, 8.0)
    found = latency(latency_ms=slow, lag_ms=at(spread(40), 280.0, 0.1))
    assert found.numbers["late"] == found.numbers["k"] == 40
    assert found.verdict is Verdict.VOID
    assert "hangs on 40 that the generator sent late or lost" in found.reason


def test_a_late_row_is_under_the_bound_for_fail(latency: Judged) -> None:
    on_time = latency(latency_ms=at(range(60), 900.0, 8.0))
    late = latency(latency_ms=at(range(60), 900.0, 8.0), lag_ms=at(range(60), 895.0, 0.1))
    assert (on_time.verdict, late.verdict) == (Verdict.FAIL, Verdict.VOID)
    assert late.numbers["log_e_fail"] < late.numbers["threshold_fail"]


def test_a_breach_on_time_fails_whatever_is_late_beside_it(latency: Judged) -> None:
    found = latency(latency_ms=at(range(400), 900.0, 8.0), lag_ms=at(range(200), 895.0, 0.1))
    assert found.verdict is Verdict.FAIL


def test_late_rows_that_keep_the_bound_do_not_hinder_a_pass(latency: Judged) -> None:
    found = latency(lag_ms=at(spread(1000), 20.0, 0.1), latency_ms=30.0)
    assert (found.verdict, found.numbers["late"]) == (Verdict.PASS, 1000)


def test_one_late_row_over_the_bound_in_a_short_run_is_inconclusive_not_void(latency: Judged) -> None:
    assert latency(300, lag_ms=at([40], 250.0, 0.1, 300)).verdict is Verdict.INCONCLUSIVE


def test_a_breach_by_late_rows_alone_is_void_even_before_a_pass_could_be(latency: Judged) -> None:
    assert latency(300, lag_ms=at(range(40), 250.0, 0.1, 300)).verdict is Verdict.VOID


def test_a_pass_that_late_rows_prevent_is_not_yet_void_while_the_load_is_too_short_for_one(latency: Judged) -> None:
    late = {"lag_ms": at(spread(3, 800), 250.0, 0.1, 800)}
    assert latency(800).numbers["log_e_pass"] >= log(1 / 0.008) > latency(800, **late).numbers["log_e_pass"]
    assert latency(800, **late).verdict is Verdict.INCONCLUSIVE


def test_late_starts_at_2_percent_of_the_bound(latency: Judged) -> None:
    assert latency(lag_ms=4.0).numbers["late"] == 0
    assert latency(lag_ms=4.001).numbers["late"] == 3200


def lost(count: int) -> dict[str, Any]:
    """Columns of a load whose first rows are lost: sent, and nothing known of what came back."""
    return {"status": [0] * count + [200] * (3200 - count), "error": ["lost: killed"] * count + [None] * (3200 - count)}


def test_a_lost_row_is_a_failure_for_pass(latency: Judged, errors: Judged) -> None:
    assert latency(**lost(3)).numbers["k"] == 3
    assert latency(**lost(3)).verdict is Verdict.PASS


def test_lost_rows_that_decide_make_it_void(errors: Judged) -> None:
    found = errors(**lost(25))
    assert (found.verdict, found.numbers["lost"], found.numbers["k"]) == (Verdict.VOID, 25, 25)


def test_lost_rows_never_prove_a_breach(errors: Judged) -> None:
    found = errors(**lost(600))
    assert found.verdict is Verdict.VOID
    assert found.numbers["log_e_fail"] < found.numbers["threshold_fail"]


def test_a_late_failure_is_no_proof_of_an_error_rate(errors: Judged) -> None:
    failing = {"status": [503] * 60 + [200] * 3140, "error": ["status: 503"] * 60 + [None] * 3140}
    assert errors(**failing).verdict is Verdict.FAIL
    assert errors(**failing, lag_ms=at(range(60), 50.0, 0.1)).verdict is Verdict.VOID


# What is left out.


def test_warm_up_rows_are_never_judged(judge: Judge, plan: Plan, good: Any) -> None:
    good.add("warm-up", latency_ms=[900.0] * 1000, status=[503] * 1000)
    result = judge(plan, good.load().table())
    assert result.verdict is Verdict.PASS
    assert result.finding("latency-p99").requests == 3200


def test_the_contracts_deliberate_errors_are_not_in_the_error_rate(judge: Judge, plan: Plan, good: Any) -> None:
    assert judge(plan, good.load().table()).finding("error-rate").numbers["failed"] == 0


# A run that goes on in a second one.


def test_a_continued_run_counts_on_and_its_duration_is_the_sum(judge: Judge, plan: Plan, good: Any) -> None:
    good.load(1600)
    good.now_ns += 3600 * 10**9
    found = judge(plan, good.load(1600).table()).finding("latency-p99")
    assert (found.verdict, found.requests) == (Verdict.PASS, 3200)
    assert found.numbers["watched_ns"] == 2 * 1599 * 5_000_000


def test_hours_between_two_runs_are_not_watched(judge: Judge, plan: Plan, good: Any) -> None:
    good.load(400)
    good.now_ns += 3600 * 10**9
    assert judge(plan, good.load(400).table()).finding("latency-p99").verdict is Verdict.INCONCLUSIVE


# The path.


@pytest.mark.parametrize("count", [1, 2, 150, 200, 201, 3200])
def test_the_path_has_at_most_200_points_with_the_last_and_both_maxima(latency: Judged, count: int) -> None:
    found = latency(count, latency_ms=at([0, 7, 14] if count > 20 else [], 300.0, 8.0, count))
    places = [n for n, _, _ in found.path]
    assert len(places) <= 200
    assert places == sorted(set(places))
    assert places[-1] == count
    assert found.path[-1][1] == found.numbers["log_e_pass"]
    assert max(log_fail for _, _, log_fail in found.path) == found.numbers["log_e_fail"]


@pytest.mark.parametrize("exceedances", [[], [0], [2], [0, 1, 2], [40, 41, 90, 91], list(range(30, 60))])
def test_the_highest_e_of_all_prefixes_is_found_by_looking_around_exceedances(latency: Judged, exceedances: list[int]) -> None:
    found = latency(120, latency_ms=at(exceedances, 300.0, 8.0, 120))
    counts = np.cumsum([place in exceedances for place in range(120)])
    every = np.arange(1, 121)
    assert found.numbers["log_e_fail"] == pytest.approx(log_e_above(counts, every, 0.01).max())
    assert max(log_pass for _, log_pass, _ in found.path) == pytest.approx(log_e_below(counts, every, 0.01).max())
    reached = np.flatnonzero(log_e_above(counts, every, 0.01) >= found.numbers["threshold_fail"])
    assert found.numbers.get("proved_at") == (int(reached[0]) + 1 if len(reached) else None)


def test_an_underflown_e_is_a_number_in_json_and_never_evidence(latency: Judged) -> None:
    found = latency(latency_ms=900.0)
    assert found.numbers["log_e_pass"] == -1000.0
    assert found.verdict is Verdict.FAIL


def test_a_quantile_of_999_in_1000_is_the_decimal_it_was_written_as(plan_from: Callable[..., Plan]) -> None:
    plan = plan_from(("quantile: 0.99", "quantile: 0.999"), ("at_most: 90 s", "at_most: 900 s"))
    terms = next(terms for terms in plan.checks if terms.kind == "latency")
    assert terms.share == 0.001
