"""Whether this machine reaches a cluster at all: asked in a preview and before the first object, and told with the ways there are.

An endpoint that is still to be made cannot be asked; that it will be private is told before anything is, so that nobody learns it from a
cluster and its nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import pulumi

from mlgate.errors import Problem
from mlgate_components.arguments import ArgumentsError

__all__ = ["Reach", "unreached"]

_HTTPS = 443
_PATIENCE_S = 10.0
_WAYS = "run Pulumi inside the VPC, or come by a tunnel and give its kubeconfig, or name yourself in public_from (docs/platform-cluster.md)"


async def unreached(address: str) -> str:
    """Why no connection to the API server at `address` comes about; "" if one does, or if a proxy would make it."""
    where = urlsplit(address)
    host = where.hostname or ""
    if getproxies().get("https") and not proxy_bypass(host):
        return ""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            _, writer = await asyncio.open_connection(host, where.port or _HTTPS)
    except TimeoutError:
        return f"no answer within {_PATIENCE_S:g} s"
    except OSError as error:
        return str(error)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


class Reach:
    """What a program that goes to the cluster `name` by its endpoint asks and tells. `private`: the internet does not reach that."""

    def __init__(self, name: str, *, private: bool) -> None:
        self._name = name
        self._private = private
        self._changes = False

    def on_cluster(self) -> pulumi.ResourceHookBinding:
        """For the cluster: tells, in the preview already, that it will be private, and sees who its endpoint is opened to or shut from."""

        def tell(_step: pulumi.ResourceHookArgs) -> None:
            found = "kubeconfig: is not given, and the endpoint will be private: where it is not reached from here, the update ends"
            pulumi.log.warn(
                f"Cluster {self._name!r}: {found} before the first object in the cluster, and goes on with the next one\n  -> {_WAYS}"
            )

        def see(step: pulumi.ResourceHookArgs) -> None:
            self._changes = _opened(step.old_inputs) != _opened(step.new_inputs)

        asked = pulumi.ResourceHookOptions(on_dry_run=True)
        return pulumi.ResourceHookBinding(
            before_create=[pulumi.ResourceHook(f"Cluster-{self._name}-private", tell, opts=asked)] if self._private else None,
            before_update=[pulumi.ResourceHook(f"Cluster-{self._name}-opened", see, opts=asked)],
        )

    def in_previews(self, endpoint: pulumi.Output[str]) -> pulumi.Output[str]:
        """`endpoint`, for which a preview ends with ArgumentsError where it is there already and not reached.

        Not where this very update changes who reaches it. An update asks later, since nodes, which a tunnel goes through, come after it.
        """

        async def reached(address: str) -> str:
            if not self._changes:
                await self._require(address)
            return address

        return endpoint.apply(reached) if pulumi.runtime.is_dry_run() else endpoint

    def on_first_object(self, endpoint: pulumi.Output[str]) -> pulumi.ResourceHookBinding:
        """For the first object in the cluster: an update ends with ArgumentsError before it where the endpoint is not reached."""

        async def ask(_step: pulumi.ResourceHookArgs) -> None:
            await self._require(str(await endpoint.future()))

        return pulumi.ResourceHookBinding(before_create=[pulumi.ResourceHook(f"Cluster-{self._name}-reached", ask)])

    async def _require(self, address: str) -> None:
        if reason := await unreached(address):
            found = f"is not given, and {address} is not reached: {reason}"
            raise ArgumentsError("Cluster", self._name, [Problem("kubeconfig", found, _WAYS)])


def _opened(inputs: Mapping[str, Any] | None) -> tuple[Any, Any]:
    """Whether the internet reaches the endpoint of a cluster of these inputs, and who of it."""
    network = (inputs or {}).get("vpcConfig") or {}
    return network.get("endpointPublicAccess"), network.get("publicAccessCidrs")
