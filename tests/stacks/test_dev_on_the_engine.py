"""dev from a hard birth to its last day, with the real engine on simulated AWS and a real API server."""

from __future__ import annotations

import pytest

from .birth import require_it_comes_up_though_everything_is_refused_once_and_five_engines_are_killed
from .destroying import require_it_leaves_what_was_told_and_nothing_paid_by_the_hour
from .mending import require_a_lost_cluster_comes_back_and_no_store_is_touched, require_a_refresh_sees_what_was_changed_by_hand
from .platforms import values

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


@pytest.mark.timeout(900)  # some 20 runs, each of which sees the whole program
def test_dev_outlives_refusals_and_kills_a_hand_on_it_its_clusters_loss_and_leaves_what_was_told(
    deployed, simulated_aws, kubernetes_standin, kubernetes_cluster
):
    dev = deployed("dev")
    require_it_comes_up_though_everything_is_refused_once_and_five_engines_are_killed(dev, simulated_aws)
    require_a_refresh_sees_what_was_changed_by_hand(dev, simulated_aws, kubernetes_cluster)
    bare = values("dev", deletion_protection=False)
    dev.change(config={"mlgate:platform": bare})
    require_a_lost_cluster_comes_back_and_no_store_is_touched(dev, simulated_aws, kubernetes_standin)
    until = require_it_leaves_what_was_told_and_nothing_paid_by_the_hour(dev, simulated_aws, bare)
    assert until.keys() >= {("Bucket", "models"), ("Repository", "digits"), ("Key", "evidence-signing")}
    assert "until then it can come back" in until["Key", "cluster-secrets"]
    assert "each version 30 days after it was written" in until["Bucket", "evidence"]
