"""The words for a name that is not there: the nearest one that is, and the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = ["listed", "meant", "nearest"]

_ALIKE = 0.55
"""A name that is only suggested may be further away than one that is taken for a misspelling."""

_SHOWN = 12


def nearest(wanted: str, known: Iterable[str]) -> str | None:
    """The one of `known` that is written most like it, None where none is. Capitals and underscores count for nothing."""
    plain = {_plain(name): name for name in known}
    close = get_close_matches(_plain(wanted), plain, n=1, cutoff=_ALIKE)
    return plain[close[0]] if close else None


def listed(names: Sequence[str]) -> str:
    """`logs, main`: the first of them, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def meant(wanted: str, there: Sequence[str], what: str) -> str:
    """`did you mean 'logs'? the resources: logs, main`."""
    if not there:
        return f"there was none at all ({what})"
    near = nearest(wanted, there)
    return (f"did you mean {near!r}? " if near else "") + f"{what}: {listed(there)}"


def _plain(name: str) -> str:
    return name.replace("_", "").lower()
