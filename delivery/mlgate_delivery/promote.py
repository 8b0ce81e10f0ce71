"""Promotion: fresh evidence, its place in the ledger, then the traffic, in this order.

The ledger comes before the traffic because the update asks it, and so does its plan. A kill, or a plan that is refused, anywhere after it
leaves a promotion that is not `settled`, which the same command finishes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import BusyError, EvidenceError, MlgateError, StackError
from mlgate.service import Service
from mlgate.verdict import Verdict
from mlgate_delivery.candidate import bring_up, stable_already
from mlgate_delivery.engine import Update
from mlgate_delivery.exports import backend_of, stack_file_of
from mlgate_delivery.guarded_update import has_neighbours, require_plan, update_by_plan
from mlgate_delivery.recover import clear
from mlgate_delivery.resources import find, ours
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.store import release_folder, release_named
from mlgate_delivery.turn import turn
from mlgate_evidence.history import Promotion
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.locks import current_user
from mlgate_evidence.statement import Evidence
from mlgate_evidence.store import DirectoryStore
from mlgate_evidence.traffic import require_fresh
from mlgate_evidence.trust import Trust
from mlgate_gates.verify import verify_folder
from mlgate_serving.endpoint import find_endpoint
from mlgate_serving.envoy import LocalRouter
from mlgate_serving.runtime import configuration_digest
from mlgate_serving.supervisor import Supervisor
from mlgate_tools.pulumi_state import FileState
from mlgate_tools.tool import Progress


def promote(environment: Environment, service: Service, declaration: Path, release: str, progress: Progress) -> Promotion:
    """Makes a release (a packed folder or a digest) stable and moves the service's traffic to it, with no failed request.

    It must have fresh evidence for exactly this release, the configuration that `service` declares now, and this environment; the verdict
    is computed again from its rows. Raises RefusedError (with the verdict's exit code) or EvidenceError without, UsageError for a release
    whose promotion is settled or that is stable in another configuration, BusyError while another command changes the environment,
    StackError where the update fails, or its plan does more than promote this service.
    """
    digest = release_named(environment, release)
    with turn(environment, f"promoting {service.name} {short(digest)}"):
        stack = LocalStack.open(environment, progress)
        clear(stack, progress)
        stable = Ledger.of(environment).stable(service.name, environment.name)
        if stable is None or stable.release != digest:
            stable = _record(stack, service, declaration, release, digest, progress)
        elif stable.configuration != configuration_digest(service.name, service.serving) or settled(environment, stable):
            raise stable_already(stable, service, declaration)
        else:
            progress(f"{short(digest)} was promoted before, but that was not finished, or something of it ended: finishing that")
        move_traffic(stack, stable, progress, update_by_plan)
        return stable


def settled(environment: Environment, promotion: Promotion) -> bool:
    """Whether nothing is left to do for a promotion: it was carried out, is configured, and what was promoted runs with all the traffic."""
    configured = stack_file_of(environment).services().get(promotion.service, {})
    running = find_endpoint(Supervisor(environment.processes), promotion.service, promotion.release)
    return (
        carried_out(environment, promotion)
        and configured.get("stable") == promotion.release
        and not configured.get("weight")
        and running is not None
        and running.configuration == promotion.configuration
        and has_traffic(environment, promotion.service, promotion.release)
    )


def carried_out(environment: Environment, promotion: Promotion) -> bool:
    """Whether the update that a promotion or a rollback asks for was done to its end, as the stack's state tells it.

    Its traffic has moved and nothing else of the service is left, but for a candidate that was configured since. What died since then is
    another matter.
    """
    state = FileState.found(backend_of(environment), environment.name)
    resources = ours(state.checkpoint().resources) if state else []
    mine = [resource for resource in resources if resource.properties["service"] == promotion.service]
    url = find(mine, "StableUrl")
    if url is None or url.properties.get("stable") != promotion.release or url.properties.get("weight"):
        return False
    others = {resource.properties.get("release", promotion.release) for resource in mine} - {promotion.release}
    return not others or "candidate" in stack_file_of(environment).services().get(promotion.service, {})


def has_traffic(environment: Environment, service: str, release: str) -> bool:
    """Whether the service's URL serves this release as stable, with nothing shared away."""
    arms = LocalRouter(Supervisor(environment.processes), environment.routers).arms(service)
    return arms is not None and arms.stable is not None and arms.stable.release == release and arms.candidate_weight == 0


def move_traffic(
    stack: LocalStack, promotion: Promotion, progress: Progress, update: Callable[[LocalStack, str, Progress], Update]
) -> None:
    """Brings stack and traffic to what the ledger says, by that `update`.

    Raises StackError, or BusyError where an update by hand is running, that says what state the failure left, and how to go on.
    """
    service = promotion.service
    # Without a candidate: one that does not come up would keep the traffic where it is, in a rollback of all times.
    stack.file.set_service(service, stable=promotion.release, candidate=None, weight=None)
    try:
        update(stack, service, progress)
    except (StackError, BusyError) as error:
        state = _traffic_in_words(stack.environment, promotion)
        raise type(error)(
            f"{short(promotion.release)} is stable in the ledger and {state}, but the update failed: {error.problem}",
            where=error.where,
            remedy=f"put that right and run the same command again, it goes on from here ({error.remedy})",
        ) from error


def _traffic_in_words(environment: Environment, promotion: Promotion) -> str:
    try:
        return "has its traffic" if has_traffic(environment, promotion.service, promotion.release) else "does not have its traffic yet"
    except MlgateError:  # what stopped the update is what must be said
        return "nobody can tell whether it has its traffic"


def _record(stack: LocalStack, service: Service, declaration: Path, release: str, digest: str, progress: Progress) -> Promotion:
    """Evidence, then the endpoint, then the ledger: what can still refuse or fail comes before what cannot be taken back."""
    environment = stack.environment
    configuration = configuration_digest(service.name, service.serving)
    evidence = require_fresh(environment, service, release=digest, configuration=configuration)
    _recompute(environment, evidence)
    endpoint = find_endpoint(Supervisor(environment.processes), service.name, digest)
    if endpoint is None or endpoint.configuration != configuration:
        bring_up(stack, service, declaration, release_folder(environment, release), progress, update_by_plan)
    elif has_neighbours(stack, service.name):
        require_plan(stack, service.name, progress)
    return Ledger.of(environment).record_promotion(
        service=service.name,
        stage=environment.name,
        release=digest,
        configuration=configuration,
        evidence_digest=evidence.digest,
        attempt=evidence.attempt,
        by=current_user(),
    )


def _recompute(environment: Environment, evidence: Evidence) -> None:
    folder = DirectoryStore.of(environment).folder(evidence.attempt)
    verdict = verify_folder(folder, Trust.read(environment.trust)).result.verdict
    if verdict is not Verdict.PASS:
        raise EvidenceError(
            f"its statement says PASS, but its rows say {verdict}",
            where=str(folder),
            remedy="restore the folder, or gate the release again",
        )
