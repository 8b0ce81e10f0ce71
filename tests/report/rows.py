"""Rows of a scenario: made up, as a generator leaves them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from mlgate_gates.contract_cases import contract_names
from mlgate_loadtests.recording import SCHEMA

from .scenarios import CASES, LOOK_CASES, SECOND_NS, STABLE, START_NS, WRONGLY_SEEN, Array, Scenario, declared, digits, hold_out


def rows_of(scenario: Scenario) -> pa.Table:
    rng = np.random.default_rng(11)
    tables, at = [_contract(rng, scenario)], START_NS + SECOND_NS
    tables.append(_sample(rng, at, "quality:holdout", "candidate", scenario.served, hold_out(), scenario.wrong, scenario, run=1))
    if not scenario.first_release:
        tables.append(_sample(rng, at, "quality:holdout", "stable", STABLE, hold_out(), scenario.wrong_of_stable, scenario, run=1))
    at += 6 * SECOND_NS
    if scenario.seconds:
        look = digits()[1][CASES : CASES + LOOK_CASES]
        tables.append(_sample(rng, at, "look:look", "candidate", scenario.served, look, len(WRONGLY_SEEN), scenario, run=2))
        at += 2 * SECOND_NS
        for arm, digest in [("candidate", scenario.served)] + ([("stable", STABLE)] if scenario.stable_too else []):
            tables.append(_load(rng, at, arm, digest, scenario))
            at += int((scenario.seconds + 6) * SECOND_NS)
    return pa.concat_tables(tables)


def _table(scheduled_ns: Array, latency_ns: Array, lag_ns: Array, **columns: Any) -> pa.Table:
    count = len(scheduled_ns)
    base: dict[str, Any] = {
        "scheduled_ns": scheduled_ns,
        "sent_ns": scheduled_ns + lag_ns,
        "first_byte_ns": scheduled_ns + lag_ns + ((latency_ns - lag_ns) * 0.97).astype(np.int64),
        "done_ns": scheduled_ns + latency_ns,
        "status": [200] * count,
        "block": [0] * count,
        "worker": [0] * count,
        "answer": [None] * count,
        "score": [None] * count,
        "bytes": [231] * count,
        "error": [None] * count,
    }
    given = {name: value if isinstance(value, list | np.ndarray) else [value] * count for name, value in columns.items()}
    return pa.table({name: pa.array((base | given)[name], SCHEMA.field(name).type) for name in SCHEMA.names}, schema=SCHEMA)


def _timing(rng: np.random.Generator, count: int, scenario: Scenario) -> tuple[Array, Array]:
    lag = (rng.lognormal(np.log(0.09), 0.8, count) * 1e6).astype(np.int64)
    spread = 0.14 if scenario.median_ms > 100 else 0.42
    service = (scenario.median_ms * rng.lognormal(0, spread, count) * 1e6).astype(np.int64)
    stalls = rng.random(count) < 0.004
    return lag + service + (stalls * rng.uniform(20e6, 90e6, count)).astype(np.int64), lag


def _contract(rng: np.random.Generator, scenario: Scenario) -> pa.Table:
    names = list(contract_names(declared().interface))
    latency, lag = _timing(rng, len(names), scenario)
    statuses = [200] + [400] * (len(names) - 2) + [404]
    errors = [None] + [f"status {status}" for status in statuses[1:]]
    scheduled = START_NS + np.arange(len(names)) * 5_000_000
    fixed = {"arm": "candidate", "check": "contract", "run": 0, "served_digest": scenario.served}
    return _table(scheduled, latency, lag, status=statuses, case_id=names, score=[1.0] * len(names), error=errors, **fixed)


def _sample(
    rng: np.random.Generator,
    at: int,
    check: str,
    arm: str,
    digest: str,
    labels: Array,
    wrong: int,
    scenario: Scenario,
    *,
    run: int,
) -> pa.Table:
    count = len(labels)
    latency, lag = _timing(rng, count, scenario)
    missed = rng.choice(count, wrong, replace=False)
    answers = labels.astype(float)
    answers[missed] = (answers[missed] + rng.choice([1, 2, 5, 7], wrong)) % 10
    first = 0 if check.startswith("quality") else CASES
    ids = [f"digits-{first + index:04d}" for index in range(count)]
    scheduled = at + rng.permutation(count) * 5_000_000
    scores = (answers == labels).astype(float)
    fixed = {"arm": arm, "check": check, "run": run, "served_digest": digest}
    return _table(scheduled, latency, lag, case_id=ids, answer=answers, score=scores, **fixed)


def _load(rng: np.random.Generator, at: int, arm: str, digest: str, scenario: Scenario) -> pa.Table:
    gaps = rng.exponential(1e9 / 200, int((scenario.seconds + 5) * 200 * 1.2) + 200)
    offsets = np.cumsum(gaps).astype(np.int64)
    offsets = offsets[offsets < (5 + scenario.seconds) * SECOND_NS]
    watched = offsets >= 5 * SECOND_NS
    count = len(offsets)
    latency, lag = _timing(rng, count, scenario)
    failed = rng.random(count) < scenario.failing
    labels = hold_out()
    picks = rng.integers(0, CASES, count)
    return _table(
        at + offsets,
        latency,
        lag,
        arm=arm,
        check=["load" if one else "warm-up" for one in watched],
        run=3 if arm == "candidate" else 4,
        block=np.maximum(np.cumsum(watched) - 1, 0),
        case_id=[f"digits-{pick:04d}" for pick in picks],
        served_digest=[None if one else digest for one in failed],
        status=np.where(failed, 503, 200),
        answer=[None if one else float(labels[pick]) for one, pick in zip(failed, picks, strict=True)],
        score=[None if one else 1.0 for one in failed],
        error=["status 503 Service Unavailable" if one else None for one in failed],
    )
