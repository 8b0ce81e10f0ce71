"""The plan that was signed is what was declared, and the load went out by its schedule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlgate import EvidenceError, Verdict
from mlgate_gates.plan import Plan
from mlgate_gates.verify import Verified

Change = Callable[[dict[str, Any]], None]
Verify = Callable[..., Verified]


def without_the_margin(plan: dict[str, Any]) -> None:
    """A check left out that the release would not have passed."""
    del plan["checks"][2]


@pytest.mark.parametrize(
    ("plan_lie", "named"),
    [
        (lambda plan: plan["checks"][1].update(at_least=0.5), "plan.checks[1].at_least was signed as 0.5, and 0.94 comes out"),
        (lambda plan: plan["checks"][2].update(margin=0.5), "plan.checks[2].margin was signed as 0.5, and 0.02 comes out"),
        (lambda plan: plan["checks"][3].update(at_most_ns=10**10), "plan.checks[3].at_most_ns"),
        (lambda plan: plan["checks"][0].update(cases=plan["checks"][0]["cases"][:1]), "plan.checks[0].cases was signed with 1 items"),
        (without_the_margin, "plan.checks was signed with 4 items, and 5 come out"),
        (lambda plan: plan.update(alpha=0.5), "plan.alpha was signed as 0.5"),
        (lambda plan: plan.update(route=2), "plan.alpha was signed as 0.008, and 0.001 comes out"),
        (lambda plan: plan.update(alpha_block=0.5), "plan.alpha_block was signed as 0.5"),
        (lambda plan: plan.update(service="letters"), "plan.service was signed as 'letters', and 'digits' comes out"),
        (lambda plan: plan["load"].update(late_ns=10**10), "plan.load.late_ns"),
        (lambda plan: plan["load"].update(at_least_ns=0), "plan.load.at_least_ns"),
        (lambda plan: plan["load"].update(rate_per_s=1.0), "plan.load.rate_per_s"),
        (lambda plan: plan["load"].update(schedule_seed=1), "plan.load.schedule_seed was signed as 1"),
        (lambda plan: plan["samples"][0].update(arms=["candidate"]), "plan.samples[0].arms was signed with 1 items, and 2 come out"),
        (lambda plan: plan["samples"].append(plan["samples"][0] | {"data": "mine.parquet"}), "plan.samples was signed with 2 items"),
    ],
)
def test_a_plan_that_is_not_what_was_declared_is_seen_however_it_was_signed(
    evidence: Callable[..., Path], verify: Verify, plan_lie: Change, named: str
) -> None:
    with pytest.raises(EvidenceError) as caught:
        verify(evidence(plan_lie=plan_lie))
    assert named in str(caught.value)


@pytest.mark.parametrize(
    ("plan_lie", "named"),
    [
        (lambda plan: plan["declaration"].update(rain=1), r"declaration\.rain: Extra inputs"),
        (lambda plan: plan["samples"][0].update(data="mine.parquet"), "samples: none is of 'data/holdout.parquet'"),
    ],
)
def test_a_plan_whose_declaration_does_not_fit_it_is_refused(
    evidence: Callable[..., Path], verify: Verify, plan_lie: Change, named: str
) -> None:
    with pytest.raises(EvidenceError, match=named):
        verify(evidence(plan_lie=plan_lie))


# The load went out by its schedule.


def test_evenly_spaced_requests_are_no_poisson_arrivals(evidence: Callable[..., Path], verify: Verify, good: Any) -> None:
    with pytest.raises(EvidenceError, match="run 3: its 3,200 requests did not go out when the plan's seed and rate say"):
        verify(evidence(rows=good.load().table()))


def test_a_request_moved_by_a_nanosecond_is_seen(evidence: Callable[..., Path], verify: Verify, observed: pa.Table) -> None:
    scheduled = observed["scheduled_ns"].to_pylist()
    scheduled[-5] += 1
    moved = observed.set_column(observed.schema.get_field_index("scheduled_ns"), "scheduled_ns", pa.array(scheduled, pa.int64()))
    with pytest.raises(EvidenceError, match="did not go out when the plan's seed and rate say"):
        verify(evidence(rows=moved))


def test_another_rate_than_the_declared_one_is_seen(evidence: Callable[..., Path], verify: Verify, planned: Plan, good: Any) -> None:
    assert planned.load is not None
    slower = planned.load.model_copy(update={"rate_per_s": 150.0})
    with pytest.raises(EvidenceError, match="did not go out when the plan's seed and rate say"):
        verify(evidence(rows=good.drive(slower).table()))


def test_a_warm_up_that_is_not_the_planned_one_is_seen(evidence: Callable[..., Path], verify: Verify, planned: Plan, good: Any) -> None:
    assert planned.load is not None
    longer = planned.load.model_copy(update={"warm_up_ns": planned.load.warm_up_ns + 10**9})
    with pytest.raises(EvidenceError, match="did not go out when the plan's seed and rate say"):
        verify(evidence(rows=good.drive(longer).table()))


def test_each_run_of_a_continued_load_has_arrivals_of_its_own(
    evidence: Callable[..., Path], verify: Verify, planned: Plan, good: Any
) -> None:
    assert verify(evidence(rows=good.drive(planned.load, 1000).drive(planned.load, 2600).table())).result.verdict is Verdict.PASS


def test_a_second_run_with_the_arrivals_of_the_first_is_seen(
    evidence: Callable[..., Path], verify: Verify, planned: Plan, good: Any
) -> None:
    assert planned.load is not None
    again = planned.load.model_copy(update={"schedule_seed": planned.load.schedule_seed - 1})
    with pytest.raises(EvidenceError, match="run 4: its"):
        verify(evidence(rows=good.drive(planned.load, 1000).drive(again, 2600).table()))


def test_arrivals_drawn_by_another_numpy_are_told_as_such(evidence: Callable[..., Path], verify: Verify, good: Any) -> None:
    folder = evidence(lambda predicate: predicate.update(versions={"numpy": "1.0"}), good.load().table())
    with pytest.raises(EvidenceError, match=rf"drawn by numpy 1\.0, and again by {np.__version__}"):
        verify(folder)


def test_rows_that_prove_nothing_need_keep_no_schedule(evidence: Callable[..., Path], verify: Verify, good: Any) -> None:
    rows = good.load(served_digest=[None] * 3200).table()
    assert verify(evidence(rows=rows)).result.verdict is Verdict.VOID
