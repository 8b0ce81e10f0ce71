"""Whether what was gated is what is declared now: the promise is about the file as it stands, not about one it once was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlgate.service import Service

# The owner decides nothing, and a token's name neither; how the service is served, the configuration digest says.
_NOT_CLAIMED = ("metadata.", "serving.", "interface.auth.")
_UNSET = "not set"


def changes(gated: Mapping[str, Any], service: Service) -> list[str]:
    """What the declaration in a plan (`gated`, JSON values) says otherwise than `service`, a phrase for each value."""
    then, now = (dict(_values(declaration, "")) for declaration in (gated, service.model_dump(mode="json")))
    return [
        f"{place} was {then.get(place, _UNSET)} and is {now.get(place, _UNSET)}"
        for place in sorted(then.keys() | now.keys())
        if not place.startswith(_NOT_CLAIMED) and then.get(place, _UNSET) != now.get(place, _UNSET)
    ]


def _values(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Every single value with its place. Bars and objectives stand under their names, so their order says nothing."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _values(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            named = isinstance(inner, Mapping) and "name" in inner
            yield from _values(inner, f"{place}.{inner['name']}" if named else f"{place}[{index}]")
    elif value is not None:
        yield place, value
