"""Reading inputs of resources: plain values where they are such, None for whatever else stands there, which only the cloud knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

__all__ = ["amount", "at", "listed", "quantity", "text"]

_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
# Kubernetes API conventions, "Quantities"
_FACTORS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
}


def at(value: Any, *path: str) -> Any:
    """What stands there; None where nothing does."""
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def text(value: Any, *path: str) -> str | None:
    found = at(value, *path)
    return found if isinstance(found, str) else None


def listed(value: Any, *path: str) -> Sequence[Any]:
    """The members of a list; none where there is no list."""
    found = at(value, *path)
    return found if isinstance(found, list | tuple) else ()


def amount(value: Any, *path: str) -> Decimal | None:
    """A number."""
    found = at(value, *path)
    return Decimal(str(found)) if isinstance(found, int | float) and not isinstance(found, bool) else None


def quantity(value: Any, *path: str) -> Decimal | None:
    """A quantity as Kubernetes writes them, "96", "500m" or "384Gi", or a number; in units or bytes."""
    found = at(value, *path)
    match = _QUANTITY.fullmatch(found) if isinstance(found, str) else None
    return Decimal(match[1]) * _FACTORS[match[2] or ""] if match else amount(value, *path)
