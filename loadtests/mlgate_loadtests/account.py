"""The load generator's own account of its runs: rows alone tell neither that some are missing nor that the clock they go by jumped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from mlgate.documents import Declared
from mlgate.errors import EvidenceError
from mlgate_loadtests.progress import Progress, progress_path, runs_in

Count = Annotated[int, Field(ge=0)]


class RunAccount(Declared):
    """One run: how many arrivals were sent, and by how much the wall clock jumped meanwhile (the largest jump with its sign, 0: none)."""

    run: Count
    sent: Count
    clock_stepped_ns: int


class Generator(Declared):
    """All runs of an attempt, by number."""

    runs: tuple[RunAccount, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON values only: what is signed."""
        return self.model_dump(mode="json")

    @classmethod
    def from_dict(cls, value: Mapping[str, Any] | None) -> Generator:
        """The account that `to_dict` wrote. Raises EvidenceError where there is none, or where it names the first field malformed."""
        try:
            return cls.model_validate_json(json.dumps(value))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in ("generator", *first["loc"]))
            remedy = "gate the release again: without the generator's account nobody knows whether rows are missing"
            raise EvidenceError(f"{place}: {first['msg']}", where="the evidence", remedy=remedy) from None


def read_generator(folder: Path) -> Generator:
    """The account of the runs in `folder`, the one under way included, until `discard` removes them."""
    return Generator(runs=tuple(_account(folder, run) for run in runs_in(folder)))


def _account(folder: Path, run: int) -> RunAccount:
    with closing(Progress(progress_path(folder, run))) as progress:
        return RunAccount(run=run, sent=progress.sent, clock_stepped_ns=progress.clock_stepped_ns)
