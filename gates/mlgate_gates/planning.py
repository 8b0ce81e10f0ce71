"""Planning a gate: what follows from the declaration, the files and the ledger's route, worked out before the first request.

`verify` works it out again, so that a plan which does not say what was declared is seen however it was signed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from typing import Any

from pydantic import ValidationError

from mlgate.errors import DeclarationError, EvidenceError
from mlgate.service import AbsoluteBar, ErrorRateObjective, LatencyObjective, MarginBar, Service
from mlgate_evidence import routes
from mlgate_gates.contract_cases import contract_names
from mlgate_gates.plan import (
    CONTRACT,
    AccuracyTerms,
    ContractTerms,
    ErrorRateTerms,
    LatencyTerms,
    MarginTerms,
    Plan,
    PlannedLoad,
    PlannedSample,
    PlannedSubject,
    Terms,
)
from mlgate_gates.provable import unprovable
from mlgate_gates.request import Subject
from mlgate_gates.samples import Sample, declared_files, sample_of

_NOT_OURS = "read it with the mlgate that wrote it"

# A row is late when it went out so long after its instant that the delay could decide whether it kept the tightest bound.
_LATE_SHARE = 0.02
_LATE_AT_LEAST_NS = 1_000_000
# Long enough to tell slow from dead, and over every bound, so that a request that times out is over all of them.
_TIMEOUT_AT_LEAST_NS = 5_000_000_000
_TIMEOUT_BOUNDS = 2


def build_plan(
    service: Service,
    samples: Sequence[Sample],
    *,
    candidate: Subject,
    stable: Subject | None,
    first_release: bool,
    stage: str,
    attempt: str,
    route: int,
    alpha_share: float,
    seed: int,
) -> Plan:
    """The plan of one attempt. `alpha_share` is the ledger's share for this route, `seed` decides schedule and order.

    Raises DeclarationError, with every problem at once, where a claim could not be proven by any data: a bar over what the sample can
    show, an objective that needs more requests than the declared load sends, cases to look at that also gate.
    """
    alpha = service.alpha * alpha_share
    bars = _bars(service, first_release=first_release)
    if problems := unprovable(service, bars, samples, alpha):
        raise DeclarationError(problems)
    return Plan(
        mlgate=version("mlgate"),
        stage=stage,
        attempt=attempt,
        route=route,
        subject=PlannedSubject.model_validate(candidate.to_dict()),
        stable=PlannedSubject.model_validate(stable.to_dict()) if stable else None,
        first_release=first_release,
        seed=seed,
        samples=tuple(PlannedSample.model_validate_json(json.dumps(sample.to_dict())) for sample in samples),
        **_declared(service, samples, bars, alpha=alpha, seed=seed),
    )


def plan_again(plan: Plan) -> Plan:
    """`plan` with everything that follows from its declaration, route, files and seed worked out again: they are equal, or somebody lied.

    Raises EvidenceError where the declaration is none that this version reads, or the plan has no sample of a file that it declares.
    """
    service = declared_service(plan)
    bars = _bars(service, first_release=plan.first_release)
    try:
        again = _declared(service, plan.samples, bars, alpha=service.alpha * routes.alpha_share(plan.route), seed=plan.seed)
    except KeyError as error:
        raise EvidenceError(f"samples: none is of {error}, which is declared to gate", where="the plan", remedy=_NOT_OURS) from None
    files = declared_files(service, with_stable=plan.stable is not None)
    arms = {data: (tuple(sorted(file.arms)), file.look) for data, file in files.items()}
    known = [sample for sample in plan.samples if sample.data in arms]
    samples = tuple(sample.model_copy(update=dict(zip(("arms", "look"), arms[sample.data], strict=True))) for sample in known)
    return plan.model_copy(update={**again, "samples": samples})


def declared_service(plan: Plan) -> Service:
    """The service that a plan is about, without the folder of its files. Raises EvidenceError where this version cannot read it."""
    try:
        return Service.model_validate_json(json.dumps(plan.declaration))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in ("declaration", *first["loc"]))
        raise EvidenceError(f"{place}: {first['msg']}", where="the plan", remedy=_NOT_OURS) from None


def _bars(service: Service, *, first_release: bool) -> list[AbsoluteBar | MarginBar]:
    return [bar for bar in service.quality if not (first_release and isinstance(bar, MarginBar))]


def _declared(
    service: Service,
    samples: Sequence[Sample] | Sequence[PlannedSample],
    bars: Sequence[AbsoluteBar | MarginBar],
    *,
    alpha: float,
    seed: int,
) -> dict[str, Any]:
    """The fields of a plan that follow from the declaration."""
    checks: tuple[Terms, ...] = (
        ContractTerms(name=CONTRACT, cases=contract_names(service.interface)),
        *(_quality_terms(bar, sample_of(bar, samples).id) for bar in bars),
        *(_objective_terms(objective) for objective in service.objectives),
    )
    return {
        "service": service.name,
        "declaration": service.model_dump(mode="json"),
        "alpha": alpha,
        "alpha_block": service.alpha_block / len(checks),
        "checks": checks,
        "load": _planned_load(service, seed),
    }


def _quality_terms(bar: AbsoluteBar | MarginBar, sample: str) -> AccuracyTerms | MarginTerms:
    if isinstance(bar, AbsoluteBar):
        return AccuracyTerms(name=bar.name, sample=sample, at_least=bar.at_least)
    return MarginTerms(name=bar.name, sample=sample, margin=bar.margin)


def _objective_terms(objective: LatencyObjective | ErrorRateObjective) -> LatencyTerms | ErrorRateTerms:
    if isinstance(objective, LatencyObjective):
        return LatencyTerms(name=objective.name, quantile=objective.quantile, at_most_ns=objective.at_most)
    return ErrorRateTerms(name=objective.name, at_most=objective.at_most)


def timeout_ns(service: Service) -> int:
    """How long a request of this service may take before it counts as failed, counted from sending."""
    bounds = [objective.at_most for objective in service.objectives if isinstance(objective, LatencyObjective)]
    return max([_TIMEOUT_AT_LEAST_NS, *(_TIMEOUT_BOUNDS * bound for bound in bounds)])


def _planned_load(service: Service, seed: int) -> PlannedLoad | None:
    load = service.load
    if load is None or not service.objectives:
        return None
    bounds = [objective.at_most for objective in service.objectives if isinstance(objective, LatencyObjective)]
    return PlannedLoad(
        rate_per_s=load.rate,
        warm_up_ns=load.warm_up,
        at_least_ns=load.at_least,
        at_most_ns=load.at_most,
        bursts=load.bursts,
        late_ns=max(_LATE_AT_LEAST_NS, int(_LATE_SHARE * min(bounds))) if bounds else _LATE_AT_LEAST_NS,
        timeout_ns=timeout_ns(service),
        schedule_seed=int.from_bytes(sha256(f"schedule {seed}".encode()).digest()[:6]),
    )
