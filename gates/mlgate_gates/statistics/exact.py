"""Exact binomial tests of one fixed sample, looked at once.

A hold-out is a fixed number of distinct cases, each right or wrong. The tests are the two tails of the binomial distribution, and
inverting them gives the bounds of Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", Biometrika 26 (1934).
"""

from __future__ import annotations

from math import ceil, log

from scipy.special import betainc, betaincc, betainccinv, betaincinv


def p_value_below(right: int, cases: int, share: float) -> float:
    """P(at least `right` of `cases`) where the true share is `share`: small means that the truth is over it.

    Tests H0: the true share is at most `share`. The largest probability under H0 is taken at `share` itself.
    """
    return 1.0 if right <= 0 else float(betainc(right, cases - right + 1, share))


def p_value_above(right: int, cases: int, share: float) -> float:
    """P(at most `right` of `cases`) where the true share is `share`: small means that the truth is under it.

    Tests H0: the true share is at least `share`.
    """
    return 1.0 if right >= cases else float(betaincc(right + 1, cases - right, share))


def lower_bound(right: int, cases: int, alpha: float) -> float:
    """The share that `right` of `cases` proves at `alpha`, one-sided (Clopper-Pearson)."""
    return 0.0 if right <= 0 else float(betaincinv(right, cases - right + 1, alpha))


def upper_bound(right: int, cases: int, alpha: float) -> float:
    """The share that `right` of `cases` stays under at `alpha`, one-sided (Clopper-Pearson)."""
    return 1.0 if right >= cases else float(betainccinv(right + 1, cases - right, alpha))


def right_needed(cases: int, share: float, alpha: float) -> int | None:
    """The fewest right answers of `cases` that prove a true share over `share`; None where even all of them would not."""
    if p_value_below(cases, cases, share) > alpha:
        return None
    low, high = 0, cases  # the p-value falls as `right` grows: not proven at `low`, proven at `high`
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if p_value_below(middle, cases, share) <= alpha else (middle, high)
    return high


def cases_needed(share: float, alpha: float) -> int:
    """The fewest cases that can prove a true share over `share`, all of them right: share ** n <= alpha."""
    cases = max(1, ceil(log(alpha) / log(share)))
    return cases if share**cases <= alpha else cases + 1


def cases_needed_at(observed: float, share: float, alpha: float, *, at_most: int = 10**8) -> int | None:
    """About how many cases prove a true share over `share` if `observed` of them are right; None where no number would."""
    if observed <= share:
        return None
    low, high = 0, cases_needed(share, alpha)
    while p_value_below(int(high * observed), high, share) > alpha:
        low, high = high, 2 * high
        if high > at_most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if p_value_below(int(middle * observed), middle, share) <= alpha else (middle, high)
    return high
