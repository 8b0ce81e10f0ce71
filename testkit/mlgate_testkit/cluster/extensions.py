"""What a cluster may have besides: Karpenter, KEDA and Prometheus, each with its programs, ports, files, objects and processes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlgate.errors import ProcessError
from mlgate_testkit.cluster import karpenter, keda, prometheus
from mlgate_testkit.cluster.manifests import read_manifest
from mlgate_testkit.cluster.objects import Objects
from mlgate_testkit.cluster.parts import Layout, Part
from mlgate_tools.control_plane import data_folder

_SERVED_S = 60.0
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a cluster has besides the control plane and fake nodes."""

    karpenter: bool = False
    keda: bool = False
    prometheus: bool = False


def absent(chosen: Chosen, missing: Mapping[str, str]) -> Mapping[str, str]:
    """By API group, why a cluster has no kinds of it: for whoever asks for one."""
    groups = {"karpenter.sh": ("karpenter", chosen.karpenter), "keda.sh": ("keda", chosen.keda)}
    return {
        group: f"without {name}: {missing[name]}" if name in missing else f"it was brought up without: Cluster({name}=True)"
        for group, (name, there) in groups.items()
        if not there
    }


def programs(chosen: Chosen) -> Sequence[str]:
    """The programs that takes."""
    return [
        *([karpenter.KARPENTER] if chosen.karpenter else []),
        *([keda.OPERATOR, keda.ADAPTER] if chosen.keda else []),
        *([prometheus.PROMETHEUS] if chosen.prometheus else []),
    ]


def port_names(chosen: Chosen) -> Sequence[str]:
    """The ports that takes, by name."""
    return [
        *(karpenter.PORTS if chosen.karpenter else ()),
        *(keda.PORTS if chosen.keda else ()),
        *([prometheus.PROMETHEUS] if chosen.prometheus else []),
    ]


def write_files(layout: Layout, chosen: Chosen) -> None:
    """The files that the processes read when they start."""
    if chosen.karpenter:
        karpenter.write_instance_types(layout)
    if chosen.keda:
        keda.write_certificates(layout)
    if chosen.prometheus:
        prometheus.write_configuration(layout)


def manifests(layout: Layout, chosen: Chosen) -> Sequence[dict[str, Any]]:
    """The objects that must be there before the processes start."""
    return [
        *([*definitions("karpenter"), karpenter.NODE_CLASS] if chosen.karpenter else []),
        *([*definitions("keda"), *keda.manifests(layout)] if chosen.keda else []),
        *(prometheus.manifests() if chosen.prometheus else []),
    ]


def parts(layout: Layout, chosen: Chosen) -> Sequence[Part]:
    """The processes of it."""
    return [
        *([karpenter.part(layout)] if chosen.karpenter else []),
        *(keda.parts(layout) if chosen.keda else []),
        *([prometheus.part(layout)] if chosen.prometheus else []),
    ]


def wait_served(objects: Objects, chosen: Chosen) -> None:
    """Returns once the API server reaches its extensions. Raises ProcessError for one that it does not reach in time."""
    until = time.monotonic() + _SERVED_S
    while chosen.keda and not keda.answers(service := objects.find("APIService", keda.API_SERVICE)):
        if time.monotonic() > until:
            raise ProcessError(
                f"the API server does not reach KEDA's metrics after {_SERVED_S:.0f} s: {(service or {}).get('status')}",
                where=f"APIService {keda.API_SERVICE}",
                remedy="see the log of keda-adapter",
            )
        time.sleep(_POLL_S)


def definitions(module: str) -> list[dict[str, Any]]:
    """The custom resource definitions that a module brings."""
    return [read_manifest(path) for path in sorted(data_folder(module, "crds").glob("*.yaml"))]
