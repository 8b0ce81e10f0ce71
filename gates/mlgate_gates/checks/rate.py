"""A share of requests under a limit, judged while they arrive: what latency and error rate have in common.

Independent requests only (`bursts: independent`). Each side has its e-process (`statistics/eprocess.py`):

- PASS needs e >= 1/alpha over all rows judged, and the load watched for `at_least`.
- FAIL needs e >= 1/alpha_block after any prefix of the schedule: it stops at its first proof, whatever `at_least` says.

A row that the generator sent late, or lost, counts against whatever would be proven: for PASS with its full latency from schedule and
as failed, for FAIL as fine. What would stand otherwise and does not so is VOID: the generator, not the release, would have decided.
"""

from __future__ import annotations

from math import ceil, log

import numpy as np

from mlgate import Verdict
from mlgate.quantities import format_share
from mlgate_gates.checks.claims import concluded, decided
from mlgate_gates.plan import ErrorRateTerms, LatencyTerms, Plan
from mlgate_gates.result import Finding, Number
from mlgate_gates.rows import BoolArray, FloatArray, IntArray, Rows
from mlgate_gates.statistics import eprocess

# JSON has no infinity: an e-value that underflowed is shown as this one, far from every threshold.
LOWEST_LOG_E = -1000.0
_PATH_POINTS = 200


class _Counted:
    """Which requests were over, as one side counts them, and the e-processes at chosen places of the schedule.

    The e-process for FAIL rises only with an exceedance and the one for PASS falls only with one, so the maxima over all prefixes lie
    right after and right before exceedances, and nothing else needs to be computed.
    """

    def __init__(self, over: BoolArray, share: float) -> None:
        self.counts = np.cumsum(over)
        self._share = share
        exceedances = np.flatnonzero(over)
        self.peaks_of_fail = np.unique([0, *exceedances])
        self.peaks_of_pass = np.unique([*np.maximum(exceedances - 1, 0), len(over) - 1])
        self.log_fail_at_peaks = self.log_fail(self.peaks_of_fail)

    def log_pass(self, places: IntArray) -> FloatArray:
        """log e for PASS after the requests at `places` (from 0) and all before them."""
        return eprocess.log_e_below(self.counts[places], places + 1, self._share)

    def log_fail(self, places: IntArray) -> FloatArray:
        """log e for FAIL likewise."""
        return eprocess.log_e_above(self.counts[places], places + 1, self._share)

    @property
    def log_pass_at_the_end(self) -> float:
        """log e for PASS after all requests."""
        return float(eprocess.log_e_below(self.counts[-1], len(self.counts), self._share))


def judge_rate(
    terms: LatencyTerms | ErrorRateTerms, plan: Plan, load: Rows, over: BoolArray, share: float, *, what: str, estimate: float | None
) -> Finding:
    """The finding for "under `share` of requests `what`"; `over` says of each row of `load` whether it did, as measured."""
    assert plan.load is not None, "a plan with objectives has a load"
    late, lost = load.late(plan.load.late_ns), load.lost
    doubted = late | lost
    for_pass, for_fail = _Counted(over, share), _Counted(over & ~doubted, share)
    log_pass, log_fail = for_pass.log_pass_at_the_end, for_fail.log_fail_at_peaks
    enough_pass, enough_fail = log(1 / plan.alpha), log(1 / plan.alpha_block)
    proofs = for_fail.peaks_of_fail[log_fail >= enough_fail]
    unwatched_ns = max(0, plan.load.at_least_ns - load.watched_ns)
    verdict = decided(
        disproven=len(proofs) > 0,
        proven=log_pass >= enough_pass and not unwatched_ns,
        doubtful=bool(doubted.any())
        and bool(
            for_pass.log_fail_at_peaks.max() >= enough_fail or (for_fail.log_pass_at_the_end >= enough_pass and not unwatched_ns),
        ),
    )
    limit = format_share(share)
    concludes = {
        Verdict.FAIL: f"which proves a share over {limit}",
        Verdict.PASS: f"which proves a share under {limit}",
        Verdict.VOID: f"and the verdict hangs on {int(doubted.sum()):,} that the generator sent late or lost",
        Verdict.INCONCLUSIVE: (
            f"which proves a share under {limit} once the load was watched long enough"
            if log_pass >= enough_pass
            else f"which neither proves nor refutes a share under {limit}"
        ),
    }
    exceeded, requests = int(over.sum()), len(load)
    numbers: dict[str, Number] = {
        "n": requests,
        "k": exceeded,
        "limit": share,
        "failed": int(load.failed.sum()),
        "late": int(late.sum()),
        "lost": int(lost.sum()),
        "log_e_pass": _shown(log_pass),
        "log_e_fail": _shown(log_fail.max()),
        "threshold_pass": enough_pass,
        "threshold_fail": enough_fail,
        "watched_ns": load.watched_ns,
        **({"proved_at": int(proofs[0]) + 1} if len(proofs) else {}),
    }
    return concluded(
        terms,
        verdict,
        f"{exceeded:,} of {requests:,} requests {what}, {concludes[verdict]}",
        estimate=estimate,
        requests=requests,
        numbers=numbers,
        path=_path(for_pass, for_fail),
        missing=_missing(exceeded, requests, share, plan, unwatched_ns) if verdict is Verdict.INCONCLUSIVE else None,
    )


def _shown(log_e: float) -> float:
    """Nine digits: what differs between processors lies beyond them."""
    return float(f"{max(log_e, LOWEST_LOG_E):.9g}")


def _path(for_pass: _Counted, for_fail: _Counted) -> tuple[tuple[int, float, float], ...]:
    """At most 200 points evenly over the requests, the last and both maxima among them."""
    last = len(for_pass.counts) - 1
    highest = [
        int(for_pass.peaks_of_pass[for_pass.log_pass(for_pass.peaks_of_pass).argmax()]),
        int(for_fail.peaks_of_fail[for_fail.log_fail_at_peaks.argmax()]),
    ]
    evenly = np.linspace(0, last, min(last + 1, _PATH_POINTS - len(highest))).astype(np.int64).tolist()
    places = np.array(sorted({*evenly, *highest}))
    both = zip(places.tolist(), for_pass.log_pass(places), for_fail.log_fail(places), strict=True)
    return tuple((place + 1, _shown(log_pass), _shown(log_fail)) for place, log_pass, log_fail in both)


def _missing(exceeded: int, requests: int, share: float, plan: Plan, unwatched_ns: int) -> str:
    assert plan.load is not None
    total = eprocess.requests_needed(share, plan.alpha, rate=exceeded / requests, at_least=requests)
    if total is None:
        return "cannot: at the observed rate the claim is false"
    more_s = max((total - requests) / plan.load.rate_per_s, unwatched_ns / 1e9)
    return f"about {ceil(more_s * plan.load.rate_per_s):,} more requests at the observed rate ({ceil(more_s):,} s of the load)"
