"""The floor on demand, how many machines it takes, which quotas count them, and which order is Karpenter's own."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.accelerators import InstanceType, instance_type, instance_types
from mlgate.capacity import SPOT_NOTICE_S, Floor, machines_for, needed_vcpus, ranks

WHOLE = [kind for kind in instance_types() if kind.count]
SECONDS = st.floats(0, 3600, allow_nan=False)
RATES = st.floats(0.01, 10_000, allow_nan=False)


def test_a_replacement_that_takes_longer_than_the_notice_needs_the_whole_rate_on_demand() -> None:
    floor = Floor(rate_per_s=100, replica_rate_per_s=30, node_start_s=60, image_pull_s=90, model_start_s=40)
    assert (floor.replacement_s, floor.gap_s, floor.replicas) == (190, 70, 4)
    for term in ("4 replicas", "100/s", "30/s", "node 60 s", "image 90 s", "model 40 s", "190 s", "70 s longer"):
        assert term in floor.said()


def test_a_replacement_that_is_ready_within_the_notice_needs_no_floor() -> None:
    floor = Floor(rate_per_s=100, replica_rate_per_s=30, node_start_s=60, image_pull_s=40, model_start_s=20)
    assert (floor.gap_s, floor.replicas) == (0, 0)
    assert "none" in floor.said()


@given(RATES, RATES, SECONDS, SECONDS, SECONDS)
def test_a_floor_serves_the_rate_and_one_replica_less_does_not(rate: float, each: float, node: float, image: float, model: float) -> None:
    floor = Floor(rate, each, node, image, model)
    assert (floor.replicas > 0) == (node + image + model > SPOT_NOTICE_S)
    if floor.replicas:
        assert floor.replicas * each >= rate * (1 - 1e-12)
        assert (floor.replicas - 1) * each < rate


def test_the_cheapest_machines_are_taken_and_an_unknown_price_only_without_another() -> None:
    g6 = [(instance_type(name), pods) for name, pods in (("g6.12xlarge", 4), ("g6.xlarge", 1))]
    assert machines_for(3, g6).kind.name == "g6.xlarge"
    h200 = [(instance_type(name), 8) for name in ("p5e.48xlarge", "p5en.48xlarge")]
    assert machines_for(9, h200).kind.name == "p5en.48xlarge"
    assert machines_for(9, h200).number == 2
    assert machines_for(9, h200[:1]).kind.name == "p5e.48xlarge"


@given(st.integers(1, 500), st.lists(st.tuples(st.sampled_from(WHOLE), st.integers(1, 56)), min_size=1, max_size=5))
def test_machines_carry_all_pods_and_one_less_does_not(pods: int, fitting: list[tuple[InstanceType, int]]) -> None:
    machines = machines_for(pods, fitting)
    assert machines.number * machines.pods_each >= pods > (machines.number - 1) * machines.pods_each
    hourly = [math.inf if kind.usd_per_hour is None else kind.usd_per_hour * -(-pods // each) for kind, each in fitting]
    chosen = math.inf if machines.kind.usd_per_hour is None else machines.kind.usd_per_hour * machines.number
    assert chosen == min(hourly)


def test_quotas_are_of_the_family_and_the_way_to_buy_and_what_is_reserved_needs_none() -> None:
    l4, b200 = [(instance_type("g6.xlarge"), 1), (instance_type("g6.16xlarge"), 1)], [(instance_type("p6-b200.48xlarge"), 8)]
    h100 = [(instance_type("p5.48xlarge"), 8)]
    needed, unknown = needed_vcpus([("spot", 3, l4), ("on-demand", 2, l4), ("on-demand", 1, l4), ("reservation", 9, l4)])
    assert (needed, unknown) == ({"L-3819A6DF": 12, "L-DB2E81BA": 12}, [])
    assert needed_vcpus([("spot", 9, h100), ("block", 8, h100)]) == ({"L-C4BD4855": 384}, [])
    assert needed_vcpus([("spot", 8, b200), ("on-demand", 8, b200)]) == ({"L-417A185B": 192}, ["spot p6-b200.48xlarge"])


@pytest.mark.parametrize(
    ("order", "pools"),
    [
        (["spot", "on-demand"], 1),
        (["reservation", "spot", "on-demand"], 1),
        (["block", "on-demand"], 1),
        (["on-demand"], 1),
        (["on-demand", "spot"], 2),
        (["spot", "reservation"], 2),
        (["reservation", "block", "spot"], 3),
    ],
)
def test_an_order_that_is_not_karpenters_becomes_a_pool_for_each(order: list[str], pools: int) -> None:
    assert len(ranks(order)) == pools
    assert [way for rank in ranks(order) for way in rank] == order


def test_no_order_loses_a_way_or_its_place() -> None:
    for length in range(1, 5):
        for order in itertools.permutations(["reservation", "block", "spot", "on-demand"], length):
            assert [way for rank in ranks(order) for way in rank] == list(order)
