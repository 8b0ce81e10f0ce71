"""Ways to come by machines: each must be one that a fitting machine is sold in, whatever the others are."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from mlgate.accelerators import instance_type
from mlgate_components.aws.gpu.arguments import Accelerator, Buy
from mlgate_components.aws.gpu.checks import planned

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
