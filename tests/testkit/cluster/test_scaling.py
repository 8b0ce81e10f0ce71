"""KEDA and Prometheus decide on usage that a test declares; Karpenter buys what is to be had."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlgate.errors import UsageError
from mlgate_testkit.cluster import Cluster, ClusterError
from mlgate_testkit.cluster.extensions import Chosen

from .conftest import require_built

pytestmark = pytest.mark.cluster
Make = Callable[..., dict[str, Any]]

ALL = Chosen(karpenter=True, keda=True, prometheus=True)


@pytest.fixture(scope="module")
def full() -> Iterator[Cluster]:
    """A cluster with everything."""
    require_built(ALL)
    with Cluster(karpenter=True, keda=True, prometheus=True) as cluster:
        yield cluster


def pool(name: str, **spec: Any) -> dict[str, Any]:
    """A node pool as one would write it for AWS; nodes of it go at once when they are empty."""
    requirements = [
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
        {"key": "karpenter.k8s.aws/instance-gpu-name", "operator": "In", "values": [name]},
    ]
    reference = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"}
    template = {
        "metadata": {"labels": {"pool": name}},
        "spec": {"nodeClassRef": reference, "requirements": requirements, **spec},
    }
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name}, "spec": {"template": template}}


def labels_of_nodes(cluster: Cluster, name: str) -> list[dict[str, str]]:
    return [node["metadata"]["labels"] for node in cluster.objects.list("Node", labels=f"pool={name}")]


def wait_ready(cluster: Cluster, name: str, count: int) -> None:
    cluster.wait_for(lambda: len(cluster.pods(labels=f"app={name}", ready=True)) == count, f"{count} pods of {name} ready", limit_s=90)


def test_everything_chosen_is_there(full: Cluster) -> None:
    assert full.missing == {}
    assert {"karpenter", "keda-operator", "keda-adapter", "prometheus"} <= {part.name for part in full.status()}


def test_karpenter_buys_the_cheapest_machine_of_the_pool_and_its_pods_become_ready(full: Cluster, deployment: Make) -> None:
    full.apply(pool("t4"))
    full.apply(deployment("buys", 1, nodeSelector={"pool": "t4"}))
    wait_ready(full, "buys", 1)
    (labels,) = labels_of_nodes(full, "t4")
    assert labels["node.kubernetes.io/instance-type"] == "g4dn.xlarge"
    assert labels["karpenter.sh/capacity-type"] == "spot"
    assert labels["karpenter.k8s.aws/instance-gpu-name"] == "t4"
    assert labels["topology.kubernetes.io/zone"].startswith("us-east-1")


@pytest.mark.parametrize("pool_within", [True, False])
def test_what_it_bought_and_could_not_buy_for_one_test_is_not_so_for_the_next(full: Cluster, deployment: Make, pool_within: bool) -> None:
    if not pool_within:
        full.apply(pool("l4"))
    with full.tidied():
        full.start_drought(capacity="spot", accelerator="l4")
        full.apply([pool("l4"), deployment("passing", 1, nodeSelector={"pool": "l4"})])
        wait_ready(full, "passing", 1)
    assert labels_of_nodes(full, "l4") == []
    assert [claim["metadata"]["labels"]["karpenter.sh/nodepool"] for claim in full.objects.list("NodeClaim")].count("l4") == 0
    assert bool(full.objects.find("NodePool", "l4")) != pool_within
    full.apply([pool("l4"), deployment("later", 1, nodeSelector={"pool": "l4"})])
    wait_ready(full, "later", 1)
    assert {labels["karpenter.sh/capacity-type"] for labels in labels_of_nodes(full, "l4")} == {"spot"}
    full.objects.delete("Deployment", "later")
    full.objects.delete("NodePool", "l4")
    full.wait_for(lambda: not labels_of_nodes(full, "l4"), "its machine gone")


def test_in_a_spot_drought_it_buys_on_demand_and_after_it_spot_again(full: Cluster, deployment: Make) -> None:
    full.apply(pool("l40s"))
    full.start_drought(capacity="spot", accelerator="l40s")
    full.apply(deployment("dry", 1, nodeSelector={"pool": "l40s"}))
    wait_ready(full, "dry", 1)
    assert [labels["karpenter.sh/capacity-type"] for labels in labels_of_nodes(full, "l40s")] == ["on-demand"]
    full.end_droughts()
    full.apply(deployment("wet", 1, nodeSelector={"pool": "l40s"}))
    wait_ready(full, "wet", 1)
    assert sorted(labels["karpenter.sh/capacity-type"] for labels in labels_of_nodes(full, "l40s")) == ["on-demand", "spot"]


def test_where_nothing_is_to_be_had_pods_wait_and_the_reason_is_told(full: Cluster, deployment: Make) -> None:
    full.apply(pool("h200"))
    full.start_drought(accelerator="h200")
    full.apply(deployment("nothing", 1, nodeSelector={"pool": "h200"}))
    with pytest.raises(ClusterError, match="not so after 8 s") as caught:
        full.wait_for(lambda: full.pods(labels="app=nothing", ready=True), "a pod ready", limit_s=8)
    assert "no instance type" in caught.value.problem
    assert labels_of_nodes(full, "h200") == []
    full.objects.delete("Deployment", "nothing")
    full.end_droughts()


def test_keda_scales_by_usage_that_prometheus_collected(full: Cluster, deployment: Make) -> None:
    full.add_nodes(4, accelerator="l4", labels={"for": "scaled"})
    full.apply(deployment("scaled", 1, nodeSelector={"for": "scaled"}))
    wait_ready(full, "scaled", 1)
    trigger = {
        "type": "prometheus",
        "metadata": {
            "serverAddress": full.prometheus_url,
            "query": 'sum(DCGM_FI_DEV_GPU_UTIL{pod=~"scaled-.*"})',
            "threshold": "50",
            "ignoreNullValues": "false",
        },
    }
    full.apply(
        {
            "apiVersion": "keda.sh/v1alpha1",
            "kind": "ScaledObject",
            "metadata": {"name": "scaled"},
            "spec": {
                "scaleTargetRef": {"name": "scaled"},
                "minReplicaCount": 1,
                "maxReplicaCount": 3,
                "pollingInterval": 1,
                "triggers": [trigger],
            },
        }
    )
    (pod,) = full.pods(labels="app=scaled")
    full.set_usage(pod["metadata"]["name"], cpu="500m", memory="1Gi", gpu_percent=95)
    full.wait_for(lambda: query(full, trigger["metadata"]["query"]) == 95, "the usage in Prometheus")
    wait_ready(full, "scaled", 2)
    full.set_usage(pod["metadata"]["name"], gpu_percent=150)
    wait_ready(full, "scaled", 3)
    full.set_usage(pod["metadata"]["name"], gpu_percent=10)
    wait_ready(full, "scaled", 1)


def query(cluster: Cluster, text: str) -> float | None:
    """What Prometheus answers to an instant query of one value."""
    url = f"{cluster.prometheus_url}/api/v1/query?{urllib.parse.urlencode({'query': text})}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def test_memory_usage_is_told_in_bytes(full: Cluster, deployment: Make) -> None:
    full.add_nodes(1, labels={"for": "memory"})
    full.apply(deployment("memory", 1, gpus=0, nodeSelector={"for": "memory"}))
    wait_ready(full, "memory", 1)
    (pod,) = full.pods(labels="app=memory")
    full.set_usage(pod["metadata"]["name"], memory="2Gi")
    asked = f'container_memory_working_set_bytes{{pod="{pod["metadata"]["name"]}"}}'
    full.wait_for(lambda: query(full, asked) == 2 * 2**30, "2 GiB")


def test_cpu_usage_adds_up_as_a_kubelet_would_tell_it(full: Cluster, deployment: Make) -> None:
    full.add_nodes(1, labels={"for": "cpu"})
    full.apply(deployment("cpu", 1, gpus=0, nodeSelector={"for": "cpu"}))
    wait_ready(full, "cpu", 1)
    (pod,) = full.pods(labels="app=cpu")
    full.set_usage(pod["metadata"]["name"], cpu="500m")
    rate = f'rate(container_cpu_usage_seconds_total{{pod="{pod["metadata"]["name"]}"}}[5s])'
    full.wait_for(lambda: 0.4 < (query(full, rate) or 0) < 0.6, "half a CPU in use")


def test_without_them_their_helpers_say_how_to_get_them(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="no Prometheus"):
        _ = cluster.prometheus_url
    with pytest.raises(UsageError, match="no Karpenter") as caught:
        cluster.start_drought(capacity="spot")
    assert caught.value.remedy == "Cluster(karpenter=True)"
    with pytest.raises(ClusterError, match=r"knows no kind 'karpenter\.sh/v1/NodePool'") as unknown:
        cluster.apply(pool("l4"))
    assert unknown.value.remedy == "karpenter.sh has no kinds here: it was brought up without: Cluster(karpenter=True)"
    with pytest.raises(ClusterError) as unknown:
        cluster.objects.kind("ScaledObject")
    assert "keda.sh: it was brought up without: Cluster(keda=True)" in unknown.value.remedy
