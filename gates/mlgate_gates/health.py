"""Whether the observations can be trusted at all. Judged before any check: on rows beyond repair every check is VOID.

Rows are held against the generator's own account: what is not among them, and a clock that jumped under them, shows nowhere else.

A late or a lost row is not beyond repair: the checks count it against whatever would be proven (`checks/rate.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mlgate.digests import short
from mlgate.quantities import format_duration
from mlgate_gates.plan import CONTRACT, Plan
from mlgate_gates.rows import LOAD, WARM_UP, BoolArray, Rows
from mlgate_loadtests.account import Generator
from mlgate_loadtests.clock import STEP_NS

ARMS = ("candidate", "stable")
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Health:
    """`problems`: sentences, each enough to void everything. `numbers`: counts, and the generator's lag over load rows in ns."""

    problems: tuple[str, ...]
    numbers: dict[str, int]

    def to_dict(self) -> dict[str, object]:
        """Its part of the result."""
        return {**self.numbers, "problems": list(self.problems)}


def assess(plan: Plan, rows: Rows, generator: Generator, *, ended: bool) -> Health:
    """The health of `rows` under `plan`. While a gate runs (not `ended`), rows of the generator's last run may still be under way."""
    load = rows.only(rows.equal("check", LOAD))
    lag = load.lag_ns
    numbers = {
        "rows": len(rows),
        "sent": sum(run.sent for run in generator.runs),
        "load_rows": len(load),
        "late": int(load.late(plan.load.late_ns).sum()) if plan.load else 0,
        "lost": int(rows.lost.sum()),
        "wrong_digest": sum(int(_wrong_digest(plan, rows, arm).sum()) for arm in ARMS),
        "runs": len(generator.runs),
        "lag_p50_ns": int(np.quantile(lag, 0.5, method="inverted_cdf")) if len(lag) else 0,
        "lag_p99_ns": int(np.quantile(lag, 0.99, method="inverted_cdf")) if len(lag) else 0,
        "clock_stepped_ns": max((run.clock_stepped_ns for run in generator.runs), key=abs, default=0),
    }
    problems = (
        *_strangers(plan, rows),
        *_digests(plan, rows),
        *_steps(plan, generator),
        *_clock(plan, rows),
        *_unaccounted(rows, generator, ended=ended),
        *_gaps(load),
        *_numbers(rows),
    )
    return Health(problems, numbers)


def _wrong_digest(plan: Plan, rows: Rows, arm: str) -> BoolArray:
    release = plan.release_of(arm)
    if release is None:
        return np.zeros(len(rows), dtype=np.bool_)
    return rows.equal("arm", arm) & rows.answered & ~rows.equal("served_digest", release)


def _strangers(plan: Plan, rows: Rows) -> Iterator[str]:
    arms = {"candidate"} | ({"stable"} if plan.stable else set())
    phases = {CONTRACT, WARM_UP, LOAD} | {sample.check for sample in plan.samples}
    for what, column, known in (("arms", "arm", arms), ("phases", "check", phases)):
        if unknown := sorted(set(rows.table[column].unique().to_pylist()) - known):
            yield f"rows of {what} that the plan does not have: {', '.join(unknown[:_NAMED])}"


def _digests(plan: Plan, rows: Rows) -> Iterator[str]:
    for arm in ARMS:
        if plan.release_of(arm) is None:
            yield from _changed(rows, arm)
            continue
        wrong = _wrong_digest(plan, rows, arm)
        if wrong.any():
            served = sorted({digest or "none" for digest in rows.only(wrong).text("served_digest")})
            named = ", ".join(short(digest) for digest in served[:_NAMED])
            wanted = short(plan.release_of(arm) or "")
            yield f"wrong digest served: {int(wrong.sum()):,} answers of {arm} came from {named}, not from {wanted}"


def _changed(rows: Rows, arm: str) -> Iterator[str]:
    """An endpoint of which no release is known must at least stay the same one."""
    served = Counter(rows.only(rows.equal("arm", arm) & rows.answered).text("served_digest"))
    if len(served) > 1:
        named = ", ".join(f"{count:,} from {short(digest) if digest else 'none'}" for digest, count in served.most_common(_NAMED))
        yield f"wrong digest served: answers of {arm} came from {len(served)} releases: {named}"


def _steps(plan: Plan, generator: Generator) -> Iterator[str]:
    """A jump under what counts as late could decide nothing, nor could any where nothing is timed: it is only told."""
    if plan.load is None:
        return
    for run in generator.runs:
        if abs(run.clock_stepped_ns) > plan.load.late_ns:
            by = ("-" if run.clock_stepped_ns < 0 else "") + format_duration(round(abs(run.clock_stepped_ns), -6))
            yield f"clock stepped: the wall clock jumped by {by} against the monotonic one during run {run.run}"


def _clock(plan: Plan, rows: Rows) -> Iterator[str]:
    run, scheduled, sent = rows.whole("run"), rows.whole("scheduled_ns"), rows.whole("sent_ns")
    first, done = rows.whole("first_byte_ns"), rows.whole("done_ns")
    # A timer may fire early by its own grain, which is far under what counts as late.
    grain_ns = plan.load.late_ns if plan.load else STEP_NS
    early = (sent > 0) & (sent < scheduled - grain_ns)
    backwards = ((first > 0) & (first < sent)) | ((done > 0) & (done < np.maximum(sent, first)))
    endless = ~rows.failed & ((done <= 0) | (sent <= 0))
    for what, which in (
        ("were sent before their instant", early),
        ("ended before they began", backwards),
        ("succeeded without a beginning or an end", endless),
    ):
        if which.any():
            yield f"clock stepped: {int(which.sum()):,} requests {what}"
    starts = np.flatnonzero(np.diff(run)) + 1
    if (scheduled[starts] < scheduled[starts - 1]).any():
        yield "clock stepped: a later run was scheduled before an earlier one ended"


def _unaccounted(rows: Rows, generator: Generator, *, ended: bool) -> Iterator[str]:
    """Every request that was sent has its row, and nothing else has one."""
    numbers = [run.run for run in generator.runs]
    if numbers != list(range(len(numbers))):
        yield f"the generator's account lacks runs: it has {', '.join(map(str, numbers[:_NAMED]))}, ... up to {max(numbers)}"
    found = Counter(rows.whole("run").tolist())
    if unknown := sorted(found.keys() - set(numbers)):
        yield f"rows of runs that the generator's account does not have: {', '.join(map(str, unknown[:_NAMED]))}"
    under_way = None if ended or not numbers else numbers[-1]
    for run in generator.runs:
        there = found[run.run]
        if there > run.sent or (there < run.sent and run.run != under_way):
            yield f"rows lost or added: {run.sent:,} requests were sent in run {run.run}, and {there:,} rows of it are there"


def _gaps(load: Rows) -> Iterator[str]:
    """Load rows of a run are numbered 0, 1, 2, ... in schedule order: a number missing or repeated is a row missing or repeated."""
    run, block = load.whole("run"), load.whole("block")
    if not len(load):
        return
    starts = np.concatenate([[0], np.flatnonzero(np.diff(run)) + 1])
    place = np.arange(len(load)) - np.repeat(starts, np.diff([*starts, len(load)]))
    if (block != place).any():
        at = int(np.argmax(block != place))
        yield f"rows missing or repeated: request {place[at]:,} of run {run[at]} carries the number {block[at]:,}"


def _numbers(rows: Rows) -> Iterator[str]:
    for name in ("answer", "score"):
        broken = rows.present(name) & ~np.isfinite(rows.number(name))
        if broken.any():
            yield f"NaN or infinity in {name} of {int(broken.sum()):,} rows"
