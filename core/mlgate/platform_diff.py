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
    return list(_differing(one.model_dump(), other.model_dump(), ""))


def _differing(one: Any, other: Any, path: str) -> Iterator[Difference]:
    mine, theirs = _parts(one), _parts(other)
    if mine is None and theirs is None:
        if one != other:
            yield Difference(path, *map(_written, (one, other)))
        return
    for part in dict.fromkeys([*(mine or {}), *(theirs or {})]):
        yield from _differing((mine or {}).get(part), (theirs or {}).get(part), f"{path}{part}".lstrip("."))


def _written(value: Any) -> str | None:
    """As a stack's file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _parts(value: Any) -> dict[str, Any] | None:
    """What lies in it, by what its path goes on with; None for a plain value."""
    if isinstance(value, dict):
        return {f".{key}": member for key, member in value.items()}
    return {f"[{index}]": member for index, member in enumerate(value)} if isinstance(value, list) else None
