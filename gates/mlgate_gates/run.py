"""Run a gate: take a route, fix the plan, measure, judge, sign, report, record.

Nothing is left to memory: an attempt stands in the ledger before its first request, rows are on disk before they are judged, and each
closing step can be repeated. So a gate that was killed anywhere goes on when the same command runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate.service import Service
from mlgate_evidence.history import Attempt
from mlgate_evidence.ledger import Ledger, MakePlan
from mlgate_evidence.locks import endpoint_lock
from mlgate_evidence.trust import ensure_local_trust
from mlgate_gates.conclude import conclude, finished, is_signed, record
from mlgate_gates.contract_cases import example_case
from mlgate_gates.plan import Plan
from mlgate_gates.planning import build_plan
from mlgate_gates.request import GateOutcome, GateRequest, Subject
from mlgate_gates.samples import Sample, read_samples
from mlgate_gates.servers import may_go_on, same_servers
from mlgate_gates.session import Session
from mlgate_loadtests.probe import probe
from mlgate_loadtests.target import Target
from mlgate_serving.clients import client_for

Progress = Callable[[str], None]


def run_gate(request: GateRequest, progress: Progress) -> GateOutcome:
    """Judge `request.candidate` by everything its service declares.

    Raises, before anything counts as an attempt: UsageError (nothing to compare with, a missing token), DeclarationError (data files,
    claims that no data could prove), BusyError (another gate loads the endpoint), EndpointError (no answer there), LedgerError (lines are
    missing, so that it cannot tell what is stable). Raises EndpointError or ProcessError in the midst of it where the load worker ends by
    itself, EvidenceError where the disk takes no more; then the same call goes on. Raises EndpointError at the end where a server was
    replaced meanwhile; then it is the next route.
    """
    service, environment = request.service, request.environment
    ledger = Ledger.of(environment)
    stable = ledger.stable(service.name, environment.name)
    request.check(None if stable is None else short(stable.release))
    samples = read_samples(service, with_stable="stable" in request.arms)
    ensure_local_trust(environment)
    with ExitStack() as locks:
        for subject in request.arms.values():
            locks.enter_context(endpoint_lock(subject.url))
        make_plan = _planner(request, samples)
        if (signed := _signed_before(request, ledger, make_plan)) is not None:
            return signed
        for subject in request.arms.values():
            _probe(subject, service)
        attempt = _attempt(request, ledger, make_plan, progress)
        folder = environment.evidence / attempt.id
        with _written(folder):
            folder.mkdir(parents=True, exist_ok=True)
            session = Session(Plan.from_dict(attempt.plan), service, samples, folder, progress, lineage=request.candidate.lineage)
            with same_servers(folder, request.arms):
                result = session.measure()
            return conclude(environment, ledger, attempt, session, result)


def judged_before(environment: Environment, service: Service, candidate: Subject) -> GateOutcome | None:
    """The outcome of the newest attempt at this subject, if it has one and its evidence is still there."""
    history = Ledger.of(environment).history()
    attempts = history.attempts(service.name, environment.name, candidate.release, candidate.url)
    if not attempts or history.verdict(attempts[-1].id) is None:
        return None
    folder = environment.evidence / attempts[-1].id
    return finished(folder, attempts[-1].id) if is_signed(folder) else None


def _probe(subject: Subject, service: Service) -> None:
    """One good request, so that a wrong address or a missing token is an error and not a verdict."""
    request = client_for(service.interface, service.name).encode(example_case(service.interface))
    probe(Target.of(subject.url, service.interface.auth), request)


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    """What the disk refuses of an attempt, in words; a connection's errors come from elsewhere and have theirs."""
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        raise EvidenceError(
            f"the attempt cannot be written: {error.strerror or error}",
            where=str(error.filename or folder),
            remedy="make room or make it writable, then run the same command again: it goes on",
        ) from error


def _planner(request: GateRequest, samples: tuple[Sample, ...]) -> MakePlan:
    """Makes the plan of this request for a route, its share of alpha and the attempt's name."""

    def make_plan(route: int, share: float, attempt_id: str) -> dict[str, Any]:
        return build_plan(
            request.service,
            samples,
            candidate=request.candidate,
            stable=request.arms.get("stable"),
            first_release=request.first_release,
            stage=request.environment.name,
            attempt=attempt_id,
            route=route,
            alpha_share=share,
            # From the attempt's name: fixed, different each time, and nobody's choice.
            seed=int.from_bytes(sha256(attempt_id.encode()).digest()[:6]),
        ).to_dict()

    return make_plan


def _begun(request: GateRequest, ledger: Ledger) -> Attempt | None:
    """The newest attempt at the candidate, if it was interrupted."""
    candidate = request.candidate
    return ledger.unfinished_attempt(
        request.service.name, request.environment.name, candidate.release, candidate.configuration, candidate.url
    )


def _is_the_same(begun: Attempt, make_plan: MakePlan) -> bool:
    return make_plan(begun.route, begun.alpha_share, begun.id) == begun.plan


def _signed_before(request: GateRequest, ledger: Ledger, make_plan: MakePlan) -> GateOutcome | None:
    """The outcome of an attempt that was signed and then interrupted; None where there is none, or its plan was another one.

    Its verdict is recorded either way, and nothing is asked of an endpoint, which may be gone: what was signed counts.
    """
    begun = _begun(request, ledger)
    if begun is None or not is_signed(folder := request.environment.evidence / begun.id):
        return None
    outcome = record(ledger, begun.id, folder)
    return outcome if _is_the_same(begun, make_plan) else None


def _attempt(request: GateRequest, ledger: Ledger, make_plan: MakePlan, progress: Progress) -> Attempt:
    """The interrupted attempt where its plan is still the same and its rows can be used, else the next route."""
    service, candidate = request.service, request.candidate
    begun = _begun(request, ledger)
    if begun is not None and _is_the_same(begun, make_plan):
        folder = request.environment.evidence / begun.id
        if folder.is_dir() and may_go_on(folder, request.arms):
            progress(f"going on with attempt {begun.id}")
            return begun
        # Measuring anew on the same route would be a second chance at the same alpha.
        why = "a server that it measured was replaced since" if folder.is_dir() else f"its rows are gone, there is no {folder}"
        progress(f"attempt {begun.id} cannot go on: {why}")
    attempt = ledger.begin_attempt(
        service=service.name,
        stage=request.environment.name,
        release=candidate.release,
        configuration=candidate.configuration,
        url=candidate.url,
        make_plan=make_plan,
    )
    progress(
        f"attempt {attempt.id}: route {attempt.route}, alpha {service.alpha * attempt.alpha_share:g}, plan {short(attempt.plan_digest)}"
    )
    return attempt
