"""dev from a hard birth to its last day, with the real engine on simulated AWS and a real API server."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from mlgate.stateful import STATEFUL
from mlgate_testkit.engine.events import Event

from .destroying import require_it_leaves_what_was_told
from .looking import STORES, change_by_hand, lose_cluster, once
from .recovering import killed_and_recovered

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
KILLS = (3, 25, 45, 45, 40)
"""How many resources each engine begins to make before it is killed: at the first network, among stores and roles, at the end."""


def begun(number: int) -> Callable[[Event], bool]:
    """True of the event with which that many resources have been begun."""
    made = count(1)
    return lambda event: event.operation == "create" and event.phase == "begun" and next(made) == number


def test_dev_outlives_five_engines_that_are_killed_a_hand_on_it_its_clusters_loss_and_leaves_what_was_told(
    deployed, simulated_aws, kubernetes_standin
):
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
    stood = {(made.type, made.name) for made in kubernetes_standin.alive()}
    lose_cluster(simulated_aws, kubernetes_standin, "mlgate-dev")
    dev.refresh()
    changes = dev.up()
    assert [step.name for step in changes.created("aws:eks/cluster:Cluster")] == ["cluster"]
    assert {(step.type, step.name) for step in changes.created() if step.type.startswith("kubernetes:")} == stood != set()
    moved = [step for step in changes if step.operation != "same"]
    assert not [step for step in moved if step.type in STATEFUL]
    put_right = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    assert [step.type for step in moved if step.name in STORES] == [put_right], "no store is touched by the cluster's loss"
    assert dev.preview().nothing()
    assert once(dev)

    until = require_it_leaves_what_was_told(dev, simulated_aws)
    assert until.keys() >= {("Bucket", "models"), ("Repository", "digits"), ("Key", "evidence-signing")}
    assert "until then it can come back" in until["Key", "cluster-secrets"]
    assert "each version 30 days after it was written" in until["Bucket", "evidence"]
