"""Prometheus in a cluster, and what it collects: usage that a test writes into a pod's annotations, told by kwok as a kubelet would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlgate_testkit.cluster.nodes import GPU
from mlgate_testkit.cluster.parts import KWOK, Layout, Part, Question
from mlgate_tools.control_plane import program_path

PROMETHEUS = "prometheus"
USAGE_CPU, USAGE_MEMORY, USAGE_GPU = "kwok.x-k8s.io/usage-cpu", "kwok.x-k8s.io/usage-memory", "testkit.mlgate/usage-gpu"
GPU_UTILISATION = "DCGM_FI_DEV_GPU_UTIL"
"""What NVIDIA's exporter calls the share of a GPU's time in use, in percent."""

_SCRAPE = "1s"


def part(layout: Layout) -> Part:
    """Prometheus, which keeps an hour."""
    port = layout.ports[PROMETHEUS]
    command = (
        str(program_path(PROMETHEUS)),
        f"--config.file={_configuration(layout)}",
        f"--storage.tsdb.path={layout.folder / 'prometheus'}",
        "--storage.tsdb.retention.time=1h",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    )
    return Part(PROMETHEUS, command, (port,), Question(port, "/-/ready", secure=False))


def write_configuration(layout: Layout) -> None:
    """What it collects, every second: kwok's metrics of each node, where kwok says they are."""
    discovery = f"http://127.0.0.1:{layout.ports[KWOK]}/discovery/prometheus"
    configuration = {
        "global": {"scrape_interval": _SCRAPE, "scrape_timeout": _SCRAPE},
        "scrape_configs": [{"job_name": "kwok", "http_sd_configs": [{"url": discovery, "refresh_interval": _SCRAPE}]}],
    }
    _configuration(layout).write_text(json.dumps(configuration, indent=1), encoding="utf-8")  # JSON is YAML


def manifests() -> list[dict[str, Any]]:
    """What kwok tells: all in one Metric, since a node has one registry."""
    usages = {"cpu": (USAGE_CPU, "1m"), "memory": (USAGE_MEMORY, "1Mi"), GPU: (USAGE_GPU, "0")}
    pod = [{"name": "namespace", "value": "pod.metadata.namespace"}, {"name": "pod", "value": "pod.metadata.name"}]
    container = [{"name": "container", "value": "container.name"}, *pod]
    metrics = [
        _metric("container_cpu_usage_seconds_total", "counter", "container", container, 'pod.CumulativeUsage("cpu", container.name)'),
        _metric("container_memory_working_set_bytes", "gauge", "container", container, 'pod.Usage("memory", container.name)'),
        _metric(GPU_UTILISATION, "gauge", "pod", pod, f'pod.Usage("{GPU}")'),
    ]
    return [
        {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "ClusterResourceUsage",
            "metadata": {"name": "from-annotations"},
            "spec": {"usages": [{"usage": {name: {"expression": _annotated(*said)} for name, said in usages.items()}}]},
        },
        {
            "apiVersion": "kwok.x-k8s.io/v1alpha1",
            "kind": "Metric",
            "metadata": {"name": "testkit"},
            "spec": {"path": "/metrics/nodes/{nodeName}/metrics/testkit", "metrics": metrics},
        },
    ]


def _metric(name: str, kind: str, dimension: str, labels: list[dict[str, str]], value: str) -> dict[str, Any]:
    return {"name": name, "help": "played from annotations", "kind": kind, "dimension": dimension, "labels": labels, "value": value}


def _annotated(annotation: str, otherwise: str) -> str:
    annotations = "pod.metadata.annotations"
    return f'"{annotation}" in {annotations} ? Quantity({annotations}["{annotation}"]) : Quantity("{otherwise}")'


def _configuration(layout: Layout) -> Path:
    return layout.folder / "prometheus.json"
