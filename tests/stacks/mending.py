"""What was changed by hand, and a cluster that was lost: what a refresh sees of it, and what the next `up` puts right."""

from __future__ import annotations

from mlgate.stateful import STATEFUL
from mlgate_testkit.cluster import Cluster
from mlgate_testkit.engine import Simulated
from mlgate_testkit.engine.stack import Stack

from .looking import STORES, change_by_hand, lose_cluster, once


def require_a_refresh_sees_what_was_changed_by_hand(made: Stack, aws: Simulated, cluster: Cluster) -> None:
    """That, and nothing else."""
    changed = change_by_hand(made, aws, cluster)
    assert {step.name for step in made.refresh().updated()} == changed


def require_a_lost_cluster_comes_back_and_no_store_is_touched(made: Stack, aws: Simulated, kubernetes: Simulated) -> None:
    """The next `up` makes it again with all that stood in it, and shuts the store and the network that a hand had opened."""
    stood = {(each.type, each.name) for each in kubernetes.alive()}
    lose_cluster(aws, kubernetes, f"mlgate-{made.name}")
    made.refresh()
    changes = made.up()
    assert [step.name for step in changes.created("aws:eks/cluster:Cluster")] == ["cluster"]
    assert {(step.type, step.name) for step in changes.created() if step.type.startswith("kubernetes:")} == stood != set()
    assert {step.name for step in changes.updated()} >= {"models", "network-default"}, "what a hand had opened is shut"
    moved = [step for step in changes if step.operation != "same"]
    assert not [step for step in moved if step.type in STATEFUL]
    put_right = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
    assert [step.type for step in moved if step.name in STORES] == [put_right], "no store is touched by the cluster's loss"
    assert made.preview().nothing()
    assert once(made)
