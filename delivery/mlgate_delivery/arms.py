"""Where the arms of a service answer: each at its own address, and the service at its one URL."""

from __future__ import annotations

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import EndpointError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_delivery.checkpoint import FileState
from mlgate_delivery.exports import backend_of
from mlgate_delivery.store import release_folder, release_named
from mlgate_evidence.ledger import Ledger
from mlgate_gates.request import Subject
from mlgate_serving.endpoint import find_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.supervisor import Supervisor


def arms_of(environment: Environment, service: Service, release: str) -> tuple[Subject, Subject | None]:
    """The endpoints of a release that runs here and of what is stable, to be judged against each other.

    `release`: a packed folder or a digest. Stable is what the ledger says, None where nothing was ever promoted. Raises EndpointError where
    one of them does not run.
    """
    digest = release_named(environment, release)
    stable = Ledger.of(environment).stable(service.name, environment.name)
    candidate = _subject(environment, service.name, digest)
    if stable is None or stable.release == digest:
        return candidate, None
    return candidate, _subject(environment, service.name, stable.release)


def service_url(environment: Environment, service: str) -> str:
    """The one URL of a service. Raises EndpointError where its proxy does not run."""
    state = FileState.found(backend_of(environment), environment.name)
    routed = state.checkpoint().find("StableUrl", service=service) if state else None
    url = routed.properties.get("url") if routed else None
    if url is None or LocalRouter(Supervisor(environment.processes), environment.routers).arms(service) is None:
        raise EndpointError(
            f"{service} has no URL in {environment.name}: its proxy does not run", where=str(environment.routers), remedy=_UP
        )
    return str(url)


def _subject(environment: Environment, service: str, release: str) -> Subject:
    endpoint = find_endpoint(Supervisor(environment.processes), service, release)
    if endpoint is None:
        raise EndpointError(
            f"release {short(release)} of {service} does not run in {environment.name}", where=str(environment.processes), remedy=_UP
        )
    lineage = Release.read(release_folder(environment, release)).lineage
    return Subject(url=endpoint.url, release=endpoint.release, configuration=endpoint.configuration, lineage=lineage)


_UP = 'bring it up: eval "$(mlgate env local)" && pulumi up -s local --refresh'
