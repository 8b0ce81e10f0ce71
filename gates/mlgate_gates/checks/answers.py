"""The answers of one arm to a sample: every distinct case exactly once, or nothing can be concluded from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlgate_gates.plan import PlannedSample
from mlgate_gates.rows import BoolArray, Rows


@dataclass(frozen=True, slots=True)
class Answers:
    """Cases sorted by id. `lost` answers are known asked and nothing more; `failed` ones (the lost among them) are wrong.

    `problem` says why these answers cannot be judged, None where they can.
    """

    case_ids: tuple[str, ...]
    right: BoolArray
    failed: BoolArray
    lost: BoolArray
    problem: str | None

    def __len__(self) -> int:
        return len(self.case_ids)


def read_answers(rows: Rows, sample: PlannedSample, arm: str) -> Answers:
    """The answers of `arm` to `sample`.

    A lost answer was seen by nobody, so a case may be asked again after one: the answer that came then is the case's only one.
    """
    asked = rows.phase(f"quality:{sample.id}", arm)
    names, lost = asked.text("case_id"), asked.lost.tolist()
    answered = {name for name, gone in zip(names, lost, strict=True) if not gone}
    places = [place for place, name in enumerate(names) if not lost[place] or name not in answered]
    order = np.array(sorted(places, key=names.__getitem__), dtype=np.int64)
    kept = tuple(names[place] for place in order)
    failed, score = asked.failed[order], asked.number("score")[order]
    distinct = len(set(kept))
    problem = None
    if distinct < len(kept):
        problem = f"{len(kept) - distinct:,} answers of {arm} to {sample.id} repeat a case, and a case repeated is no evidence"
    elif distinct != sample.cases:
        problem = f"{arm} answered {distinct:,} of the {sample.cases:,} cases of {sample.id}"
    elif not np.isin(score[~failed], (0.0, 1.0)).all():
        problem = f"answers of {arm} to {sample.id} carry no score of right or wrong"
    return Answers(kept, ~failed & (score == 1), failed, asked.lost[order], problem)
