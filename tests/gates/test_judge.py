"""The gate's verdict: joined over checks, the same for the same rows in any order, and never a pass out of nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate import EvidenceError, Verdict
from mlgate.digests import canonical_json
from mlgate_gates.judge import EVERY_CHECK, HEALTH, build_checks
from mlgate_gates.plan import Plan
from mlgate_gates.result import GateResult
from mlgate_gates.rows import Rows
from mlgate_loadtests.recording import SCHEMA

Judge = Callable[..., GateResult]


def test_a_gate_passes_when_every_check_proved_its_claim(judge: Judge, plan: Plan, good: Any) -> None:
    result = judge(plan, good.load().table())
    assert (result.verdict, result.decided_by) == (Verdict.PASS, EVERY_CHECK)
    assert [(finding.name, finding.verdict) for finding in result.findings] == [
        ("contract", Verdict.PASS),
        ("accuracy", Verdict.PASS),
        ("no-worse", Verdict.PASS),
        ("latency-p99", Verdict.PASS),
        ("error-rate", Verdict.PASS),
    ]


def test_nothing_attempted_is_a_fail_of_every_check_and_never_a_pass(judge: Judge, plan: Plan, rows: Any) -> None:
    result = judge(plan, rows.table())
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "contract")
    assert {finding.reason for finding in result.findings} == {"declared and never attempted"}


def test_a_check_that_was_never_attempted_fails_a_gate_whose_others_pass(judge: Judge, plan: Plan, good: Any) -> None:
    result = judge(plan, good.table())
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "latency-p99")
    assert result.finding("latency-p99").reason == "declared and never attempted"


def test_a_check_left_out_because_another_failed_was_not_run(judge: Judge, plan: Plan, rows: Any) -> None:
    result = judge(plan, rows.contract().quality(100).quality(20, "stable").table())
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "accuracy")
    assert [result.finding(name).verdict for name in ("latency-p99", "error-rate")] == [None, None]
    assert result.finding("latency-p99").reason == "not run"


def test_a_check_left_out_because_another_is_void_was_not_run(judge: Judge, plan: Plan, rows: Any) -> None:
    result = judge(plan, rows.contract().add("quality:holdout", case_id=["case-1"]).table())
    assert (result.verdict, result.decided_by) == (Verdict.VOID, "accuracy")
    assert result.finding("error-rate").verdict is None


def test_a_check_left_out_beside_an_inconclusive_one_was_never_attempted(judge: Judge, plan: Plan, rows: Any) -> None:
    result = judge(plan, rows.contract().quality(50).quality(50, "stable").table())
    assert result.finding("accuracy").verdict is Verdict.INCONCLUSIVE
    assert (result.verdict, result.decided_by) == (Verdict.FAIL, "latency-p99")


@pytest.mark.parametrize("phases", [0, 1, 2, 3])
def test_a_running_gate_waits_for_what_is_still_to_come(judge: Judge, plan: Plan, rows: Any, phases: int) -> None:
    for step in [rows.contract, lambda: rows.quality(20), lambda: rows.quality(20, "stable")][:phases]:
        step()
    result = judge(plan, rows.table(), ended=False)
    waiting = [finding.name for finding in result.findings if finding.verdict is None]
    assert len(waiting) == [5, 4, 2, 2][phases]
    # After two of them stable's answers are missing, and that is void for now.
    assert result.verdict is (Verdict.VOID if phases == 2 else Verdict.INCONCLUSIVE)


def test_a_running_gate_stops_at_the_first_proof_of_a_breach(judge: Judge, plan: Plan, rows: Any) -> None:
    result = judge(plan, rows.contract().quality(100).table(), ended=False)
    assert result.verdict is Verdict.FAIL


def test_fail_outweighs_void_and_inconclusive(judge: Judge, plan: Plan, good: Any) -> None:
    late = [280.0] * 40 + [0.1] * 3160
    statuses = [200] * 3000 + [503] * 200
    errors = [None] * 3000 + ["status: 503"] * 200
    result = judge(plan, good.load(lag_ms=late, status=statuses, error=errors).table())
    assert result.verdict is Verdict.FAIL


def test_void_outweighs_inconclusive(judge: Judge, plan: Plan, rows: Any) -> None:
    late = [280.0] * 40 + [0.1] * 3160
    result = judge(plan, rows.contract().quality(50).quality(50, "stable").load(lag_ms=late).table())
    assert result.finding("accuracy").verdict is Verdict.INCONCLUSIVE
    assert (result.verdict, result.decided_by) == (Verdict.VOID, "latency-p99")


def test_a_plan_without_checks_is_void(judge: Judge, plan: Plan, good: Any) -> None:
    empty = Plan.from_dict({**plan.to_dict(), "checks": []})
    for ended in (True, False):
        result = judge(empty, good.load().table(), ended=ended)
        assert (result.verdict, result.decided_by) == (Verdict.VOID, HEALTH)
        assert "nothing was measured" in result.reason


def test_a_check_of_an_unknown_kind_is_void(judge: Judge, plan: Plan, good: Any) -> None:
    value = plan.to_dict()
    value["checks"].append({"name": "fairness", "kind": "parity", "by": "group"})
    newer = Plan.from_dict(value)
    result = judge(newer, good.load().table())
    assert (result.verdict, result.decided_by) == (Verdict.VOID, "fairness")
    assert "no check of kind parity" in result.reason
    assert newer.to_dict() == value, "what it does not know it keeps, or the digest would change"


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_does_not_matter(judge: Judge, plan: Plan, good: Any, seed: int) -> None:
    mixed = good.copy().add("warm-up", latency_ms=[900.0] * 100)
    mixed.load(1500, latency_ms=list(np.linspace(1, 201, 1500))).load(1500, lag_ms=[7.0] * 30 + [0.1] * 1470)
    table = mixed.table()
    shuffled = table.take(pa.array(np.random.default_rng(seed).permutation(table.num_rows)))
    assert judge(plan, shuffled) == judge(plan, table)


def test_the_same_rows_give_the_same_result(judge: Judge, plan: Plan, good: Any) -> None:
    table = good.load(latency_ms=list(np.linspace(1, 210, 3200))).table()
    assert judge(plan, table) == judge(plan, table)


def test_a_result_survives_json_unchanged(judge: Judge, plan: Plan, good: Any) -> None:
    for table in (good.table(), good.load(latency_ms=900.0).table()):
        result = judge(plan, table)
        written = canonical_json(result.to_dict())
        assert GateResult.from_dict(json.loads(written)) == result
        assert canonical_json(GateResult.from_dict(json.loads(written)).to_dict()) == written


def test_findings_are_found_by_name(judge: Judge, plan: Plan, good: Any) -> None:
    result = judge(plan, good.load().table())
    assert result.finding("no-worse").kind == "margin"
    with pytest.raises(KeyError):
        result.finding("fairness")


def test_every_finding_claims_something_in_words(judge: Judge, plan: Plan, good: Any) -> None:
    assert [finding.claim for finding in judge(plan, good.load().table()).findings] == [
        "10 right and wrong requests get their documented answers",
        "accuracy on holdout is over 0.94",
        "accuracy on holdout is worse than stable's by less than 0.02",
        "99 % of requests are answered within 200 ms",
        "under 1 % of requests fail",
    ]


def test_a_check_is_told_of_rows_and_says_what_they_prove(plan: Plan, good: Any) -> None:
    check = build_checks(plan)[3]
    assert check.plan() == {"name": "latency-p99", "kind": "latency", "quantile": 0.99, "at_most_ns": 200_000_000}
    assert check.verdict().verdict is None
    check.update(Rows.of(good.table()))
    assert check.verdict().verdict is None
    check.update(Rows.of(good.load().table()))
    assert check.verdict().verdict is Verdict.PASS


@pytest.mark.parametrize("column", ["scheduled_ns", "arm", "error"])
def test_a_table_without_a_column_is_no_gates_rows(judge: Judge, plan: Plan, good: Any, column: str) -> None:
    with pytest.raises(EvidenceError, match=column):
        judge(plan, good.table().drop_columns([column]))


def test_a_row_without_its_instant_is_no_gates_row(judge: Judge, plan: Plan, good: Any) -> None:
    table = good.table()
    place = SCHEMA.get_field_index("scheduled_ns")
    values = pa.array([None, *table["scheduled_ns"].to_pylist()[1:]], pa.int64())
    with pytest.raises(EvidenceError, match="hold nothing in scheduled_ns"):
        judge(plan, table.set_column(place, "scheduled_ns", values))
