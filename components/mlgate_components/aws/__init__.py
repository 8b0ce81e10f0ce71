"""The platform on AWS: its components, the flows that they are given, and `build`, which composes them.

A name is loaded when it is first asked for, as pulumi_aws and pulumi_kubernetes load theirs: a program pays for what it uses.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlgate_components.aws.access.access import Access
    from mlgate_components.aws.access.duties import duties
    from mlgate_components.aws.access.identity import ServiceIdentity
    from mlgate_components.aws.access.permissions import (
        Permissions,
        audits,
        keeps_state,
        operates,
        pulls,
        pushes,
        reads,
        reads_secret,
        signs,
        validates,
        verifies,
        views,
        writes,
        writes_secret,
    )
    from mlgate_components.aws.addons.cluster_addons import ClusterAddons
    from mlgate_components.aws.budget import Budget
    from mlgate_components.aws.cluster.cluster import Cluster
    from mlgate_components.aws.gpu.interruption_queue import InterruptionQueue
    from mlgate_components.aws.gpu.pool import GpuNodePool
    from mlgate_components.aws.network.network import Nat, Network
    from mlgate_components.aws.platform import build
    from mlgate_components.aws.storage.audit_trail import AuditTrail
    from mlgate_components.aws.storage.buckets import LockMode
    from mlgate_components.aws.storage.evidence_storage import EvidenceStorage
    from mlgate_components.aws.storage.keys import Key
    from mlgate_components.aws.storage.model_storage import ModelStorage
    from mlgate_components.aws.storage.repository import ImageRepository
    from mlgate_components.aws.storage.secrets import Secret

__all__ = [
    "Access",
    "AuditTrail",
    "Budget",
    "Cluster",
    "ClusterAddons",
    "EvidenceStorage",
    "GpuNodePool",
    "ImageRepository",
    "InterruptionQueue",
    "Key",
    "LockMode",
    "ModelStorage",
    "Nat",
    "Network",
    "Permissions",
    "Secret",
    "ServiceIdentity",
    "audits",
    "build",
    "duties",
    "keeps_state",
    "operates",
    "pulls",
    "pushes",
    "reads",
    "reads_secret",
    "signs",
    "validates",
    "verifies",
    "views",
    "writes",
    "writes_secret",
]

_MODULES = {
    "Access": "access.access",
    "AuditTrail": "storage.audit_trail",
    "Budget": "budget",
    "Cluster": "cluster.cluster",
    "ClusterAddons": "addons.cluster_addons",
    "EvidenceStorage": "storage.evidence_storage",
    "GpuNodePool": "gpu.pool",
    "ImageRepository": "storage.repository",
    "InterruptionQueue": "gpu.interruption_queue",
    "Key": "storage.keys",
    "LockMode": "storage.buckets",
    "ModelStorage": "storage.model_storage",
    "Nat": "network.network",
    "Network": "network.network",
    "Permissions": "access.permissions",
    "Secret": "storage.secrets",
    "ServiceIdentity": "access.identity",
    "audits": "access.permissions",
    "build": "platform",
    "duties": "access.duties",
    "keeps_state": "access.permissions",
    "operates": "access.permissions",
    "pulls": "access.permissions",
    "pushes": "access.permissions",
    "reads": "access.permissions",
    "reads_secret": "access.permissions",
    "signs": "access.permissions",
    "validates": "access.permissions",
    "verifies": "access.permissions",
    "views": "access.permissions",
    "writes": "access.permissions",
    "writes_secret": "access.permissions",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found  # asked once
    return found


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
