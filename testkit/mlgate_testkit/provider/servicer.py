"""Pulumi's provider protocol around a `Package`.

Written on the protocol itself, because the SDK's experimental provider has no `Attach`, hands over no old inputs, and cannot send what is
unknown (facts measured with SDK 3.272). The engine opens one connection for each provider resource of a program and configures it first:
the connection tells which configuration a request belongs to.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from mlgate_testkit.provider.faults import Faults, Operation
from mlgate_testkit.provider.provider import Difference, Failure, Kind, Package, Provider, ProviderError, Resource, Run, State, Unhealthy
from mlgate_testkit.provider.values import from_struct, has_unknown, plain, to_struct

__all__ = ["Servicer"]

_KINDS = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine's requests; any number of connections at once."""

    def __init__(self, package: Package, faults: Faults) -> None:
        self._package = package
        self._faults = faults
        self._lock = threading.Lock()
        self._providers: dict[str, Provider] = {}
        self._engines: dict[str, str] = {}
        self._running: dict[threading.Event, str] = {}

    # -- the connection

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name, here and below
        self._engines[context.peer()] = request.engine_address
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._engines[context.peer()] = request.address
        return empty_pb2.Empty()

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self._package.version)

    def Cancel(self, _request: Any, context: Any) -> Any:  # noqa: N802
        with self._lock:
            for cancelled, peer in self._running.items():
                if peer == context.peer():  # other engines go on
                    cancelled.set()
        return empty_pb2.Empty()

    # -- its configuration

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs = from_struct(request.news)
        with self._refusals(context):
            failures = [] if has_unknown(inputs) else self._package.check_config(plain(inputs))
            return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(failures))

    def DiffConfig(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_UNKNOWN)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        with self._refusals(context):
            self._providers[context.peer()] = self._package.configure(plain(from_struct(request.args)))
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True, acceptResources=False, acceptOutputs=False)

    # -- resources

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        resource = _resource(request)
        with self._request("check", resource, context) as (provider, _):
            olds, news = plain(from_struct(request.olds)), plain(from_struct(request.news))
            inputs, failures = provider.check(resource, olds, news, request.randomSeed)
            return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=_failures(failures))

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        resource = _resource(request)
        with self._request("diff", resource, context) as (provider, _):
            return _difference(provider.diff(resource, _state(request, request.olds), plain(from_struct(request.news))))

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        resource, inputs = _resource(request), plain(from_struct(request.properties))
        with self._request("create", resource, context, preview=request.preview, timeout_s=request.timeout) as (provider, run):
            resource_id, outputs = provider.create(resource, inputs, run)
            return provider_pb2.CreateResponse(id=resource_id, properties=to_struct(outputs))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        resource = _resource(request)
        known = State(request.id, plain(from_struct(request.inputs)), plain(from_struct(request.properties)))
        with self._request("read", resource, context) as (provider, _):
            found = provider.read(resource, request.id, known if known.inputs or known.outputs else None)
            if found is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(id=found.id, inputs=to_struct(found.inputs), properties=to_struct(found.outputs))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        resource, news = _resource(request), plain(from_struct(request.news))
        with self._request(
            "update", resource, context, preview=request.preview, timeout_s=request.timeout, ignored=tuple(request.ignoreChanges)
        ) as (provider, run):
            return provider_pb2.UpdateResponse(properties=to_struct(provider.update(resource, _state(request, request.olds), news, run)))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        resource = _resource(request)
        with self._request("delete", resource, context, timeout_s=request.timeout) as (provider, run):
            provider.delete(resource, _state(request, request.properties), run)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        function = Resource(urn="", type=request.tok, name="")
        with self._request("invoke", function, context, preview=request.preview) as (provider, run):
            found = provider.invoke(request.tok, plain(from_struct(request.args)), preview=run.preview)
            return provider_pb2.InvokeResponse(**{"return": to_struct(found)})

    # -- what all of them share

    @contextmanager
    def _request(
        self,
        operation: Operation,
        resource: Resource,
        context: Any,
        *,
        preview: bool = False,
        timeout_s: float = 0,
        ignored: tuple[str, ...] = (),
    ) -> Iterator[tuple[Provider, Run]]:
        """The provider that this connection configured; faults on order, refusals as the protocol wants them, Ctrl-C as an event."""
        provider = self._configured(context)
        cancelled = threading.Event()
        run = Run(preview, timeout_s, cancelled, self._warner(context.peer(), resource.urn), ignored)
        with self._lock:
            self._running[cancelled] = context.peer()
        if not context.add_callback(cancelled.set):  # the engine was killed, or waits no longer
            cancelled.set()  # and that before its request had its turn
        try:
            with self._refusals(context):
                if cancelled.is_set():
                    raise ProviderError("cancelled before it was begun")
                afterwards = self._faults.before(operation, resource, run)
            with self._refusals(context):
                yield provider, run
            if afterwards:
                context.abort(grpc.StatusCode.UNAVAILABLE, afterwards)
        finally:
            with self._lock:
                del self._running[cancelled]

    @contextmanager
    def _refusals(self, context: Any) -> Iterator[None]:
        """Errors as the protocol wants them; each has the text that the engine prints at the resource."""
        try:
            yield
        except Unhealthy as half:
            context.set_trailing_metadata((("grpc-status-details-bin", _half_done(half)),))
            context.abort(grpc.StatusCode.UNKNOWN, str(half))
        except ProviderError as refused:
            context.abort(grpc.StatusCode.UNKNOWN, str(refused))
        except Exception as bug:
            if context.code() is None:  # else it is how an answer that was given already ends
                place = traceback.extract_tb(bug.__traceback__)[-1]
                where = f"{Path(place.filename).name}:{place.lineno}"
                context.abort(
                    grpc.StatusCode.INTERNAL,
                    f"the simulated provider {self._package.name} is at fault: {type(bug).__name__}: {bug} ({where})",
                )
            raise

    def _configured(self, context: Any) -> Provider:
        try:
            return self._providers[context.peer()]
        except KeyError:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{self._package.name}: the engine did not configure this connection")
            raise

    def _warner(self, peer: str, urn: str) -> Callable[[str], None]:
        def warn(message: str) -> None:
            with grpc.insecure_channel(self._engines[peer]) as channel, suppress(grpc.RpcError):  # the engine may be gone
                engine_pb2_grpc.EngineStub(channel).Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message, urn=urn))

        return warn


def _half_done(half: Unhealthy) -> bytes:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=half.resource_id, properties=to_struct(half.outputs), inputs=to_struct(half.inputs), reasons=half.reasons
        )
    )
    status: bytes = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(half), details=[detail]).SerializeToString()
    return status


def _resource(request: Any) -> Resource:
    urn: str = request.urn
    parts = urn.split("::", 3)
    return Resource(urn=urn, type=parts[2].rsplit("$", 1)[-1], name=parts[3])


def _state(request: Any, outputs: Any) -> State:
    return State(request.id, plain(from_struct(request.old_inputs)), plain(from_struct(outputs)))


def _failures(failures: list[Failure]) -> list[Any]:
    return [_failure(failure.property, failure.reason) for failure in failures]


def _failure(place: str, reason: str) -> Any:
    """The engine shows the value that it finds by this very name; of a place inside of an input it would say that there is none."""
    if _top(place) == place:
        return provider_pb2.CheckFailure(property=place, reason=reason)
    return provider_pb2.CheckFailure(reason=reason if place in reason else f"{place}: {reason}")


def _difference(difference: Difference) -> Any:
    detailed: Mapping[str, Any] = {
        path: provider_pb2.PropertyDiff(kind=_KINDS[kind, path in difference.replace], inputDiff=True)
        for path, kind in difference.changed.items()
    }
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if difference.changed else response.DIFF_NONE,
        diffs=sorted({_top(path) for path in difference.changed}),
        replaces=sorted({_top(path) for path in difference.replace}),
        deleteBeforeReplace=difference.delete_before_replace,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _top(path: str) -> str:
    """The input that a path starts in."""
    for end in ".[":
        path = path.split(end, 1)[0] if not path.startswith('["') else path
    return path
