"""What a gate's evidence says, typed, and the files that lie beside it: for the report, and for whoever verifies it.

Fields that are not known here are ignored; what is missing or malformed is an EvidenceError that names the field. A page with holes would
look like a gate that found nothing, and a signed value of another shape is no number that could come out again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mlgate.errors import EvidenceError
from mlgate.release import Lineage
from mlgate_gates.plan import Plan
from mlgate_gates.result import GateResult

PLAN_FILE = "plan.json"
LOOK_FILE = "look.json"
OBSERVATIONS_FILE = "observations.parquet"

Model = TypeVar("Model", bound=BaseModel)
Counts = tuple[tuple[int, ...], ...]


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Confusion(_Read):
    """Counts by label (row) and answer (column) in the order of `labels`, the last column for no answer; by arm that was asked."""

    labels: tuple[str, ...]
    candidate: Counts
    stable: Counts = ()

    @model_validator(mode="after")
    def _of_one_size(self) -> Self:
        size = len(self.labels)
        for arm, counts in (("candidate", self.candidate), ("stable", self.stable)):
            if counts and [len(row) for row in counts] != [size + 1] * size:
                raise ValueError(f"{arm} must have {size} rows of {size + 1}")
        return self


class Slice(_Read):
    """The cases with one value of a slice column and how many the candidate answered rightly."""

    value: str
    cases: int
    right: int


class Observations(_Read):
    """The raw rows that the evidence is bound to."""

    digest: str
    rows: int


class LookedAt(_Read):
    """The cases to look at that the evidence is bound to: the digest of `look.json`."""

    digest: str


class LedgerState(_Read):
    """The ledger when the attempt began: how many entries it had, and the hash of the last."""

    count: int
    head: str


class Looked(_Read):
    """A case set aside to be looked at and answered wrongly: its first input as `shape` and flat `values`."""

    case_id: str
    label: float
    answer: float
    field: str
    shape: tuple[int, ...]
    values: tuple[float, ...]


class Predicate(_Read):
    """The predicate of a gate's statement. `slices` are by sample and column: two samples may have a column of one name."""

    plan: Plan
    plan_digest: str
    result: GateResult
    observations: Observations
    look: LookedAt
    ledger: LedgerState
    confusion: Confusion | None = None
    slices: dict[str, dict[str, tuple[Slice, ...]]] = Field(default_factory=dict)
    lineage: Lineage | None = None
    started_ns: int
    resumed_ns: int | None = None
    finished_ns: int
    signed_ns: int
    versions: dict[str, str]


def read_predicate(value: Mapping[str, Any]) -> Predicate:
    """The typed predicate. Raises EvidenceError that names the first field missing or malformed."""
    return _read(Predicate, value, "the evidence")


def read_looked(cases: Sequence[Mapping[str, Any]]) -> tuple[Looked, ...]:
    """The typed cases of `look.json`. Raises EvidenceError that names the first field missing or malformed."""
    return tuple(_read(Looked, case, f"look.json, case {index}") for index, case in enumerate(cases))


def _read(model: type[Model], value: Any, where: str) -> Model:
    try:
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise EvidenceError(f"{field}: {first['msg']}", where=where, remedy="read it with the mlgate that wrote it") from None
