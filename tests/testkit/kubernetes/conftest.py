"""One control plane and one stand-in for all tests of this folder; each test has a namespace of its own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.kubernetes import KubernetesStandIn
from mlgate_testkit.provider.process import ProviderProcess

from .values import Asked


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        running.add_nodes(1)
        yield running


@pytest.fixture(scope="session")
def kubernetes_cluster(cluster: Cluster) -> Cluster:
    """The fixture `kubernetes_standin` works on it as well."""
    return cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.objects.delete("Namespace", name)


@pytest.fixture
def asked(cluster: Cluster, namespace: str) -> Asked:
    """A provider of this process, on the test's namespace."""
    return Asked(KubernetesStandIn().configure({"kubeconfig": str(cluster.kubeconfig), "namespace": namespace}))


@pytest.fixture(scope="session")
def _process() -> Iterator[ProviderProcess]:
    with ProviderProcess("kubernetes", "mlgate_testkit.kubernetes:KubernetesStandIn") as process:
        yield process


@pytest.fixture
def stand_in(_process: ProviderProcess, cluster: Cluster) -> Iterator[ProviderProcess]:
    """The stand-in as a process of its own; programs that name no cluster use the tests' one."""
    _process.call("use", kubeconfig=str(cluster.kubeconfig))
    yield _process
    _process.call("clear")
    _process.call("use", kubeconfig="")
