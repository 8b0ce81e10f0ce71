"""Objects for the tests, and a provider that is asked as the engine asks it."""

from __future__ import annotations

import threading
from typing import Any

from mlgate_testkit.kubernetes.provider import KubernetesProvider
from mlgate_testkit.provider.provider import Difference, Failure, Resource, Run, State
from mlgate_testkit.provider.values import UNKNOWN, plain

SEED = b"of the engine"


def made(kind: str, name: str = "", *, api: str = "v1", **fields: Any) -> dict[str, Any]:
    """An object as a program declares it."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name} if name else {}, **fields}


def deployment(name: str = "web", *, replicas: int = 1, image: str = "web:1", label: str = "web", **spec: Any) -> dict[str, Any]:
    """A Deployment of one container."""
    pods = {"metadata": {"labels": {"app": label}}, "spec": {"containers": [{"name": "main", "image": image}]}}
    return made(
        "Deployment",
        name,
        api="apps/v1",
        spec={"replicas": replicas, "selector": {"matchLabels": {"app": label}}, "template": pods, **spec},
    )


def annotated(inputs: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """With Pulumi's annotations ("skipAwait")."""
    given = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return {**inputs, "metadata": {**inputs["metadata"], "annotations": given}}


def token(inputs: dict[str, Any], suffix: str = "") -> str:
    """The type token of an object."""
    group = inputs["apiVersion"] if "/" in inputs["apiVersion"] else f"core/{inputs['apiVersion']}"
    return f"kubernetes:{group}:{inputs['kind']}{suffix}"


def resource(type_: str, name: str = "it") -> Resource:
    """A resource of the stack under test."""
    return Resource(f"urn:pulumi:dev::shop::{type_}::{name}", type_, name)


class Asked:
    """The engine's requests to one provider, one resource at a time."""

    def __init__(self, provider: KubernetesProvider) -> None:
        self.provider = provider
        self.warnings: list[str] = []
        self.cancelled = threading.Event()

    def run(self, *, preview: bool = False, timeout_s: float = 30, ignored: tuple[str, ...] = ()) -> Run:
        return Run(preview, timeout_s, self.cancelled, self.warnings.append, ignored)

    def check(self, inputs: dict[str, Any], *, name: str = "it", olds: dict[str, Any] | None = None, suffix: str = "") -> dict[str, Any]:
        """The checked inputs, as the engine hands them on. There must be nothing wrong with them."""
        checked, failures = self.check_all(inputs, name=name, olds=olds, suffix=suffix)
        assert not failures
        return checked

    def check_all(
        self, inputs: dict[str, Any], *, name: str = "it", olds: dict[str, Any] | None = None, suffix: str = ""
    ) -> tuple[dict[str, Any], list[Failure]]:
        checked, failures = self.provider.check(resource(token(inputs, suffix), name), olds or {}, inputs, SEED)
        opened: dict[str, Any] = plain(checked)
        return opened, failures

    def preview(self, inputs: dict[str, Any], *, name: str = "it", suffix: str = "") -> dict[str, Any]:
        """What a preview says of a new resource."""
        checked = self.check(inputs, name=name, suffix=suffix)
        made_id, outputs = self.provider.create(resource(token(inputs, suffix), name), checked, self.run(preview=True))
        assert made_id == ""
        return outputs

    def create(self, inputs: dict[str, Any], *, name: str = "it", suffix: str = "", timeout_s: float = 30) -> State:
        """A new resource."""
        checked = self.check(inputs, name=name, suffix=suffix)
        made_id, outputs = self.provider.create(resource(token(inputs, suffix), name), checked, self.run(timeout_s=timeout_s))
        return State(made_id, checked, plain(outputs))

    def diff(self, old: State, inputs: dict[str, Any], *, suffix: str = "") -> Difference:
        """What a change of the program means."""
        return self.provider.diff(resource(token(inputs, suffix)), old, self.check(inputs, olds=old.inputs, suffix=suffix))

    def update(
        self,
        old: State,
        inputs: dict[str, Any],
        *,
        suffix: str = "",
        preview: bool = False,
        timeout_s: float = 30,
        ignored: tuple[str, ...] = (),
    ) -> State:
        """The resource after a change of the program."""
        news = self.check(inputs, olds=old.inputs, suffix=suffix)
        run = self.run(preview=preview, timeout_s=timeout_s, ignored=ignored)
        return State(old.id, news, plain(self.provider.update(resource(token(inputs, suffix)), old, news, run)))

    def refresh(self, old: State, *, suffix: str = "") -> State | None:
        """The resource as it lies there."""
        found = self.provider.read(resource(token(old.inputs, suffix)), old.id, old)
        return State(found.id, plain(found.inputs), plain(found.outputs)) if found else None

    def delete(self, old: State, *, suffix: str = "", timeout_s: float = 30) -> None:
        """The resource goes."""
        self.provider.delete(resource(token(old.inputs, suffix)), old, self.run(timeout_s=timeout_s))


__all__ = ["SEED", "UNKNOWN", "Asked", "annotated", "deployment", "made", "resource", "token"]
