"""Run a gate: take a route, fix the plan, measure, judge, sign, record, report.

Nothing is left to memory: an attempt stands in the ledger before its first request, rows are on disk before they are judged, and each
closing step can be repeated. So a gate that was killed anywhere goes on when the same command runs again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from typing import Any

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.service import Service
from mlgate_evidence.history import Attempt
from mlgate_evidence.ledger import Ledger
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
    itself; then the same call goes on. Raises EndpointError at the end where a server was replaced meanwhile; then it is the next route.
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
            _probe(subject, service)
        attempt = _attempt(request, ledger, samples, progress)
        folder = environment.evidence / attempt.id
        if is_signed(folder):
            return record(ledger, attempt.id, folder)
        folder.mkdir(parents=True, exist_ok=True)
        session = Session(Plan.from_dict(attempt.plan), service, samples, folder, progress, lineage=request.candidate.lineage)
        with same_servers(folder, request.arms):
            result = session.measure()
        return conclude(environment, ledger, attempt, session, result)


def judged_before(environment: Environment, service: Service, candidate: Subject) -> GateOutcome | None:
    """The outcome of the newest attempt at this subject, if it has one."""
    history = Ledger.of(environment).history()
    attempts = history.attempts(service.name, environment.name, candidate.release, candidate.url)
    if not attempts or history.verdict(attempts[-1].id) is None:
        return None
    return finished(environment.evidence / attempts[-1].id, attempts[-1].id)


def _probe(subject: Subject, service: Service) -> None:
    """One good request, so that a wrong address or a missing token is an error and not a verdict."""
    request = client_for(service.interface, service.name).encode(example_case(service.interface))
    probe(Target.of(subject.url, service.interface.auth), request)


def _attempt(request: GateRequest, ledger: Ledger, samples: tuple[Sample, ...], progress: Progress) -> Attempt:
    """The interrupted attempt where its plan is still the same and its rows can be used, else the next route."""
    service, stage, candidate = request.service, request.environment.name, request.candidate

    def make_plan(route: int, share: float, attempt_id: str) -> dict[str, Any]:
        return build_plan(
            service,
            samples,
            candidate=candidate,
            stable=request.arms.get("stable"),
            first_release=request.first_release,
            stage=stage,
            attempt=attempt_id,
            route=route,
            alpha_share=share,
            # From the attempt's name: fixed, different each time, and nobody's choice.
            seed=int.from_bytes(sha256(attempt_id.encode()).digest()[:6]),
        ).to_dict()

    begun = ledger.unfinished_attempt(service.name, stage, candidate.release, candidate.configuration, candidate.url)
    if begun is not None and make_plan(begun.route, begun.alpha_share, begun.id) == begun.plan:
        folder = request.environment.evidence / begun.id
        if folder.is_dir() and may_go_on(folder, request.arms):
            progress(f"going on with attempt {begun.id}")
            return begun
        # Measuring anew on the same route would be a second chance at the same alpha.
        why = "a server that it measured was replaced since" if folder.is_dir() else f"its rows are gone, there is no {folder}"
        progress(f"attempt {begun.id} cannot go on: {why}")
    attempt = ledger.begin_attempt(
        service=service.name,
        stage=stage,
        release=candidate.release,
        configuration=candidate.configuration,
        url=candidate.url,
        make_plan=make_plan,
    )
    progress(
        f"attempt {attempt.id}: route {attempt.route}, alpha {service.alpha * attempt.alpha_share:g}, plan {short(attempt.plan_digest)}"
    )
    return attempt
