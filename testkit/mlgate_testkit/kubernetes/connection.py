"""A connection to one API server, by the official client: kept alive, used by many threads, with one discovery for all of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client, config

from mlgate_testkit.kubernetes.kinds import ObjectKind
from mlgate_testkit.provider.provider import ProviderError

__all__ = ["APPLY", "JSON", "JSON_PATCH", "ApiError", "Connection", "Served", "Unreachable"]

APPLY = "application/apply-patch+yaml"
JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_CONNECT_S, _READ_S = 5.0, 60.0
_TRUSTED_S = 1.0  # so long an API server that answered is taken to be there
_POOL = 64  # as many as the provider's process has threads


class Unreachable(ProviderError):  # noqa: N818 - a state of the cluster, told by way of an error
    """The API server does not answer, or there is none."""


class ApiError(ProviderError):
    """The API server refuses; `causes` are its own, each with `field`, `reason` and `message`."""

    def __init__(self, status: int, answer: Mapping[str, Any]) -> None:
        super().__init__(str(answer.get("message") or f"the API server answered with status {status}"))
        self.status = status
        self.reason = str(answer.get("reason") or "")
        details = answer.get("details") or {}
        self.about = str(details.get("kind") or "")
        self.causes: list[dict[str, str]] = list(details.get("causes") or [])


@dataclass(frozen=True, slots=True)
class Served:
    """A kind that the API server serves, and where."""

    kind: ObjectKind
    plural: str
    namespaced: bool

    def path(self, namespace: str, name: str = "") -> str:
        """The path of the collection, or of the object of that name."""
        root = f"/apis/{self.kind.group}/{self.kind.version}" if self.kind.group else f"/api/{self.kind.version}"
        within = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{within}/{self.plural}" + (f"/{quote(name, safe='')}" if name else "")


class Connection:
    """One context of one kubeconfig."""

    def __init__(self, kubeconfig: dict[str, Any], context: str, cluster: str) -> None:
        settings = client.Configuration()
        try:
            chosen = _with_cluster(kubeconfig, context, cluster)
            config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
                chosen, context=context or None, client_configuration=settings, persist_config=False
            )
        except (config.ConfigException, StopIteration, KeyError, TypeError) as error:
            raise Unreachable(f"the kubeconfig cannot be used: {error}") from None
        settings.connection_pool_maxsize = _POOL
        settings.retries = False
        self._client = client.ApiClient(settings)
        self.server = str(settings.host)
        self.kubeconfig = {**chosen, "current-context": context or kubeconfig.get("current-context")}
        self.namespace = _namespace(chosen, context)
        self._lock = threading.Lock()
        self._pinging = threading.Lock()
        self._pinged_s = -_TRUSTED_S
        self._silent: Unreachable | None = None
        self._served: dict[ObjectKind, Served] | None = None

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        warn: Callable[[str], None] | None = None,
        accept: str = JSON,
    ) -> dict[str, Any]:
        """One request; `warn` gets the API server's warnings. Raises ApiError, Unreachable."""
        headers = {"Accept": accept, "User-Agent": "mlgate-testkit"}
        if body is not None:
            headers["Content-Type"] = content_type
        self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        # The client sends text for what it has no serializer for; JSON is YAML.
        content = json.dumps(body) if content_type == APPLY and body is not None else body
        try:
            answer = self._client.rest_client.request(  # type: ignore[no-untyped-call]
                method, url, headers, content, _request_timeout=(_CONNECT_S, _READ_S)
            )
            text = answer.read()
        except (urllib3.exceptions.HTTPError, client.ApiException) as error:
            raise Unreachable(f"the API server {self.server} does not answer: {_words(error)}") from None
        found = _parsed(text)
        if answer.status >= 400:
            raise ApiError(answer.status, found)
        if warn:
            for header in answer.response.headers.getlist("Warning"):
                warn(_warning(header))
        return found

    def ping(self) -> None:
        """Asks whether the API server is there, at most once a second. Raises Unreachable."""
        with self._pinging:
            if time.monotonic() - self._pinged_s >= _TRUSTED_S:
                self._silent = None
                try:
                    self.request("GET", "/version")
                except Unreachable as error:
                    self._silent = error
                except ApiError as error:
                    self._silent = Unreachable(f"{self.server} does not let us in: {error}")
                self._pinged_s = time.monotonic()
            if self._silent:
                raise self._silent

    def served(self, kind: ObjectKind, *, anew: bool = True) -> Served | None:
        """Where `kind` is served, None if nowhere. `anew`: a kind that was not there when last asked is asked for again."""
        with self._lock:
            if self._served is None or (anew and kind not in self._served):
                self._served = self._discover()
            return self._served.get(kind)

    def kinds(self) -> list[ObjectKind]:
        """Every kind that was served when last asked."""
        with self._lock:
            return list(self._served or ())

    def everything(self) -> list[Served]:
        """Every kind that is served now."""
        with self._lock:
            self._served = self._discover()
            return list(self._served.values())

    def forget(self) -> None:
        """Asks anew for what is served, the next time: a definition came or went."""
        with self._lock:
            self._served = None

    def _discover(self) -> dict[ObjectKind, Served]:
        found: dict[ObjectKind, Served] = {}
        for root in ("/api", "/apis"):
            for group in self.request("GET", root, accept=_AGGREGATED).get("items", []):
                for version in group.get("versions", []):
                    for resource in version.get("resources", []):
                        kind = ObjectKind(group["metadata"].get("name", ""), version["version"], resource["responseKind"]["kind"])
                        found[kind] = Served(kind, resource["resource"], resource["scope"] == "Namespaced")
        return found


def _with_cluster(kubeconfig: dict[str, Any], context: str, cluster: str) -> dict[str, Any]:
    """The kubeconfig with the chosen context pointing to another of its clusters, where one is named."""
    wanted = context or kubeconfig.get("current-context")
    names = [entry["name"] for entry in kubeconfig.get("contexts") or []]
    if wanted not in names:
        raise Unreachable(f"the kubeconfig has no context {wanted!r}; it has {', '.join(names) or 'none'}")
    if not cluster:
        return kubeconfig
    contexts = [
        {**entry, "context": {**entry["context"], "cluster": cluster}} if entry["name"] == wanted else entry
        for entry in kubeconfig["contexts"]
    ]
    return {**kubeconfig, "contexts": contexts}


def _namespace(kubeconfig: dict[str, Any], context: str) -> str:
    wanted = context or kubeconfig.get("current-context")
    return next(
        (str(entry["context"].get("namespace") or "default") for entry in kubeconfig["contexts"] if entry["name"] == wanted), "default"
    )


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = {"message": text.decode(errors="replace").strip()}
    return found if isinstance(found, dict) else {"message": str(found)}


def _words(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason).rsplit(": ", 1)[-1].strip("\n") or type(error).__name__


def _warning(header: str) -> str:
    """The text of a Warning header: `299 - "text"`."""
    return header.split('"', 1)[-1].rstrip('"').replace('\\"', '"')
