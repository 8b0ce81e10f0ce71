"""Our own resources in the state of a stack: those of `mlgate_components`, which are dynamic resources of this Python."""

from __future__ import annotations

from collections.abc import Iterable

from mlgate_tools.pulumi_state import StateResource

_OURS = "pulumi-python:dynamic/mlgate:"
_ENDPOINT = "mlgate:local:TorchServeEndpoint"  # in the state, so it outlives the class's name


def endpoint_urn(stack: str, project: str, service: str) -> str:
    """The component that is the service's endpoint: what lies under it is the service's, and nothing else is."""
    return f"urn:pulumi:{stack}::{project}::{_ENDPOINT}::{service}"


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
