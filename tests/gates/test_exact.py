"""Exact binomial tests: known values, bounds that invert them, and their false-alarm rate enumerated."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from mlgate_gates.statistics.exact import (
    cases_needed,
    cases_needed_at,
    lower_bound,
    p_value_above,
    p_value_below,
    right_needed,
    upper_bound,
)

shares = st.floats(0.01, 0.99)
samples = st.integers(1, 2000).flatmap(lambda cases: st.tuples(st.integers(0, cases), st.just(cases)))


@settings(deadline=None)
@given(samples, shares)
def test_the_tails_are_those_of_the_binomial_distribution(sample: tuple[int, int], share: float) -> None:
    right, cases = sample
    assert p_value_below(right, cases, share) == pytest.approx(binom.sf(right - 1, cases, share), rel=1e-9, abs=1e-300)
    assert p_value_above(right, cases, share) == pytest.approx(binom.cdf(right, cases, share), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("right", "cases"), [(0, 30), (1, 30), (28, 30), (30, 30), (863, 900)])
def test_the_bounds_are_clopper_pearsons(right: int, cases: int) -> None:
    low = binomtest(right, cases, alternative="greater").proportion_ci(0.99, method="exact").low
    high = binomtest(right, cases, alternative="less").proportion_ci(0.99, method="exact").high
    assert (lower_bound(right, cases, 0.01), upper_bound(right, cases, 0.01)) == pytest.approx((low, high), abs=1e-12)


@settings(deadline=None)
@given(samples, shares, st.floats(0.001, 0.2))
def test_a_bound_lies_over_a_share_exactly_when_the_test_proves_it(sample: tuple[int, int], share: float, alpha: float) -> None:
    right, cases = sample
    p = p_value_below(right, cases, share)
    if abs(p - alpha) > 1e-9:
        assert (p <= alpha) == (lower_bound(right, cases, alpha) >= share)


def test_863_of_900_prove_the_bar_of_the_example_on_the_first_route() -> None:
    assert right_needed(900, 0.94, 0.008) == 863
    assert p_value_below(863, 900, 0.94) <= 0.008 < p_value_below(862, 900, 0.94)


def test_871_of_900_prove_a_bar_of_95_percent() -> None:
    assert right_needed(900, 0.95, 0.008) == right_needed(900, 0.95, 0.01) == 871
    assert right_needed(900, 0.95, 0.001) == 875


def test_a_bar_that_all_cases_right_would_not_prove_needs_more_cases() -> None:
    assert (cases_needed(0.95, 0.01), cases_needed(0.80, 0.01)) == (90, 21)
    assert right_needed(89, 0.95, 0.01) is None
    assert right_needed(90, 0.95, 0.01) == 90


@settings(deadline=None)
@given(shares, st.floats(1e-6, 0.2))
def test_cases_needed_is_the_least_that_can_prove_the_bar(share: float, alpha: float) -> None:
    cases = cases_needed(share, alpha)
    assert right_needed(cases, share, alpha) == cases
    assert cases == 1 or right_needed(cases - 1, share, alpha) is None


@settings(deadline=None)
@given(st.integers(1, 500), shares, st.floats(0.001, 0.2))
def test_more_right_answers_are_never_worse(cases: int, share: float, alpha: float) -> None:
    below = [p_value_below(right, cases, share) for right in range(cases + 1)]
    above = [p_value_above(right, cases, share) for right in range(cases + 1)]
    assert (np.diff(below) <= 0).all()
    assert (np.diff(above) >= 0).all()
    needed = right_needed(cases, share, alpha)
    assert needed == next((right for right, p in enumerate(below) if p <= alpha), None)


def test_how_many_cases_an_observed_share_needs() -> None:
    total = cases_needed_at(0.95, 0.94, 0.008)
    assert total is not None
    assert p_value_below(int(0.95 * total), total, 0.94) <= 0.008
    assert p_value_below(int(0.95 * total * 0.9), int(total * 0.9), 0.94) > 0.008


@pytest.mark.parametrize("observed", [0.0, 0.9, 0.94])
def test_no_number_of_cases_proves_a_bar_that_the_observed_share_does_not_reach(observed: float) -> None:
    assert cases_needed_at(observed, 0.94, 0.008) is None


def test_a_share_a_hair_over_the_bar_needs_more_cases_than_anybody_has() -> None:
    assert cases_needed_at(0.94 + 1e-9, 0.94, 0.008) is None


@pytest.mark.parametrize("cases", [1, 7, 90, 450, 900])
@pytest.mark.parametrize("share", [0.5, 0.8, 0.94, 0.99])
@pytest.mark.parametrize("alpha", [0.0005, 0.008, 0.05])
def test_false_alarms_of_both_sides_enumerated(cases: int, share: float, alpha: float) -> None:
    """Published: at a true share equal to the bar, the chance of a wrong PASS and of a wrong FAIL, summed over all outcomes."""
    outcomes = np.arange(cases + 1)
    chance = binom.pmf(outcomes, cases, share)
    passes = np.array([p_value_below(right, cases, share) <= alpha for right in outcomes.tolist()])
    fails = np.array([p_value_above(right, cases, share) <= alpha for right in outcomes.tolist()])
    assert chance[passes].sum() <= alpha * (1 + 1e-9)
    assert chance[fails].sum() <= alpha * (1 + 1e-9)
