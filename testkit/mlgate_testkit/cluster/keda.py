"""KEDA in a cluster: its operator scales, its adapter answers the autoscaler's questions about metrics.

Both listen on every interface, which is why it needs a network of the cluster's own. The API server reaches the adapter as it would in a
real cluster, through an APIService, whose Service here is a name for the cluster's own loopback.
"""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

from mlgate_testkit.cluster.parts import Layout, Part, Question
from mlgate_tools.control_plane import program_path

OPERATOR, ADAPTER = "keda-operator", "keda-adapter"
PORTS = ("keda-operator-metrics", "keda-operator-health", "keda-operator-service", "keda-adapter", "keda-adapter-metrics")

_NAMESPACE = "keda"
_SERVICE = "keda-metrics-apiserver"
_GROUP, _VERSION = "external.metrics.k8s.io", "v1beta1"
API_SERVICE = f"{_VERSION}.{_GROUP}"


def write_certificates(layout: Layout) -> None:
    """KEDA wants authority, certificate and key under names of its own in one folder."""
    folder, certificates = _certificates(layout), layout.certificates
    folder.mkdir(mode=0o700)
    sources = {"ca.crt": certificates.authority, "tls.crt": certificates.server.certificate, "tls.key": certificates.server.key}
    for name, source in sources.items():
        shutil.copy(source, folder / name)  # with its permissions


def parts(layout: Layout) -> list[Part]:
    """Operator and adapter."""
    metrics, health, service, adapter, adapter_metrics = (layout.ports[name] for name in PORTS)
    environment = {
        "KUBECONFIG": str(layout.kubeconfig),
        "POD_NAMESPACE": _NAMESPACE,
        "KEDA_CLUSTER_OBJECT_NAMESPACE": _NAMESPACE,
        "WATCH_NAMESPACE": "",
    }
    operator = (
        str(program_path(OPERATOR)),
        f"--metrics-bind-address=127.0.0.1:{metrics}",
        f"--health-probe-bind-address=127.0.0.1:{health}",
        f"--metrics-service-bind-address=127.0.0.1:{service}",
        f"--cert-dir={_certificates(layout)}",
        "--enable-cert-rotation=false",
        "--enable-apiservice-patching=false",
        "--enable-webhook-patching=false",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    )
    answering = (
        str(program_path(ADAPTER)),
        f"--secure-port={adapter}",
        f"--port={adapter_metrics}",
        f"--metrics-service-address=localhost:{service}",
        f"--cert-dir={_certificates(layout)}",
        f"--tls-cert-file={layout.certificates.server.certificate}",
        f"--tls-private-key-file={layout.certificates.server.key}",
        f"--client-ca-file={layout.certificates.authority}",
        f"--authentication-kubeconfig={layout.kubeconfig}",
        f"--authorization-kubeconfig={layout.kubeconfig}",
        f"--lister-kubeconfig={layout.kubeconfig}",
    )
    return [
        Part(OPERATOR, operator, (metrics, health, service), Question(health, "/readyz", secure=False), environment),
        Part(ADAPTER, answering, (adapter, adapter_metrics), Question(adapter, "/readyz"), environment),
    ]


def manifests(layout: Layout) -> list[dict[str, Any]]:
    """KEDA's namespace, and its claim to the API group of metrics, which it must own alone."""
    port = layout.ports["keda-adapter"]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": _SERVICE, "namespace": _NAMESPACE},
            # An endpoint in 127.0.0.0/8 would be refused; a name that means it is not.
            "spec": {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": port, "protocol": "TCP"}]},
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": API_SERVICE},
            "spec": {
                "group": _GROUP,
                "version": _VERSION,
                "groupPriorityMinimum": 100,
                "versionPriority": 100,
                "caBundle": _base64(layout.certificates.authority),
                "service": {"name": _SERVICE, "namespace": _NAMESPACE, "port": port},
            },
        },
    ]


def answers(service: dict[str, Any] | None) -> bool:
    """Whether the API server reaches the adapter, by what it says of the APIService."""
    conditions = ((service or {}).get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Available" and condition["status"] == "True" for condition in conditions)


def _certificates(layout: Layout) -> Path:
    return layout.folder / "keda-certificates"


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
