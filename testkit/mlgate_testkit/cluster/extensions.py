"""What a cluster may have besides: Karpenter, KEDA and Prometheus, each with its definitions, its objects and its processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlgate_testkit.cluster.objects import Objects
from mlgate_testkit.cluster.parts import Layout, Part, Question
from mlgate_tools.control_plane import data_folder, program_path

KARPENTER = "karpenter"
INSTANCE_TYPES = "instance-types.json"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a cluster has besides the control plane and fake nodes."""

    karpenter: bool = False
    keda: bool = False
    prometheus: bool = False


def programs(chosen: Chosen) -> Sequence[str]:
    """The programs that takes."""
    return [KARPENTER] if chosen.karpenter else []


def port_names(chosen: Chosen) -> Sequence[str]:
    """The ports that takes, by name."""
    return ["karpenter-metrics", "karpenter-health"] if chosen.karpenter else []


def parts(layout: Layout, chosen: Chosen) -> Sequence[Part]:
    """The processes of it."""
    return [karpenter(layout)] if chosen.karpenter else []


def manifests(layout: Layout, chosen: Chosen) -> Sequence[dict[str, Any]]:
    """The objects that must be there before the processes start."""
    return definitions("karpenter") if chosen.karpenter else []


def wait_served(objects: Objects, chosen: Chosen) -> None:
    """Nothing yet."""


def karpenter(layout: Layout) -> Part:
    """Karpenter with its kwok provider. Its two ports listen on every interface, for it takes no address; they tell figures alone."""
    metrics, health = layout.ports["karpenter-metrics"], layout.ports["karpenter-health"]
    environment = {
        "KUBECONFIG": str(layout.kubeconfig),
        "KUBERNETES_MIN_VERSION": "1.19.0-0",
        "SYSTEM_NAMESPACE": "kube-system",
        "KARPENTER_SERVICE": "karpenter",
        "DISABLE_LEADER_ELECTION": "true",
        "METRICS_PORT": str(metrics),
        "HEALTH_PROBE_PORT": str(health),
        "INSTANCE_TYPES_FILE_PATH": str(layout.folder / INSTANCE_TYPES),
    }
    return Part(KARPENTER, (str(program_path(KARPENTER)),), (metrics, health), Question(health, "/readyz", secure=False), environment)


def definitions(module: str) -> list[dict[str, Any]]:
    """The custom resource definitions that a module brings."""
    return [_read(path) for path in sorted(data_folder(module, "crds").glob("*.yaml"))]


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value
