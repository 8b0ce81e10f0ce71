"""Whether this machine reaches a cluster at all: asked before the first object, and told with the ways there are.

An endpoint that is still to be made cannot be asked; that it will be private is told before anything is, so that nobody learns it from a
cluster and its nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import pulumi

from mlgate.errors import Problem
from mlgate_components.arguments import ArgumentsError

__all__ = ["asked_before_the_first_object", "told_before_it_is_made", "unreached"]

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


def told_before_it_is_made(name: str) -> pulumi.ResourceHookBinding:
    """Warns, in the preview already, that the cluster `name` will have a private endpoint and that no way to it is given."""

    def tell(_step: pulumi.ResourceHookArgs) -> None:
        found = "kubeconfig: is not given, and the endpoint will be private: where it is not reached from here, the update ends"
        pulumi.log.warn(f"Cluster {name!r}: {found} before the first object in the cluster, and goes on with the next one\n  -> {_WAYS}")

    hook = pulumi.ResourceHook(f"Cluster-{name}-private", tell, opts=pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_create=[hook])


def asked_before_the_first_object(name: str, endpoint: pulumi.Output[str]) -> pulumi.ResourceHookBinding:
    """Raises ArgumentsError where the endpoint of the cluster `name` is not reached; a preview asks too, once there is an endpoint."""

    async def ask(_step: pulumi.ResourceHookArgs) -> None:
        address = await endpoint.future()
        if address and (reason := await unreached(address)):
            raise ArgumentsError("Cluster", name, [Problem("kubeconfig", f"is not given, and {address} is not reached: {reason}", _WAYS)])

    hook = pulumi.ResourceHook(f"Cluster-{name}-reached", ask, opts=pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_create=[hook])
