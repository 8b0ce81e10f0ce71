"""Amounts of resources ("500m", "2Gi") that are none: the API server says that there is one, and not where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["wrong_quantities"]

# The grammar of Kubernetes: apimachinery, pkg/api/resource/quantity.go.
_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]?|[eE][+-]?\d+)", re.ASCII)
# Its refusals: ErrFormatWrong, ErrNumeric and ErrSuffix of the same file.
_REFUSAL = re.compile(r"quantities must match the regular expression|unable to parse (numeric part of quantity|quantity's suffix)")
# The fields of Kubernetes 1.35 (its types.go) that hold one, and those that hold them by the names of resources.
_ONE = frozenset({"averageValue", "divisor", "maximumVolumeSize", "sizeLimit", "tolerance"})
_BY_NAME = frozenset(
    ["capacity", "default", "defaultRequest", "hard", "limits", "max", "maxLimitRequestRatio", "min", "overhead", "podFixed", "requests"]
)


def wrong_quantities(refusal: str, manifest: Mapping[str, Any]) -> list[str]:
    """Those of `manifest` with their places ('spec.hard[cpu]: "2 cores"'); none where the refusal is of something else."""
    return [f'{place}: "{value}"' for place, value in _quantities(manifest) if not _right(value)] if _REFUSAL.search(refusal) else []


def _quantities(value: Any, place: str = "", *, by_name: bool = False) -> Iterator[tuple[str, Any]]:
    """Whatever stands where a quantity belongs. `by_name`: each plain member of `value` is one."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            below = f"{place}.{key}" if place else key
            if isinstance(member, Mapping | list):
                yield from _quantities(member, below, by_name=key in _BY_NAME)
            elif by_name:
                yield f"{place}[{key}]", member
            elif key in _ONE or (key == "value" and place.endswith(".target")):  # of a metric; most other values are none
                yield below, member
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _quantities(member, f"{place}[{number}]")


def _right(value: Any) -> bool:
    return value is None or _QUANTITY.fullmatch(str(value).strip()) is not None
