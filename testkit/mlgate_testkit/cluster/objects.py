"""Objects of a cluster, as plain dicts: applied on the server side, read, patched, deleted.

Requests go out by the official client's own connections; which path an object has is asked of the API server, so that a custom resource is
as good as any other. A kind is named as in a manifest ("Pod") or, where two groups share it, with its group and version
("karpenter.sh/v1/NodePool").
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from mlgate_testkit.cluster.errors import ClusterError, RefusedError
from mlgate_testkit.cluster.manifests import parse_manifests
from mlgate_testkit.nearest import listed

if TYPE_CHECKING:
    import urllib3

Object = dict[str, Any]
MANAGER = "mlgate-testkit"
"""The field manager of what is applied here."""

_ANSWER_S = 30.0
_SERVED_S = 10.0  # for a kind whose definition was applied a moment ago
_POLL_S = 0.05
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_APPLY, _MERGE = "application/apply-patch+yaml", "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind that the API server serves: `path` is what its collections' paths begin with."""

    name: str
    api_version: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str | None) -> str:
        """The path of all its objects, or of those in `namespace`."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        inside = f"/namespaces/{quote(namespace)}" if self.namespaced and namespace else ""
        return f"{root}{inside}/{self.plural}"


class Objects:
    """Every object of the cluster that `kubeconfig` leads to. Raises ClusterError for what the API server refuses.

    `absent`: API groups that one may well ask for ("keda.sh"), and why this cluster has none of their kinds.
    """

    def __init__(self, kubeconfig: Path, absent: Mapping[str, str] | None = None) -> None:
        from kubernetes.client import Configuration
        from kubernetes.client.rest import RESTClientObject
        from kubernetes.config import load_kube_config

        configuration = Configuration()
        load_kube_config(str(kubeconfig), client_configuration=configuration, persist_config=False)  # type: ignore[no-untyped-call]
        configuration.proxy = None  # it is on this machine, whatever the user's environment says
        self._host = configuration.host
        self._absent = absent or {}
        self._pool: urllib3.PoolManager = RESTClientObject(configuration).pool_manager
        self._kinds: dict[str, Kind] = {}
        self.made: list[str] = []
        """The paths of what was made here and was not there before, oldest first; not what others made, nor what was only changed."""

    def apply(self, manifests: str | Mapping[str, Any] | Iterable[Mapping[str, Any]], *, namespace: str = "default") -> list[Object]:
        """Apply manifests on the server side: YAML text, one object or several. Fields nobody knows are refused.

        Definitions of custom resources come first and are waited for, namespaces next, whatever their places; the answers are in the
        order of the manifests. `namespace`: of objects that need one and name none.
        """
        parsed = parse_manifests(manifests)
        applied: dict[int, Object] = {}
        for chosen in (_is_definition, _is_namespace, _is_other):
            for number, manifest in enumerate(parsed):
                if chosen(manifest):
                    applied[number] = self._apply(manifest, namespace)
            if chosen is _is_definition:
                self._wait_served(manifest for manifest in parsed if chosen(manifest))
        return [applied[number] for number in range(len(parsed))]

    def create(self, manifest: Mapping[str, Any], *, namespace: str = "default") -> Object:
        """Make one object as it stands, its status too where its kind allows that (nodes do); applying would drop it."""
        kind = self.kind(f"{manifest['apiVersion']}/{manifest['kind']}")
        path = kind.collection(manifest["metadata"].get("namespace", namespace))
        return self._ask("POST", path, query={"fieldManager": MANAGER, "fieldValidation": "Strict"}, body=manifest) or {}

    def find(self, kind: str, name: str, namespace: str = "default") -> Object | None:
        """One object; None if there is none of that name."""
        known = self.kind(kind)
        answer = self._ask("GET", f"{known.collection(namespace)}/{quote(name)}", missing_ok=True)
        return answer and {"apiVersion": known.api_version, "kind": known.name, **answer}

    def list(self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[Object]:
        """All objects of a kind, in one namespace or in all. `labels`, `fields`: selectors as kubectl has them ("app=web")."""
        chosen = {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}
        answer = self._ask("GET", self.kind(kind).collection(namespace), query=chosen)
        items: list[Object] = (answer or {}).get("items", [])
        return items

    def patch(self, kind: str, name: str, change: Mapping[str, Any], namespace: str = "default", *, part: str = "") -> Object:
        """Merge `change` into an object; None removes a field. `part`: a subresource ("status", "scale").

        Raises ClusterError, naming those there are, where there is none of that name.
        """
        path = f"{self.kind(kind).collection(namespace)}/{quote(name)}" + (f"/{part}" if part else "")
        patched = self._ask("PATCH", path, body=dict(change), content=_MERGE, missing_ok=True)
        if patched is None:
            what = f"{kind} {f'{namespace}/' if self.kind(kind).namespaced else ''}{name}"
            if part and self.find(kind, name, namespace):
                raise ClusterError(f"{what} has no part {part!r}", where=self._host, remedy="patch the object itself, or its status")
            raise ClusterError(f"there is no {what}", where=self._host, remedy=self._way_to_one(kind))
        return patched

    def delete(self, kind: str, name: str, namespace: str = "default", *, at_once: bool = False) -> None:
        """Delete an object; what is not there is no error. `at_once`: with no time to end in, as when its node is gone."""
        path = f"{self.kind(kind).collection(namespace)}/{quote(name)}"
        self._ask("DELETE", path, query={"gracePeriodSeconds": "0"} if at_once else {}, missing_ok=True)

    def at(self, path: str) -> Object | None:
        """What lies at that path of the API; None where there is nothing, or no such kind any more."""
        return self._ask("GET", path, missing_ok=True)

    def remove(self, path: str) -> None:
        """Ask for the deletion of what lies at that path, in the foreground: it is gone once all that belongs to it is."""
        lies = self.at(path)
        if lies and "deletionTimestamp" not in lies["metadata"]:
            self._ask("DELETE", path, query={"propagationPolicy": "Foreground"}, missing_ok=True)

    def kind(self, name: str) -> Kind:
        """What the API server serves under that name. Asked anew while it is not known, for a while: it may have come a moment ago."""
        until = time.monotonic() + _SERVED_S
        while name not in self._kinds:
            self._kinds = self._discover()
            if name in self._kinds:
                break
            if time.monotonic() > until:
                raise ClusterError(f"the cluster knows no kind {name!r}", where=self._host, remedy=self._way_to(name))
            time.sleep(_POLL_S)
        return self._kinds[name]

    def _way_to_one(self, kind: str) -> str:
        about = [each["metadata"] for each in self.list(kind)]
        there = sorted(f"{each['namespace']}/{each['name']}" if "namespace" in each else each["name"] for each in about)
        return f"give the name (and `namespace=`) of one that is there: {listed(there)}" if there else "make one first"

    def _way_to(self, kind: str) -> str:
        group = kind.rsplit("/", 2)[0] if kind.count("/") == 2 else ""
        if group in self._absent:
            return f"{group} has no kinds here: {self._absent[group]}"
        others = "".join(f"; {each}: {why}" for each, why in self._absent.items()) if not group else ""
        return f"correct kind or apiVersion, or apply its definition first{others}"

    def _apply(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        kind = self.kind(f"{manifest['apiVersion']}/{manifest['kind']}")
        metadata = manifest["metadata"]
        path = f"{kind.collection(metadata.get('namespace', namespace))}/{quote(metadata['name'])}"
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        return self._ask("PATCH", path, query=query, body=manifest, content=_APPLY) or {}

    def _wait_served(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        for spec in (definition["spec"] for definition in definitions):
            for version in spec["versions"]:
                if version["served"]:
                    self.kind(f"{spec['group']}/{version['name']}/{spec['names']['kind']}")

    def _discover(self) -> dict[str, Kind]:
        found: dict[str, Kind] = {}
        for root in ("/api", "/apis"):
            answer = self._ask("GET", root, accept=_DISCOVERY) or {}
            for group in answer["items"]:
                # The preferred version comes first, and keeps the bare name; so does the group that came first.
                for version in group["versions"]:
                    for resource in version.get("resources", []):
                        if "responseKind" not in resource:
                            continue
                        name = resource["responseKind"]["kind"]
                        api = "/".join(filter(None, (group["metadata"].get("name"), version["version"])))
                        kind = Kind(name, api, resource["resource"], resource["scope"] == "Namespaced")
                        found.setdefault(name, kind)
                        found[f"{api}/{name}"] = kind
        return found

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content: str = "application/json",
        accept: str = "application/json",
        missing_ok: bool = False,
    ) -> Object | None:
        import urllib3

        url = f"{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers={"Accept": accept, "Content-Type": content},
                timeout=_ANSWER_S,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ClusterError(
                f"the API server does not answer: {error}", where=url, remedy="see what became of it: cluster.status()"
            ) from error
        if answer.status == HTTPStatus.NOT_FOUND and missing_ok:
            return None
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise RefusedError(f"the API server refused {method}: {_reason(answer.data)}", where=url, remedy="correct the object")
        value: Object = json.loads(answer.data)
        if answer.status == HTTPStatus.CREATED and "uid" in value["metadata"]:  # a review, say, is created and nowhere afterwards
            self.made.append(path if method == "PATCH" else f"{path}/{quote(value['metadata']['name'])}")
        return value


def _is_definition(manifest: Mapping[str, Any]) -> bool:
    return bool(manifest["kind"] == "CustomResourceDefinition")


def _is_namespace(manifest: Mapping[str, Any]) -> bool:
    return bool(manifest["kind"] == "Namespace")


def _is_other(manifest: Mapping[str, Any]) -> bool:
    return not (_is_definition(manifest) or _is_namespace(manifest))


def _reason(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]
