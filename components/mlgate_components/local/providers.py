"""What Pulumi calls to create, read, update and delete the resources of `local`: thin adapters on model store, supervisor and router.

The engine keeps these classes in its state by module and name, so both are a contract with existing stacks; they hold no attributes, or
every edit would show as a change. Every operation is idempotent and finds things by name, because an engine that is killed retries what
it does not know to have happened. Property values: Pulumi makes every number a float and leaves out what is None.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from math import isclose
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from pulumi.dynamic import CheckFailure, CheckResult, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from mlgate.environment import Environment
from mlgate.errors import EvidenceError, MlgateError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_components.local.store import discard, is_stored, store
from mlgate_evidence.ledger import Ledger
from mlgate_serving.archive import require_whole
from mlgate_serving.endpoint import LocalEndpoint, endpoint_name, find_endpoint, start_endpoint, stop_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.envoy_files import kept_ports
from mlgate_serving.router import Arm
from mlgate_serving.runtime import configuration_digest
from mlgate_serving.supervisor import Supervisor

Properties = dict[str, Any]
_GONE = ReadResult("", {})
_TRAFFIC = ("stable", "stable_url", "candidate", "candidate_url", "weight")
_WEIGHT_STEP = 0.01
_Provider = TypeVar("_Provider")
_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def _errors_as_words(
    operation: Callable[Concatenate[_Provider, _Given], _Result],
) -> Callable[Concatenate[_Provider, _Given], _Result]:
    """Pulumi's host prints the traceback of whatever is raised here. Ours say all there is to say, so theirs is cut to the words."""

    @wraps(operation)
    def wrapped(provider: _Provider, /, *given: _Given.args, **named: _Given.kwargs) -> _Result:
        try:
            return operation(provider, *given, **named)
        except MlgateError:
            host = getattr(sys.modules["__main__"], "__spec__", None)
            if host is not None and host.name == "pulumi.dynamic.__main__":
                sys.tracebacklimit = 0
            raise

    return wrapped


def _environment(properties: Properties) -> Environment:
    return Environment(name=properties["stage"], home=Path(properties["home"]))


def _differs(olds: Properties, news: Properties, *names: str) -> bool:
    return any(olds.get(name) != news.get(name) for name in names)


class StoredReleaseProvider(ResourceProvider):
    """A release in the model store.

    Inputs: `home`, `stage`, `service`, `release` (digest), `source` (packed folder, or nothing where it must be stored already),
    `declaration` (path), `declaration_digest` and `configuration` (digest). Output: `folder`.
    """

    serialize_as_secret_always = False

    @_errors_as_words
    def check(self, _olds: Properties, news: Properties) -> CheckResult:
        """Refuses a damaged archive before anything is changed, in the preview already."""
        failures = []
        try:
            require_whole(_source(news))
        except EvidenceError as error:
            failures.append(CheckFailure("source" if news.get("source") else "release", str(error)))
        return CheckResult(news, failures)

    @_errors_as_words
    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        changed = _differs(olds, news, "declaration_digest", "configuration") or not _is_stored(news)
        return DiffResult(changes=changed or _differs(olds, news, "home"), replaces=["home"] if _differs(olds, news, "home") else [])

    @_errors_as_words
    def create(self, props: Properties) -> CreateResult:
        return CreateResult(props["release"], _stored(props))

    @_errors_as_words
    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        return UpdateResult(_stored(news))

    @_errors_as_words
    def read(self, id_: str, props: Properties) -> ReadResult:
        return ReadResult(id_, props) if _is_stored(props) else _GONE

    @_errors_as_words
    def delete(self, _id: str, props: Properties) -> None:
        """Keeps a release that was ever promoted: a rollback and the next `up` need it. One that never was goes."""
        environment = _environment(props)
        promotions = Ledger.of(environment).promotions(props["service"], environment.name)
        if not any(promotion.release == props["release"] for promotion in promotions):
            discard(environment, props["release"])


def _source(properties: Properties) -> Path:
    return Path(properties.get("source") or _environment(properties).release_folder(properties["release"]))


def _is_stored(properties: Properties) -> bool:
    environment, release = _environment(properties), properties["release"]
    return is_stored(environment, release) and environment.declaration_file(release, properties["configuration"]).is_file()


def _stored(properties: Properties) -> Properties:
    source, declaration = _source(properties), Path(properties["declaration"])
    _require_release(source, properties["release"])
    _declared(declaration, properties["configuration"])
    return {**properties, "folder": str(store(_environment(properties), source, declaration))}


def _require_release(folder: Path, digest: str) -> None:
    """The folder may have been packed anew since the program read it; what it holds now was never asked for."""
    found = Release.read(folder).digest
    if found != digest:
        raise EvidenceError(
            f"release {found} is here, but {digest} was asked for",
            where=str(folder),
            remedy="it was packed anew during the update: run it again",
        )


def _declared(declaration: Path, configuration: str) -> Service:
    """The same for the declaration, which may have been edited."""
    service = Service.read(declaration)
    found = configuration_digest(service.name, service.serving)
    if found != configuration:
        raise EvidenceError(
            f"declares configuration {found}, but {configuration} was asked for",
            where=str(declaration),
            remedy="it was edited during the update: run it again",
        )
    return service


class EndpointProcessProvider(ResourceProvider):
    """The server process of one release.

    Inputs: `home`, `stage`, `service`, `release`, `configuration` (digests) and `folder` (of the stored release). Outputs: `url`,
    `management_url`, `metrics_url`, `pid`.
    """

    serialize_as_secret_always = False

    @_errors_as_words
    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        """A change too where the process has died, or runs in another configuration than the state says: an update was killed on its way.

        Then `up` starts it anew even without `--refresh`.
        """
        moved = _differs(olds, news, "home")
        running = _endpoint(olds)
        changed = _differs(olds, news, "configuration") or running is None or running.configuration != news["configuration"]
        return DiffResult(changes=moved or changed, replaces=["home"] if moved else [])

    @_errors_as_words
    def create(self, props: Properties) -> CreateResult:
        return CreateResult(endpoint_name(props["service"], props["release"]), _started(props))

    @_errors_as_words
    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        return UpdateResult(_started(news))

    @_errors_as_words
    def read(self, id_: str, props: Properties) -> ReadResult:
        endpoint = _endpoint(props)
        return ReadResult(id_, {**props, **_addresses(endpoint)}) if endpoint else _GONE

    @_errors_as_words
    def delete(self, id_: str, props: Properties) -> None:
        stop_endpoint(Supervisor(_environment(props).processes), id_)


def _endpoint(properties: Properties) -> LocalEndpoint | None:
    return find_endpoint(Supervisor(_environment(properties).processes), properties["service"], properties["release"])


def _started(properties: Properties) -> Properties:
    """Asks first whether release and declaration are what the program saw: nothing else must ever be started, or be adopted."""
    environment = _environment(properties)
    stored = Path(properties["folder"])
    _require_release(stored, properties["release"])
    configuration = properties["configuration"]
    service = _declared(environment.declaration_file(properties["release"], configuration), configuration)
    kept = kept_ports(environment.routers)  # else a service that is down loses its URL
    endpoint = start_endpoint(Supervisor(environment.processes), stored, service, but=kept)
    return {**properties, **_addresses(endpoint)}


def _addresses(endpoint: LocalEndpoint) -> Properties:
    return {
        "url": endpoint.url,
        "management_url": endpoint.management_url,
        "metrics_url": endpoint.metrics_url,
        "pid": endpoint.pid,
    }


class StableUrlProvider(ResourceProvider):
    """The one address of a service and where its traffic goes.

    Inputs: `home`, `stage`, `service`, `port` (or nothing), `stable` and `candidate` (release digests, or nothing) with `stable_url` and
    `candidate_url`, and `weight` (percent of the traffic that goes to the candidate). Output: `url`.
    """

    serialize_as_secret_always = False

    @_errors_as_words
    def diff(self, _id: str, olds: Properties, news: Properties) -> DiffResult:
        """A change too where the data plane does not serve what the state says: it died, or an update was killed on its way."""
        moved = _differs(olds, news, "home")
        changed = _differs(olds, news, "port", *_TRAFFIC) or _served(olds) != {name: olds.get(name) for name in _TRAFFIC}
        return DiffResult(changes=moved or changed, replaces=["home"] if moved else [])

    @_errors_as_words
    def create(self, props: Properties) -> CreateResult:
        return CreateResult(props["service"], _routed(props))

    @_errors_as_words
    def update(self, _id: str, _olds: Properties, news: Properties) -> UpdateResult:
        """Moves the traffic before Pulumi deletes the endpoint that loses it."""
        return UpdateResult(_routed(news))

    @_errors_as_words
    def read(self, id_: str, props: Properties) -> ReadResult:
        served = _served(props)
        return _GONE if served is None else ReadResult(id_, {**props, **served})

    @_errors_as_words
    def delete(self, id_: str, props: Properties) -> None:
        _router(props).remove(id_)


def _served(properties: Properties) -> Properties | None:
    """The traffic as the data plane serves it now, as properties; None where the proxy does not run."""
    arms = _router(properties).arms(properties["service"])
    if arms is None:
        return None
    weight = arms.candidate_weight * 100
    # The proxy keeps weights in steps of its own: what it was asked for is what it serves.
    asked = properties.get("weight")
    served: Properties = {"weight": asked if asked is not None and isclose(weight, asked, abs_tol=_WEIGHT_STEP) else weight}
    for name, arm in (("stable", arms.stable), ("candidate", arms.candidate)):
        served |= {name: arm.release if arm else None, f"{name}_url": arm.url if arm else None}
    return served


def _router(properties: Properties) -> LocalRouter:
    environment = _environment(properties)
    return LocalRouter(Supervisor(environment.processes), environment.routers)


def _routed(properties: Properties) -> Properties:
    router = _router(properties)
    port = properties.get("port")
    url = router.ensure(properties["service"], None if port is None else int(port))
    weight = properties["weight"] / 100
    router.set_arms(properties["service"], _arm(properties, "stable"), _arm(properties, "candidate"), weight)
    return {**properties, "url": url}


def _arm(properties: Properties, name: str) -> Arm | None:
    release = properties.get(name)
    return Arm(release=release, url=properties[f"{name}_url"]) if release else None
