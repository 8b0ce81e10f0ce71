"""Two models on the same cases: is one worse than the other by less than a margin?

Each case falls in one of three outcomes: only the first model is right (x), only the second (y), or both agree. The statistic is the
score statistic of Tango, "Equivalence test and confidence interval for the difference in proportions for the paired-sample design",
Statistics in Medicine 17 (1998). Its p-value is exact and unconditional: the largest probability, over the unknown share of cases on
which the models differ, of an outcome at least as extreme, with that share kept to a confidence set of level 1 - gamma and gamma added
(Berger and Boos, JASA 89, 1994). Splitting two Clopper-Pearson bounds instead fails healthy pairs.

Why it is enough to look at p_x - p_y = difference (or, where the models differ less often than that, at p_y = 0): for a fixed share of
disagreement the statistic grows with x at fixed x + y, and x given x + y is binomial, stochastically smaller for a smaller difference.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betainccinv, betaincinv, gammaln

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Mass of the disagreement count that may be left out of a sum; it is added to the p-value, which stays an upper bound.
_PRUNED = 1e-12
_GRID = 33
_REFINEMENTS = 2


def gamma_for(alpha: float) -> float:
    """The part of `alpha` spent on the confidence set: small beside it, and the set is still narrow."""
    return alpha / 1000


def score(only_first: Any, only_second: Any, cases: int, difference: float) -> FloatArray:
    """Tango's statistic for H0 "p_x - p_y is `difference`", with x and y of any matching shape; large means that it is more."""
    x = np.asarray(only_first, dtype=np.float64)
    y = np.asarray(only_second, dtype=np.float64)
    linear = -x - y + (2 * cases - x + y) * difference
    constant = -y * difference * (1 - difference)
    # The restricted maximum likelihood estimate of p_y: the larger root of 2 n p^2 + linear p + constant.
    p_y = (np.sqrt(np.maximum(linear**2 - 8 * cases * constant, 0)) - linear) / (4 * cases)
    variance = cases * (2 * p_y + difference * (1 - difference))
    distance = x - y - cases * difference
    spread = np.sqrt(np.maximum(variance, np.finfo(np.float64).tiny))  # 0 only where every outcome but this one is impossible
    return np.asarray(distance / spread)


def p_value(only_first: int, only_second: int, cases: int, difference: float, *, gamma: float = 1e-5) -> float:
    """An upper bound, valid at every sample size, on the p-value of H0 "p_x - p_y is at most `difference`" (-1 < difference < 1).

    `only_first` and `only_second` count the cases on which exactly one model is right; `cases` counts all. Small means that the first
    model is better than the second by more than `difference`. `gamma` is fixed before the data are seen, well under the alpha in use.
    """
    if min(only_first, only_second) < 0 or only_first + only_second > cases or cases < 1:
        raise ValueError(f"{only_first} and {only_second} of {cases} cases is no paired outcome")
    discordant = only_first + only_second
    low = 0.0 if discordant == 0 else float(betaincinv(discordant, cases - discordant + 1, gamma / 2))
    high = 1.0 if discordant == cases else float(betainccinv(discordant + 1, cases - discordant, gamma / 2))
    low = max(low, -difference)  # H0 with a negative difference holds only where the models differ at least that often
    if low > high:
        return gamma
    counts = _likely_counts(cases, low, high)
    critical = _critical(float(score(only_first, only_second, cases, difference)), counts, cases, difference)
    return float(min(1.0, _largest(counts, critical, cases, difference, low, high) + _PRUNED + gamma))


def cases_needed(margin: float, alpha: float) -> int:
    """The fewest cases that prove "worse by less than `margin`" where two models answer every case alike."""

    def proven(cases: int) -> bool:
        return p_value(0, 0, cases, -margin, gamma=gamma_for(alpha)) <= alpha

    low, high = 0, 1
    while not proven(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proven(middle) else (middle, high)
    return high


def _likely_counts(cases: int, low: float, high: float) -> IntArray:
    """The counts of disagreement that carry all but `_PRUNED` of the mass for every share between `low` and `high` (Bernstein)."""
    reach = np.log(2 / _PRUNED)
    first = cases * low - (np.sqrt(2 * cases * low * reach) + reach)
    last = cases * high + (np.sqrt(2 * cases * high * reach) + reach)
    return np.arange(max(0, int(np.floor(first))), min(cases, int(np.ceil(last))) + 1)


def _critical(observed: float, counts: IntArray, cases: int, difference: float) -> IntArray:
    """For each count of disagreement the least x whose score reaches `observed`; count + 1 where none does."""
    enough = observed - 1e-9 * max(1.0, abs(observed))  # ties are as extreme
    low, high = np.full_like(counts, -1), counts + 1
    while np.any(high - low > 1):
        middle = (low + high) // 2
        reached = score(middle, counts - middle, cases, difference) >= enough
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return high


def _largest(counts: IntArray, critical: IntArray, cases: int, difference: float, low: float, high: float) -> float:
    """The largest probability of the rejection region over shares of disagreement in [low, high]: a grid, then finer ones around its peak.

    The probability has a kink, and may have its peak, where the models differ just as often as `difference`; elsewhere it is smooth.
    Within 1e-6 of the maximum over 5,001 shares, by test.
    """
    best = 0.0
    for _ in range(1 + _REFINEMENTS):
        shares = np.sort(np.append(np.linspace(low, high, _GRID), np.clip(difference, low, high)))
        chances = _region(counts, critical, cases, difference, shares)
        at = int(np.argmax(chances))
        best = max(best, float(chances[at]))
        low, high = float(shares[max(at - 1, 0)]), float(shares[min(at + 1, _GRID)])
    return best


def _region(counts: IntArray, critical: IntArray, cases: int, difference: float, shares: FloatArray) -> FloatArray:
    """P(score >= observed) for each share of disagreement, on the boundary of H0."""
    share = shares[:, None]
    rest = cases - counts
    choose = gammaln(cases + 1) - gammaln(counts + 1) - gammaln(rest + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_mass = choose + np.where(counts > 0, counts * np.log(share), 0.0) + np.where(rest > 0, rest * np.log1p(-share), 0.0)
        first = np.where(share > 0, np.clip((share + difference) / (2 * share), 0.0, 1.0), 0.5)
    possible = (critical >= 1) & (critical <= counts)
    inside = betainc(np.where(possible, critical, 1), np.where(possible, counts - critical + 1, 1), first)
    tail = np.where(critical > counts, 0.0, np.where(critical < 1, 1.0, inside))
    return np.asarray((np.exp(log_mass) * tail).sum(axis=1), dtype=np.float64)
