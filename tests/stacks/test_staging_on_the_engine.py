"""staging from a hard birth to its last day, with the real engine on simulated AWS and a real API server; one preview of each component."""

from __future__ import annotations

import pytest

from mlgate_testkit.record import Graph
from tests.components.aws.changes.cases import CASES
from tests.components.aws.changes.previewed import done_to, row
from tests.core.platforms import varied

from .birth import require_it_comes_up_though_everything_is_refused_once_and_five_engines_are_killed
from .destroying import require_it_leaves_what_was_told_and_nothing_paid_by_the_hour
from .mending import require_a_lost_cluster_comes_back_and_no_store_is_touched, require_a_refresh_sees_what_was_changed_by_hand
from .platforms import values

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
CUT = {"accelerator": "l4", "replicas": 2, "share": {"time_slices": 2}, "capacity": [{"buy": "on-demand"}]}
VALUES = varied({"pools.cut": CUT}, values("staging"))
OTHERWISE = {
    "network.nat": "single",
    "cluster.system_nodes_max": 6,
    "retention.images": 20,
    "retention.keys_days": 7,
    "who.deployer.principals": ["arn:aws:iam::444455556666:role/others"],
    "budget.monthly_usd": 20000,
    "pins.addons": {"keda": {"on": False}},
    "pools.l4.replicas": 16,
    "pools.cut.image_disk_gib": 400,
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
    ("Access", "who.deployer.principals"),
    ("Budget", "monthly_limit"),
    ("ClusterAddons", "addons.keda.on"),
    ("GpuNodePool", "replicas", "l4"),
    ("GpuNodePool of fixed size", "image_disk_gib", "cut"),
    ("ServiceIdentity", "namespace"),
)
ELSEWHERE = {"Permissions", "Secret"}
"""Whose changes `tests/components/aws/access/test_access_on_the_engine.py` previews."""


def test_every_component_is_previewed_by_the_engine():
    assert {"InterruptionQueue", *(title.split()[0] for title, *_ in CHANGED), *ELSEWHERE} == {case.component for case in CASES}


@pytest.mark.timeout(900)  # some 20 runs, each of which sees the whole program
def test_staging_outlives_refusals_and_kills_does_what_the_table_of_changes_says_and_leaves_what_was_told(
    deployed, simulated_aws, kubernetes_standin, kubernetes_cluster
):
    staging = deployed("staging")
    staging.change(config={"mlgate:platform": VALUES})
    require_it_comes_up_though_everything_is_refused_once_and_five_engines_are_killed(staging, simulated_aws)
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

    require_a_refresh_sees_what_was_changed_by_hand(staging, simulated_aws, kubernetes_cluster)
    bare = varied({"cluster.deletion_protection": False}, VALUES)
    staging.change(config={"mlgate:platform": bare})
    require_a_lost_cluster_comes_back_and_no_store_is_touched(staging, simulated_aws, kubernetes_standin)
    until = require_it_leaves_what_was_told_and_nothing_paid_by_the_hour(staging, simulated_aws, bare)
    assert "each version 90 days after it was written" in until["Bucket", "evidence"]
