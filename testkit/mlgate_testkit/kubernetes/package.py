"""What is served as "kubernetes": one process for a whole test run, with one connection for each cluster that its programs name."""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any

from mlgate.errors import UsageError
from mlgate_testkit.kubernetes.connection import Connection
from mlgate_testkit.kubernetes.kinds import BUILT_IN_GROUPS, RELEASE, of_token
from mlgate_testkit.kubernetes.provider import DECODE, KubernetesProvider
from mlgate_testkit.kubernetes.settings import Settings, read_kubeconfig, wrong
from mlgate_testkit.provider.provider import Failure, ProviderError
from mlgate_testkit.record.sdk import class_of, tokens_of

__all__ = ["KubernetesStandIn"]

_NOWHERE = "the provider names no kubeconfig, and the stand-in never takes your own (~/.kube/config, KUBECONFIG)"


class KubernetesStandIn:
    """The package of the provider's process; its controls are `use` and `sweep`."""

    name = "kubernetes"

    def __init__(self) -> None:
        self.version = version("pulumi_kubernetes")
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        self._kubeconfig = ""
        self._throwaway = False

    def use(self, kubeconfig: str, throwaway: bool = False) -> None:
        """The cluster of programs that name none: a kubeconfig's path or content; "" for none. Raises ProviderError: it is neither.

        `throwaway`: nobody but the tests works on it, so that `sweep` may, and a wait for pods ends where it has no node.
        """
        if kubeconfig:
            read_kubeconfig(kubeconfig)
        self._kubeconfig = kubeconfig
        self._throwaway = throwaway

    def sweep(self) -> list[str]:
        """Removes what stand-ins made on the cluster in use, if that is a throwaway. Returns what that was.

        The field managers of the real provider's objects are the same, so nobody else's cluster is ever swept.
        """
        if not self._throwaway:
            return []
        return self.configure({"kubeconfig": self._kubeconfig}).sweep()

    def require_known(self, operation: str, token: str) -> None:
        """Raises UsageError, naming the nearest, for a type, or with "invoke" a function, that no cluster can ever have."""
        functions = [] if token == DECODE else [DECODE]
        near = functions if operation == "invoke" else _wrong_type(token)
        if near:
            raise UsageError(
                f"{token} is not in the stand-in, so no {operation} of it ever comes", where="fail", remedy=f"order one that is: {near[0]}"
            )

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
            own = self._throwaway and read_kubeconfig(given) == read_kubeconfig(self._kubeconfig)
            return KubernetesProvider(settings, self._connection(given, settings), "", throwaway=own)
        except ProviderError as error:
            return KubernetesProvider(settings, None, str(error))

    def _connection(self, given: str, settings: Settings) -> Connection:
        kubeconfig = read_kubeconfig(given)
        key = hashlib.sha256(json.dumps([kubeconfig, settings.context, settings.cluster], sort_keys=True, default=str).encode()).hexdigest()
        with self._lock:
            if key not in self._connections:
                self._connections[key] = Connection(kubeconfig, settings.context, settings.cluster)
            return self._connections[key]


def _wrong_type(token: str) -> list[str]:
    """What was probably meant by the token of a type that no cluster can have; nothing for one that some may, as a custom resource."""
    with suppress(ProviderError):
        group = of_token(token).group
        # The group of a custom resource is a domain, so it has a dot.
        if token == RELEASE or class_of(token) or (group not in BUILT_IN_GROUPS and "." in group):
            return []
    return get_close_matches(token, tokens_of("kubernetes"), n=1, cutoff=0)
