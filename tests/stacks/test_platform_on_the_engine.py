"""staging with the real engine, on simulated AWS and a real API server with Karpenter's definitions; dev and prod have their own files."""

from __future__ import annotations

import pytest

from mlgate_testkit.record import Graph
from tests.components.aws.changes.cases import CASES
from tests.components.aws.changes.previewed import done_to, row
from tests.core.platforms import varied

from .destroying import require_it_leaves_what_was_told
from .looking import change_by_hand, once
from .platforms import values

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
CUT = {"accelerator": "l4", "replicas": 2, "share": {"time_slices": 2}, "capacity": [{"buy": "on-demand"}]}
VALUES = varied({"pools.cut": CUT, "cluster.deletion_protection": False}, values("staging"))
OTHERWISE = {
    "network.nat": "single",
    "cluster.system_nodes_max": 6,
    "retention.images": 20,
    "retention.keys_days": 7,
    "who.deployer.principals": ["arn:aws:iam::444455556666:role/others"],
    "budget.monthly_usd": 20000,
    "pins.addons": {"keda": {"on": False}},
    "pools.l4.replicas": 16,
    "pools.cut.replicas": 4,
    "services.digits.namespace": "other",
}
"""One argument of every component."""
CHANGED = (
    ("Network", "nat"),
    ("Cluster", "nodes.max", "cluster-system"),
    ("Cluster", "deletion_days", "cluster-secrets"),
    ("ImageRepository", "kept_images"),
    ("Key", "deletion_days"),
    ("ModelStorage", "deletion_days"),
    ("EvidenceStorage", "deletion_days"),
    ("AuditTrail", "deletion_days"),
    ("Access", "who.deployer"),
    ("Budget", "monthly_limit"),
    ("ClusterAddons", "addons"),
    ("GpuNodePool", "replicas", "l4"),
    ("GpuNodePool of fixed size", "replicas", "cut"),
    ("ServiceIdentity", "namespace"),
)
ELSEWHERE = {"Permissions", "Secret"}
"""Whose changes `tests/components/aws/access/test_access_on_the_engine.py` previews."""


def test_every_component_is_previewed_by_the_engine():
    assert {"InterruptionQueue", *(title for title, *_ in CHANGED), *ELSEWHERE} == {case.title for case in CASES}


def test_staging_goes_up_from_nothing_rests_does_what_the_table_of_changes_says_sees_a_hand_and_leaves_what_was_told(
    deployed, simulated_aws, kubernetes_cluster
):
    staging = deployed("staging")
    staging.change(config={"mlgate:platform": VALUES})
    staging.up()
    assert staging.preview().nothing()
    assert once(staging)
    graph = Graph.from_state(staging.export())
    out = [route for route in graph.all("aws:ec2/route:Route") if "private" in route.name]
    assert out
    assert all(group.needs(route) for group in graph.all("aws:eks/nodeGroup:NodeGroup") for route in out), (
        "no node starts without a way out"
    )

    staging.change(config={"mlgate:platform": varied(OTHERWISE, VALUES)})
    changes = staging.preview()
    told = {(title, argument): row(title, argument) for title, argument, *_ in CHANGED}
    done = {(title, argument): done_to(changes, title.split()[0], *names) for title, argument, *names in CHANGED}
    assert done == told
    staging.change(config={"mlgate:platform": varied({"cost_center": "4711"}, VALUES)})
    assert done_to(staging.preview(), "InterruptionQueue") == row("InterruptionQueue", "tags")

    changed = change_by_hand(staging, simulated_aws, kubernetes_cluster)
    assert {step.name for step in staging.refresh().updated()} == changed
    until = require_it_leaves_what_was_told(staging, simulated_aws)
    assert "each version 90 days after it was written" in until["Bucket", "evidence"]
