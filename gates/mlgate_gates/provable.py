"""Whether a claim could be proven by any data at all: asked before the first request, answered with numbers.

Without it such a gate ends INCONCLUSIVE after minutes of load, and its owner learns nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import ceil, floor

from mlgate.errors import Problem
from mlgate.quantities import format_duration, format_rate, format_share
from mlgate.service import AbsoluteBar, LatencyObjective, Load, MarginBar, Service
from mlgate_gates.samples import Sample, sample_of
from mlgate_gates.statistics import eprocess, exact, paired

_SET_ASIDE = "set other cases aside to look at, so that nobody tunes to these"


def allowed_share(quantile: float) -> float:
    """The share that lies over a quantile, as decimals subtract and not as floats do."""
    return float(1 - Decimal(repr(quantile)))


def unprovable(service: Service, bars: Sequence[AbsoluteBar | MarginBar], samples: Sequence[Sample], alpha: float) -> list[Problem]:
    """What stands in the way of a PASS whatever the data: a bar over what its sample can show, an objective that needs more requests than
    the declared load sends, cases to look at that also gate.
    """
    gating = {bar.data for bar in service.quality}
    problems = [
        Problem(f"quality {bar.name}", f"look_at {bar.look_at} also gates", _SET_ASIDE)
        for bar in bars
        if isinstance(bar, AbsoluteBar) and bar.look_at in gating
    ]
    if problems:
        return problems  # such a file is a sample to look at, and the bar on it has none
    problems += _looked_at(samples)
    for bar in bars:
        cases = len(sample_of(bar, samples).cases.case_ids)
        problem = _unprovable_bar(bar, cases, alpha) if isinstance(bar, AbsoluteBar) else _unprovable_margin(bar, cases, alpha)
        problems += [problem] if problem else []
    for objective in service.objectives:
        share = allowed_share(objective.quantile) if isinstance(objective, LatencyObjective) else objective.at_most
        assert service.load is not None, "the declaration refuses objectives without a load"
        problems += _unprovable_rate(objective.name, share, service.load, alpha)
    return problems


def _looked_at(samples: Sequence[Sample]) -> list[Problem]:
    """Cases to look at that gate under another name, or in another file."""
    asked = {content for sample in samples if not sample.look for content in sample.cases.contents}
    return [
        Problem(f"look_at {sample.data}", f"{shared:,} of its {len(sample.cases):,} cases have the inputs of cases that gate", _SET_ASIDE)
        for sample in samples
        if sample.look and (shared := sum(content in asked for content in sample.cases.contents))
    ]


def _unprovable_bar(bar: AbsoluteBar, cases: int, alpha: float) -> Problem | None:
    if exact.right_needed(cases, bar.at_least, alpha) is not None:
        return None
    return Problem(
        f"quality {bar.name}",
        f"{cases} cases of {bar.data} cannot prove at_least {bar.at_least:g} at alpha {alpha:g}, even with every answer right",
        f"{exact.cases_needed(bar.at_least, alpha)} cases can; or declare a bar of at most {floor(1e4 * alpha ** (1 / cases)) / 1e4:g}",
    )


def _unprovable_margin(bar: MarginBar, cases: int, alpha: float) -> Problem | None:
    if paired.p_value(0, 0, cases, -bar.margin, gamma=paired.gamma_for(alpha)) <= alpha:
        return None
    return Problem(
        f"quality {bar.name}",
        f"{cases} cases of {bar.data} cannot prove a margin of {bar.margin:g} at alpha {alpha:g}, even with every answer like stable's",
        f"{paired.cases_needed(bar.margin, alpha)} cases can; or declare a wider margin",
    )


def _unprovable_rate(name: str, share: float, load: Load, alpha: float) -> list[Problem]:
    needed = eprocess.requests_needed(share, alpha)
    sent = load.rate * load.at_most / 1e9
    if needed is not None and needed <= sent:
        return []
    number = "over 10^15" if needed is None else f"{needed:,}"
    return [
        Problem(
            f"objectives {name}",
            f"{format_rate(load.rate)} for at most {format_duration(load.at_most)} is about {sent:,.0f} requests, and {number} are "
            f"needed to prove a share under {format_share(share)} at alpha {alpha:g}, even with none over it",
            "a bound that can be proven" if needed is None else f"load.at_most of {ceil(needed / load.rate)} s or more, or a higher rate",
        )
    ]
