"""Our own resources in the state of a stack: those of `mlgate_components`, which are dynamic resources of this Python."""

from __future__ import annotations

from collections.abc import Iterable

from mlgate_tools.pulumi_state import StateResource

_OURS = "pulumi-python:dynamic/mlgate:"


def kind_of(resource: StateResource) -> str:
    """The name of its class in `mlgate_components`; "" where it is not one of ours."""
    return resource.type.removeprefix(_OURS) if resource.type.startswith(_OURS) else ""


def ours(resources: Iterable[StateResource]) -> list[StateResource]:
    """Those that are ours."""
    return [resource for resource in resources if kind_of(resource)]


def find(resources: Iterable[StateResource], kind: str, **properties: str) -> StateResource | None:
    """The first resource of that kind with those property values."""
    for resource in resources:
        if kind_of(resource) == kind and all(resource.properties.get(key) == value for key, value in properties.items()):
            return resource
    return None
