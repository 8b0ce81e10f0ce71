"""Evidence checked offline: who signed it, that nothing was altered, and the verdict computed again from the raw rows.

Prose is not compared: it is signed, so nobody changed it, and a later mlgate may word it better. Every signed number must come out again.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

import pyarrow as pa

from mlgate.digests import digest_file, digest_json
from mlgate.errors import EvidenceError
from mlgate_evidence.statement import read_evidence
from mlgate_evidence.trust import Trust
from mlgate_gates.judge import judge
from mlgate_gates.plan import Plan
from mlgate_gates.result import GateResult
from mlgate_gates.rows import Rows
from mlgate_loadtests.recording import read_observations

_PROSE = frozenset({"claim", "reason", "missing"})
# Special functions differ in their last digits between versions and processors. In a logarithm that is an absolute difference.
_RELATIVE, _OF_LOGARITHMS = 1e-6, 1e-6
_GATE_AGAIN = "restore the folder from a copy; if this is how it was signed, do not trust it: gate the release again"


@dataclass(frozen=True, slots=True)
class Verified:
    """Evidence that held: its result as recomputed, from how many rows, signed by which key, under which plan."""

    result: GateResult
    rows: int
    keyid: str
    plan_digest: str


def verify_folder(folder: Path, trust: Trust, *, now_ns: int | None = None) -> Verified:
    """Verify the evidence of one attempt: `evidence.json`, `observations.parquet` and, where it is there, `plan.json` in `folder`.

    `now_ns` is the present, to refuse signatures from the future (default: the clock). Raises EvidenceError: for an envelope that does not
    hold, with that alone; for everything else with every difference found.
    """
    envelope = folder / "evidence.json"
    try:
        content = envelope.read_bytes()
    except OSError as error:
        raise EvidenceError(f"cannot be read: {error.strerror}", where=str(envelope), remedy="name the folder of an attempt") from None
    evidence = read_evidence(content, trust, None, time.time_ns() if now_ns is None else now_ns, where=str(envelope))
    predicate = evidence.statement["predicate"]
    plan = Plan.from_dict(predicate["plan"])
    observations = folder / "observations.parquet"
    rows = read_observations(observations)
    result = judge(plan, rows)
    found = [
        *_plan_differences(folder / "plan.json", predicate["plan"]),
        *_observation_differences(observations, rows, predicate.get("observations")),
        *differences(predicate["result"], result.to_dict(), "result"),
        *_confusion_differences(plan, rows, predicate.get("confusion")),
    ]
    if found:
        raise EvidenceError(
            "the evidence does not hold:\n" + "\n".join(f"- {each}" for each in found), where=str(folder), remedy=_GATE_AGAIN
        )
    return Verified(result, rows.num_rows, evidence.keyid, evidence.plan_digest)


def differences(signed: Any, computed: Any, at: str) -> Iterator[str]:
    """Where `computed` does not give what was `signed`, a sentence each; what was computed on top of it is no difference."""
    if isinstance(signed, dict) and isinstance(computed, dict):
        for key, value in signed.items():
            if key not in computed:
                yield f"{at}.{key} was signed as {value!r} and does not come out again"
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


def _observation_differences(path: Path, rows: pa.Table, signed: Any) -> Iterator[str]:
    if not isinstance(signed, dict):
        yield "no observations were signed"
        return
    digest = digest_file(path)
    if digest != signed.get("digest"):
        yield f"observations.parquet has digest {digest}, and what was signed has {signed.get('digest')}"
    if rows.num_rows != signed.get("rows"):
        yield f"observations.parquet has {rows.num_rows:,} rows, and what was signed has {signed.get('rows')}"


def _confusion_differences(plan: Plan, rows: pa.Table, signed: Any) -> Iterator[str]:
    """Labels are not among the rows, so what can be checked is how often each class was answered, and how often rightly."""
    samples = [sample for sample in plan.samples if not sample.look]
    if not isinstance(signed, dict) or not samples:
        return
    labels = [float(label) for label in signed["labels"]]
    observed = Rows.of(rows)
    for arm in ("candidate", "stable"):
        counts = signed.get(arm)
        if counts is None:
            continue
        phase = observed.phase(f"quality:{samples[0].id}", arm)
        answered = Counter(phase.text("answer"))  # None: no answer, the last column
        right = int(((phase.number("score") == 1) & ~phase.failed).sum())
        yield from differences(
            [sum(column) for column in zip(*counts, strict=True)], [answered[each] for each in (*labels, None)], f"confusion.{arm}"
        )
        yield from differences(sum(counts[place][place] for place in range(len(counts))), right, f"confusion.{arm}.right")
