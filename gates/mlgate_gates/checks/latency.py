"""A latency quantile within a bound: the share of slower requests is under 1 - quantile. A failed request is slower than any bound."""

from __future__ import annotations

from math import ceil

import numpy as np

from mlgate.quantities import format_duration
from mlgate_gates.checks.claims import not_run
from mlgate_gates.checks.rate import judge_rate
from mlgate_gates.plan import LatencyTerms, Plan
from mlgate_gates.result import Finding
from mlgate_gates.rows import LOAD, FloatArray, Rows


def judge_latency(terms: LatencyTerms, plan: Plan, rows: Rows) -> Finding:
    """Latency runs from the scheduled instant to the last byte. The estimate is the observed quantile in ns, None where it failed."""
    load = rows.phase(LOAD, "candidate")
    if not len(load):
        return not_run(terms)
    latency = load.latency_ns
    return judge_rate(
        terms,
        plan,
        load,
        latency > terms.at_most_ns,
        terms.share,
        what=f"took over {format_duration(terms.at_most_ns)} or failed{load.failures}",
        estimate=_quantile(latency, terms.quantile),
    )


def _quantile(latency_ns: FloatArray, quantile: float) -> float | None:
    """The least observed latency that at least `quantile` of the requests kept."""
    place = max(ceil(round(quantile * len(latency_ns), 6)), 1) - 1
    found = float(np.partition(latency_ns, place)[place])
    return found if np.isfinite(found) else None
