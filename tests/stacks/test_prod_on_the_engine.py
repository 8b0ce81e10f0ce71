"""prod from a hard birth to its last day, with the real engine on simulated AWS and a real API server."""

from __future__ import annotations

import pytest

from .birth import require_it_comes_up_though_everything_is_refused_once_and_five_engines_are_killed
from .destroying import require_it_leaves_what_was_told, require_it_leaves_what_was_told_and_nothing_paid_by_the_hour
from .mending import require_a_lost_cluster_comes_back_and_no_store_is_touched, require_a_refresh_sees_what_was_changed_by_hand
from .platforms import values

pytestmark = [pytest.mark.engine, pytest.mark.cluster]


@pytest.mark.timeout(900)  # some 20 runs, each of which sees the whole program
def test_prod_outlives_refusals_and_kills_a_hand_on_it_its_clusters_loss_and_leaves_what_was_told_with_protection_and_without(
    deployed, simulated_aws, kubernetes_standin, kubernetes_cluster
):
    prod = deployed("prod")
    require_it_comes_up_though_everything_is_refused_once_and_five_engines_are_killed(prod, simulated_aws)
    require_a_refresh_sees_what_was_changed_by_hand(prod, simulated_aws, kubernetes_cluster)
    require_a_lost_cluster_comes_back_and_no_store_is_touched(prod, simulated_aws, kubernetes_standin)
    declared = require_it_leaves_what_was_told(prod, simulated_aws, values("prod"))
    assert ("Cluster", "cluster") in declared
    bare = values("prod", deletion_protection=False)
    prod.change(config={"mlgate:platform": bare})
    prod.up()
    until = require_it_leaves_what_was_told_and_nothing_paid_by_the_hour(prod, simulated_aws, bare)
    assert "each version 2555 days after it was written" in until["Bucket", "evidence"]
