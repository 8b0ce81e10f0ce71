"""Repetitions as one row: the median is the figure, and the least and the largest stand beside it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from harness import Row


class NotRunError(Exception):
    """A part that cannot be measured on this machine, and why."""


def median_row(
    name: str, values: Sequence[float], unit: str, *, goal: float | None = None, better: str = "lower", reference: str = ""
) -> Row:
    """The median of repetitions, with their range as the spread. Raises StatisticsError where there are none."""
    return Row(name, median(values), unit, goal, better, reference, (min(values), max(values)))
