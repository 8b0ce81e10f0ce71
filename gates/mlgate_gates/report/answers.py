"""What was answered: the confusion matrix, slices, and the wrong answers that people may look at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlgate_gates.predicate import Confusion, Counts, Looked, Slice
from mlgate_gates.report import formats
from mlgate_gates.rows import Rows


@dataclass(frozen=True, slots=True)
class Cell:
    """A count of the confusion matrix; `level` 0 to 3 is how heavily a wrong answer is tinted."""

    count: str
    right: bool
    level: int


@dataclass(frozen=True, slots=True)
class Matrix:
    """The confusion matrix of one arm: labels down, answers across."""

    arm: str
    labels: tuple[str, ...]
    answers: tuple[str, ...]
    lines: tuple[tuple[Cell, ...], ...]
    wrong: str


@dataclass(frozen=True, slots=True)
class SliceRow:
    """One value of a slice column; `share_wrong` is in percent of the worst slice, for its bar."""

    value: str
    cases: str
    wrong: str
    accuracy: str
    share_wrong: float


@dataclass(frozen=True, slots=True)
class SliceTable:
    """A slice column of one sample; `title` names the sample where others are sliced too."""

    title: str
    column: str
    rows: tuple[SliceRow, ...]


def matrices(confusion: Confusion | None) -> tuple[Matrix, ...]:
    """One for each arm that was asked, the candidate first; tinted alike, so that the arms can be compared."""
    if confusion is None:
        return ()
    arms = [(arm, counts) for arm, counts in (("candidate", confusion.candidate), ("stable", confusion.stable)) if counts]
    most = max((count for _, counts in arms for count in _wrong(counts)), default=0)
    return tuple(_matrix(arm, confusion.labels, counts, most) for arm, counts in arms)


def _wrong(counts: Counts) -> list[int]:
    return [count for row, line in enumerate(counts) for column, count in enumerate(line) if row != column]


def _matrix(arm: str, labels: tuple[str, ...], counts: Counts, most: int) -> Matrix:
    """The last column, for no answer, is shown where it says something."""
    unanswered = any(count for line in counts for count in line[len(labels) :])
    answers = (*labels, "no answer") if unanswered else labels
    lines = tuple(
        tuple(
            Cell(formats.whole(count), right=row == column, level=0 if row == column or not count else math.ceil(3 * count / most))
            for column, count in enumerate(line[: len(answers)])
        )
        for row, line in enumerate(counts)
    )
    total = sum(sum(line) for line in counts)
    return Matrix(arm, labels, answers, lines, f"{formats.whole(sum(_wrong(counts)))} of {formats.whole(total)} answered wrongly")


def slice_tables(slices: Mapping[str, Mapping[str, tuple[Slice, ...]]]) -> tuple[SliceTable, ...]:
    """One for each slice column of each sample, in the order of the evidence."""
    return tuple(
        SliceTable(f"{column} of {sample}" if len(slices) > 1 else column, column, _slice_rows(values))
        for sample, columns in slices.items()
        for column, values in columns.items()
    )


def _slice_rows(values: tuple[Slice, ...]) -> tuple[SliceRow, ...]:
    wrong = [(one.cases - one.right) / one.cases if one.cases else 0.0 for one in values]
    worst = max(wrong, default=0.0)
    return tuple(
        SliceRow(
            value=one.value,
            cases=formats.whole(one.cases),
            wrong=formats.whole(one.cases - one.right),
            accuracy=formats.accuracy(one.right / one.cases) if one.cases else formats.NONE,
            share_wrong=round(100 * share / worst, 1) if worst else 0.0,
        )
        for one, share in zip(values, wrong, strict=True)
    )


def looked_at(rows: Rows, cases: Sequence[Looked]) -> str:
    """How many of the cases set aside were asked and how many of them answered wrongly, by the rows; and whether `cases` shows them all."""
    asked = rows.only(np.array([check.startswith("look:") for check in rows.text("check")], dtype=np.bool_))
    if not len(asked):
        return "None was asked: something had failed before."
    # A killed gate asks again what it got no answer to.
    cases_asked = len(set(zip(asked.text("check"), asked.text("case_id"), strict=True)))
    wrong = int((asked.present("answer") & (asked.number("score") != 1)).sum())
    shown = "" if len(cases) == wrong else f" The first {formats.whole(len(cases))} are shown." if cases else " They are not kept here."
    return f"{formats.whole(wrong)} of the {formats.whole(cases_asked)} asked were answered wrongly.{shown}"
