"""Schedules: the same seed gives the same instants, a longer run only adds to them, and they are a Poisson process."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mlgate_loadtests.schedule import poisson_arrivals

SECOND = 1_000_000_000
seeds = st.integers(0, 2**32)
rates = st.floats(0.1, 5_000)


@given(seeds, rates, st.integers(0, 3 * SECOND), st.integers(0, 3 * SECOND))
def test_a_longer_schedule_begins_with_the_shorter_one(seed, rate, one, other):
    short, long = sorted((one, other))
    some, more = poisson_arrivals(seed, rate, short), poisson_arrivals(seed, rate, long)
    np.testing.assert_array_equal(more[: len(some)], some)
    assert (more[len(some) :] >= short).all()


@given(seeds, rates, st.integers(0, 2 * SECOND))
def test_instants_are_sorted_and_within_the_duration(seed, rate, duration):
    arrivals = poisson_arrivals(seed, rate, duration)
    assert arrivals.dtype == np.int64
    assert (np.diff(arrivals) >= 0).all()
    assert ((arrivals >= 0) & (arrivals < duration)).all()


def test_another_seed_gives_another_schedule():
    assert not np.array_equal(poisson_arrivals(1, 200, SECOND)[:50], poisson_arrivals(2, 200, SECOND)[:50])


def test_gaps_are_exponential_and_counts_are_poisson():
    arrivals = poisson_arrivals(7, 500, 60 * SECOND)
    gaps = np.diff(arrivals) / SECOND
    assert stats.kstest(gaps, stats.expon(scale=1 / 500).cdf).pvalue > 0.001
    counts = np.bincount(arrivals // (SECOND // 10), minlength=600)
    assert 0.8 < counts.var() / counts.mean() < 1.25
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.03


@pytest.mark.parametrize(("rate", "duration"), [(0, 1), (-1, 1), (float("nan"), 1), (float("inf"), 1), (1, -1)])
def test_what_is_no_schedule_is_refused(rate, duration):
    with pytest.raises(ValueError, match="no schedule"):
        poisson_arrivals(0, rate, duration)
