"""A candidate beside stable: running, measurable at its own address, and without any of the service's traffic."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import EvidenceError, ProcessError, UsageError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_delivery.engine import Update
from mlgate_delivery.recover import clear
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.turn import turn
from mlgate_evidence.history import Promotion
from mlgate_evidence.ledger import Ledger
from mlgate_serving.endpoint import LocalEndpoint, endpoint_name, find_endpoint
from mlgate_serving.runtime import configuration_digest
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.tool import Progress


def deploy_candidate(environment: Environment, service: Service, declaration: Path, packed: Path, progress: Progress) -> LocalEndpoint:
    """Brings the release packed in `packed` up with weight 0, in place of any other candidate; stable goes on. Idempotent.

    `declaration`: the file that `service` was read from. Raises UsageError for the release that is stable already, in whatever
    configuration, EvidenceError where that file was edited since, StackError where the update fails, BusyError while another command
    changes the environment.
    """
    release = Release.read(packed)
    with turn(environment, f"bringing up {release.label}"):
        stack = LocalStack.open(environment, progress)
        clear(stack, progress)
        return bring_up(stack, service, declaration, packed, progress)


def bring_up(
    stack: LocalStack,
    service: Service,
    declaration: Path,
    packed: Path,
    progress: Progress,
    update: Callable[[LocalStack, str, Progress], Update] | None = None,
) -> LocalEndpoint:
    """As `deploy_candidate`, for a caller that has its turn and a cleared stack, and may have an `update` of its own."""
    environment = stack.environment
    release = Release.read(packed)
    stable = Ledger.of(environment).stable(service.name, environment.name)
    if stable and stable.release == release.digest:
        raise stable_already(stable, service, declaration)
    stack.file.set_service(
        service.name,
        declaration=stack.project.spelt(declaration),
        stable=stable.release if stable else None,
        candidate=release.digest if packed.resolve().parent == environment.releases else stack.project.spelt(packed),
        weight=None,
    )
    update(stack, service.name, progress) if update else stack.up(progress)
    supervisor = Supervisor(environment.processes)
    endpoint = find_endpoint(supervisor, service.name, release.digest)
    if endpoint is None:
        name = endpoint_name(service.name, release.digest)
        raise ProcessError(
            f"came up and has ended since; the end of its log:\n{supervisor.log_tail(name)}",
            where=f"process {name}",
            remedy="mend what its log complains of and pack the release anew; if something else ended it, run the same command again",
        )
    declared = configuration_digest(service.name, service.serving)
    if endpoint.configuration != declared:
        raise EvidenceError(
            f"declared configuration {declared}, but what came up by it has {endpoint.configuration}",
            where=str(declaration),
            remedy="it was edited meanwhile: run the same command again",
        )
    return endpoint


def stable_already(stable: Promotion, service: Service, declaration: Path) -> UsageError:
    """What to tell who wants to measure or promote the release that is stable: in the same configuration, or in another one."""
    name = f"release {short(stable.release)} of {stable.service}"
    declared = configuration_digest(service.name, service.serving)
    if stable.configuration == declared:
        return UsageError(
            f"{name} is stable already, by the evidence of {stable.attempt}",
            where=stable.stage,
            remedy="nothing is left to do; mlgate status shows what runs",
        )
    return UsageError(
        f"{name} is stable with configuration {short(stable.configuration)}, and this declares {short(declared)}; "
        "a release cannot be measured beside itself",
        where=f"{declaration}: serving",
        remedy="take back what was changed in `serving`, or gate the change with the next release",
    )
