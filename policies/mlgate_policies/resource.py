"""A resource as a rule sees it: plain values, whoever gives them, the engine or a recording."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["UNKNOWN", "Resource", "at", "known", "listed_at"]


class _Unknown(enum.Enum):
    UNKNOWN = enum.auto()


UNKNOWN: Final = _Unknown.UNKNOWN
"""What only the cloud will know. A rule leaves it alone: a preview cannot judge it, the update judges it before the resource is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """`properties` have Pulumi's own (camelCase) names; secrets stand in clear, so no rule repeats a value that may be one.

    `made_from`: for each property the URNs of what it was computed from. `default_tags` (a mapping, or UNKNOWN) and `region`:
    those of its provider.
    """

    type: str
    name: str
    urn: str
    properties: Mapping[str, Any]
    protect: bool = False
    made_from: Mapping[str, Sequence[str]] = field(default_factory=dict)
    default_tags: Any = field(default_factory=dict)
    region: str | None = None

    def at(self, *path: str) -> Any:
        """As the function `at`."""
        return at(self.properties, *path)


def at(value: Any, *path: str) -> Any:
    """What stands there, None where nothing does. What stands in something unknown is unknown."""
    for key in path:
        if value is UNKNOWN:
            return UNKNOWN
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def listed_at(value: Any, *path: str) -> Iterator[Any]:
    """The known members of the list that stands there; one that stands alone is its own list."""
    found = at(value, *path)
    members = found if isinstance(found, Sequence) and not isinstance(found, str) else [found]
    yield from (each for each in members if each is not None and each is not UNKNOWN)


def known(value: Any, *accepted: Any) -> bool:
    """Whether the value is known, and none of those accepted: what a rule objects to."""
    return value is not UNKNOWN and value not in accepted
