"""What is sent: the declared load at its instants, each case once, and after an interruption only what nobody answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from mlgate import Service
from mlgate_gates.contract_cases import VALID, contract_requests, example_case
from mlgate_gates.phases import Traffic, contract_traffic, load_arrivals, load_traffic, sample_traffic
from mlgate_gates.plan import Plan, PlannedLoad
from mlgate_gates.rows import LOAD, Rows
from mlgate_gates.samples import Sample
from mlgate_loadtests.recording import SCHEMA
from mlgate_loadtests.schedule import poisson_arrivals
from mlgate_serving.clients import client_for

SECOND = 10**9
NOTHING = SCHEMA.empty_table()


@pytest.fixture
def service(service_from: Callable[..., Service]) -> Service:
    """The declared service."""
    return service_from()


@pytest.fixture
def load(plan: Plan) -> PlannedLoad:
    """200/s, a warm-up of 5 s, 15 s to 90 s."""
    assert plan.load is not None
    return plan.load


@pytest.fixture
def traffic(service: Service, sample_of_size: Callable[..., Sample], load: PlannedLoad) -> Callable[..., Traffic]:
    """The load that is left after some rows."""

    def left(rows: pa.Table = NOTHING, *, run: int = 3, samples: tuple[Sample, ...] | None = None) -> Traffic:
        holdout = (sample_of_size(), sample_of_size(40, data="data/look.parquet", look=True))
        found = load_traffic(holdout if samples is None else samples, service, rows, load=load, run=run)
        assert found is not None
        return found

    return left


def test_the_load_goes_out_at_the_declared_rate_as_the_plans_seed_says(traffic: Callable[..., Traffic], load: PlannedLoad) -> None:
    arrivals = traffic().arrivals_ns
    assert (arrivals == poisson_arrivals(load.schedule_seed + 3, 200.0, 200 * SECOND)[: len(arrivals)]).all()
    assert len(arrivals) == pytest.approx(95 * 200, rel=0.05)


def test_the_load_is_watched_for_at_most_from_its_first_arrival_behind_the_warm_up(
    traffic: Callable[..., Traffic], load: PlannedLoad
) -> None:
    arrivals = traffic().arrivals_ns
    watched = arrivals[arrivals >= load.warm_up_ns]
    assert watched[-1] - watched[0] >= load.at_most_ns > watched[-2] - watched[0]


def test_warm_up_requests_are_exactly_those_before_its_end_and_the_others_are_numbered(
    traffic: Callable[..., Traffic], load: PlannedLoad
) -> None:
    sent = traffic()
    checks = np.array([sent.requests[pick].check for pick in sent.picks])
    warm = sent.arrivals_ns < load.warm_up_ns
    assert set(checks[warm]) == {"warm-up"}
    assert set(checks[~warm]) == {"load"}
    assert sent.blocks[~warm].tolist() == list(range((~warm).sum()))


def test_every_case_that_gates_is_drawn_and_none_that_is_looked_at(traffic: Callable[..., Traffic]) -> None:
    sent = traffic()
    drawn = [sent.requests[pick] for pick in sent.picks]
    assert {one.arm for one in drawn} == {"candidate"}
    assert {one.case_id for one in drawn if one.check == "load"} == {f"case-{place}" for place in range(900)}
    assert len(sent.requests) == 2 * 900
    assert {one.expectation.label for one in drawn} == {0.0}


def test_another_run_has_other_arrivals_and_other_cases(traffic: Callable[..., Traffic]) -> None:
    one, other = traffic(run=3), traffic(run=4)
    assert not np.array_equal(one.arrivals_ns[:100], other.arrivals_ns[:100])
    assert not np.array_equal(one.picks[:100], other.picks[:100])
    assert np.array_equal(one.arrivals_ns, traffic(run=3).arrivals_ns)


def test_what_was_watched_is_not_watched_again(traffic: Callable[..., Traffic], rows: Any, load: PlannedLoad) -> None:
    table = rows.load(4001).table()
    assert Rows.of(table).phase(LOAD, "candidate").watched_ns == 20 * SECOND
    arrivals = traffic(table).arrivals_ns
    watched = arrivals[arrivals >= load.warm_up_ns]
    assert watched[-1] - watched[0] >= 70 * SECOND > watched[-2] - watched[0]


def test_nothing_is_left_once_the_load_was_watched_for_at_most(service: Service, rows: Any, load: PlannedLoad) -> None:
    assert load_traffic((), service, rows.load(18_001).table(), load=load, run=1) is None


def test_watching_longer_only_adds_arrivals(load: PlannedLoad) -> None:
    shorter, longer = load_arrivals(load, 2, 10 * SECOND), load_arrivals(load, 2, 60 * SECOND)
    assert len(shorter) < len(longer)
    assert (shorter == longer[: len(shorter)]).all()


def test_a_service_that_declares_no_quality_is_sent_the_contracts_right_request(traffic: Callable[..., Traffic], service: Service) -> None:
    sent = traffic(samples=())
    assert {(one.check, one.case_id) for one in sent.requests} == {("warm-up", VALID), ("load", VALID)}
    assert {one.expectation.label for one in sent.requests} == {None}, "nobody knows what is right"
    assert json.loads(sent.requests[0].request.body) == example_case(service.interface)
    assert set(sent.picks.tolist()) == {0, 1}


@pytest.fixture
def asked(service: Service, sample_of_size: Callable[..., Sample], load: PlannedLoad) -> Callable[..., Traffic | None]:
    """What is left to ask of the hold-out after some rows."""
    client = client_for(service.interface, service.name)
    return lambda rows=NOTHING, seed=1: sample_traffic(sample_of_size(), client, rows, load=load, seed=seed)


def test_every_case_goes_to_every_arm_once_in_an_order_that_mixes_arms(asked: Callable[..., Traffic]) -> None:
    sent = asked()
    order = [(sent.requests[pick].case_id, sent.requests[pick].arm) for pick in sent.picks]
    assert len(set(order)) == len(order) == 1800
    assert {arm for _, arm in order[:100]} == {"candidate", "stable"}
    assert np.array_equal(sent.picks, asked().picks)
    assert not np.array_equal(sent.picks, asked(seed=2).picks)
    assert sent.arrivals_ns[-1] == pytest.approx(1800 / 400 * SECOND, rel=0.01), "at the declared rate for each arm"


def test_what_was_answered_is_not_asked_again_and_a_lost_request_is(asked: Callable[..., Traffic | None], rows: Any) -> None:
    lost = {"status": [0] * 7 + [200] * 893, "error": ["lost: killed"] * 4 + ["timeout"] * 3 + [None] * 893}
    sent = asked(rows.quality(0, **lost).quality(0, "stable").table())
    assert sent is not None
    assert sorted((one.case_id, one.arm) for one in sent.requests) == [(f"case-{place}", "candidate") for place in range(4)]
    again = rows.add("quality:holdout", case_id=[f"case-{place}" for place in range(4)]).table()
    assert asked(again) is None


def test_the_contract_is_asked_once_whatever_was_answered(service: Service, rows: Any) -> None:
    requests = contract_requests(service.interface, service.name)
    sent = contract_traffic(requests, NOTHING)
    assert sent is not None
    assert [one.case_id for one in sent.requests] == [one.case_id for one in requests]
    assert contract_traffic(requests, rows.contract().table()) is None
