"""The plan of a gate: everything that decides the verdict besides the rows, fixed and hashed before the first request.

What is not in the plan cannot be chosen after the data were seen. A plan that no data could pass is refused (`provable.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from mlgate.documents import Declared
from mlgate.errors import EvidenceError
from mlgate.release import Digest
from mlgate.service import Probability
from mlgate_gates.provable import allowed_share
from mlgate_gates.samples import phase_of

CONTRACT = "contract"


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
    """A data file as planned: how many distinct cases are asked, and how many more rows repeat one, label and all, and are not.

    `look` marks cases that never gate.
    """

    id: str
    data: str
    digest: Digest
    cases: Annotated[int, Field(ge=1)]
    repeats: Annotated[int, Field(ge=0)]
    arms: tuple[str, ...]
    look: bool

    @property
    def check(self) -> str:
        """The name of its phase in the observations."""
        return phase_of(self)


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
