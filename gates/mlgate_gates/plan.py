"""The plan of a gate: everything that decides the verdict besides the rows, fixed and hashed before the first request.

What is not in the plan cannot be chosen after the data were seen. A plan that no data could pass is refused (`provable.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from mlgate.digests import digest_json
from mlgate.documents import Declared
from mlgate.errors import DeclarationError, EvidenceError
from mlgate.release import Digest
from mlgate.service import AbsoluteBar, ErrorRateObjective, LatencyObjective, MarginBar, Probability, Service
from mlgate_gates.contract_cases import contract_names
from mlgate_gates.provable import allowed_share, unprovable
from mlgate_gates.request import Subject
from mlgate_gates.samples import Sample, sample_of

CONTRACT = "contract"


# A row is late when it went out so long after its instant that the delay could decide whether it kept the tightest bound.
_LATE_SHARE = 0.02
_LATE_AT_LEAST_NS = 1_000_000
# Long enough to tell slow from dead, and over every bound, so that a request that times out is over all of them.
_TIMEOUT_AT_LEAST_NS = 5_000_000_000
_TIMEOUT_BOUNDS = 2


class ContractTerms(Declared):
    """The documented answers to right and wrong requests; `cases` are the names of what is sent."""

    name: str
    kind: Literal["contract"] = "contract"
    cases: tuple[str, ...]


class AccuracyTerms(Declared):
    """The share of right answers on a sample is over `at_least`."""

    name: str
    kind: Literal["accuracy"] = "accuracy"
    sample: str
    at_least: Probability


class MarginTerms(Declared):
    """The accuracy on a sample is worse than stable's by less than `margin`."""

    name: str
    kind: Literal["margin"] = "margin"
    sample: str
    margin: Probability


class LatencyTerms(Declared):
    """The share of requests slower than `at_most_ns` is under 1 - `quantile`."""

    name: str
    kind: Literal["latency"] = "latency"
    quantile: Probability
    at_most_ns: Annotated[int, Field(gt=0)]

    @property
    def share(self) -> float:
        """The share of requests that may be slower: 1 - quantile as the decimal it was written as, not as floats subtract."""
        return allowed_share(self.quantile)


class ErrorRateTerms(Declared):
    """The share of failed requests is under `at_most`."""

    name: str
    kind: Literal["error-rate"] = "error-rate"
    at_most: Probability


class UnknownTerms(Declared, extra="allow"):
    """A check that another version of mlgate planned: read, never judged, always VOID."""

    name: str
    kind: str


_KINDS = ("contract", "accuracy", "margin", "latency", "error-rate")


def _kind(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in _KINDS else "unknown"


Terms = Annotated[
    Annotated[ContractTerms, Tag("contract")]
    | Annotated[AccuracyTerms, Tag("accuracy")]
    | Annotated[MarginTerms, Tag("margin")]
    | Annotated[LatencyTerms, Tag("latency")]
    | Annotated[ErrorRateTerms, Tag("error-rate")]
    | Annotated[UnknownTerms, Tag("unknown")],
    Discriminator(_kind),
]


class PlannedSubject(Declared):
    """An arm as planned: `release` and `configuration` are digests, or unknown for a foreign endpoint."""

    url: str
    release: Digest | None
    configuration: Digest | None


class PlannedSample(Declared):
    """A data file as planned. `look` marks cases that never gate."""

    id: str
    data: str
    digest: Digest
    cases: Annotated[int, Field(ge=1)]
    arms: tuple[str, ...]
    look: bool


class PlannedLoad(Declared):
    """The load as planned, in base units. A row sent more than `late_ns` after its instant is late."""

    rate_per_s: Annotated[float, Field(gt=0)]
    warm_up_ns: int
    at_least_ns: int
    at_most_ns: int
    bursts: Literal["independent"]
    late_ns: int
    timeout_ns: int
    schedule_seed: int


class Plan(Declared):
    """A gate's plan. `alpha` is the route's share already, `alpha_block` the budget of one check."""

    mlgate: str
    service: str
    declaration: dict[str, Any]
    stage: str
    attempt: str
    route: Annotated[int, Field(ge=1)]
    alpha: Probability
    alpha_block: Probability
    subject: PlannedSubject
    stable: PlannedSubject | None
    first_release: bool
    seed: int
    samples: tuple[PlannedSample, ...]
    checks: tuple[Terms, ...]
    load: PlannedLoad | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = {sample.id for sample in self.samples if not sample.look}
        for terms in self.checks:
            if isinstance(terms, AccuracyTerms | MarginTerms) and terms.sample not in known:
                raise ValueError(f"{terms.name} is judged on {terms.sample}, which is no sample that gates")
            if isinstance(terms, LatencyTerms | ErrorRateTerms) and self.load is None:
                raise ValueError(f"{terms.name} needs a load, and none is planned")
        return self

    def to_dict(self) -> dict[str, Any]:
        """JSON values only: what is written, signed and hashed."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Plan:
        """The plan that `to_dict` wrote. Raises EvidenceError that names the first field missing or malformed."""
        try:
            return cls.model_validate_json(json.dumps(value))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"]) or "the plan"
            raise EvidenceError(f"{place}: {first['msg']}", where="the plan", remedy="read it with the mlgate that wrote it") from None

    @property
    def digest(self) -> str:
        """The digest that is fixed before the first request and stands in the evidence."""
        return digest_json(self.to_dict())

    def sample(self, identifier: str) -> PlannedSample:
        """The sample called `identifier`. Raises KeyError."""
        for sample in self.samples:
            if sample.id == identifier:
                return sample
        raise KeyError(identifier)

    def release_of(self, arm: str) -> str | None:
        """The release that every answer of an arm must name; None where none is known."""
        subject = self.subject if arm == "candidate" else self.stable
        return None if subject is None else subject.release


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
    bars = [bar for bar in service.quality if not (first_release and isinstance(bar, MarginBar))]
    if problems := unprovable(service, bars, tuple(samples), alpha):
        raise DeclarationError(problems)
    checks: tuple[Terms, ...] = (
        ContractTerms(name=CONTRACT, cases=contract_names(service.interface)),
        *(_quality_terms(bar, sample_of(bar, tuple(samples)).id) for bar in bars),
        *(_objective_terms(objective) for objective in service.objectives),
    )
    return Plan(
        mlgate=version("mlgate"),
        service=service.name,
        declaration=service.model_dump(mode="json"),
        stage=stage,
        attempt=attempt,
        route=route,
        alpha=alpha,
        alpha_block=service.alpha_block / len(checks),
        subject=PlannedSubject.model_validate(candidate.to_dict()),
        stable=PlannedSubject.model_validate(stable.to_dict()) if stable else None,
        first_release=first_release,
        seed=seed,
        samples=tuple(PlannedSample.model_validate_json(json.dumps(sample.to_dict())) for sample in samples),
        checks=checks,
        load=_planned_load(service, seed),
    )


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
