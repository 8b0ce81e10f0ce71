"""The Kubernetes control plane: how soon it is ready, what it weighs, how fast it schedules, what its programs cost to build."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness import Row, say

from mlgate_testkit.cluster import Cluster


def measure_ready(times: int = 3) -> list[Row]:
    """Ready with Karpenter, then with KEDA and Prometheus besides: medians of `times`. Memory: of all processes, resident, once ready."""
    rows = []
    for name, chosen, ready_goal, memory_goal in (
        ("with Karpenter", {"karpenter": True}, 10.0, 800.0),
        ("with Karpenter, KEDA, Prometheus", {"karpenter": True, "keda": True, "prometheus": True}, None, 1200.0),
    ):
        seconds, megabytes = [], []
        for _ in range(times):
            begin = time.perf_counter()
            with Cluster(**chosen) as cluster:
                seconds.append(time.perf_counter() - begin)
                megabytes.append(sum(part.memory_bytes for part in cluster.status()) / 1e6)
        spread = (min(seconds), max(seconds))
        rows.append(Row(f"ready {name}", statistics.median(seconds), "s", ready_goal, reference=f"median of {times}", spread=spread))
        spread = (min(megabytes), max(megabytes))
        rows.append(Row(f"memory {name}", statistics.median(megabytes), "MB", memory_goal, reference=f"median of {times}", spread=spread))
    return rows


def measure_scheduling(pods: int = 1000, nodes: int = 250) -> list[Row]:
    """From the Deployment's arrival until each of its pods runs and is ready on a fake node with GPUs, so scheduled a little before."""
    with Cluster() as cluster:
        begin = time.perf_counter()
        cluster.add_nodes(nodes, accelerator="l4", gpus=4)
        added = time.perf_counter() - begin
        begin = time.perf_counter()
        cluster.apply(_deployment(pods))

        def ready() -> bool:
            found = cluster.objects.find("Deployment", "many") or {}
            return bool(found.get("status", {}).get("readyReplicas") == pods)

        cluster.wait_for(ready, f"{pods} pods ready", limit_s=300)
        took = time.perf_counter() - begin
        memory = sum(part.memory_bytes for part in cluster.status()) / 1e6
    return [
        Row(f"{pods} pods ready on {nodes} fake GPU nodes", took, "s", 60.0, reference="scheduled and played"),
        Row(f"{nodes} fake GPU nodes ready", added, "s"),
        Row(f"memory with {pods} pods", memory, "MB"),
    ]


def measure_tools() -> list[Row]:
    """All programs from an empty cache, in a folder that is removed again; the processor's time says what a busy machine adds."""
    with tempfile.TemporaryDirectory(prefix="mlgate-tools-", dir=os.environ.get("MLGATE_BENCH_DISK")) as folder:
        environment = {**os.environ, "MLGATE_CACHE": folder}
        begin, used = time.perf_counter(), _processor_s()
        subprocess.run([sys.executable, "-m", "mlgate_tools", "cluster"], env=environment, check=True, stdout=subprocess.DEVNULL)
        took, used = time.perf_counter() - begin, _processor_s() - used
        kept = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e9
    say(f"the build used {used:.0f} s of processor time on {os.cpu_count()} cores")
    return [
        Row("control plane built from an empty cache", took / 60, "min", 22.0, reference="Go present, modules downloaded"),
        Row("processor time of that, per core", used / 60 / (os.cpu_count() or 1), "min"),
        Row("control plane kept on disk", kept, "GB", 1.6),
    ]


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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
