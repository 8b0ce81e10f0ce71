"""Single requests about objects, with the field manager and the validation that the stand-in asks for, and refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlgate_testkit.kubernetes.conditions import Around
from mlgate_testkit.kubernetes.connection import APPLY, JSON_PATCH, ApiError, Connection, Served
from mlgate_testkit.kubernetes.fields import field_meant
from mlgate_testkit.kubernetes.kinds import ObjectKind
from mlgate_testkit.kubernetes.objects import as_manifest, identity, name_of, namespace_of
from mlgate_testkit.kubernetes.ownership import CREATOR, adopt, conflict, forced
from mlgate_testkit.kubernetes.quantities import wrong_quantities
from mlgate_testkit.kubernetes.settings import Settings
from mlgate_testkit.provider.provider import ProviderError, Run

__all__ = ["DRY", "Calls", "no_namespace", "title"]

DRY = {"dryRun": "All"}
_STRICT = {"fieldValidation": "Strict"}
_NODE = ObjectKind("", "v1", "Node")
_KARPENTER = "karpenter.sh"
_AROUND = {
    "endpointslices": ObjectKind("discovery.k8s.io", "v1", "EndpointSlice"),
    "events": ObjectKind("", "v1", "Event"),
    "persistentvolumeclaims": ObjectKind("", "v1", "PersistentVolumeClaim"),
    "pods": ObjectKind("", "v1", "Pod"),
    "replicasets": ObjectKind("apps", "v1", "ReplicaSet"),
    "services": ObjectKind("", "v1", "Service"),
    "storageclasses": ObjectKind("storage.k8s.io", "v1", "StorageClass"),
}


class Calls:
    """On one connection, with one provider's settings. Used by many threads at once."""

    def __init__(self, connection: Connection, settings: Settings) -> None:
        self._connection = connection
        self._settings = settings

    def served(self, kind: ObjectKind) -> Served:
        """Where the kind is served. Raises ProviderError: nowhere any more."""
        served = self._connection.served(kind)
        if served is None:
            raise ProviderError(f"{self._connection.server} no longer serves {kind}: its definition is gone")
        return served

    def around(self, live: dict[str, Any]) -> Around:
        """Lists what lies in the namespace of `live`."""

        def around(plural: str) -> list[Any]:
            listed = self._connection.request("GET", self.served(_AROUND[plural]).path(namespace_of(live)))
            return list(listed.get("items") or [])

        return around

    def nodeless(self) -> bool:
        """Whether there is no node, and no Karpenter, which would buy one. False for a user who may not look for nodes.

        What is served is asked anew: another client may have brought Karpenter a moment ago.
        """
        try:
            nodes = self._connection.request("GET", self.served(_NODE).path(""), {"limit": "1"})
        except ApiError as error:
            if error.status == 403:
                return False
            raise
        return not nodes.get("items") and all(served.kind.group != _KARPENTER for served in self._connection.everything())

    def post(self, served: Served, inputs: dict[str, Any], query: dict[str, str], run: Run | None) -> dict[str, Any]:
        """A new object."""
        path, asked = served.path(namespace_of(inputs) or "default"), {"fieldManager": CREATOR, **_STRICT, **query}
        return self._connection.request("POST", path, asked, as_manifest(inputs), warn=self._warn(run))

    def apply(self, served: Served, inputs: dict[str, Any], manager: str, query: dict[str, str], run: Run) -> dict[str, Any]:
        """The program's fields of an object, in the name of `manager`."""
        force = {"force": "true"} if forced(inputs, everywhere=self._settings.patch_force) else {}
        asked = {"fieldManager": manager, **_STRICT, **force, **query}
        return self._connection.request("PATCH", self._path(served, inputs), asked, as_manifest(inputs), APPLY, self._warn(run))

    def would_apply(self, served: Served, live: dict[str, Any], manifest: dict[str, Any]) -> dict[str, Any]:
        """What `live` would be with these fields, whoever owns them."""
        query = {"fieldManager": CREATOR, "force": "true", **DRY}
        return self._connection.request("PATCH", self._path(served, live), query, manifest, APPLY)

    def put(self, served: Served, inputs: dict[str, Any], manager: str, version: str, query: dict[str, str]) -> dict[str, Any]:
        """The whole object anew, if it still has this resource version."""
        manifest = as_manifest({**inputs, "metadata": {**inputs["metadata"], "resourceVersion": version}})
        return self._connection.request("PUT", self._path(served, inputs), {"fieldManager": manager, **_STRICT, **query}, manifest)

    def remove(self, served: Served, namespace: str, name: str, policy: str) -> bool:
        """Asks for its deletion; False if it is gone already."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        try:
            self._connection.request("DELETE", served.path(namespace or "default", name), body=options)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def get(self, served: Served, namespace: str, name: str) -> dict[str, Any] | None:
        """The object, None where there is none."""
        try:
            return self._connection.request("GET", served.path(namespace or "default", name))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def adopt(self, served: Served, live: dict[str, Any], manager: str) -> None:
        """The first apply after a plain create takes the created fields over, so that it does not conflict with itself."""
        managed = live["metadata"].get("managedFields") or []
        taken = adopt(managed, manager)
        if taken is not managed:
            change = [
                {"op": "replace", "path": "/metadata/managedFields", "value": taken},
                {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
            ]
            self._connection.request("PATCH", self._path(served, live), None, change, JSON_PATCH)

    def give_up(self, served: Served, live: dict[str, Any], manager: str) -> None:
        """`manager` owns none of its fields any more."""
        about = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
        nothing = {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": about}
        self._connection.request("PATCH", self._path(served, live), {"fieldManager": manager}, nothing, APPLY)

    def refused(self, error: ApiError, kind: ObjectKind, inputs: dict[str, Any], manager: str = "") -> ProviderError:
        """The API server's refusal with object, field, owner and the way out."""
        what = title(kind, inputs)
        if error.reason == "Conflict" and any(cause.get("reason") == "FieldManagerConflict" for cause in error.causes):
            return ProviderError(conflict(error, what, manager))
        if error.reason == "AlreadyExists":
            return ProviderError(
                f"{what} exists on the cluster already; import it, patch it with a Patch resource, give a renamed resource an alias, "
                "or set upsertExistingObjects on the provider"
            )
        if any("immutable" in cause.get("message", "") for cause in error.causes):
            fields = [cause.get("field", "") for cause in error.causes if "immutable" in cause.get("message", "")]
            return ProviderError(f"{what}: {error}; the real provider does not replace it either: set replace_on_changes={fields}")
        if wrong := wrong_quantities(str(error), as_manifest(inputs)):
            return ProviderError(f'{what}: {error}; write an amount as "500m" or "2Gi" at {", ".join(wrong)}')
        meant = field_meant(kind, str(error))
        return ProviderError(f"{what}: {error}" + (f'; the nearest field there is: "{meant}"' if meant else ""))

    def _path(self, served: Served, value: dict[str, Any]) -> str:
        return served.path(namespace_of(value) or "default", name_of(value))

    def _warn(self, run: Run | None) -> Callable[[str], None] | None:
        return None if run is None or self._settings.suppress_deprecations else run.warn


def title(kind: ObjectKind, value: dict[str, Any]) -> str:
    """ "Deployment default/web"."""
    return f"{kind.kind} {identity(value)}"


def no_namespace(error: ApiError) -> bool:
    """Whether it is the namespace that is not there."""
    return error.status == 404 and error.about == "namespaces"
