"""One configured Kubernetes provider: what the engine asks, carried out on the API server that the configuration names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlgate_testkit.kubernetes.connection import Connection, Served, Unreachable
from mlgate_testkit.kubernetes.helm import Releases
from mlgate_testkit.kubernetes.immutable import Mutability, replacing
from mlgate_testkit.kubernetes.kinds import BUILT_IN_GROUPS, RELEASE, ObjectKind, is_patch, nearest, of_inputs
from mlgate_testkit.kubernetes.manifests import decode
from mlgate_testkit.kubernetes.objects import (
    AUTONAMED,
    annotation,
    automatic_name,
    echo,
    mark_secrets,
    metadata,
    name_of,
    namespace_of,
    to_check,
)
from mlgate_testkit.kubernetes.settings import Settings
from mlgate_testkit.kubernetes.steps import Steps
from mlgate_testkit.kubernetes.sweep import sweep
from mlgate_testkit.kubernetes.waiting import wrong_wait
from mlgate_testkit.provider.provider import Difference, Failure, Kind, ProviderError, Resource, Run, State, compare
from mlgate_testkit.provider.values import UNKNOWN, has_unknown

__all__ = ["DECODE", "KubernetesProvider"]

DECODE = "kubernetes:yaml:decode"
_REPLACE_UNREADY = "pulumi.com/replaceUnready"


class KubernetesProvider:
    """`connection` is None while the cluster is not known, or where none is named (`unreachable` says why).

    `throwaway`: nobody but the tests works on the cluster.
    """

    def __init__(self, settings: Settings, connection: Connection | None, unreachable: str, *, throwaway: bool = False) -> None:
        self._settings = settings
        self._connection = connection
        self._unreachable = unreachable
        self._mutability = Mutability(config_maps=settings.mutable_config_maps, secrets=settings.mutable_secrets)
        self._steps = Steps(connection, settings, throwaway=throwaway) if connection else None
        self._releases = Releases(self._steps, connection, self._default_namespace())

    # -- before anything is done

    def check(self, resource: Resource, olds: dict[str, Any], news: dict[str, Any], seed: bytes) -> tuple[dict[str, Any], list[Failure]]:
        """Fills in name and namespace as the real provider does, and refuses what no API server will ever take."""
        if resource.type == RELEASE:
            return self._releases.check(resource, olds, news, seed)
        kind = of_inputs(resource.type, news)
        if kind.kind.endswith("List") and "items" in news:
            raise ProviderError(f"{kind} is a list; declare its members")
        inputs = to_check(news)
        served = self._where(kind)
        if served is None and self._connected() and kind.group in BUILT_IN_GROUPS:
            raise ProviderError(self._strange(kind))
        failures = self._name(resource, kind, inputs, olds, seed)
        # Where nobody can tell whether the kind has namespaces, what was true of the object stays true.
        if served.namespaced if served else not olds or namespace_of(olds):
            self._place(inputs)
        if reason := wrong_wait(inputs):
            failures.append(Failure('metadata.annotations["pulumi.com/waitFor"]', reason))
        return mark_secrets(inputs), failures

    def diff(self, resource: Resource, old: State, news: dict[str, Any]) -> Difference:
        """What changed in the program (or, after a refresh, on the cluster), and whether that needs a new object."""
        if resource.type == RELEASE:
            return self._releases.diff(resource, old, news)
        changed = compare(old.inputs, news)
        kind = of_inputs(resource.type, news)
        replace = replacing(changed, () if is_patch(resource.type, kind) else self._mutability.fixed(kind, news))
        if annotation(news, _REPLACE_UNREADY) == "true" and self._unready(kind, old):
            again = f'metadata.annotations["{_REPLACE_UNREADY}"]'
            changed, replace = {**changed, again: Kind.UPDATE}, replace | {again}
        before, after = metadata(old.inputs), metadata(news)
        same_place = all(before.get(key) == after.get(key) for key in ("name", "namespace"))
        named = "name" in after and annotation(news, AUTONAMED) != "true"
        return Difference(changed, replace, delete_before_replace=bool(replace) and named and same_place)

    # -- carried out

    def create(self, resource: Resource, inputs: dict[str, Any], run: Run) -> tuple[str, dict[str, Any]]:
        """A new object, or for a Patch resource some fields of an existing one."""
        if resource.type == RELEASE:
            return self._releases.create(resource, inputs, run)
        kind = of_inputs(resource.type, inputs)
        patch = is_patch(resource.type, kind)
        if run.preview:
            if not self._answers(run) or patch or has_unknown(inputs):
                return "", echo(inputs)
            if self._where(kind) is None:
                run.warn(f"{self._strange(kind)}; unless this update brings it, it will be refused")
                return "", echo(inputs)
            return "", self._reached().plan_create(kind, inputs)
        return self._reached().apply_new(kind, inputs, run) if patch else self._reached().create(kind, inputs, run)

    def update(self, resource: Resource, old: State, news: dict[str, Any], run: Run) -> dict[str, Any]:
        """The object with the program's fields as they are now."""
        if resource.type == RELEASE:
            return self._releases.update(resource, old, news, run)
        kind = of_inputs(resource.type, news)
        patch = is_patch(resource.type, kind)
        if run.preview and (not self._answers(run) or has_unknown(news) or self._where(kind) is None):
            return echo(news, old.outputs)
        return self._reached().update(kind, old, news, run, patch=patch)

    def read(self, resource: Resource, resource_id: str, known: State | None) -> State | None:
        """What lies on the cluster; where the program is known, with its fields only, so that a refresh shows what drifted."""
        if not self._connected():
            if self._settings.delete_unreachable:
                return None
            if self._settings.skip_update_unreachable and known:
                return known
            raise self._no_cluster(
                "the provider's deleteUnreachable forgets what lay on it, its skipUpdateUnreachable leaves that as it was"
            )
        if resource.type == RELEASE:
            return self._releases.read(resource_id, known)
        inputs = known.inputs if known else {}
        kind = of_inputs(resource.type, inputs)
        if not inputs and kind.kind.endswith("Patch") and self._where(kind) is None:
            raise ProviderError(f"{resource.type}: a Patch resource is no object of its own and cannot be imported")
        return self._reached().read(kind, resource_id, known)

    def delete(self, resource: Resource, old: State, run: Run) -> None:
        """Removes the object and waits until it is gone; a Patch resource gives its fields up."""
        if not self._connected() and self._settings.delete_unreachable:
            return
        if not self._connected():
            raise self._no_cluster("if it was deleted, set deleteUnreachable on the provider to forget what lay on it")
        kind = of_inputs(resource.type, old.inputs)
        if resource.type == RELEASE:
            self._releases.delete(old, run)
        elif is_patch(resource.type, kind):
            self._reached().relinquish(kind, old)
        else:
            self._reached().delete(kind, old, run)

    def invoke(self, token: str, arguments: dict[str, Any], *, preview: bool) -> dict[str, Any]:
        """`kubernetes:yaml:decode`, which the SDK's yaml.ConfigFile and ConfigGroup are made of."""
        if token != DECODE:
            raise ProviderError(
                f"{token} is not in the stand-in, which knows {DECODE}; render charts and overlays before, and declare what comes out "
                "with pulumi_kubernetes.yaml.ConfigFile"
            )
        return {"result": decode(arguments.get("text"), arguments.get("defaultNamespace") or "", self._namespaced)}

    def sweep(self) -> list[str]:
        """Removes whatever stand-ins made on this cluster, by whichever process. Returns what that was."""
        steps = self._reached()
        assert self._connection
        return sweep(self._connection, steps, self._releases)

    # -- helpers

    def _name(self, resource: Resource, kind: ObjectKind, inputs: dict[str, Any], olds: Mapping[str, Any], seed: bytes) -> list[Failure]:
        about = inputs["metadata"]
        if about is UNKNOWN or about.get("name"):
            return []
        if is_patch(resource.type, kind):
            return [Failure("metadata.name", "a Patch resource names the object that it patches")]
        if about.get("generateName"):
            return [Failure("metadata.generateName", "not with server-side apply; leave it out, and Pulumi gives a name of its own")]
        kept = name_of(olds) if annotation(olds, AUTONAMED) == "true" else ""
        about["name"] = kept or automatic_name(resource.name, seed)
        annotations = about.setdefault("annotations", {})
        if annotations is not UNKNOWN:
            annotations[AUTONAMED] = "true"
        return []

    def _place(self, inputs: dict[str, Any]) -> None:
        about = inputs["metadata"]
        if about is not UNKNOWN and not about.get("namespace") and (default := self._default_namespace()):
            about["namespace"] = default

    def _default_namespace(self) -> str:
        return self._settings.namespace or (self._connection.namespace if self._connection else "")

    def _unready(self, kind: ObjectKind, old: State) -> bool:
        return kind.kind == "Job" and self._connected() and self._reached().unready(kind, old)

    def _connected(self) -> bool:
        """Whether the API server answers."""
        try:
            if self._connection:
                self._connection.ping()
        except Unreachable as error:
            self._unreachable = str(error)
            return False
        return self._connection is not None

    def _answers(self, run: Run) -> bool:
        """Whether a preview can ask the API server. Unless this update is yet to make it, the user is told that nothing was checked."""
        if self._connected():
            return True
        if self._settings.kubeconfig is not None:
            run.warn(f"nothing of this was checked, fields and rules included: {self._unreachable}; an update would need the cluster")
        return False

    def _where(self, kind: ObjectKind) -> Served | None:
        return self._connection.served(kind) if self._connection and self._connected() else None

    def _namespaced(self, kind: ObjectKind) -> bool:
        served = self._where(kind)
        return served is None or served.namespaced

    def _reached(self) -> Steps:
        if self._steps is None or not self._connected():
            raise self._no_cluster("start the cluster, or correct the provider's kubeconfig")
        return self._steps

    def _no_cluster(self, remedy: str) -> ProviderError:
        return Unreachable(f"the Kubernetes cluster is unreachable: {self._unreachable}; {remedy}")

    def _strange(self, kind: ObjectKind) -> str:
        assert self._connection
        found = nearest(kind, self._connection.kinds())
        return f"{kind} is not served by {self._connection.server}" + (f"; the nearest kind that is: {found}" if found else "")
