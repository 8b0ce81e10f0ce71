"""The three resources of `local` as a Pulumi program declares them; `providers` says what their properties mean."""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import Resource

from mlgate_components.local.providers import EndpointProcessProvider, StableUrlProvider, StoredReleaseProvider


class StoredRelease(Resource, module="mlgate", name="StoredRelease"):
    """A release in the model store."""

    folder: pulumi.Output[str]

    def __init__(self, name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(StoredReleaseProvider(), name, {**properties, "folder": None}, opts)


class EndpointProcess(Resource, module="mlgate", name="EndpointProcess"):
    """The server process of one release."""

    url: pulumi.Output[str]

    def __init__(self, name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        addresses = {"url": None, "management_url": None, "metrics_url": None, "pid": None}
        super().__init__(EndpointProcessProvider(), name, {**properties, **addresses}, opts)


class StableUrl(Resource, module="mlgate", name="StableUrl"):
    """The one address of a service."""

    url: pulumi.Output[str]

    def __init__(self, name: str, properties: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(StableUrlProvider(), name, {**properties, "url": None}, opts)
