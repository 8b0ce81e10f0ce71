"""Karpenter in a cluster: which machines it may buy, what it costs it, and how node pools written for AWS are played.

It runs with its kwok provider: it decides as it does in production, and what it buys is a fake node. That provider takes every offer for
available, so a drought is a file without these offers and a new start.
"""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlgate.accelerators import InstanceType, instance_type, instance_types
from mlgate_testkit.cluster.errors import ClusterError
from mlgate_testkit.cluster.nodes import GPU, ZONES, aws_gpu_labels
from mlgate_testkit.cluster.parts import Layout, Part, Question
from mlgate_tools.control_plane import program_path

KARPENTER = "karpenter"
PORTS = ("karpenter-metrics", "karpenter-health")
_GROUP, _KIND, _NAME = "karpenter.kwok.sh", "KWOKNodeClass", "default"
NODE_CLASS: dict[str, Any] = {"apiVersion": f"{_GROUP}/v1alpha1", "kind": _KIND, "metadata": {"name": _NAME}, "spec": {}}
"""What every node pool refers to here, in place of an EC2NodeClass."""

_SPOT_SHARE = 0.4  # of the on-demand price: made up, and only says that spot is cheaper
_AWS = "karpenter.k8s.aws/"
# Machines without accelerators, for pods without: CPUs, memory in MiB, price as the catalogue has its prices.
_GENERAL = {
    "m7i.large": (2, 8192, 0.1008),
    "m7i.xlarge": (4, 16384, 0.2016),
    "m7i.2xlarge": (8, 32768, 0.4032),
    "m7i.4xlarge": (16, 65536, 0.8064),
    "m7i.8xlarge": (32, 131072, 1.6128),
}


@dataclass(frozen=True, slots=True)
class Drought:
    """Offers that are not to be had: of one capacity type, accelerator or zone, or all where that is None."""

    capacity: str | None = None
    accelerator: str | None = None
    zone: str | None = None

    def hits(self, capacity: str, accelerator: str | None, zone: str) -> bool:
        """Whether an offer is not to be had."""
        wanted = ((self.capacity, capacity), (self.accelerator, accelerator), (self.zone, zone))
        return all(mine is None or mine == its for mine, its in wanted)


def part(layout: Layout) -> Part:
    """Karpenter. Its two ports listen on every interface, for it takes no address (`pkg/operator/operator.go` of 1.14.1)."""
    metrics, health = (layout.ports[name] for name in PORTS)
    environment = {
        "KUBECONFIG": str(layout.kubeconfig),
        "KUBERNETES_MIN_VERSION": "1.19.0-0",
        "SYSTEM_NAMESPACE": "kube-system",
        "KARPENTER_SERVICE": "karpenter",
        "DISABLE_LEADER_ELECTION": "true",
        "METRICS_PORT": str(metrics),
        "HEALTH_PROBE_PORT": str(health),
        "INSTANCE_TYPES_FILE_PATH": str(instance_types_file(layout)),
    }
    return Part(KARPENTER, (str(program_path(KARPENTER)),), (metrics, health), Question(health, "/readyz", secure=False), environment)


def exposed(layout: Layout) -> str:
    """What of it can be reached from outside where the cluster has no network of its own."""
    metrics, health = (layout.ports[name] for name in PORTS)
    return f"its ports {metrics} (figures) and {health} (health) listen on every interface, since it takes no address"


def instance_types_file(layout: Layout) -> Path:
    """The file of what it may buy."""
    return layout.folder / "instance-types.json"


def write_instance_types(layout: Layout, droughts: Sequence[Drought] = ()) -> None:
    """What Karpenter may buy from its next start on: machines with whole GPUs that have a price, and general ones, but for droughts."""
    kinds = [_accelerated(kind, droughts) for kind in instance_types() if kind.count and kind.usd_per_hour]
    kinds += [_general(name, *figures, droughts) for name, figures in _GENERAL.items()]
    offered = [kind for kind in kinds if kind["offerings"]]
    instance_types_file(layout).write_text(json.dumps(offered, indent=1), encoding="utf-8")


def play(manifest: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """A node pool as Karpenter's kwok provider takes it, and in words what was changed ("" if nothing was).

    Only its node class is replaced: the provider would pass over the pool without a word. Any other object stays as it is. Raises
    ClusterError for a requirement on a label of AWS that no machine here has, which would hold for every machine and prove nothing.
    """
    if manifest["kind"] != "NodePool":
        return manifest, ""
    spec = ((manifest.get("spec") or {}).get("template") or {}).get("spec") or {}
    name = manifest["metadata"]["name"]
    _require_known_labels(name, spec.get("requirements") or [])
    reference = spec.get("nodeClassRef") or {}
    if reference.get("kind") != "EC2NodeClass":
        return manifest, ""
    played = copy.deepcopy(dict(manifest))
    played["spec"]["template"]["spec"]["nodeClassRef"] = {"group": _GROUP, "kind": _KIND, "name": _NAME}
    return played, f"node pool {name}: its EC2NodeClass {reference.get('name')!r} is played by {_KIND} {_NAME!r}"


def _require_known_labels(pool: str, requirements: Sequence[Mapping[str, Any]]) -> None:
    known = sorted(_aws_labels("g6.xlarge", instance_type("g6.xlarge")))
    for requirement in requirements:
        key = str(requirement.get("key"))
        if key.startswith(_AWS) and key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0)
            raise ClusterError(
                f"it requires the label {key!r}, which no machine here has: it would hold for every machine and prove nothing",
                where=f"node pool {pool}",
                remedy=f"use {near[0]}, or name the machines: node.kubernetes.io/instance-type",
            )


def _accelerated(kind: InstanceType, droughts: Sequence[Drought]) -> dict[str, Any]:
    assert kind.usd_per_hour is not None
    resources = {"cpu": str(kind.cpus), "memory": f"{kind.memory_mib}Mi", GPU: str(kind.count)}
    sold_as = [capacity for capacity in kind.sold_as if capacity in ("on-demand", "spot")]
    offers = _offers(_aws_labels(kind.name, kind), kind.usd_per_hour, sold_as, kind.accelerator, droughts)
    return _entry(kind.name, kind.architecture, resources, offers)


def _general(name: str, cpus: int, memory_mib: int, price: float, droughts: Sequence[Drought]) -> dict[str, Any]:
    offers = _offers(_aws_labels(name), price, ("on-demand", "spot"), None, droughts)
    return _entry(name, "amd64", {"cpu": str(cpus), "memory": f"{memory_mib}Mi"}, offers)


def _entry(name: str, architecture: str, resources: dict[str, str], offers: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "architecture": architecture,
        "operatingSystems": ["linux"],
        "resources": {"pods": "110", "ephemeral-storage": "100Gi", **resources},
        "offerings": offers,
    }


def _offers(
    labels: Mapping[str, str], price: float, sold_as: Sequence[str], accelerator: str | None, droughts: Sequence[Drought]
) -> list[dict[str, Any]]:
    """One for each way to buy and zone. It carries AWS's labels, so that a pool's requirements choose among machines as they do there."""
    return [
        {
            "Price": round(price * (_SPOT_SHARE if capacity == "spot" else 1), 6),
            "Available": True,
            "Requirements": [
                {"key": key, "operator": "In", "values": [value]}
                for key, value in {"karpenter.sh/capacity-type": capacity, "topology.kubernetes.io/zone": zone, **labels}.items()
            ],
        }
        for capacity in sold_as
        for zone in ZONES
        if not any(drought.hits(capacity, accelerator, zone) for drought in droughts)
    ]


def _aws_labels(name: str, kind: InstanceType | None = None) -> dict[str, str]:
    """What Karpenter's AWS provider says of a machine (its `pkg/apis/v1/labels.go`), as far as its name and the catalogue tell."""
    family, size = name.split(".")
    parts = re.match(r"([a-z]+)(\d+)", family)
    assert parts
    cpus, memory_mib = (kind.cpus, kind.memory_mib) if kind else _GENERAL[name][:2]
    return {
        f"{_AWS}instance-category": parts[1],
        f"{_AWS}instance-family": family,
        f"{_AWS}instance-generation": parts[2],
        f"{_AWS}instance-size": size,
        f"{_AWS}instance-cpu": str(cpus),
        f"{_AWS}instance-memory": str(memory_mib),
        **(aws_gpu_labels(kind) if kind else {}),
    }
