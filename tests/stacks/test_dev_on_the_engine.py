"""dev from a hard birth to its last day, with the real engine on simulated AWS and a real API server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count

import pytest

from mlgate.bill import Line, Resource, make_bill
from mlgate.prices import price_book
from mlgate.remains import remaining
from mlgate_cli.recorded import Program
from mlgate_testkit.engine.events import Event
from mlgate_testkit.record import Graph

from .looking import STORES, change_by_hand, lose_cluster, once
from .recovering import REGION, killed_and_recovered

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
KILLS = (3, 25, 45, 45, 40)
"""How many resources each engine begins to make before it is killed: at the first network, among stores and roles, at the end."""


def begun(number: int) -> Callable[[Event], bool]:
    """True of the event with which that many resources have been begun."""
    made = count(1)
    return lambda event: event.operation == "create" and event.phase == "begun" and next(made) == number


def hourly(resources: Iterable[Resource]) -> list[Line]:
    """What of their bill is paid by the hour."""
    bill = make_bill(resources, REGION, price_book(), on=datetime.now(UTC).date())
    assert bill.lines
    return [line for line in bill.lines if line.unit == "hour"]


def test_dev_outlives_five_engines_that_are_killed_a_hand_on_it_its_clusters_loss_and_leaves_what_was_told(deployed, simulated_aws):
    dev = deployed("dev", deletion_protection=False)
    for number in KILLS:
        killed, left, _ = killed_and_recovered(dev, simulated_aws, begun(number))
        assert killed, f"it ended before {number} more were begun"
        assert list(left) == []
    dev.up()
    assert dev.preview().nothing()
    assert once(dev)

    changed = change_by_hand(dev, simulated_aws)
    assert {step.name for step in dev.refresh().updated()} == changed
    lose_cluster(simulated_aws, "mlgate-dev")
    dev.refresh()
    changes = dev.up()
    assert [step.name for step in changes.created("aws:eks/cluster:Cluster")] == ["cluster"]
    moved = [*changes.created(), *changes.updated(), *changes.replaced()]
    put_right = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    assert [step.type for step in moved if step.name in STORES] == [put_right], "no store is touched by the cluster's loss"
    assert dev.preview().nothing()
    assert once(dev)

    there = Program(Graph.from_state(dev.export()))
    told = remaining(there.kept)
    assert {each.name for each in told if each.holds} >= {"models", "evidence", "evidence-signing", "digits"}
    stays = {(each.type, each.name) for each in told}
    assert hourly(there.resources)
    assert hourly(found for found in there.resources if (found.type, found.name) in stays) == [], "nothing that stays is paid by the hour"
    dev.operate("destroy", "--exclude-protected", "--yes", "--skip-preview")
    assert sorted((made.type, made.name) for made in simulated_aws.alive()) == sorted(stays)
