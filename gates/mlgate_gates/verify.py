"""Evidence checked offline: who signed it, that nothing was altered, and the verdict computed again from the raw rows.

Prose is not compared: it is signed, so nobody changed it, and a later mlgate may word it better. Every signed number must come out again,
the plan must be what its own declaration leads to, and the load must have gone out by the plan's schedule. The cases themselves are not
among the rows, so of answers by class or slice the sums are checked.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mlgate.digests import digest_file, digest_json
from mlgate.errors import EvidenceError
from mlgate_evidence.statement import read_evidence
from mlgate_evidence.store import EVIDENCE_FILE
from mlgate_evidence.trust import Trust
from mlgate_gates.checks.answers import answers_of
from mlgate_gates.judge import judge
from mlgate_gates.phases import load_arrivals
from mlgate_gates.plan import Plan, PlannedLoad
from mlgate_gates.planning import declared_service, plan_again
from mlgate_gates.predicate import LOOK_FILE, OBSERVATIONS_FILE, PLAN_FILE, Confusion, Observations, Slice, read_predicate
from mlgate_gates.result import GateResult
from mlgate_gates.rows import LOAD, WARM_UP, Rows
from mlgate_gates.samples import declared_files
from mlgate_loadtests.account import Generator
from mlgate_loadtests.recording import read_observations

_PROSE = frozenset({"claim", "reason", "missing"})
_SENTENCES = frozenset({"problems"})  # prose too, of which there must be as many
# Special functions differ in their last digits between versions and processors. In a logarithm that is an absolute difference.
_RELATIVE, _OF_LOGARITHMS = 1e-6, 1e-6
_GATE_AGAIN = "restore the folder from a copy; if this is how it was signed, do not trust it: gate the release again"


@dataclass(frozen=True, slots=True)
class Verified:
    """Evidence that held: its result as recomputed, from how many rows, signed when and by which key, under which plan.

    The plan says what all this is about: service, stage, subject, attempt and route.
    """

    result: GateResult
    rows: int
    signed_ns: int
    keyid: str
    plan: Plan
    plan_digest: str


def verify_folder(folder: Path, trust: Trust, *, now_ns: int | None = None) -> Verified:
    """Verify the evidence of one attempt: `evidence.json`, `observations.parquet` and, where they are there, `plan.json` and `look.json`.

    `now_ns` is the present, to refuse signatures from the future (default: the clock). Raises EvidenceError: for an envelope that does not
    hold, with that alone; for everything else with every difference found.
    """
    envelope = folder / EVIDENCE_FILE
    try:
        content = envelope.read_bytes()
    except OSError as error:
        raise EvidenceError(f"cannot be read: {error.strerror}", where=str(envelope), remedy="name the folder of an attempt") from None
    evidence = read_evidence(content, trust, None, time.time_ns() if now_ns is None else now_ns, where=str(envelope))
    predicate = evidence.statement["predicate"]
    signed = read_predicate(predicate)
    plan = signed.plan
    observations = folder / OBSERVATIONS_FILE
    rows = read_observations(observations)
    observed = Rows.of(rows)
    result = judge(plan, rows, Generator.from_dict(predicate.get("generator")))
    found = [
        *_plan_differences(folder / PLAN_FILE, predicate["plan"]),
        *differences(plan.to_dict(), plan_again(plan).to_dict(), "plan"),
        *_look_differences(folder / LOOK_FILE, signed.look.digest),
        *_observation_differences(observations, rows, signed.observations),
        *differences(predicate["result"], result.to_dict(), "result"),
        *_confusion_differences(plan, observed, signed.confusion),
        *_slice_differences(plan, observed, signed.slices),
    ]
    if plan.load is not None and not result.health["problems"]:  # rows that prove nothing may have any schedule
        found += _schedule_differences(plan.load, observed, signed.versions.get("numpy"))
    if found:
        raise EvidenceError(
            "the evidence does not hold:\n" + "\n".join(f"- {each}" for each in found), where=str(folder), remedy=_GATE_AGAIN
        )
    return Verified(result, rows.num_rows, evidence.signed_ns, evidence.keyid, plan, evidence.plan_digest)


def differences(signed: Any, computed: Any, at: str) -> Iterator[str]:
    """Where `computed` does not give what was `signed`, a sentence each; what was computed on top of it is no difference."""
    if isinstance(signed, dict) and isinstance(computed, dict):
        for key, value in signed.items():
            if key not in computed:
                yield f"{at}.{key} was signed as {value!r} and does not come out again"
            elif key in _SENTENCES:
                yield from differences(len(value), len(computed[key]), f"{at}.{key}")
            elif key not in _PROSE:
                yield from differences(value, computed[key], f"{at}.{key}")
    elif isinstance(signed, list) and isinstance(computed, list):
        if len(signed) != len(computed):
            yield f"{at} was signed with {len(signed)} items, and {len(computed)} come out"
        for index, (one, other) in enumerate(zip(signed, computed, strict=False)):
            yield from differences(one, other, f"{at}[{index}]")
    elif not _same(signed, computed, logarithm=".path[" in at or ".log_e_" in at):
        yield f"{at} was signed as {signed!r}, and {computed!r} comes out"


def _same(signed: Any, computed: Any, *, logarithm: bool) -> bool:
    if isinstance(signed, float) and isinstance(computed, float):
        return isclose(signed, computed, rel_tol=_RELATIVE, abs_tol=_OF_LOGARITHMS if logarithm else 0.0)
    return isinstance(signed, bool) == isinstance(computed, bool) and bool(signed == computed)


def _plan_differences(path: Path, signed: Any) -> Iterator[str]:
    if not path.exists():
        return  # the signed statement holds the plan itself
    try:
        digest = digest_json(json.loads(path.read_bytes()))
    except ValueError as error:
        yield f"plan.json is not JSON: {error}"
        return
    if digest != digest_json(signed):
        yield f"plan.json has digest {digest}, and the plan that was signed has {digest_json(signed)}"


def _look_differences(path: Path, signed: str) -> Iterator[str]:
    """No verdict rests on the cases to look at, so they may be gone; but people judge by them, so they may not be others."""
    if path.exists() and (digest := digest_file(path)) != signed:
        yield f"look.json has digest {digest}, and what was signed has {signed}"


def _observation_differences(path: Path, rows: pa.Table, signed: Observations) -> Iterator[str]:
    digest = digest_file(path)
    if digest != signed.digest:
        yield f"observations.parquet has digest {digest}, and what was signed has {signed.digest}"
    if rows.num_rows != signed.rows:
        yield f"observations.parquet has {rows.num_rows:,} rows, and what was signed has {signed.rows}"


def _confusion_differences(plan: Plan, rows: Rows, signed: Confusion | None) -> Iterator[str]:
    """How often each class was answered, and how often rightly."""
    samples = [sample for sample in plan.samples if not sample.look]
    if signed is None or not samples:
        return
    classes = range(len(signed.labels))
    yield from differences(list(signed.labels), [str(each) for each in classes], "confusion.labels")
    for arm, counts in (("candidate", signed.candidate), ("stable", signed.stable)):
        if not counts:
            continue
        answers = answers_of(rows, samples[0].check, arm)
        answered = Counter(answers.text("answer"))  # None: no answer, the last column
        yield from differences(
            [sum(column) for column in zip(*counts, strict=True)], [answered[each] for each in (*classes, None)], f"confusion.{arm}"
        )
        yield from differences(sum(counts[each][each] for each in classes), _right(answers), f"confusion.{arm}.right")


def _slice_differences(plan: Plan, rows: Rows, signed: Mapping[str, Mapping[str, tuple[Slice, ...]]]) -> Iterator[str]:
    """How many cases the values of a declared slice have together, and how many of them were answered rightly."""
    files = declared_files(declared_service(plan), with_stable=plan.stable is not None)
    declared = {(sample.id, name): sample for sample in plan.samples if sample.data in files for name in files[sample.data].slices}
    for identifier, columns in signed.items():
        for name, parts in columns.items():
            at = f"slices.{identifier}.{name}"
            sample = declared.get((identifier, name))
            if sample is None:
                yield f"{at} was signed, and no such slice is declared"
                continue
            right = _right(answers_of(rows, sample.check, "candidate"))
            yield from differences(sum(part.cases for part in parts), sample.cases, f"{at}.cases")
            yield from differences(sum(part.right for part in parts), right, f"{at}.right")


def _right(answers: Rows) -> int:
    return int(((answers.number("score") == 1) & ~answers.failed).sum())


def _schedule_differences(load: PlannedLoad, rows: Rows, numpy: str | None) -> Iterator[str]:
    """Each run of the load against the arrivals that the plan's seed and rate give, to the nanosecond; `numpy` drew them."""
    loaded = rows.only(rows.equal("check", WARM_UP) | rows.equal("check", LOAD))
    run, scheduled, watched = loaded.whole("run"), loaded.whole("scheduled_ns"), loaded.equal("check", LOAD)
    for number in np.unique(run).tolist():
        here = run == number
        arrivals = load_arrivals(load, number, load.at_most_ns)[: int(here.sum())]
        kept = np.array_equal(scheduled[here] - scheduled[here][0], arrivals - arrivals[0])
        if kept and np.array_equal(watched[here], arrivals >= load.warm_up_ns):
            continue
        other = "" if numpy == np.__version__ else f" (drawn by numpy {numpy}, and again by {np.__version__})"
        yield f"run {number}: its {int(here.sum()):,} requests did not go out when the plan's seed and rate say{other}"
