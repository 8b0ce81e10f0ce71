"""The paired test with a margin: published values, an independent enumeration, and its false-alarm rate over all of H0."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import beta, binom, norm

from mlgate_gates.statistics.paired import cases_needed, gamma_for, p_value, score

FloatArray = NDArray[np.float64]


def outcomes(cases: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every pair (only the first right, only the second right) of so many cases."""
    x, y = np.meshgrid(np.arange(cases + 1), np.arange(cases + 1), indexing="ij")
    inside = x + y <= cases
    return x[inside], y[inside]


def chances(x: NDArray[np.int64], y: NDArray[np.int64], cases: int, p_x: float, p_y: float) -> FloatArray:
    """The trinomial probability of each outcome."""
    both = cases - x - y
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.where(count > 0, count * np.log(p), 0.0) for count, p in ((x, p_x), (y, p_y), (both, 1 - p_x - p_y))]
    return np.asarray(np.exp(gammaln(cases + 1) - gammaln(x + 1) - gammaln(y + 1) - gammaln(both + 1) + sum(logs)))


@pytest.mark.parametrize(
    ("only_candidate", "only_stable", "published", "digits"),
    [(12, 12, 0.001, 3), (11, 15, 0.007, 3), (10, 16, 0.016, 3)],
)
def test_the_published_values_at_margin_2_percent_of_900_cases(
    only_candidate: int, only_stable: int, published: float, digits: int
) -> None:
    assert round(p_value(only_candidate, only_stable, 900, -0.02), digits) == published


def test_an_equal_split_of_usual_discordance_passes_and_a_worse_one_does_not() -> None:
    assert p_value(11, 15, 900, -0.02, gamma=gamma_for(0.008)) <= 0.008
    assert p_value(10, 16, 900, -0.02, gamma=gamma_for(0.008)) > 0.008


def likeliest(x: int, y: int, cases: int, difference: float, gamma: float) -> float:
    """The largest chance, over 5,001 shares of disagreement of the confidence set, of a score at least as large, summed over all counts."""
    shares = np.linspace(
        max(beta.ppf(gamma / 2, x + y, cases - x - y + 1), -difference), beta.ppf(1 - gamma / 2, x + y + 1, cases - x - y), 5001
    )
    observed, chance = float(score(x, y, cases, difference)), np.zeros_like(shares)
    for count in range(cases + 1):
        mass = binom.pmf(count, cases, shares)
        firsts = np.arange(count + 1)
        extreme = np.flatnonzero(score(firsts, count - firsts, cases, difference) >= observed - 1e-9 * max(1.0, abs(observed)))
        if mass.max() > 1e-12 and len(extreme):
            chance += mass * binom.sf(extreme[0] - 1, count, (shares + difference) / (2 * shares))
    return float(chance.max())


@pytest.mark.parametrize(("only_candidate", "only_stable"), [(10, 16), (11, 15), (13, 14), (20, 20)])
def test_at_the_size_in_use_no_share_of_disagreement_makes_the_outcome_likelier(only_candidate: int, only_stable: int) -> None:
    gamma = gamma_for(0.008)
    found = p_value(only_candidate, only_stable, 900, -0.02, gamma=gamma)
    assert found >= likeliest(only_candidate, only_stable, 900, -0.02, gamma) + gamma - 1e-6 > 0


@pytest.mark.parametrize("difference", [-0.3, -0.02, 0.0, 0.02, 0.3])
def test_the_score_standardises_by_the_restricted_maximum_likelihood(difference: float) -> None:
    """Against a numerical maximisation of the trinomial likelihood under p_x - p_y = difference."""
    for x, y, cases in ((5, 9, 100), (0, 3, 40), (7, 0, 40), (20, 20, 60)):
        p_y = np.linspace(max(0, -difference), (1 - difference) / 2, 2_000_001)[1:-1]
        p_x = p_y + difference
        with np.errstate(divide="ignore"):
            likelihood = (x * np.log(p_x) if x else 0) + (y * np.log(p_y) if y else 0) + (cases - x - y) * np.log1p(-p_x - p_y)
        best = p_y[np.argmax(likelihood)]
        variance = cases * (2 * best + difference - difference**2)
        expected = (x - y - cases * difference) / np.sqrt(variance)
        assert float(score(x, y, cases, difference)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("difference", [-0.3, -0.02, 0.0, 0.02, 0.3])
@pytest.mark.parametrize("cases", [1, 10, 60])
def test_the_score_grows_with_the_first_and_falls_with_the_second(difference: float, cases: int) -> None:
    """What makes the boundary of H0 the worst case, and bisection along a fixed disagreement right."""
    x, y = outcomes(cases)
    room = x + y < cases
    here = score(x, y, cases, difference)
    assert (score(x[room] + 1, y[room], cases, difference) >= here[room] - 1e-9).all()
    assert (score(x[room], y[room] + 1, cases, difference) <= here[room] + 1e-9).all()
    swap = y > 0
    assert (score(x[swap] + 1, y[swap] - 1, cases, difference) >= here[swap] - 1e-9).all()


def test_no_disagreement_and_no_margin_is_no_evidence() -> None:
    assert float(score(0, 0, 50, 0.0)) == 0
    assert p_value(0, 0, 50, 0.0) == 1


def test_the_peak_at_a_difference_as_large_as_the_disagreement_is_not_stepped_over() -> None:
    """All of the disagreement is then for the first model: of 8 cases, one or more of them with chance 1 - 0.9^8."""
    assert p_value(1, 0, 8, 0.1, gamma=1e-5) >= 1 - 0.9**8 + 1e-5


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 40), st.data())
def test_the_p_value_bounds_an_enumeration_of_all_outcomes(cases: int, data: st.DataObject) -> None:
    """Every outcome at least as extreme, summed by brute force over the boundary: p is that, up to gamma, or more."""
    x = data.draw(st.integers(0, cases))
    y = data.draw(st.integers(0, cases - x))
    difference = data.draw(st.sampled_from([-0.4, -0.1, -0.02, 0.0, 0.1]))
    all_x, all_y = outcomes(cases)
    observed = float(score(x, y, cases, difference))
    extreme = score(all_x, all_y, cases, difference) >= observed - 1e-9 * max(1.0, abs(observed))
    gamma = 1e-5
    discordant = x + y
    # Close together where few cases differ: the peak of a count of one or two lies there.
    shares = np.sort(np.append(np.linspace(abs(difference), 1, 400), np.geomspace(max(abs(difference), 1e-6), 1, 400)))
    # The confidence set of the share of disagreement, straight from its definition.
    inside = (binom.sf(discordant - 1, cases, shares) > gamma / 2) & (binom.cdf(discordant, cases, shares) > gamma / 2)
    largest = [
        chances(all_x[extreme], all_y[extreme], cases, (share + difference) / 2, (share - difference) / 2).sum() for share in shares[inside]
    ]
    p = p_value(x, y, cases, difference, gamma=gamma)
    assert p >= min(1.0, max(largest, default=0.0) + gamma) - 1e-6
    if difference <= 0:  # with a positive one, shares under it belong to H0 as well, and p may be larger
        assert p <= max(largest, default=0.0) + gamma + 5e-3


@pytest.mark.parametrize(("cases", "difference", "alpha"), [(24, -0.1, 0.05), (24, 0.1, 0.05), (36, -0.05, 0.1)])
def test_false_alarms_enumerated_over_the_whole_null_hypothesis(cases: int, difference: float, alpha: float) -> None:
    """Published: for true differences on the boundary and well inside H0, and any disagreement, the chance of p <= alpha."""
    x, y = outcomes(cases)
    rejected = np.array(
        [p_value(one, other, cases, difference, gamma=gamma_for(alpha)) <= alpha for one, other in zip(x.tolist(), y.tolist(), strict=True)]
    )
    assert rejected.any()
    worst = 0.0
    for true, share in product((difference, difference - 0.02, difference - 0.1), np.linspace(0, 1, 101)):
        p_x, p_y = (share + true) / 2, (share - true) / 2
        if min(p_x, p_y) >= 0:
            worst = max(worst, float(chances(x[rejected], y[rejected], cases, p_x, p_y).sum()))
    assert worst <= alpha
    assert worst >= alpha / 5, "a test that never rejects would pass the line above"


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 2000), st.data())
def test_one_more_case_for_the_first_model_is_never_worse_for_it(cases: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, cases - 1))
    y = data.draw(st.integers(1, cases - x))
    here, better = p_value(x, y, cases, -0.05), p_value(x + 1, y - 1, cases, -0.05)
    assert better <= here + 1e-6


def test_both_sides_never_prove_opposite_things() -> None:
    for only_candidate, only_stable in product(range(0, 40, 5), range(0, 40, 5)):
        not_worse = p_value(only_candidate, only_stable, 300, -0.05)
        worse = p_value(only_stable, only_candidate, 300, 0.05)
        assert not_worse > 0.05 or worse > 0.05


def test_answering_every_case_alike_proves_a_margin_and_refutes_none() -> None:
    assert p_value(0, 0, 900, -0.02) < 0.001
    assert p_value(0, 0, 900, 0.02) == 1


@pytest.mark.parametrize(("margin", "alpha"), [(0.02, 0.008), (0.1, 0.05), (0.5, 0.01)])
def test_cases_needed_is_the_least_that_proves_a_margin_without_disagreement(margin: float, alpha: float) -> None:
    cases = cases_needed(margin, alpha)
    assert p_value(0, 0, cases, -margin, gamma=gamma_for(alpha)) <= alpha
    assert p_value(0, 0, cases - 1, -margin, gamma=gamma_for(alpha)) > alpha


def test_much_worse_is_proven_worse() -> None:
    assert p_value(60, 10, 900, 0.02) < 0.001
    assert p_value(10, 60, 900, -0.02) > 0.99


def test_it_agrees_with_the_normal_approximation_where_that_is_good() -> None:
    p = p_value(4_800, 5_000, 100_000, -0.005)
    assert p == pytest.approx(float(norm.sf(score(4_800, 5_000, 100_000, -0.005))), rel=0.05, abs=2e-5)


@pytest.mark.parametrize(("x", "y", "cases"), [(-1, 0, 5), (0, -1, 5), (3, 3, 5), (0, 0, 0)])
def test_counts_that_do_not_add_up_are_refused(x: int, y: int, cases: int) -> None:
    with pytest.raises(ValueError, match="no paired outcome"):
        p_value(x, y, cases, -0.02)


def test_the_confidence_set_costs_a_thousandth_of_alpha() -> None:
    assert gamma_for(0.008) == pytest.approx(8e-6)
    assert p_value(900, 0, 900, -0.5, gamma=8e-6) == pytest.approx(8e-6, abs=1e-9)
