"""The parts of a cluster: for each the command, what it listens on, and the question that tells when it is ready.

What differs from a cluster's defaults does so to be quick or small, and is said here: a lost node is noticed after 10 s and not 40, its
pods are replaced 3 s later and not 5 min, an autoscaler looks every second and not every 15, and nothing is synced to disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlgate_serving.supervisor import ProcessSpec
from mlgate_testkit.cluster.certificates import Certificates
from mlgate_testkit.cluster.namespace import Network
from mlgate_tools.control_plane import program_path

ETCD, API_SERVER, CONTROLLERS, SCHEDULER, KWOK = "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"
KEEPER = "keeper"
NODE_LABEL = "kwok.x-k8s.io/node"
"""Nodes that carry it with the value `fake` are kwok's; a node that loses it stops reporting."""

_GRACE_S = 10  # of a node's lease: without a report for so long it is lost
_EVICT_S = 3
_ADVERTISED = "10.96.0.254"  # must not be loopback; stands in objects only, nobody listens or calls there
_SERVICES = "10.96.0.0/16"
_PODS = "10.244.0.1/16"
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Question:
    """A request that a part answers with 200 once it is ready. `secure`: by TLS, with the cluster's certificates."""

    port: int
    path: str
    secure: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """One process of a cluster. `ports`: all it listens on. `ready` is None where another part's readiness says it."""

    name: str
    command: tuple[str, ...]
    ports: tuple[int, ...]
    ready: Question | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    def spec(self, folder: Path, network: Network) -> ProcessSpec:
        """What the supervisor runs. In a network of the cluster's own the ports are no business of the machine's."""
        return ProcessSpec(
            name=self.name,
            command=network.enter(self.command),
            environment=self.environment,
            folder=folder / "parts" / self.name,
            ports=() if network.own else self.ports,
            labels={},
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a cluster has its files, and its ports by their names."""

    folder: Path
    certificates: Certificates
    ports: Mapping[str, int]

    @property
    def kubeconfig(self) -> Path:
        """The administrator's access."""
        return self.folder / "kubeconfig"


def etcd(layout: Layout) -> Part:
    """The store. `--unsafe-no-fsync`: what it holds is thrown away with the cluster."""
    client, peer = layout.ports[ETCD], layout.ports["etcd-peer"]
    certificates, url, peers = layout.certificates, f"https://{_LOOPBACK}:{client}", f"http://{_LOOPBACK}:{peer}"
    return Part(
        ETCD,
        (
            str(program_path(ETCD)),
            f"--data-dir={layout.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--client-cert-auth",
            f"--trusted-ca-file={certificates.authority}",
            f"--cert-file={certificates.server.certificate}",
            f"--key-file={certificates.server.key}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ),
        (client, peer),
    )


def api_server(layout: Layout) -> Part:
    """The API. It asks etcd before it says that it is ready."""
    port, certificates = layout.ports[API_SERVER], layout.certificates
    return Part(
        API_SERVER,
        (
            str(program_path(API_SERVER)),
            f"--bind-address={_LOOPBACK}",
            f"--secure-port={port}",
            f"--advertise-address={_ADVERTISED}",
            "--endpoint-reconciler-type=none",
            f"--etcd-servers=https://{_LOOPBACK}:{layout.ports[ETCD]}",
            f"--etcd-cafile={certificates.authority}",
            f"--etcd-certfile={certificates.etcd.certificate}",
            f"--etcd-keyfile={certificates.etcd.key}",
            f"--tls-cert-file={certificates.server.certificate}",
            f"--tls-private-key-file={certificates.server.key}",
            f"--client-ca-file={certificates.authority}",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            f"--service-cluster-ip-range={_SERVICES}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={certificates.accounts.certificate}",
            f"--service-account-signing-key-file={certificates.accounts.key}",
            f"--default-not-ready-toleration-seconds={_EVICT_S}",
            f"--default-unreachable-toleration-seconds={_EVICT_S}",
            # By these the API server calls extensions (KEDA's metrics) on behalf of whoever asked.
            f"--requestheader-client-ca-file={certificates.proxy_authority}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={certificates.proxy.certificate}",
            f"--proxy-client-key-file={certificates.proxy.key}",
        ),
        (port,),
        Question(port, "/readyz"),
    )


def controllers(layout: Layout) -> Part:
    """Deployments, jobs, nodes, autoscalers and all others of Kubernetes' own controllers."""
    return Part(
        CONTROLLERS,
        (
            str(program_path(CONTROLLERS)),
            *_serving(layout, CONTROLLERS),
            f"--service-account-private-key-file={layout.certificates.accounts.key}",
            f"--root-ca-file={layout.certificates.authority}",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
            "--node-monitor-period=1s",
            f"--node-monitor-grace-period={_GRACE_S}s",
            "--horizontal-pod-autoscaler-sync-period=1s",
            "--horizontal-pod-autoscaler-downscale-stabilization=5s",
            "--horizontal-pod-autoscaler-initial-readiness-delay=1s",
            "--horizontal-pod-autoscaler-cpu-initialization-period=1s",
        ),
        (layout.ports[CONTROLLERS],),
        Question(layout.ports[CONTROLLERS], "/healthz"),
    )


def scheduler(layout: Layout) -> Part:
    """The scheduler as it comes, with a client quick enough for a thousand pods."""
    return Part(
        SCHEDULER,
        (str(program_path(SCHEDULER)), *_serving(layout, SCHEDULER), "--kube-api-qps=1000", "--kube-api-burst=2000"),
        (layout.ports[SCHEDULER],),
        Question(layout.ports[SCHEDULER], "/readyz"),
    )


def kwok(layout: Layout) -> Part:
    """Plays kubelet for the nodes with `NODE_LABEL`. Stages and usage metrics are objects of the cluster."""
    port = layout.ports[KWOK]
    return Part(
        KWOK,
        (
            str(program_path(KWOK)),
            f"--kubeconfig={layout.kubeconfig}",
            f"--manage-nodes-with-label-selector={NODE_LABEL}=fake",
            f"--server-address={_LOOPBACK}:{port}",
            f"--cidr={_PODS}",
            f"--node-lease-duration-seconds={_GRACE_S}",
            "--enable-crds=Stage,Metric,ClusterResourceUsage,ResourceUsage",
            # What a configuration file in the user's home says is none of this cluster's business.
            "--config=/dev/null",
        ),
        (port,),
        Question(port, "/healthz", secure=False),
    )


def _serving(layout: Layout, name: str) -> tuple[str, ...]:
    """What controllers and scheduler have in common: access, one of each, and an address for questions about their health."""
    certificates = layout.certificates
    return (
        f"--kubeconfig={layout.kubeconfig}",
        f"--authentication-kubeconfig={layout.kubeconfig}",
        f"--authorization-kubeconfig={layout.kubeconfig}",
        f"--bind-address={_LOOPBACK}",
        f"--secure-port={layout.ports[name]}",
        f"--tls-cert-file={certificates.server.certificate}",
        f"--tls-private-key-file={certificates.server.key}",
        "--leader-elect=false",
    )
