"""What the page takes from the raw observations: latency of each arm, and what was sent in each phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlgate_gates.checks.answers import answers_of
from mlgate_gates.plan import CONTRACT, LatencyTerms, Plan
from mlgate_gates.report import charts, formats
from mlgate_gates.rows import LOAD, Rows

_ARMS: tuple[charts.Tone, ...] = ("candidate", "stable")
_QUANTILES = (0.5, 0.9, 0.99, 0.999)
_ERRORS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Phase:
    """The requests of one phase to one arm; the contract's deliberate bad requests do not count as failed, nor any but load as late."""

    name: str
    arm: str
    requests: str
    failed: str
    late: str


@dataclass(frozen=True, slots=True)
class ErrorText:
    """One error as recorded, and how often."""

    text: str
    times: str


@dataclass(frozen=True, slots=True)
class QuantileRow:
    """One line of the latency table: a cell for each series, in their order; `bound` is what was declared for it."""

    name: str
    cells: tuple[str, ...]
    bound: str = ""


@dataclass(frozen=True, slots=True)
class Latencies:
    """The latency of each arm over the requests of one phase: drawn, and in numbers."""

    title: str
    note: str
    chart: charts.Chart
    arms: tuple[str, ...]
    table: tuple[QuantileRow, ...]


def latencies(rows: Rows, plan: Plan) -> tuple[Latencies, ...]:
    """Under load; and where stable got none of that, of both arms while they were asked the same cases."""
    loaded, asked = _load_series(rows), _hold_out_series(rows, plan)
    bounds = tuple(charts.Bound(check.quantile, check.at_most_ns) for check in plan.checks if isinstance(check, LatencyTerms))
    both_loaded = len(loaded) == len(_ARMS)
    found = []
    if loaded:
        alone = "" if both_loaded else "Only the candidate was under load. "
        ring = "Where a ring is drawn, the curve must pass under it. Each further nine is given the same width."
        found.append(_latencies("Under load", alone + ring, loaded, bounds))
    if asked and not both_loaded:
        note = "The same cases to both arms, mixed in one schedule. This is for comparing them: no bound is judged by it."
        found.append(_latencies("While the hold-out was asked", note, asked, ()))
    return tuple(found)


def _latencies(title: str, note: str, series: tuple[charts.Series, ...], bounds: tuple[charts.Bound, ...]) -> Latencies:
    when = f"{title[:1].lower()}{title[1:]}"
    chart = charts.quantile_chart(f"latency-{when.replace(' ', '-')}", f"Latency by quantile {when}", series, bounds)
    return Latencies(title, note, chart, tuple(one.arm for one in series), _quantile_table(series, bounds))


def _load_series(rows: Rows) -> tuple[charts.Series, ...]:
    """Latencies under load of each arm that got any, ascending; a failed request is infinity."""
    loaded = ((arm, rows.phase(LOAD, arm)) for arm in _ARMS)
    return tuple(charts.Series(arm, np.sort(taken.latency_ns)) for arm, taken in loaded if len(taken))


def _hold_out_series(rows: Rows, plan: Plan) -> tuple[charts.Series, ...]:
    """Latencies of both arms on the samples that both were asked, each case once; nothing where an arm was asked none."""
    shared = [sample.check for sample in plan.samples if set(_ARMS) <= set(sample.arms)]
    taken = {arm: np.concatenate([np.empty(0), *(answers_of(rows, check, arm).latency_ns for check in shared)]) for arm in _ARMS}
    return tuple(charts.Series(arm, np.sort(each)) for arm, each in taken.items()) if all(map(len, taken.values())) else ()


def _quantile_table(series: Sequence[charts.Series], bounds: Sequence[charts.Bound]) -> tuple[QuantileRow, ...]:
    """The numbers of the latency chart: the usual quantiles and the declared ones, the slowest answer, and how many failed."""
    declared = {bound.quantile: f"≤ {formats.duration(bound.at_most_ns)}" for bound in bounds}
    most = max((len(one.latencies_ns) for one in series), default=0)
    places = sorted({*(place for place in _QUANTILES if most * (1 - place) >= 1), *declared})  # p99.9 of 200 requests is only their maximum
    answered = [one.latencies_ns[np.isfinite(one.latencies_ns)] for one in series]
    return (
        *(
            QuantileRow(
                charts.quantile_name(place),
                tuple(charts.latency_text(charts.quantile(one.latencies_ns, place)) for one in series),
                declared.get(place, ""),
            )
            for place in places
        ),
        QuantileRow("slowest answer", tuple(formats.duration(float(kept[-1])) if len(kept) else formats.NONE for kept in answered)),
        QuantileRow("failed", tuple(formats.whole(len(one.latencies_ns) - len(kept)) for one, kept in zip(series, answered, strict=True))),
    )


def phases(rows: Rows, late_ns: int | None) -> tuple[Phase, ...]:
    """Requests by phase and arm, in the order in which the phases began."""
    names = list(zip(rows.text("check"), rows.text("arm"), strict=True))
    late = rows.late(late_ns) if late_ns is not None else np.zeros(len(rows), dtype=np.bool_)
    requests = Counter(names)
    failed = Counter(name for name, is_failed in zip(names, rows.failed.tolist(), strict=True) if is_failed and name[0] != CONTRACT)
    sent_late = Counter(name for name, is_late in zip(names, late.tolist(), strict=True) if is_late and name[0] == LOAD)
    begun = {check: place for place, check in enumerate(dict.fromkeys(check for check, _ in names))}
    return tuple(
        Phase(check, arm, *(formats.whole(counts[check, arm]) for counts in (requests, failed, sent_late)))
        for check, arm in sorted(requests, key=lambda name: (begun[name[0]], name[1]))
    )


def commonest_errors(rows: Rows) -> tuple[ErrorText, ...]:
    """The most frequent errors outside of the contract check, most frequent first."""
    texts = Counter(rows.only(rows.present("error") & ~rows.equal("check", CONTRACT)).text("error"))
    ordered = sorted(texts.items(), key=lambda found: (-found[1], found[0]))
    return tuple(ErrorText(text, formats.whole(times)) for text, times in ordered[:_ERRORS_SHOWN])
