"""In what two environments differ, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mlgate.platform import Platform

__all__ = ["Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A value by its path, and what it is in each of the two; None where one has none."""

    path: str
    one: str | None
    other: str | None


def differences(one: Platform, other: Platform) -> list[Difference]:
    """Every value that is not the same in both, those that were left out with their defaults, in the order of the declaration."""
    mine, theirs = dict(_values(one.model_dump(), "")), dict(_values(other.model_dump(), ""))
    paths = [*mine, *(path for path in theirs if path not in mine)]
    return [Difference(path, mine.get(path), theirs.get(path)) for path in paths if mine.get(path) != theirs.get(path)]


def _values(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _values(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value)) or "none"
    elif value is not None:
        yield path, str(value)
