"""A pool's limit and Karpenter's own rule for it: on a real API server with Karpenter's core, whose machines are fake."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.cluster.extensions import Chosen
from tests.testkit.cluster.conftest import require_built

from .pools import POOL, VIRGINIA, recorded

pytestmark = pytest.mark.cluster
EIGHT_EACH = {"accelerator": "a100-40g", "network": VIRGINIA, "capacity": [{"buy": "on-demand"}], "replicas": 4}


@pytest.fixture
def karpenter_cluster() -> Iterator[Cluster]:
    """This test's own, which ends with it: tidied as `kubernetes_cluster` is, it would first wait for Karpenter to drain its nodes."""
    require_built(Chosen(karpenter=True))
    with Cluster(karpenter=True) as cluster:
        yield cluster


def four_pods(pool: str) -> dict[str, Any]:
    limits = {"limits": {"nvidia.com/gpu": 1}}
    pod = {
        "containers": [{"name": "server", "image": "digits:1", "resources": limits}],
        "nodeSelector": {"mlgate/pool": pool},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }
    template = {"metadata": {"labels": {"app": pool}}, "spec": pod}
    spec = {"replicas": 4, "selector": {"matchLabels": {"app": pool}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": pool}, "spec": spec}


def refused(cluster: Cluster) -> bool:
    """Whether Karpenter has said of pods that every machine would be beyond the limit."""
    return any("exceed limits" in event.get("message", "") for event in cluster.objects.list("Event"))


def test_four_pods_get_a_machine_of_eight_and_with_a_limit_of_four_would_get_none(karpenter_cluster):
    pool = recorded(**EIGHT_EACH).one(POOL).inputs
    asked = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": pool["metadata"], "spec": pool["spec"]}
    small = copy.deepcopy(asked)
    small["metadata"]["name"] = small["spec"]["template"]["metadata"]["labels"]["mlgate/pool"] = "small"
    small["spec"]["limits"]["nvidia.com/gpu"] = "4"
    for manifest in (asked, small, four_pods("gpu"), four_pods("small")):
        karpenter_cluster.apply(manifest)
    karpenter_cluster.wait_for(lambda: len(karpenter_cluster.pods("default", labels="app=gpu", ready=True)) == 4, "4 pods ready")
    karpenter_cluster.wait_for(lambda: refused(karpenter_cluster), "Karpenter says that the small limit is exceeded")
    nodes = karpenter_cluster.objects.list("Node")
    assert [node["metadata"]["labels"]["mlgate/pool"] for node in nodes] == ["gpu"]
