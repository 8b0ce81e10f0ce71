"""A candidate beside stable: running, measurable at its own address, and without any of the service's traffic."""

from __future__ import annotations

from pathlib import Path

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import UsageError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_delivery.recover import clear
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.turn import turn
from mlgate_evidence.ledger import Ledger
from mlgate_serving.endpoint import LocalEndpoint, find_endpoint
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.tool import Progress


def deploy_candidate(environment: Environment, service: Service, declaration: Path, packed: Path, progress: Progress) -> LocalEndpoint:
    """Brings the release packed in `packed` up with weight 0, in place of any other candidate; stable goes on. Idempotent.

    `declaration`: the file that `service` was read from. Raises UsageError for the release that is stable already, StackError where the
    update fails, BusyError while another command changes the environment.
    """
    release = Release.read(packed)
    with turn(environment, f"bringing up {release.label}"):
        stack = LocalStack.open(environment, progress)
        clear(stack, progress)
        return bring_up(stack, service, declaration, packed, progress)


def withdraw_candidate(environment: Environment, service: str, progress: Progress) -> None:
    """Takes the service's candidate away; nothing there is no error. Raises as `deploy_candidate`."""
    with turn(environment, f"withdrawing the candidate of {service}"):
        stack = LocalStack.open(environment, progress)
        clear(stack, progress)
        if service in stack.file.services():
            stack.file.set_service(service, candidate=None, weight=None)
            stack.up(progress)


def bring_up(stack: LocalStack, service: Service, declaration: Path, packed: Path, progress: Progress) -> LocalEndpoint:
    """As `deploy_candidate`, for a caller that has its turn and a cleared stack."""
    environment = stack.environment
    release = Release.read(packed)
    stable = Ledger.of(environment).stable(service.name, environment.name)
    if stable and stable.release == release.digest:
        raise UsageError(
            f"{release.label} is stable already", where=f"{environment.name}", remedy="nothing is left to do; mlgate status shows what runs"
        )
    stack.file.set_service(
        service.name,
        declaration=stack.project.spelt(declaration),
        stable=stable.release if stable else None,
        candidate=release.digest if packed.resolve().parent == environment.releases else stack.project.spelt(packed),
        weight=None,
    )
    stack.up(progress)
    endpoint = find_endpoint(Supervisor(environment.processes), service.name, release.digest)
    assert endpoint, f"the update succeeded, so {short(release.digest)} runs"
    return endpoint
