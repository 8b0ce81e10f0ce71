"""A provider that does nothing, under the name of another: what the engine, the SDK and the protocol cost by themselves."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from mlgate_testkit.engine import Tracked
from mlgate_testkit.provider.provider import Difference, Failure, Resource, Run, State


class Nothing:
    """Takes every input for right and gives it back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = version(f"pulumi-{name}")

    def reset(self) -> None:
        """Nothing to empty."""

    def check_config(self, _inputs: dict[str, Any]) -> list[Failure]:
        return []

    def configure(self, _inputs: dict[str, Any]) -> Nothing:
        return self

    def check(self, _resource: Resource, _olds: dict[str, Any], news: dict[str, Any], _seed: bytes) -> tuple[dict[str, Any], list[Failure]]:
        return news, []

    def diff(self, _resource: Resource, _old: State, _news: dict[str, Any]) -> Difference:
        return Difference()

    def create(self, resource: Resource, inputs: dict[str, Any], _run: Run) -> tuple[str, dict[str, Any]]:
        return resource.name, inputs

    def read(self, _resource: Resource, _resource_id: str, known: State | None) -> State | None:
        return known

    def update(self, _resource: Resource, _old: State, news: dict[str, Any], _run: Run) -> dict[str, Any]:
        return news

    def delete(self, _resource: Resource, _old: State, _run: Run) -> None:
        pass

    def invoke(self, _token: str, _arguments: dict[str, Any], *, preview: bool) -> dict[str, Any]:
        return {"preview": preview}


def aws() -> Tracked:
    """In the place of AWS, as its process takes it."""
    return Tracked(Nothing("aws"))


def kubernetes() -> Tracked:
    """In the place of Kubernetes."""
    return Tracked(Nothing("kubernetes"))
