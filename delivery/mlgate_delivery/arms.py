"""Where the arms of a service answer: each at its own address, and the service at its one URL."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import EndpointError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_delivery.candidate import stable_already
from mlgate_delivery.exports import backend_of
from mlgate_delivery.resources import find
from mlgate_delivery.store import release_folder, release_named
from mlgate_evidence.ledger import Ledger
from mlgate_gates.request import Server, Subject
from mlgate_serving.endpoint import endpoint_name, find_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.pulumi_state import FileState


def arms_of(environment: Environment, service: Service, declaration: Path, release: str) -> tuple[Subject, Subject | None]:
    """The endpoints of a release that runs here and of what is stable, to be judged against each other.

    `declaration`: the file that `service` was read from. `release`: a packed folder or a digest. Stable is what the ledger says, None where
    nothing was ever promoted. Raises EndpointError where one of them does not run, UsageError where the release is what is stable.
    """
    digest = release_named(environment, release)
    stable = Ledger.of(environment).stable(service.name, environment.name)
    if stable is not None and stable.release == digest:
        raise stable_already(stable, service, declaration)
    candidate = _subject(environment, service.name, digest)
    return candidate, _subject(environment, service.name, stable.release) if stable else None


def service_url(environment: Environment, service: str) -> str:
    """The one URL of a service. Raises EndpointError where its proxy does not run."""
    state = FileState.found(backend_of(environment), environment.name)
    routed = find(state.checkpoint().resources, "StableUrl", service=service) if state else None
    url = routed.properties.get("url") if routed else None
    if url is None or LocalRouter(Supervisor(environment.processes), environment.routers).arms(service) is None:
        raise EndpointError(
            f"{service} has no URL in {environment.name}: its proxy does not run", where=str(environment.routers), remedy=_UP
        )
    return str(url)


def fallen(environment: Environment, service: Service, arms: Iterable[Subject | None]) -> list[str]:
    """A sentence for each of `arms` whose server has ended since it was found, with the end of its log.

    A gate judges what it got, so a server that was killed meanwhile reads as failed requests; these say what lies behind them.
    """
    supervisor = Supervisor(environment.processes)
    said = []
    for arm in arms:
        if arm is not None and arm.release is not None and find_endpoint(supervisor, service.name, arm.release) is None:
            name = endpoint_name(service.name, arm.release)
            said.append(f"the server of {name} ended during the gate\n{supervisor.log_tail(name)}".rstrip())
    return said


def _subject(environment: Environment, service: str, release: str) -> Subject:
    supervisor = Supervisor(environment.processes)
    name = _server_name(supervisor, endpoint_name(service, release))  # first: what comes in its place in between is another one
    endpoint = find_endpoint(supervisor, service, release)
    if name is None or endpoint is None:
        raise EndpointError(
            f"release {short(release)} of {service} does not run in {environment.name}", where=str(environment.processes), remedy=_UP
        )
    lineage = Release.read(release_folder(environment, release)).lineage
    return Subject(
        url=endpoint.url,
        release=endpoint.release,
        configuration=endpoint.configuration,
        lineage=lineage,
        server=Server(name, lambda: _server_name(supervisor, endpoint.name)),
    )


def _server_name(supervisor: Supervisor, name: str) -> str | None:
    """The process that was started last under that name, dead or alive; None where it was stopped since."""
    process = supervisor.get(name)
    return f"process {process.pid} {process.birth}" if process else None


_UP = 'bring it up: eval "$(mlgate env local)" && pulumi up -s local --refresh'
