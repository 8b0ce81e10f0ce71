"""Which changes need a new object, as the real provider decides it before it asks the API server.

Source: pulumi-kubernetes, provider/pkg/provider/diff.go (`forceNew`), read at 94977969 (2026-07). What is not in this table is sent as an
update, and the API server may refuse it: in a preview already, with its own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from mlgate_testkit.kubernetes.kinds import ObjectKind

__all__ = ["Mutability", "replacing"]

_IDENTITY = ("metadata.name", "metadata.namespace")
_POD = (
    *(
        f"spec.{name}"
        for name in [
            "affinity",
            "automountServiceAccountToken",
            "dnsConfig",
            "dnsPolicy",
            "enableServiceLinks",
            "hostAliases",
            "hostIPC",
            "hostNetwork",
            "hostPID",
            "hostname",
            "imagePullSecrets",
            "nodeName",
            "nodeSelector",
            "overhead",
            "preemptionPolicy",
            "priority",
            "priorityClassName",
            "readinessGates",
            "restartPolicy",
            "runtimeClassName",
            "schedulerName",
            "securityContext",
            "serviceAccount",
            "serviceAccountName",
            "shareProcessNamespace",
            "subdomain",
            "terminationGracePeriodSeconds",
            "volumes",
        ]
    ),
    *(
        f"spec.{containers}[*].{name}"
        for containers in ("containers", "initContainers")
        for name in [
            "args",
            "command",
            "env",
            "image",
            "imagePullPolicy",
            "lifecycle",
            "livenessProbe",
            "ports",
            "readinessProbe",
            "resources",
            "securityContext",
            "stdin",
            "stdinOnce",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "tty",
            "volumeDevices",
            "volumeMounts",
            "workingDir",
        ]
    ),
)
_VOLUME = tuple(
    f"spec.{name}"
    for name in [
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "csi",
        "fc",
        "flexVolume",
        "flocker",
        "gcePersistentDisk",
        "glusterfs",
        "hostPath",
        "iscsi",
        "local",
        "nfs",
        "photonPersistentDisk",
        "portworxVolume",
        "quobyte",
        "rbd",
        "scaleIO",
        "storageos",
        "vsphereVolume",
    ]
)
_TABLE: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("", "PersistentVolume"): _VOLUME,
        ("", "PersistentVolumeClaim"): ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
        ("", "Pod"): _POD,
        ("", "ResourceQuota"): ("spec.scopes",),
        ("", "Service"): ("spec.clusterIP",),
        ("apps", "DaemonSet"): ("spec.selector",),
        ("apps", "Deployment"): ("spec.selector",),
        ("apps", "StatefulSet"): (
            "spec.podManagementPolicy",
            "spec.revisionHistoryLimit",
            "spec.selector",
            "spec.serviceName",
            "spec.volumeClaimTemplates",
        ),
        ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
        ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
        ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
    }
)
_SEGMENT = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.\[\]]+)')


class Mutability:
    """Whether ConfigMaps and Secrets are changed in place; the real provider replaces them unless told otherwise."""

    def __init__(self, *, config_maps: bool, secrets: bool) -> None:
        self._config_maps = config_maps
        self._secrets = secrets

    def fixed(self, kind: ObjectKind, news: Mapping[str, Any]) -> tuple[str, ...]:
        """The paths that cannot be changed in place."""
        frozen = news.get("immutable") is True
        if (kind.group, kind.kind) == ("", "Secret"):
            return ("type", "stringData", "data") if frozen or not self._secrets else ("type",)
        if (kind.group, kind.kind) == ("", "ConfigMap"):
            return ("binaryData", "data") if frozen or not self._config_maps else ()
        return _TABLE.get((kind.group, kind.kind), ())


def replacing(changed: Iterable[str], fixed: Iterable[str]) -> frozenset[str]:
    """Those of `changed` that touch the object's identity or one of the `fixed` paths: at it, below it or around it."""
    patterns = [_segments(path) for path in (*_IDENTITY, *fixed)]
    return frozenset(path for path in changed if any(_touches(_segments(path), pattern) for pattern in patterns))


def _touches(path: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    return all(want in {have, "[*]"} for have, want in zip(path, pattern, strict=False))


def _segments(path: str) -> tuple[str, ...]:
    """The parts of a path as the engine writes it; an index is "[*]", since a list's elements are all alike here."""
    return tuple("[*]" if index else quoted.replace('\\"', '"') or name for quoted, index, name in _SEGMENT.findall(path))
