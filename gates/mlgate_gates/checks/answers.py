"""The answers of one arm to a sample: every distinct case exactly once, or nothing can be concluded from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mlgate_gates.plan import PlannedSample
from mlgate_gates.rows import BoolArray, Rows


@dataclass(frozen=True, slots=True)
class Answers:
    """Cases sorted by id. `lost` answers are known asked and nothing more; `failed` ones (the lost among them) are wrong.

    `failures` tells of them in parentheses (`Rows.failures`). `problem` says why these answers cannot be judged, None where they can.
    """

    case_ids: tuple[str, ...]
    right: BoolArray
    failed: BoolArray
    lost: BoolArray
    failures: str
    problem: str | None

    def __len__(self) -> int:
        return len(self.case_ids)


def answers_of(rows: Rows, phase: str, arm: str) -> Rows:
    """The answers of `arm` in the phase that asks a sample, sorted by case.

    A lost answer was seen by nobody, so a case may be asked again after one: the answer that came then is the case's only one, and one
    that was lost each time is lost once.
    """
    asked = rows.phase(phase, arm)
    names, lost = asked.text("case_id"), asked.lost.tolist()
    answered = {name for name, gone in zip(names, lost, strict=True) if not gone}
    last = {name: place for place, name in enumerate(names)}
    places = [place for place, name in enumerate(names) if not lost[place] or (name not in answered and place == last[name])]
    return Rows(asked.table.take(pa.array(sorted(places, key=names.__getitem__), pa.int64())))


def read_answers(rows: Rows, sample: PlannedSample, arm: str) -> Answers:
    """The answers of `arm` to `sample`, and whether they can be judged."""
    kept = answers_of(rows, sample.check, arm)
    case_ids = tuple(kept.text("case_id"))
    failed, score = kept.failed, kept.number("score")
    distinct = len(set(case_ids))
    problem = None
    if distinct < len(kept):
        problem = f"{len(kept) - distinct:,} answers of {arm} to {sample.id} repeat a case, and a case repeated is no evidence"
    elif distinct != sample.cases:
        problem = f"{arm} answered {distinct:,} of the {sample.cases:,} cases of {sample.id}"
    elif not np.isin(score[~failed], (0.0, 1.0)).all():
        problem = f"answers of {arm} to {sample.id} carry no score of right or wrong"
    return Answers(case_ids, ~failed & (score == 1), failed, kept.lost, kept.failures, problem)
