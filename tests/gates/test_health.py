"""Rows beyond repair make everything VOID, each with its reason; what is not beyond repair does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from mlgate import Verdict
from mlgate_gates.judge import HEALTH
from mlgate_gates.judge import judge as judge_rows
from mlgate_gates.plan import Plan
from mlgate_gates.request import Subject
from mlgate_gates.result import GateResult
from mlgate_loadtests.account import Generator

Judge = Callable[..., GateResult]
Accounted = Callable[[pa.Table], Generator]

MS = 10**6


@pytest.fixture
def judged(judge: Judge, plan: Plan, good: Any) -> Callable[..., GateResult]:
    """The result of an otherwise good gate whose load has these columns."""
    return lambda count=3200, **columns: judge(plan, good.copy().load(count, **columns).table())


def assert_void(result: GateResult, reason: str) -> None:
    """Every check is void for this reason, and more requests would not help."""
    assert (result.verdict, result.decided_by) == (Verdict.VOID, HEALTH)
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
        "sent": 10 + 1800 + 3200,
        "load_rows": 3200,
        "late": 0,
        "lost": 0,
        "wrong_digest": 0,
        "runs": 4,
        "lag_p50_ns": 200_000,
        "lag_p99_ns": 3_000_000,
        "clock_stepped_ns": 0,
        "problems": [],
    }


@pytest.mark.parametrize("served", ["sha256:" + "e" * 64, None])
@pytest.mark.parametrize("phase", ["contract", "quality", "load"])
def test_one_good_answer_from_another_release_voids_the_gate(judge: Judge, plan: Plan, good: Any, served: str | None, phase: str) -> None:
    table = good.load().table()
    row = {"contract": 0, "quality": 400, "load": 4000}[phase]
    result = judge(plan, changed(table, "served_digest", row, served))
    assert_void(result, "wrong digest served: 1 answers of candidate came from")
    assert result.health["wrong_digest"] == 1


def test_stables_answers_must_come_from_stables_release(judge: Judge, plan: Plan, good: Any) -> None:
    table = good.load().table()
    row = table["arm"].to_pylist().index("stable")
    assert_void(judge(plan, changed(table, "served_digest", row, "sha256:" + "c" * 64)), "answers of stable")


def test_a_failed_answer_may_come_from_anywhere(judged: Callable[..., GateResult]) -> None:
    statuses, errors = [503] + [200] * 3199, ["status: 503"] + [None] * 3199
    served = [None] + ["sha256:" + "c" * 64] * 3199
    assert judged(status=statuses, error=errors, served_digest=served).verdict is Verdict.PASS


def test_a_foreign_endpoint_names_no_release(judge: Judge, plan_from: Callable[..., Plan], good: Any) -> None:
    plan = plan_from(candidate=Subject("http://127.0.0.1:1"), stable=Subject("http://127.0.0.1:2"))
    table = good.load().table()
    nothing = pa.nulls(table.num_rows, pa.string())
    table = table.set_column(table.schema.get_field_index("served_digest"), "served_digest", nothing)
    assert judge(plan, table).verdict is Verdict.PASS


def served_by(table: pa.Table, releases: list[str | None]) -> pa.Table:
    """The table with the release that each row names."""
    return table.set_column(table.schema.get_field_index("served_digest"), "served_digest", pa.array(releases, pa.string()))


@pytest.mark.parametrize("other", ["sha256:" + "e" * 64, None])
@pytest.mark.parametrize("arm", ["candidate", "stable"])
def test_a_foreign_endpoint_that_changes_under_the_gate_voids_it(
    judge: Judge, plan_from: Callable[..., Plan], good: Any, other: str | None, arm: str
) -> None:
    plan = plan_from(candidate=Subject("http://127.0.0.1:1"), stable=Subject("http://127.0.0.1:2"))
    table = good.load().table()
    names: list[str | None] = ["sha256:" + {"candidate": "1", "stable": "2"}[each] * 64 for each in table["arm"].to_pylist()]
    assert judge(plan, served_by(table, names)).verdict is Verdict.PASS
    place = len(names) - 1 - table["arm"].to_pylist()[::-1].index(arm)
    names[place] = other
    assert_void(judge(plan, served_by(table, names)), f"wrong digest served: answers of {arm} came from 2 releases")


def test_a_foreign_endpoint_need_not_name_its_release_where_it_fails(judge: Judge, plan_from: Callable[..., Plan], good: Any) -> None:
    plan = plan_from(candidate=Subject("http://127.0.0.1:1"), stable=Subject("http://127.0.0.1:2"))
    table = good.load(status=[503] + [200] * 3199, error=["status: 503"] + [None] * 3199).table()
    assert judge(plan, changed(table, "served_digest", table.num_rows - 3200, None)).verdict is Verdict.PASS


def test_a_row_taken_out_of_the_load_is_seen(judge: Judge, plan: Plan, good: Any) -> None:
    table = good.load().table()
    for row in (1810, 3000):  # the first of the load, and one in its midst
        gone = pa.concat_tables([table.slice(0, row), table.slice(row + 1)])
        assert_void(judge(plan, gone), "rows missing or repeated")


def test_a_row_there_twice_is_seen(judge: Judge, plan: Plan, good: Any) -> None:
    table = good.load().table()
    assert_void(judge(plan, pa.concat_tables([table, table.slice(3000, 1)])), "rows missing or repeated")


@pytest.mark.parametrize("run", [0, 1, 3])
def test_the_last_rows_of_a_run_may_not_be_missing_since_the_generator_says_how_many_it_sent(
    judge: Judge, accounted: Accounted, plan: Plan, good: Any, run: int
) -> None:
    table = good.load().table()
    last = len(table) - 1 - table["run"].to_pylist()[::-1].index(run)
    cut = pa.concat_tables([table.slice(0, last), table.slice(last + 1)])
    sent = [10, 900, 900, 3200][run]
    reason = f"rows lost or added: {sent:,} requests were sent in run {run}, and {sent - 1:,} rows of it are there"
    assert_void(judge(plan, cut, accounted(table)), reason)


def test_a_row_that_nobody_sent_is_seen(judge: Judge, accounted: Accounted, plan: Plan, good: Any) -> None:
    sent = accounted(good.copy().load(3199).table())
    assert_void(judge(plan, good.load(3200).table(), sent), "3,199 requests were sent in run 3, and 3,200 rows of it are there")


def test_a_whole_run_may_not_be_missing(judge: Judge, accounted: Accounted, plan: Plan, good: Any) -> None:
    """A bad run taken out, of which no row is left to show a gap."""
    sent = accounted(good.copy().load(latency_ms=900.0).load().table())
    table = good.load().table()
    assert_void(judge(plan, table, sent), "3,200 requests were sent in run 4, and 0 rows of it are there")
    forged = Generator(runs=(*sent.runs[:3], sent.runs[4]))
    assert_void(judge(plan, table, forged), "the generator's account lacks runs: it has 0, 1, 2, ... up to 4")


def test_rows_of_a_run_that_the_generator_does_not_know_void_the_gate(judge: Judge, accounted: Accounted, plan: Plan, good: Any) -> None:
    sent = accounted(good.table())
    assert_void(judge(plan, good.load().table(), sent), "rows of runs that the generator's account does not have: 3")


def test_rows_without_any_account_void_the_gate(plan: Plan, good: Any) -> None:
    nothing = Generator(runs=())
    assert_void(judge_rows(plan, good.load().table(), nothing), "rows of runs that the generator's account does not have: 0, 1, 2")


def test_rows_of_the_last_run_may_be_under_way_while_the_gate_runs(judge: Judge, accounted: Accounted, plan: Plan, good: Any) -> None:
    sent = accounted(good.copy().load(4000).table())
    table = good.load(3200).table()
    assert judge(plan, table, sent, ended=False).verdict is Verdict.PASS
    assert judge(plan, table, sent).verdict is Verdict.VOID
    first = table["run"].to_pylist().index(1)
    gone = pa.concat_tables([table.slice(0, first), table.slice(first + 1)])
    assert_void(judge(plan, gone, sent, ended=False), "900 requests were sent in run 1, and 899 rows of it are there")
    assert_void(judge(plan, table, accounted(table.slice(0, 5000)), ended=False), "and 3,200 rows of it are there")


def stepped(generator: Generator, run: int, by_ns: int) -> Generator:
    """The account with the wall clock set during one run."""
    runs = [one.model_copy(update={"clock_stepped_ns": by_ns}) if one.run == run else one for one in generator.runs]
    return Generator(runs=tuple(runs))


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize(("by_ns", "said"), [(10_000_000_400, "10 s"), (-4_000_001, "-4 ms"), (4_000_001, "4 ms")])
@pytest.mark.parametrize("run", [0, 3])
def test_a_clock_that_jumped_by_more_than_late_voids_the_gate_whatever_its_rows_say(
    judge: Judge, accounted: Accounted, plan: Plan, good: Any, run: int, by_ns: int, said: str, ended: bool
) -> None:
    """A suspended machine: its monotonic clock stood still, so what was in flight seems fast."""
    table = good.load().table()
    result = judge(plan, table, stepped(accounted(table), run, by_ns), ended=ended)
    assert_void(result, f"clock stepped: the wall clock jumped by {said} against the monotonic one during run {run}")
    assert result.health["clock_stepped_ns"] == by_ns


def test_a_clock_that_jumped_voids_a_breach_too(judge: Judge, accounted: Accounted, plan: Plan, good: Any) -> None:
    table = good.load(latency_ms=900.0).table()
    assert judge(plan, table).verdict is Verdict.FAIL
    assert judge(plan, table, stepped(accounted(table), 3, 10**10)).verdict is Verdict.VOID


WITHOUT_LOAD = [
    ("objectives:\n  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}\n  - {name: error-rate, at_most: 1 %}\n", ""),
    ("load: {arrivals: poisson, rate: 200/s, warm_up: 5 s, at_least: 15 s, at_most: 90 s, bursts: independent}\n", ""),
]


@pytest.mark.parametrize("by_ns", [4_000_000, -4_000_000])
def test_a_jump_that_makes_no_row_late_is_only_told(judge: Judge, accounted: Accounted, plan: Plan, good: Any, by_ns: int) -> None:
    table = good.load().table()
    result = judge(plan, table, stepped(accounted(table), 3, by_ns))
    assert (result.verdict, result.health["clock_stepped_ns"]) == (Verdict.PASS, by_ns)


def test_a_jump_where_nothing_is_timed_is_only_told(judge: Judge, accounted: Accounted, plan_from: Callable[..., Plan], good: Any) -> None:
    table = good.table()
    result = judge(plan_from(*WITHOUT_LOAD), table, stepped(accounted(table), 1, 10**10))
    assert (result.verdict, result.health["clock_stepped_ns"]) == (Verdict.PASS, 10**10)


def test_each_run_counts_from_its_own_start(judge: Judge, plan: Plan, good: Any) -> None:
    assert judge(plan, good.load(1600).load(1600).table()).verdict is Verdict.PASS


def test_a_request_sent_before_its_instant_is_a_stepped_clock(judged: Callable[..., GateResult]) -> None:
    assert judged(lag_ms=[-3.9] + [0.1] * 3199).verdict is Verdict.PASS
    assert_void(judged(lag_ms=[-4.1] + [0.1] * 3199), "clock stepped: 1 requests were sent before their instant")


@pytest.mark.parametrize("column", ["done_ns", "first_byte_ns"])
def test_an_answer_before_its_request_is_a_stepped_clock(judge: Judge, plan: Plan, good: Any, column: str) -> None:
    table = good.load().table()
    early = table["sent_ns"][2000].as_py() - 5
    assert_void(judge(plan, changed(table, column, 2000, early)), "clock stepped: 1 requests ended before they began")


@pytest.mark.parametrize("column", ["done_ns", "sent_ns"])
def test_a_success_without_a_beginning_or_an_end_is_no_row(judge: Judge, plan: Plan, good: Any, column: str) -> None:
    assert_void(judge(plan, changed(good.load().table(), column, 2000, 0)), "succeeded without a beginning or an end")


def test_a_later_run_before_an_earlier_one_is_a_stepped_clock(judge: Judge, plan: Plan, good: Any) -> None:
    good.now_ns -= 3600 * 10**9
    assert_void(judge(plan, good.load().table()), "a later run was scheduled before an earlier one ended")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("column", ["answer", "score"])
def test_nan_in_a_row_voids_the_gate(judged: Callable[..., GateResult], column: str, value: float) -> None:
    assert_void(judged(**{column: [value] + [1.0] * 3199}), f"NaN or infinity in {column} of 1 rows")


def test_no_answer_is_not_nan(judged: Callable[..., GateResult]) -> None:
    assert judged(answer=[None] * 3200, score=[None] * 3200).verdict is Verdict.PASS


def test_rows_of_an_arm_that_the_plan_does_not_have_void_the_gate(judge: Judge, plan_from: Callable[..., Plan], good: Any) -> None:
    plan = plan_from(stable=None, first_release=True)
    assert_void(judge(plan, good.load().table()), "rows of arms that the plan does not have: stable")


def test_rows_of_a_phase_that_the_plan_does_not_have_void_the_gate(judge: Judge, plan: Plan, good: Any) -> None:
    assert_void(
        judge(plan, good.add("quality:other", case_id=["case-1"]).load().table()), "phases that the plan does not have: quality:other"
    )


def test_all_problems_are_said_at_once(judge: Judge, plan: Plan, good: Any) -> None:
    table = changed(changed(good.load().table(), "served_digest", 2000, None), "score", 2001, float("nan"))
    result = judge(plan, table)
    assert len(result.health["problems"]) == 2
    assert result.reason == "; ".join(result.health["problems"])


def test_health_is_judged_before_a_breach(judge: Judge, plan: Plan, good: Any) -> None:
    """Whatever the numbers say: a gate that measured another release has not found this one slow."""
    assert_void(judge(plan, good.load(latency_ms=900.0, served_digest=[None] * 3200).table()), "wrong digest served")


def test_without_a_load_nothing_is_late(judge: Judge, plan_from: Callable[..., Plan], rows: Any) -> None:
    result = judge(plan_from(*WITHOUT_LOAD), rows.contract().quality(20).quality(20, "stable").table())
    assert (result.verdict, result.health["late"], result.health["lag_p99_ns"]) == (Verdict.PASS, 0, 0)
