"""The Kubernetes control plane: how soon it is ready, what it weighs, how fast it schedules."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.harness import NotRunError, Row, median_row, say
from mlgate_testkit.cluster import Cluster


def measure_ready(times: int = 3) -> list[Row]:
    """With Karpenter: medians of `times`."""
    return _ready("with Karpenter", times, extensions=False, ready_goal_s=10.0, memory_goal_mb=800.0)


def measure_extensions(times: int = 3) -> list[Row]:
    """With KEDA and Prometheus besides: medians of `times`."""
    return _ready("with Karpenter, KEDA, Prometheus", times, extensions=True, ready_goal_s=None, memory_goal_mb=1200.0)


def _ready(name: str, times: int, *, extensions: bool, ready_goal_s: float | None, memory_goal_mb: float) -> list[Row]:
    """Memory: of all processes, resident, once ready. Raises NotRunError where not all that was chosen came up."""
    seconds, megabytes = [], []
    for number in range(times):
        begin = time.perf_counter()
        with Cluster(karpenter=True, keda=extensions, prometheus=extensions) as cluster:
            seconds.append(time.perf_counter() - begin)
            if missing := cluster.missing:
                raise NotRunError("; ".join(f"without {what}: {why}" for what, why in missing.items()))
            megabytes.append(_memory_mb(cluster))
        say(f"{name} {number + 1} of {times}: {seconds[-1]:.1f} s, {megabytes[-1]:.0f} MB")
    reference = f"median of {times}"
    return [
        median_row(f"ready {name}", seconds, "s", goal=ready_goal_s, reference=reference),
        median_row(f"memory {name}", megabytes, "MB", goal=memory_goal_mb, reference=reference),
    ]


def measure_scheduling(pods: int = 1000, nodes: int = 250, times: int = 3) -> list[Row]:
    """Medians of `times`, each on a cluster of its own.

    From the Deployment's arrival until each of its pods runs and is ready on a fake node with GPUs, so scheduled a little before.
    """
    taken, added, megabytes = [], [], []
    for number in range(times):
        with Cluster() as cluster:
            begin = time.perf_counter()
            cluster.add_nodes(nodes, accelerator="l4", gpus=4)
            added.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            cluster.apply(_deployment(pods))
            cluster.wait_for(lambda: _ready_replicas(cluster) == pods, f"{pods} pods ready", limit_s=300)
            taken.append(time.perf_counter() - begin)
            megabytes.append(_memory_mb(cluster))
        say(f"scheduling {number + 1} of {times}: {pods} pods ready after {taken[-1]:.1f} s")
    reference = f"scheduled and played; median of {times}"
    return [
        median_row(f"{pods:,} pods ready on {nodes} fake GPU nodes", taken, "s", goal=60.0, reference=reference),
        median_row(f"{nodes} fake GPU nodes ready", added, "s"),
        median_row(f"memory with {pods:,} pods", megabytes, "MB"),
    ]


def _ready_replicas(cluster: Cluster) -> int:
    found = cluster.objects.find("Deployment", "many") or {}
    return int(found.get("status", {}).get("readyReplicas", 0))


def _memory_mb(cluster: Cluster) -> float:
    return sum(part.memory_bytes for part in cluster.status()) / 1e6


def _deployment(pods: int) -> dict[str, Any]:
    labels = {"app": "many"}
    container = {"name": "server", "image": "nowhere/at-all:1", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": pods,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
