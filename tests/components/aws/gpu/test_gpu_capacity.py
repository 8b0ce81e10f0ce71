"""Ways to come by machines: each must be one that a fitting machine is sold in, whatever the others are."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.accelerators import instance_type
from mlgate_components.aws.gpu.arguments import Accelerator, Buy
from mlgate_components.aws.gpu.checks import planned
from mlgate_components.aws.gpu.karpenter import node_pool

from .pools import USUAL, VIRGINIA, refused


def way(buy: Buy, machine: str, zone: str) -> dict[str, Any]:
    """As a pool takes it: what is reserved by id."""
    reserved = buy in {Buy.RESERVATION, Buy.BLOCK}
    return {"buy": buy, **({"reservations": [{"id": "cr-1a", "zone": zone, "instance_type": machine}]} if reserved else {})}


def test_a_way_in_which_no_fitting_machine_is_sold_is_refused_though_others_would_do() -> None:
    block = way(Buy.BLOCK, "g6.xlarge", "eu-central-1a")
    assert refused(capacity=[block, {"buy": "spot"}]) == {
        "capacity[0].buy": "is block, and no machine that fits is sold so: leave it out: they are sold on-demand, spot"
    }
    assert list(refused(capacity=[block])) == ["capacity"], "where it is the only one, no machine fits at all"


@pytest.mark.parametrize("accelerator", Accelerator, ids=lambda member: member.value)
def test_in_whatever_order_ways_are_each_is_tried_in_its_turn_and_buys_what_is_sold_so(accelerator: Accelerator) -> None:
    machine = planned("gpu", {**USUAL, "accelerator": accelerator, "network": VIRGINIA, "count": 1}).found.machines[0].name  # type: ignore[typeddict-item]
    sold = instance_type(machine).sold_as
    ways = [buy for buy in Buy if buy is not Buy.BLOCK or "capacity-block" in sold]
    for order in itertools.chain.from_iterable(itertools.permutations(ways, number) for number in range(1, len(ways) + 1)):
        capacity = [way(buy, machine, "us-east-1a") for buy in order]
        plan = planned("gpu", {**USUAL, "accelerator": accelerator, "network": VIRGINIA, "count": 1, "capacity": capacity})  # type: ignore[typeddict-item]
        assert [each for rank in plan.ranks for each in rank] == [buy.value for buy in order]
        assert all(plan.machines_of(rank) for rank in plan.ranks)


@pytest.mark.parametrize(
    ("accelerator", "count", "replicas", "gpus"),
    [
        ("l4", 1, 3, 3),  # machines of one are there
        ("l4", 4, 3, 12),
        ("h200", 1, 4, 8),  # all machines have eight
        ("h200", 2, 5, 16),
        ("h200", 8, 2, 16),
        ("a100-40g", 1, 8, 8),
        ("a100-40g", 1, 9, 16),
        ("h100", 1, 9, 9),
        ("h100", 4, 3, 16),  # the small one has one alone
    ],
)
def test_karpenter_may_have_as_many_gpus_as_whole_machines_have(accelerator: str, count: int, replicas: int, gpus: int) -> None:
    args = {**USUAL, "accelerator": accelerator, "network": VIRGINIA, "count": count, "replicas": replicas}
    plan = planned("gpu", args)  # type: ignore[arg-type]
    assert node_pool(plan, 0)["limits"] == {"nvidia.com/gpu": str(gpus)}


@given(st.sampled_from(Accelerator), st.sampled_from([1, 2, 4, 8]), st.integers(1, 40), st.randoms(use_true_random=False))
def test_whatever_machines_karpenter_takes_all_replicas_find_a_place_within_its_limit(
    accelerator: Accelerator, count: int, replicas: int, random: Random
) -> None:
    """Karpenter's own rule: a machine is started for a pod that has no place, if its GPUs are left to the limit."""
    plan = planned("gpu", {**USUAL, "accelerator": accelerator, "network": VIRGINIA, "count": count, "replicas": replicas})  # type: ignore[typeddict-item]
    left, free = plan.gpus_of(plan.ranks[0]), 0
    for _ in range(replicas):
        if free < count:
            free = random.choice([kind.count for kind in plan.found.machines if kind.count <= left])
            left -= free
        free -= count
    assert left < min(kind.count for kind in plan.found.machines) + count, "and hardly a machine more"
