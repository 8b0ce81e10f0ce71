"""Rows beyond repair make everything VOID, each with its reason; what is not beyond repair does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mlgate import Verdict
from mlgate_gates.judge import HEALTH, judge
from mlgate_gates.plan import Plan
from mlgate_gates.request import Subject
from mlgate_gates.result import GateResult

MS = 10**6


@pytest.fixture
def judged(plan: Plan, good: Any) -> Callable[..., GateResult]:
    """The result of an otherwise good gate whose load has these columns."""
    return lambda count=3200, **columns: judge(plan, good.copy().load(count, **columns).table())


def assert_void(result: GateResult, reason: str) -> None:
    """Every check is void for this reason, and more requests would not help."""
    assert (result.verdict, result.decided_by, result.settled) == (Verdict.VOID, HEALTH, True)
    assert reason in result.reason
    assert {finding.verdict for finding in result.findings} == {Verdict.VOID}
    assert result.health["problems"]


def changed(table: pa.Table, column: str, row: int, value: Any) -> pa.Table:
    """The table with one cell changed."""
    values = table[column].to_pylist()
    values[row] = value
    return table.set_column(
        table.schema.get_field_index(column), table.schema.field(column), pa.array(values, table.schema.field(column).type)
    )


def test_a_good_gate_has_no_problems_and_shows_the_generators_lag(judged: Callable[..., GateResult]) -> None:
    health = judged(lag_ms=[0.2] * 3136 + [3.0] * 64).health
    assert health == {
        "rows": 10 + 1800 + 3200,
        "load_rows": 3200,
        "late": 0,
        "lost": 0,
        "wrong_digest": 0,
        "runs": 4,
        "lag_p50_ns": 200_000,
        "lag_p99_ns": 3_000_000,
        "problems": [],
    }


@pytest.mark.parametrize("served", ["sha256:" + "e" * 64, None])
@pytest.mark.parametrize("phase", ["contract", "quality", "load"])
def test_one_good_answer_from_another_release_voids_the_gate(plan: Plan, good: Any, served: str | None, phase: str) -> None:
    table = good.load().table()
    row = {"contract": 0, "quality": 400, "load": 4000}[phase]
    result = judge(plan, changed(table, "served_digest", row, served))
    assert_void(result, "wrong digest served: 1 answers of candidate came from")
    assert result.health["wrong_digest"] == 1


def test_stables_answers_must_come_from_stables_release(plan: Plan, good: Any) -> None:
    table = good.load().table()
    row = table["arm"].to_pylist().index("stable")
    assert_void(judge(plan, changed(table, "served_digest", row, "sha256:" + "c" * 64)), "answers of stable")


def test_a_failed_answer_may_come_from_anywhere(judged: Callable[..., GateResult]) -> None:
    statuses, errors = [503] + [200] * 3199, ["status: 503"] + [None] * 3199
    served = [None] + ["sha256:" + "c" * 64] * 3199
    assert judged(status=statuses, error=errors, served_digest=served).verdict is Verdict.PASS


def test_a_foreign_endpoint_names_no_release(plan_from: Callable[..., Plan], good: Any) -> None:
    plan = plan_from(candidate=Subject("http://127.0.0.1:1"), stable=Subject("http://127.0.0.1:2"))
    table = good.load().table()
    nothing = pa.nulls(table.num_rows, pa.string())
    table = table.set_column(table.schema.get_field_index("served_digest"), "served_digest", nothing)
    assert judge(plan, table).verdict is Verdict.PASS


def test_a_row_taken_out_of_the_load_is_seen(plan: Plan, good: Any) -> None:
    table = good.load().table()
    for row in (1810, 3000):  # the first of the load, and one in its midst
        gone = pa.concat_tables([table.slice(0, row), table.slice(row + 1)])
        assert_void(judge(plan, gone), "rows missing or repeated")


def test_a_row_there_twice_is_seen(plan: Plan, good: Any) -> None:
    table = good.load().table()
    assert_void(judge(plan, pa.concat_tables([table, table.slice(3000, 1)])), "rows missing or repeated")


def test_the_last_rows_of_a_run_may_be_missing_since_a_gate_stops_anywhere(plan: Plan, good: Any) -> None:
    assert judge(plan, good.load().table().slice(0, 4990)).verdict is Verdict.PASS


def test_each_run_counts_from_its_own_start(plan: Plan, good: Any) -> None:
    assert judge(plan, good.load(1600).load(1600).table()).verdict is Verdict.PASS


def test_a_request_sent_before_its_instant_is_a_stepped_clock(judged: Callable[..., GateResult]) -> None:
    assert judged(lag_ms=[-3.9] + [0.1] * 3199).verdict is Verdict.PASS
    assert_void(judged(lag_ms=[-4.1] + [0.1] * 3199), "clock stepped: 1 requests were sent before their instant")


@pytest.mark.parametrize("column", ["done_ns", "first_byte_ns"])
def test_an_answer_before_its_request_is_a_stepped_clock(plan: Plan, good: Any, column: str) -> None:
    table = good.load().table()
    early = table["sent_ns"][2000].as_py() - 5
    assert_void(judge(plan, changed(table, column, 2000, early)), "clock stepped: 1 requests ended before they began")


@pytest.mark.parametrize("column", ["done_ns", "sent_ns"])
def test_a_success_without_a_beginning_or_an_end_is_no_row(plan: Plan, good: Any, column: str) -> None:
    assert_void(judge(plan, changed(good.load().table(), column, 2000, 0)), "succeeded without a beginning or an end")


def test_a_later_run_before_an_earlier_one_is_a_stepped_clock(plan: Plan, good: Any) -> None:
    good.now_ns -= 3600 * 10**9
    assert_void(judge(plan, good.load().table()), "a later run was scheduled before an earlier one ended")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("column", ["answer", "score"])
def test_nan_in_a_row_voids_the_gate(judged: Callable[..., GateResult], column: str, value: float) -> None:
    assert_void(judged(**{column: [value] + [1.0] * 3199}), f"NaN or infinity in {column} of 1 rows")


def test_no_answer_is_not_nan(judged: Callable[..., GateResult]) -> None:
    assert judged(answer=[None] * 3200, score=[None] * 3200).verdict is Verdict.PASS


def test_rows_of_an_arm_that_the_plan_does_not_have_void_the_gate(plan_from: Callable[..., Plan], good: Any) -> None:
    plan = plan_from(stable=None, first_release=True)
    assert_void(judge(plan, good.load().table()), "rows of arms that the plan does not have: stable")


def test_rows_of_a_phase_that_the_plan_does_not_have_void_the_gate(plan: Plan, good: Any) -> None:
    assert_void(
        judge(plan, good.add("quality:other", case_id=["case-1"]).load().table()), "phases that the plan does not have: quality:other"
    )


def test_all_problems_are_said_at_once(plan: Plan, good: Any) -> None:
    table = changed(changed(good.load().table(), "served_digest", 2000, None), "score", 2001, float("nan"))
    result = judge(plan, table)
    assert len(result.health["problems"]) == 2
    assert result.reason == "; ".join(result.health["problems"])


def test_health_is_judged_before_a_breach(plan: Plan, good: Any) -> None:
    """Whatever the numbers say: a gate that measured another release has not found this one slow."""
    assert_void(judge(plan, good.load(latency_ms=900.0, served_digest=[None] * 3200).table()), "wrong digest served")


def test_without_a_load_nothing_is_late(plan_from: Callable[..., Plan], rows: Any) -> None:
    plan = plan_from(
        ("objectives:\n  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}\n  - {name: error-rate, at_most: 1 %}\n", ""),
        ("load: {arrivals: poisson, rate: 200/s, warm_up: 5 s, at_least: 15 s, at_most: 90 s, bursts: independent}\n", ""),
    )
    result = judge(plan, rows.contract().quality(20).quality(20, "stable").table())
    assert (result.verdict, result.health["late"], result.health["lag_p99_ns"]) == (Verdict.PASS, 0, 0)
