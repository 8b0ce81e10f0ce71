"""How much of the declared alpha each route to a PASS may use.

A release digest that may try twice has two chances of a lucky PASS. The promise is about the digest, not about one attempt, so alpha is
split over the routes before any of them is known to be needed (a union bound over a fixed sequence, which needs no independence).
"""

from __future__ import annotations

from math import ldexp

_FIRST = 0.8
_SECOND = 0.1


def alpha_share(route: int) -> float:
    """The share of alpha at which route 1, 2, 3, ... is tested: 0.8, 0.1, 0.05, 0.025, ...; over all routes at most 1.

    The first route gets most of it because most releases need only one. Raises ValueError for a route under 1.
    """
    if route < 1:
        raise ValueError(f"routes count from 1, not {route}")
    return _FIRST if route == 1 else ldexp(_SECOND, 2 - route)
