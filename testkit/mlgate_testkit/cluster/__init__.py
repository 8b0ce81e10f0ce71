"""A real Kubernetes control plane on this machine, without containers: etcd, API server, controllers, scheduler, with fake nodes and pods.

Names are imported when they are asked for: the cluster's own keeper process needs next to nothing of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgate_testkit.cluster.cluster import Cluster
    from mlgate_testkit.cluster.errors import ClusterError
    from mlgate_testkit.cluster.objects import Objects
    from mlgate_testkit.cluster.processes import PartStatus

__all__ = ["Cluster", "ClusterError", "Objects", "PartStatus"]

_HOMES = {"Cluster": "cluster", "ClusterError": "errors", "Objects": "objects", "PartStatus": "processes"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
