"""What is done to one object on the API server: create, apply, read, delete, each with its wait and its refusals in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlgate_testkit.kubernetes.calls import DRY, Calls, no_namespace, title
from mlgate_testkit.kubernetes.conditions import rule_of
from mlgate_testkit.kubernetes.connection import ApiError, Connection, Served, Unreachable
from mlgate_testkit.kubernetes.kinds import ObjectKind, nearest
from mlgate_testkit.kubernetes.objects import (
    annotation,
    as_manifest,
    as_outputs,
    as_planned,
    declared,
    echo,
    identity,
    mark_secrets,
    name_of,
    namespace_of,
    prune,
    split_identity,
)
from mlgate_testkit.kubernetes.ownership import CREATOR, left_to_others, new_manager
from mlgate_testkit.kubernetes.settings import Settings
from mlgate_testkit.kubernetes.waiting import looks, rule_for, until_gone, until_ready, with_nodes
from mlgate_testkit.provider.provider import ProviderError, Run, State, Unhealthy

__all__ = ["Steps"]

_PATIENCE_S = 30.0  # for a namespace or a definition that the same update creates: the real provider tries five times in 31 s
_PROPAGATION = "pulumi.com/deletionPropagationPolicy"
_POLICIES = {"orphan": "Orphan", "background": "Background"}


class Steps:
    """On one connection, with one provider's settings. Used by many threads at once.

    `throwaway`: nobody but the tests works on the cluster, so that only they, and Karpenter, bring it nodes.
    """

    def __init__(self, connection: Connection, settings: Settings, *, throwaway: bool = False) -> None:
        self._throwaway = throwaway
        self._connection = connection
        self._settings = settings
        self._calls = Calls(connection, settings)

    # -- new ones

    def plan_create(self, kind: ObjectKind, inputs: dict[str, Any]) -> dict[str, Any]:
        """The outputs of a create that is only tried.

        What a preview cannot know (the namespace comes with the same update, an object of that name goes in it) leaves the inputs as is.
        """
        try:
            planned = self._calls.post(self._calls.served(kind), inputs, DRY, None)
        except ApiError as error:
            if error.reason in {"Forbidden", "AlreadyExists"} or no_namespace(error):
                return echo(inputs)
            raise self._calls.refused(error, kind, inputs) from None
        return as_planned(planned, inputs, "", creating=True)

    def create(self, kind: ObjectKind, inputs: dict[str, Any], run: Run) -> tuple[str, dict[str, Any]]:
        """A new object. One of that name that exists already is refused, unless the provider is told to adopt it."""
        manager = new_manager(inputs)
        if self._settings.upsert:
            return self.apply_new(kind, inputs, run)
        live = self._patiently(kind, inputs, run, lambda served: self._calls.post(served, inputs, {}, run))
        return self._settled(kind, live, inputs, manager, run)

    def apply_new(
        self, kind: ObjectKind, inputs: dict[str, Any], run: Run, owner: str = "", *, wait: bool = True
    ) -> tuple[str, dict[str, Any]]:
        """Fields of an object that may exist already; `owner` takes them from anybody. Without `wait`, `settle` comes later."""
        manager, force = owner or new_manager(inputs), {"force": "true"} if owner else {}
        live = self._patiently(kind, inputs, run, lambda served: self._calls.apply(served, inputs, manager, force, run))
        return self._settled(kind, live, inputs, manager, run) if wait else (identity(live), as_outputs(live, manager))

    def settle(self, kind: ObjectKind, inputs: dict[str, Any], run: Run, owner: str) -> None:
        """Waits for what `owner` applied. Raises Unhealthy, with the reasons, if it does not get ready."""
        live = self.find(kind, namespace_of(inputs), name_of(inputs))
        if live is None:
            raise ProviderError(f"{title(kind, inputs)} was removed by somebody before it was ready")
        self._settled(kind, live, inputs, owner, run)

    # -- those that exist

    def update(self, kind: ObjectKind, old: State, news: dict[str, Any], run: Run, *, patch: bool) -> dict[str, Any]:
        """The object with these fields. A definition is replaced whole, so that its objects stay."""
        served = self._calls.served(kind)
        known = str(old.outputs.get("__fieldManager") or "")
        manager = new_manager(news, known)
        try:
            changed = self._changed(kind, served, old, news, manager, run, patch=patch)
        except ApiError as error:
            if run.preview and error.reason == "Forbidden":
                return echo(news, old.outputs)
            raise self._calls.refused(error, kind, news, manager) from None
        if run.preview:
            return as_planned(changed, news, manager, creating=False)
        if known and known != manager:
            self._calls.give_up(served, changed, known)
        return self._settled(kind, changed, news, manager, run)[1]

    def read(self, kind: ObjectKind, resource_id: str, known: State | None) -> State | None:
        """What lies there. Raises Unhealthy for an object of the program that is not in a good state."""
        served = self._connection.served(kind)
        live = self._calls.get(served, *split_identity(resource_id)) if served else None
        if served is None or live is None:
            return None
        if known is None or not known.inputs:
            return State(resource_id, mark_secrets(declared(live)), as_outputs(live, new_manager({})))
        manager = str(known.outputs.get("__fieldManager") or "") or new_manager(known.inputs)
        inputs, outputs = self._drifted(served, live, known.inputs), as_outputs(live, manager)
        rule = rule_for(kind, known.inputs)
        progress = rule(live, self._calls.around(live)) if rule else None
        if progress and not progress.done:
            raise Unhealthy(resource_id, outputs, mark_secrets(inputs), [f"{title(kind, live)} is not ready", *progress.reasons])
        return State(resource_id, mark_secrets(inputs), outputs)

    def unready(self, kind: ObjectKind, old: State) -> bool:
        """Whether the object is not (or no longer) in a good state."""
        rule, live = rule_of(kind), self._calls.get(self._calls.served(kind), *split_identity(old.id))
        return bool(rule and live and not rule(live, self._calls.around(live)).done)

    def find(self, kind: ObjectKind, namespace: str, name: str) -> dict[str, Any] | None:
        """The object, None where there is none, or nothing of its kind."""
        served = self._connection.served(kind)
        return self._calls.get(served, namespace, name) if served else None

    def ensure_namespace(self, name: str, run: Run) -> None:
        """The namespace, made where there is none."""
        kind = ObjectKind("", "v1", "Namespace")
        if self.find(kind, "", name) is None:
            self.create(kind, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, run)

    # -- their end

    def delete(self, kind: ObjectKind, old: State, run: Run) -> None:
        """Foreground unless annotated otherwise; waits until the object is gone."""
        served = self._connection.served(kind)
        if served is None:
            return  # its definition is gone, and the objects with it
        namespace, name = split_identity(old.id)
        policy = _POLICIES.get(annotation(old.inputs, _PROPAGATION).lower(), "Foreground")
        try:
            if not self._calls.remove(served, namespace, name, policy):
                return
        except ApiError as error:
            raise self._calls.refused(error, kind, old.inputs) from None
        if reason := until_gone(lambda: self._calls.get(served, namespace, name), old.inputs, kind, run):
            raise ProviderError(f"{title(kind, old.inputs)} is being deleted and is not gone: {reason}")
        if kind.kind == "CustomResourceDefinition":
            self._connection.forget()

    def relinquish(self, kind: ObjectKind, old: State) -> None:
        """Gives up the fields of a Patch resource; the object stays."""
        served = self._connection.served(kind)
        live = self._calls.get(served, *split_identity(old.id)) if served else None
        if served is None or live is None:
            return
        try:
            self._calls.give_up(served, live, str(old.outputs.get("__fieldManager")))
        except ApiError as error:
            needed = [cause["field"] for cause in error.causes if "Required value" in cause.get("message", "")]
            if not needed:
                raise self._calls.refused(error, kind, old.inputs) from None
            raise ProviderError(
                f"{title(kind, live)} needs {', '.join(needed)}, which only this Patch resource sets; "
                "set retain_on_delete on it, or let another owner set the field first"
            ) from None

    def _drifted(self, served: Served, live: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
        """The program's fields as they lie there.

        Where applying the program anew would change nothing, its own spelling stays: that the API server writes "1000m" as "1" is no drift.
        """
        manifest = as_manifest(inputs)
        found = prune(live, manifest)
        if found == manifest:
            return inputs
        try:
            again: dict[str, Any] = prune(self._calls.would_apply(served, live, manifest), manifest)
        except ApiError:
            again = manifest
        told: dict[str, Any] = _respelled(inputs, found, again)
        return told

    # -- helpers

    def _changed(
        self, kind: ObjectKind, served: Served, old: State, news: dict[str, Any], manager: str, run: Run, *, patch: bool
    ) -> dict[str, Any]:
        """The object with these fields. Begins anew where a controller wrote to it between the looking and the writing."""
        dry = DRY if run.preview else {}
        for ended in looks(_PATIENCE_S, run):
            _require_wanted(kind, news, run)
            live = self._calls.get(served, *split_identity(old.id))
            if live is None:
                break
            force = {"force": "true"} if run.preview and not patch and _created_plainly(live) else {}
            try:
                if kind.kind == "CustomResourceDefinition":
                    return self._calls.put(served, news, manager, live["metadata"]["resourceVersion"], dry)
                if not patch and not run.preview:
                    self._calls.adopt(served, live, manager)
                return self._calls.apply(served, left_to_others(news, live, run.ignored, manager), manager, {**dry, **force}, run)
            except ApiError as error:
                if ended or error.reason != "Conflict" or error.causes:
                    raise
        raise ProviderError(f"{title(kind, news)} is gone from the cluster; run `pulumi refresh`, and the next update creates it")

    def _patiently(self, kind: ObjectKind, inputs: dict[str, Any], run: Run, ask: Callable[[Served], dict[str, Any]]) -> dict[str, Any]:
        """Tries again while the namespace, or the kind itself, may still come with the same update."""
        error: ApiError | None = None
        for ended in looks(_PATIENCE_S, run):
            _require_wanted(kind, inputs, run, error)
            served = self._connection.served(kind)
            try:
                if served:
                    return ask(served)
            except ApiError as refused:
                if refused.status != 404:
                    raise self._calls.refused(refused, kind, inputs) from None
                error = refused
                if not no_namespace(refused):
                    self._connection.forget()
            if ended:
                break
        if error:
            raise self._calls.refused(error, kind, inputs)
        close = nearest(kind, self._connection.kinds())
        raise ProviderError(
            f"{title(kind, inputs)}: {self._connection.server} serves no {kind}, after {_PATIENCE_S:g} s of waiting for its definition"
            + (f"; the nearest kind that it serves: {close}" if close else "")
        )

    def _settled(
        self, kind: ObjectKind, live: dict[str, Any], inputs: dict[str, Any], manager: str, run: Run
    ) -> tuple[str, dict[str, Any]]:
        """The object once it is ready. Raises Unhealthy, with the reasons, if it does not get there."""
        if kind.kind == "CustomResourceDefinition":
            self._connection.forget()
        served, rule = self._calls.served(kind), rule_for(kind, inputs)
        if rule is None:
            return identity(live), as_outputs(live, manager)
        if self._throwaway:
            rule = with_nodes(rule, self._calls.nodeless)

        def look() -> dict[str, Any]:
            found = self._calls.get(served, namespace_of(live), name_of(live))
            if found is None:
                raise ProviderError(f"{title(kind, live)} was removed by somebody while it was waited for")
            return found

        try:
            found, progress = until_ready(look, self._calls.around(live), rule, inputs, run)
        except (ApiError, Unreachable) as error:  # it is there all the same, and must not get lost
            raise Unhealthy(identity(live), as_outputs(live, manager), mark_secrets(inputs), [str(error)]) from None
        outputs = as_outputs(dict(found), manager)
        if not progress.done:
            raise Unhealthy(identity(live), outputs, mark_secrets(inputs), [f"{title(kind, live)} is not ready", *progress.reasons])
        if kind.kind == "CustomResourceDefinition":
            self._connection.forget()
        return identity(live), outputs


def _require_wanted(kind: ObjectKind, inputs: dict[str, Any], run: Run, waited_for: ApiError | None = None) -> None:
    """Raises ProviderError once the run is cancelled: what is written then would be known to nobody, for the engine may be gone."""
    if run.cancelled.is_set():
        reason = f" ({waited_for})" if waited_for else ""
        raise ProviderError(f"{title(kind, inputs)} was not written: the run was cancelled before{reason}")


def _created_plainly(live: dict[str, Any]) -> bool:
    """Whether the fields still belong to the plain create, and the apply to come will take them over first."""
    managed = live["metadata"].get("managedFields") or []
    return any((entry.get("operation"), entry.get("manager")) == ("Update", CREATOR) for entry in managed)


def _respelled(inputs: Any, found: Any, again: Any) -> Any:
    """`found`, with the program's own spelling wherever applying it anew gives the same."""
    if found == again:
        return inputs
    if isinstance(inputs, dict) and isinstance(found, dict) and isinstance(again, dict):
        return {key: _respelled(inputs[key], found[key], again.get(key)) for key in inputs if key in found}
    if isinstance(inputs, list) and isinstance(found, list) and isinstance(again, list) and len(inputs) == len(found) == len(again):
        return [_respelled(*three) for three in zip(inputs, found, again, strict=True)]
    return found
