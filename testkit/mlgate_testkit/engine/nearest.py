"""The word for an error about a name that is not there: the nearest one that is, and the rest of them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

_SHOWN = 12


def nearest(name: str, there: Sequence[str], what: str) -> str:
    """`did you mean "logs"? the resources: logs, main`."""
    if not there:
        return f"there was none at all ({what})"
    close = get_close_matches(name, there, n=1)
    more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
    return (f"did you mean {close[0]!r}? " if close else "") + f"{what}: {', '.join(there[:_SHOWN])}{more}"
