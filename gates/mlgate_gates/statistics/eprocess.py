"""A rate judged while requests arrive: e-processes that may be looked at after every one of them.

Each request either breaks its bound or does not, independently with one rate (mode `bursts: independent`). Under the simple
hypothesis "the rate is q" the likelihood ratio of any mixture over rates p against q is a martingale with mean 1. Restricting the
mixture to p < q makes it a supermartingale for every true rate of at least q, restricting it to p > q for every true rate of at most
q: the factor of one request has mean 1 at q and falls as the truth moves away from the mixture. By Ville's inequality such a process
ever reaches 1 / alpha with probability at most alpha, however often it is looked at (Ville 1939; Robbins, "Statistical methods related
to the law of the iterated logarithm", 1970; Ramdas, Gruenwald, Vovk and Shafer, Statistical Science 38, 2023).

With a Beta(a, b) prior truncated at q the mixture has a closed form, so a whole path is a few vectorised calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc, betaln

FloatArray = NDArray[np.float64]


# Tails this small, far on the wrong side, have lost digits to underflow: they count as 0, and so does e.
_LEAST_MASS = 1e-290


@dataclass(frozen=True, slots=True)
class Prior:
    """Beta(a, b) before truncation."""

    a: float
    b: float


def prior_below(q: float) -> Prior:
    """Where the rate of a healthy release is expected: mean about q / 2.

    Measured at q = 1 % and alpha = 0.008: 666 requests without an exceedance prove it; 13 exceedances are allowed in 3,000.
    """
    return Prior(2.0, 4.0 / q)


def prior_above(q: float) -> Prior:
    """Where the rate of a broken release is expected: anywhere over q, with weight on both a slight breach and a dead endpoint."""
    return Prior(0.5, 0.2 / q)


def log_e_below(exceeded: Any, requests: Any, q: float) -> FloatArray:
    """log e against H0 "the rate is at least q", for counts of any matching shape; -inf where the tail underflows (e = 0, never 1).

    e >= 1 / alpha proves a rate under q with error at most alpha, at any stopping time.
    """
    return _log_e(exceeded, requests, q, prior_below(q), betainc)


def log_e_above(exceeded: Any, requests: Any, q: float) -> FloatArray:
    """log e against H0 "the rate is at most q": the mirror of `log_e_below`, with the upper tail."""
    return _log_e(exceeded, requests, q, prior_above(q), betaincc)


def _log_e(exceeded: Any, requests: Any, q: float, prior: Prior, tail: Any) -> FloatArray:
    k = np.asarray(exceeded, dtype=np.float64)
    n = np.asarray(requests, dtype=np.float64)
    a, b = prior.a, prior.b
    mass = tail(k + a, n - k + b, q)
    posterior = np.where(mass >= _LEAST_MASS, np.log(np.maximum(mass, _LEAST_MASS)), -np.inf)
    mixture = betaln(k + a, n - k + b) + posterior - betaln(a, b) - np.log(tail(a, b, q))
    return np.asarray(mixture - (k * np.log(q) + (n - k) * np.log1p(-q)), dtype=np.float64)


def requests_needed(q: float, alpha: float, *, rate: float = 0.0, at_least: int = 1, at_most: int = 10**15) -> int | None:
    """The least total of requests, from `at_least` on, at which exactly this observed `rate` proves a rate under q; None where none does.

    k = rate * n is held: the e-process of a straight path, no promise about a random one. Beyond `at_most` nobody would wait.
    """
    if rate >= q:
        return None
    threshold = log(1 / alpha)

    def proven(requests: int) -> bool:
        return bool(log_e_below(rate * requests, requests, q) >= threshold)

    low = high = at_least
    while not proven(high):
        low, high = high, 2 * high
        if high > at_most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proven(middle) else (middle, high)
    return high
