"""Where the charts draw what: the picture must say what the numbers say."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate_gates.report.charts import (
    CURVE_WIDTH,
    PLOT_HEIGHT_PX,
    Bound,
    Series,
    evidence_chart,
    meter,
    quantile,
    quantile_chart,
)

_LOG_PASS, _LOG_FAIL = math.log(125), math.log(500)
_LATENCIES = st.lists(st.floats(1e5, 1e11), min_size=1, max_size=400)


def _points(curve):
    return np.array([[float(number) for number in pair.split()] for pair in re.split("[ML]", curve.path)[1:]])


def _evidence(path, **changes):
    return evidence_chart("key", "name", path, **{"log_pass": _LOG_PASS, "log_fail": _LOG_FAIL, "conclusion": "PASS."} | changes)


def _heights(chart):
    return {rule.label: rule.y for rule in chart.rules}


def test_a_meter_is_full_over_its_threshold_and_empty_under_one():
    assert meter(_LOG_PASS, _LOG_PASS).filled == meter(0, 1).threshold
    assert meter(math.inf, _LOG_PASS).filled == 100
    assert meter(-5, _LOG_PASS).filled == 0
    assert meter(-math.inf, _LOG_PASS).filled == 0


@given(st.floats(-2000, 2000), st.floats(0.1, 20))
def test_a_meter_reaches_its_line_exactly_where_evidence_is_enough(log_evidence, log_threshold):
    drawn = meter(log_evidence, log_threshold)
    assert 0 <= drawn.filled <= 100
    assert drawn.filled >= drawn.threshold if log_evidence >= log_threshold else drawn.filled <= drawn.threshold


def test_evidence_starts_at_one_and_ends_where_the_path_does():
    chart = _evidence([(100, 1.0, -0.5), (200, math.log(1000), -1.0)])
    start, end = _points(chart.curves[0])[[0, -1]]
    one = next(tick.at for tick in chart.y_ticks if tick.label == "1")
    thousand = next(tick.at for tick in chart.y_ticks if tick.label == "10³")
    assert start == pytest.approx([0, one])
    assert end == pytest.approx([CURVE_WIDTH, thousand])
    assert chart.curves[0].end == (100, thousand)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-1000, 1000), st.floats(-1000, 1000)), min_size=1, max_size=60))
def test_a_curve_is_over_its_threshold_exactly_where_the_e_value_is(pairs):
    chart = _evidence([(place + 1, *pair) for place, pair in enumerate(pairs)])
    for curve, column, enough in zip(chart.curves, (0, 1), (_LOG_PASS, _LOG_FAIL), strict=True):
        height = next(rule.y for rule in chart.rules if rule.tone == curve.tone)
        for (_, y), pair in zip(_points(curve)[1:], pairs, strict=True):
            if abs(pair[column] - enough) > 0.1:
                assert (y < height) == (pair[column] > enough)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1000, 1000), st.floats(-1000, 1000)), min_size=1, max_size=20),
    st.floats(0.5, 20),
    st.floats(0.5, 20),
)
def test_thresholds_ticks_and_labels_stay_in_the_plot_and_apart(pairs, log_pass, log_fail):
    chart = _evidence([(place + 1, *pair) for place, pair in enumerate(pairs)], log_pass=log_pass, log_fail=log_fail)
    assert all(0 <= tick.at <= 100 for tick in chart.x_ticks)
    assert all(0 <= tick.at <= PLOT_HEIGHT_PX for tick in chart.y_ticks)
    assert all(0 <= rule.y <= PLOT_HEIGHT_PX for rule in chart.rules)
    assert abs(chart.rules[0].label_y - chart.rules[1].label_y) >= 13.8  # rounded to a tenth each
    assert 2 <= len(chart.y_ticks) <= 8
    assert len(chart.x_ticks) <= 6


def test_thresholds_are_labelled_with_the_e_value_that_is_enough():
    assert set(_heights(_evidence([(1, 0.0, 0.0)]))) == {"125", "500"}


def test_the_description_says_what_the_picture_shows():
    described = _evidence([(100, 1.0, 3.0), (200, math.log(1000), -1.0)]).description
    assert "After 200 requests the e-value for PASS is 1,000 (enough: 125)" in described
    assert "the e-value for FAIL was 20.1 at most (enough: 500). PASS." in described


def test_a_quantile_is_the_least_latency_that_enough_requests_kept():
    latencies = np.arange(1.0, 101.0)
    assert quantile(latencies, 0.5) == 50
    assert quantile(latencies, 0.99) == 99
    assert quantile(latencies, 1.0) == 100
    assert quantile(np.array([1.0, math.inf]), 0.99) == math.inf


@given(_LATENCIES, st.floats(0.01, 0.999))
def test_a_quantile_agrees_with_its_definition(latencies, probability):
    ordered = np.sort(latencies)
    found = quantile(ordered, probability)
    assert np.mean(ordered <= found) >= probability - 1e-9
    below = ordered[ordered < found]
    assert len(below) / len(ordered) < probability


@settings(deadline=None)
@given(_LATENCIES, st.integers(0, 20), st.sampled_from([0.5, 0.9, 0.99]), st.integers(10**6, 10**10))
def test_the_curve_passes_under_the_ring_exactly_where_the_bound_is_kept(latencies, failed, probability, bound):
    ordered = np.sort(np.concatenate([latencies, np.full(failed, math.inf)]))
    chart = quantile_chart("key", "title", [Series("candidate", ordered)], [Bound(probability, bound)])
    ring, points = chart.targets[0], _points(chart.curves[0])
    assert np.isfinite(points).all()
    assert 0 <= ring.x <= 100
    assert 0 <= ring.y <= PLOT_HEIGHT_PX
    at = points[np.abs(points[:, 0] - ring.x * CURVE_WIDTH / 100) < 5]
    observed = quantile(ordered, probability)
    if len(at) and len(ordered) > 1 / (1 - probability) and abs(math.log(observed / bound)) > 0.2:
        assert (at[:, 1].min() < ring.y) or observed < bound
        assert (at[:, 1].max() > ring.y) or observed > bound


def test_failed_requests_leave_the_plot_at_its_top():
    chart = quantile_chart("key", "title", [Series("candidate", np.array([1e6] * 90 + [math.inf] * 10))], [])
    points = _points(chart.curves[0])
    assert points[-1, 1] < 0
    assert chart.curves[0].end is None
    assert "p99 a failed request" in chart.description


def test_a_service_that_answers_nothing_still_has_a_chart():
    chart = quantile_chart("key", "title", [Series("candidate", np.array([math.inf] * 5))], [Bound(0.99, 10**8)])
    assert chart.description == "Candidate: p50 a failed request, p99 a failed request; declared: p99 at most 100 ms."


def test_each_further_nine_takes_the_same_width():
    chart = quantile_chart("key", "title", [Series("candidate", np.sort(np.random.default_rng(1).lognormal(16, 1, 20_000)))], [])
    at = {tick.label: tick.at for tick in chart.x_ticks}
    assert at["99 %"] - at["90 %"] == pytest.approx(at["99.9 %"] - at["99 %"], abs=0.1)


def test_equal_bounds_on_two_quantiles_are_one_line_and_two_rings():
    bounds = [Bound(0.5, 10**8), Bound(0.99, 10**8), Bound(0.99, 2 * 10**8)]
    chart = quantile_chart("key", "title", [Series("candidate", np.array([1e6, 2e6, 3e8]))], bounds)
    assert [rule.label for rule in chart.rules] == ["at most 100 ms", "at most 200 ms"]
    assert len(chart.targets) == 3
