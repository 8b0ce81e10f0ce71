"""E-processes for a rate: supermartingales by enumeration, false alarms simulated and computed, no underflow that looks like evidence."""

from __future__ import annotations

from collections.abc import Callable
from math import comb, inf, log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import beta

from mlgate_gates.statistics.eprocess import log_e_above, log_e_below, prior_above, prior_below, requests_needed

LogE = Callable[[Any, Any, float], NDArray[np.float64]]
LIMITS = [0.001, 0.01, 0.05, 0.3, 0.5, 0.9]
limits = st.sampled_from(LIMITS)


def true_rates(q: float, *, over: bool) -> NDArray[np.float64]:
    """Rates for which the claim is false (`over`), or true; the limit itself is among both."""
    return np.linspace(q, 1, 9) if over else np.linspace(0, q, 9)


@pytest.mark.parametrize("q", LIMITS)
def test_before_the_first_request_there_is_no_evidence(q: float) -> None:
    assert log_e_below(0, 0, q) == pytest.approx(0, abs=1e-12)
    assert log_e_above(0, 0, q) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("q", LIMITS)
@pytest.mark.parametrize("requests", [1, 2, 5, 12])
def test_the_mean_over_all_outcomes_is_at_most_1_where_the_claim_is_false(q: float, requests: int) -> None:
    counts = np.arange(requests + 1)
    ways = np.array([comb(requests, count) for count in counts])
    for log_e, over in ((log_e_below, True), (log_e_above, False)):
        e = np.exp(log_e(counts, requests, q))
        means = [(ways * rate**counts * (1 - rate) ** (requests - counts) * e).sum() for rate in true_rates(q, over=over)]
        assert max(means) <= 1 + 1e-9
        assert means[0 if over else -1] == pytest.approx(1, abs=1e-9), "at the limit itself nothing is given away"


@settings(deadline=None)
@given(limits, st.integers(0, 5000), st.floats(0, 1), st.floats(0, 1))
def test_each_step_is_a_supermartingale_step(q: float, requests: int, share: float, place: float) -> None:
    exceeded = int(share * requests)
    for log_e, rate in ((log_e_below, q + place * (1 - q)), (log_e_above, place * q)):
        now = float(log_e(exceeded, requests, q))
        after = [float(log_e(exceeded + more, requests + 1, q)) for more in (0, 1)]
        if now == -inf:
            assert max(after) < -3, "cut off only where e was small anyway: what is shown never exceeds the supermartingale"
        else:
            assert (1 - rate) * np.exp(after[0] - now) + rate * np.exp(after[1] - now) <= 1 + 1e-6


@pytest.mark.parametrize(("exceeded", "requests"), [(0, 10), (1, 50), (3, 300), (9, 300)])
def test_the_closed_form_is_the_mixture_of_likelihood_ratios(exceeded: int, requests: int) -> None:
    q = 0.03

    def ratio(p: float) -> float:
        return float((p / q) ** exceeded * ((1 - p) / (1 - q)) ** (requests - exceeded))

    for log_e, prior, low, high in ((log_e_below, prior_below(q), 0.0, q), (log_e_above, prior_above(q), q, 1.0)):
        density = beta(prior.a, prior.b)
        mass = density.cdf(high) - density.cdf(low)
        expected = quad(lambda p: ratio(p) * density.pdf(p) / mass, low, high, points=[min(high, 0.2)], limit=200)[0]  # noqa: B023
        assert np.exp(log_e(exceeded, requests, q)) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(limits, st.integers(1, 3000), st.data())
def test_one_more_exceedance_never_helps_pass_and_never_hurts_fail(q: float, requests: int, data: st.DataObject) -> None:
    exceeded = data.draw(st.integers(0, requests - 1))
    counts = np.array([exceeded, exceeded + 1])
    below, above = log_e_below(counts, requests, q), log_e_above(counts, requests, q)
    assert below[1] <= below[0] + 1e-9
    assert above[1] >= above[0] - 1e-9


@settings(deadline=None)
@given(limits, st.integers(0, 3000), st.floats(0, 1))
def test_a_request_that_keeps_the_bound_never_hurts_pass_and_never_helps_fail(q: float, requests: int, share: float) -> None:
    """So the highest e for FAIL stands right after an exceedance, and that for PASS right before one: the judge looks only there."""
    exceeded = int(share * requests)
    below, above = (log_e([exceeded, exceeded], [requests, requests + 1], q) for log_e in (log_e_below, log_e_above))
    assert below[1] >= below[0] - 1e-9
    assert above[1] <= above[0] + 1e-9


@pytest.mark.parametrize(("exceeded", "requests"), [(1000, 1000), (100_000, 100_000), (9_000, 10_000)])
def test_a_rate_far_over_the_limit_underflows_to_no_evidence_for_it(exceeded: int, requests: int) -> None:
    assert log_e_below(exceeded, requests, 0.01) < -500
    assert log_e_above(exceeded, requests, 0.01) > 500


@pytest.mark.parametrize("requests", [100_000, 10_000_000])
def test_a_rate_far_under_the_limit_underflows_to_no_evidence_against_it(requests: int) -> None:
    assert log_e_above(0, requests, 0.5) < -500
    assert log_e_below(0, requests, 0.5) > 500


def test_underflow_gives_e_of_0_and_never_1_and_never_nan() -> None:
    counts = np.array([0, 1, 50_000, 99_999, 100_000])
    for log_e in (log_e_below, log_e_above):
        values = log_e(counts, 100_000, 0.5)
        assert not np.isnan(values).any()
        assert (values[np.isinf(values)] == -inf).all()
        assert values.min() == -inf


def test_a_whole_path_is_one_call() -> None:
    counts, requests = np.array([0, 1, 1, 2]), np.array([1, 2, 3, 4])
    path = log_e_below(counts, requests, 0.1)
    assert path.shape == (4,)
    assert path[2] == pytest.approx(float(log_e_below(1, 3, 0.1)))


def first_alarms(log_e: LogE, q: float, alpha: float, requests: int, *, upwards: bool) -> NDArray[np.int64]:
    """For each number of requests, the count of exceedances at which e reaches 1/alpha: at most (PASS) or at least (FAIL) this many.

    By bisection, since e falls (PASS) or grows (FAIL) with the count, which has a test of its own. -1 and n + 1: no count does.
    """
    n = np.arange(1, requests + 1)
    low, high = np.full(requests, -1), n + 1
    while (high - low > 1).any():
        middle = np.clip((low + high) // 2, 0, n)
        reached = log_e(middle, n, q) >= log(1 / alpha)
        up = reached != upwards
        open_ = high - low > 1
        low, high = np.where(open_ & up, middle, low), np.where(open_ & ~up, middle, high)
    return high if upwards else low


@pytest.mark.parametrize("q", [0.01, 0.05, 0.3])
def test_false_alarms_of_10_000_runs_that_look_after_every_request(q: float) -> None:
    """Published: at a true rate equal to the limit, alpha 1 %, 3,000 requests. At most 124 of 10,000 may alarm (99 % of a true 1 %)."""
    generator, alpha, requests, chunks = np.random.default_rng(20261124), 0.01, 3000, 20
    pass_at = first_alarms(log_e_below, q, alpha, requests, upwards=False)
    fail_at = first_alarms(log_e_above, q, alpha, requests, upwards=True)
    passed = failed = 0
    for _ in range(chunks):
        counts = np.cumsum(generator.random((10_000 // chunks, requests), dtype=np.float32) < q, axis=1, dtype=np.int32)
        passed += int((counts <= pass_at).any(axis=1).sum())
        failed += int((counts >= fail_at).any(axis=1).sum())
    assert passed <= 124
    assert failed <= 124


@pytest.mark.parametrize(("q", "alpha"), [(0.01, 0.008), (0.01, 0.0005), (0.05, 0.05)])
def test_false_alarms_computed_exactly_over_10_000_requests(q: float, alpha: float) -> None:
    """Published: the chance, by dynamic programming over all paths, that a release exactly at the limit ever passes or is ever refused."""
    requests = 10_000
    for log_e, upwards in ((log_e_below, False), (log_e_above, True)):
        boundary = first_alarms(log_e, q, alpha, requests, upwards=upwards)
        counts = np.arange(int(requests * q + 10 * np.sqrt(requests * q) + 60) + 1)
        alive, alarmed = np.zeros(len(counts)), 0.0
        alive[0] = 1
        for at in boundary:
            alive[1:] = alive[1:] * (1 - q) + alive[:-1] * q
            alive[0] *= 1 - q
            over = counts >= at if upwards else counts <= at
            alarmed += alive[over].sum()
            alive[over] = 0
        assert 0 < alarmed <= alpha


def test_a_clean_run_proves_the_example_within_15_seconds_at_200_per_second() -> None:
    """Error rate 1 % and p99: both are a share of 1 %. 3,000 requests, up to 13 exceedances, on the first route."""
    enough = log(1 / 0.008)
    assert requests_needed(0.01, 0.008) == 666
    assert [float(log_e_below(count, 3000, 0.01)) >= enough for count in (0, 3, 13, 14)] == [True, True, True, False]


def test_a_dead_endpoint_is_refused_after_a_handful_of_requests() -> None:
    path = log_e_above(np.arange(1, 11), np.arange(1, 11), 0.01)
    assert int(np.argmax(path >= log(1 / 0.002))) + 1 <= 5


@pytest.mark.parametrize(("q", "alpha", "rate"), [(0.01, 0.008, 0.0), (0.01, 0.008, 0.005), (0.001, 0.01, 0.0), (0.5, 0.0005, 0.2)])
def test_requests_needed_is_the_least_on_a_straight_path(q: float, alpha: float, rate: float) -> None:
    total = requests_needed(q, alpha, rate=rate)
    assert total is not None
    assert log_e_below(rate * total, total, q) >= log(1 / alpha)
    assert log_e_below(rate * (total - 1), total - 1, q) < log(1 / alpha)


def test_requests_needed_starts_after_those_there_are() -> None:
    total = requests_needed(0.01, 0.008, rate=0.004, at_least=1000)
    assert total is not None
    assert total > 1000
    assert requests_needed(0.01, 0.008, at_least=5000) == 5000, "it is proven already"


@pytest.mark.parametrize("rate", [0.01, 0.5, 0.01 - 1e-9])
def test_no_number_of_requests_proves_a_claim_that_the_observed_rate_breaks(rate: float) -> None:
    assert requests_needed(0.01, 0.008, rate=rate) is None
