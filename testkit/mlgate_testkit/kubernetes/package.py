"""What is served as "kubernetes": one process for a whole test run, with one connection for each cluster that its programs name."""

from __future__ import annotations

import hashlib
import json
import threading
from importlib.metadata import version
from typing import Any

from mlgate_testkit.kubernetes.connection import Connection
from mlgate_testkit.kubernetes.provider import KubernetesProvider
from mlgate_testkit.kubernetes.settings import Settings, read_kubeconfig, wrong
from mlgate_testkit.provider.provider import Failure, ProviderError

__all__ = ["KubernetesStandIn"]

_NOWHERE = "the provider names no kubeconfig, and the stand-in never takes your own (~/.kube/config, KUBECONFIG)"


class KubernetesStandIn:
    """The package of the provider's process; its control is `use`."""

    name = "kubernetes"

    def __init__(self) -> None:
        self.version = version("pulumi_kubernetes")
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        self._kubeconfig = ""

    def use(self, kubeconfig: str) -> None:
        """The cluster of programs that name none: a kubeconfig's path or content; "" for none. Raises ProviderError: it is neither."""
        if kubeconfig:
            read_kubeconfig(kubeconfig)
        self._kubeconfig = kubeconfig

    def check_config(self, inputs: dict[str, Any]) -> list[Failure]:
        """What a provider cannot be set to."""
        return wrong(inputs)

    def configure(self, inputs: dict[str, Any]) -> KubernetesProvider:
        """A provider on the cluster that its configuration names. A cluster that cannot be had is told when it is needed."""
        settings = Settings.of(inputs)
        if settings.kubeconfig is None:
            return KubernetesProvider(settings, None, "this update is yet to tell which it is")
        given = settings.kubeconfig or self._kubeconfig
        if not given:
            return KubernetesProvider(settings, None, _NOWHERE)
        try:
            return KubernetesProvider(settings, self._connection(given, settings), "")
        except ProviderError as error:
            return KubernetesProvider(settings, None, str(error))

    def _connection(self, given: str, settings: Settings) -> Connection:
        kubeconfig = read_kubeconfig(given)
        key = hashlib.sha256(json.dumps([kubeconfig, settings.context, settings.cluster], sort_keys=True, default=str).encode()).hexdigest()
        with self._lock:
            if key not in self._connections:
                self._connections[key] = Connection(kubeconfig, settings.context, settings.cluster)
            return self._connections[key]
