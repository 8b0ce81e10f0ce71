"""The geometry of the page's charts; a template draws it as inline SVG.

Across, everything is a percentage, and down it is pixels: a chart then fills a phone and a wide screen alike while its text keeps its
size, without a script and without a second drawing. Curves live in an inner `viewBox` of 1000 units that is stretched to the width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlgate_gates.report import formats

PLOT_HEIGHT_PX = 220
CURVE_WIDTH = 1000
_LABEL_HEIGHT_PX = 14
_DEEPEST_DECADE = -4
_DECADES_ABOVE_THRESHOLD = 5
_METER_THRESHOLD_PERCENT = 70.0
_CURVE_POINTS = 240
_OUTSIDE_PX = -20.0

Tone = Literal["pass", "fail", "candidate", "stable"]


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis: percent across, or pixels from the top."""

    at: float
    label: str

    @property
    def anchor(self) -> str:
        """How a label across is aligned, so that those at the edges stay inside."""
        return "start" if self.at < 4 else "end" if self.at > 96 else "middle"


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line across the plot. Its label stands at `label_y`: in the margin on the right, or (`inside`) over the line."""

    y: float
    label: str
    label_y: float
    tone: Tone
    inside: bool = False


@dataclass(frozen=True, slots=True)
class Curve:
    """A path in the inner viewBox, and where it ends (None where that is outside of the plot)."""

    path: str
    tone: Tone
    label: str
    end: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Target:
    """A point that a curve is compared with, and the label of its vertical line."""

    x: float
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing with its accessible name (`title`) and what a reader who cannot see it needs to know (`description`)."""

    key: str
    title: str
    description: str
    x_label: str
    y_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    rules: tuple[Rule, ...]
    curves: tuple[Curve, ...]
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Meter:
    """How far evidence has come on a log scale, in percent of the meter's width; `threshold` is where it is enough."""

    filled: float
    threshold: float = _METER_THRESHOLD_PERCENT


def meter(log_evidence: float, log_threshold: float) -> Meter:
    """The meter of evidence against its threshold, both natural logarithms (of an e-value, or of 1/p). Below 1 it is empty."""
    share = 0.0 if math.isnan(log_evidence) else max(0.0, log_evidence / log_threshold)
    return Meter(filled=round(min(100.0, share * _METER_THRESHOLD_PERCENT), 1))


def evidence_chart(
    key: str, title: str, path: Sequence[tuple[float, float, float]], *, log_pass: float, log_fail: float, conclusion: str
) -> Chart:
    """The e-value for PASS and the e-value for FAIL over the requests judged, with both thresholds.

    `path` holds (requests, log e for PASS, log e for FAIL), natural logarithms, at least one point. Far below 1 and far above the
    thresholds the curves leave the plot: what matters is the way between, and evidence of 10^-200 would flatten it.
    """
    points = np.asarray([(0.0, 0.0, 0.0), *path], dtype=np.float64)
    counts, decades = points[:, 0], points[:, 1:] / math.log(10)
    sides: tuple[tuple[Tone, float], ...] = (("pass", log_pass / math.log(10)), ("fail", log_fail / math.log(10)))
    highest = max(enough for _, enough in sides)
    low = max(_DEEPEST_DECADE, math.floor(min(-1.0, float(decades.min()))))
    high = min(math.ceil(max(highest + 0.5, float(decades.max()))), math.ceil(highest) + _DECADES_ABOVE_THRESHOLD)

    def down(decade: float) -> float:
        return round(PLOT_HEIGHT_PX * (high - decade) / (high - low), 1)

    step = math.ceil((high - low) / 7)
    across = counts / counts[-1]
    curves, rules = [], []
    for column, (tone, enough) in enumerate(sides):
        needed = formats.from_log(enough * math.log(10))
        heights = np.asarray([down(max(low - 1.0, value)) for value in decades[:, column]])
        curves.append(_curve(across, heights, tone, f"for {tone.upper()}, enough at {needed}"))
        rules.append(Rule(down(enough), needed, down(enough), tone))
    return Chart(
        key=key,
        title=title,
        description=(
            f"After {formats.whole(counts[-1])} requests the e-value for PASS is {formats.from_log(points[-1, 1])} "
            f"(enough: {formats.from_log(log_pass)}); the e-value for FAIL was {formats.from_log(points[:, 2].max())} at most "
            f"(enough: {formats.from_log(log_fail)}). {conclusion}"
        ),
        x_label="requests judged, in schedule order",
        y_label="e-value",
        x_ticks=tuple(Tick(round(100 * value / counts[-1], 2), formats.whole(value)) for value in _steps(float(counts[-1]))),
        y_ticks=tuple(
            Tick(down(decade), "1" if decade == 0 else formats.power(decade)) for decade in range(low, high + 1) if decade % step == 0
        ),
        rules=_apart(rules),
        curves=tuple(curves),
    )


@dataclass(frozen=True, slots=True)
class Series:
    """The latencies of one arm in ns, sorted; a failed request is infinity."""

    arm: Tone
    latencies_ns: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bound:
    """A declared latency bound: at quantile `quantile`, at most `at_most_ns`."""

    quantile: float
    at_most_ns: int


def quantile(latencies_ns: NDArray[np.float64], probability: float) -> float:
    """The smallest observed latency that at least `probability` of all requests kept; infinity where too many failed."""
    return float(latencies_ns[max(0, math.ceil(probability * len(latencies_ns) - 1e-9) - 1)])


def quantile_chart(key: str, title: str, series: Sequence[Series], bounds: Sequence[Bound]) -> Chart:
    """Latency over the quantile, the tail stretched so that each further nine takes the same width (as HdrHistogram draws it).

    Every series has at least one request. A declared bound is a horizontal line, and the point that the curve must pass under.
    """
    longest = max(len(one.latencies_ns) for one in series)
    nines = min(5.0, max(math.log10(longest), *(_nines(bound.quantile) + 0.3 for bound in bounds), 1.0))
    finite = np.concatenate([one.latencies_ns[np.isfinite(one.latencies_ns)] for one in series])
    values = np.concatenate([finite, [float(bound.at_most_ns) for bound in bounds]])
    values = values[values > 0]
    if not len(values):
        values = np.asarray([1e6])
    low, high = math.log10(values.min()) - 0.05, math.log10(values.max()) + 0.15

    def down(nanoseconds: float) -> float:
        return PLOT_HEIGHT_PX * (high - math.log10(max(nanoseconds, 1.0))) / (high - low)

    def curve(one: Series) -> Curve:
        last = min(nines, math.log10(len(one.latencies_ns))) if len(one.latencies_ns) > 1 else nines
        stretched = np.linspace(0.0, last, _CURVE_POINTS)
        taken = np.asarray([quantile(one.latencies_ns, 1 - 10**-place) for place in stretched])
        kept = np.isfinite(taken)
        ys = np.asarray([down(value) if known else _OUTSIDE_PX for value, known in zip(taken, kept, strict=True)])
        return _curve(stretched / nines, ys, one.arm, one.arm)

    return Chart(
        key=key,
        title=title,
        description=" ".join(_described(one, bounds) for one in series),
        x_label="share of requests at most this slow",
        y_label="latency from the scheduled instant",
        x_ticks=tuple(
            Tick(round(100 * _nines(place) / nines, 2), label)
            for place, label in ((0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %"))
            if _nines(place) <= nines
        ),
        y_ticks=tuple(Tick(round(down(value), 1), formats.duration(value)) for value in _log_steps(10**low, 10**high)),
        rules=tuple(
            Rule(y := round(down(bound.at_most_ns), 1), f"at most {formats.duration(bound.at_most_ns)}", y - 7, "fail", inside=True)
            for bound in {bound.at_most_ns: bound for bound in bounds}.values()
        ),
        curves=tuple(curve(one) for one in series),
        targets=tuple(
            Target(round(100 * _nines(bound.quantile) / nines, 2), round(down(bound.at_most_ns), 1), quantile_name(bound.quantile))
            for bound in bounds
        ),
    )


def _described(one: Series, bounds: Sequence[Bound]) -> str:
    places = sorted({0.5, 0.99, *(bound.quantile for bound in bounds)})
    parts = [f"{quantile_name(place)} {latency_text(quantile(one.latencies_ns, place))}" for place in places]
    limits = [f"{quantile_name(bound.quantile)} at most {formats.duration(bound.at_most_ns)}" for bound in bounds]
    return f"{one.arm.capitalize()}: {', '.join(parts)}{'; declared: ' + ', '.join(limits) if limits else ''}."


def latency_text(nanoseconds: float) -> str:
    """A latency, where infinity is a failed request."""
    return formats.duration(nanoseconds) if math.isfinite(nanoseconds) else "a failed request"


def quantile_name(probability: float) -> str:
    """`p50`, `p99`, `p99.9`."""
    return f"p{round(probability * 100, 6):g}"


def _nines(probability: float) -> float:
    return -math.log10(1 - probability)


def _apart(rules: list[Rule]) -> tuple[Rule, ...]:
    """Two rules whose labels do not cover one another."""
    upper, lower = sorted(rules, key=lambda rule: rule.y)
    push = max(0.0, _LABEL_HEIGHT_PX - (lower.y - upper.y)) / 2
    return replace(upper, label_y=round(upper.y - push, 1)), replace(lower, label_y=round(lower.y + push, 1))


def _curve(across: NDArray[np.float64], down_px: NDArray[np.float64], tone: Tone, label: str) -> Curve:
    path = "M" + "L".join(f"{x * CURVE_WIDTH:.1f} {y:.1f}" for x, y in zip(across, down_px, strict=True))
    inside = 0 <= down_px[-1] <= PLOT_HEIGHT_PX
    return Curve(path, tone, label, (round(float(across[-1]) * 100, 2), round(float(down_px[-1]), 1)) if inside else None)


def _steps(highest: float) -> list[float]:
    """0 and up to five round values up to `highest`."""
    size = 10 ** math.floor(math.log10(max(highest, 1)))
    step = next(factor * size for factor in (0.2, 0.5, 1, 2, 5) if highest / (factor * size) <= 5)
    step = max(step, 1.0)
    return [index * step for index in range(int(highest / step) + 1)]


def _log_steps(lowest: float, highest: float) -> list[float]:
    """1, 2, 5 of each decade inside; whole decades alone where those would crowd."""
    decades = range(math.floor(math.log10(lowest)), math.ceil(math.log10(highest)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        values = [factor * 10.0**decade for decade in decades for factor in factors if lowest <= factor * 10.0**decade <= highest]
        if len(values) <= 8:
            return values
    return values
