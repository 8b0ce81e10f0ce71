"""What a cluster may have besides: Karpenter, KEDA and Prometheus, each with its definitions, its objects and its processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlgate_testkit.cluster import karpenter
from mlgate_testkit.cluster.objects import Objects
from mlgate_testkit.cluster.parts import Layout, Part
from mlgate_tools.control_plane import data_folder


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a cluster has besides the control plane and fake nodes."""

    karpenter: bool = False
    keda: bool = False
    prometheus: bool = False


def programs(chosen: Chosen) -> Sequence[str]:
    """The programs that takes."""
    return [karpenter.KARPENTER] if chosen.karpenter else []


def port_names(chosen: Chosen) -> Sequence[str]:
    """The ports that takes, by name."""
    return ["karpenter-metrics", "karpenter-health"] if chosen.karpenter else []


def parts(layout: Layout, chosen: Chosen) -> Sequence[Part]:
    """The processes of it."""
    return [karpenter.part(layout)] if chosen.karpenter else []


def manifests(layout: Layout, chosen: Chosen) -> Sequence[dict[str, Any]]:
    """The objects that must be there before the processes start."""
    return [*definitions("karpenter"), karpenter.NODE_CLASS] if chosen.karpenter else []


def write_files(layout: Layout, chosen: Chosen) -> None:
    """The files that the processes read when they start."""
    if chosen.karpenter:
        karpenter.write_instance_types(layout)


def wait_served(objects: Objects, chosen: Chosen) -> None:
    """Nothing yet."""


def definitions(module: str) -> list[dict[str, Any]]:
    """The custom resource definitions that a module brings."""
    return [_read(path) for path in sorted(data_folder(module, "crds").glob("*.yaml"))]


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return value
