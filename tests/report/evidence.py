"""Everything that a gate leaves of a scenario, signed."""

from __future__ import annotations

import json
import tempfile
from base64 import b64decode
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mlgate.digests import digest_bytes, digest_file, digest_json
from mlgate_evidence.signer import make_key
from mlgate_evidence.statement import build_statement, sign_statement
from mlgate_evidence.subject import subject_digests
from mlgate_gates.contract_cases import contract_names
from mlgate_gates.judge import judge
from mlgate_gates.plan import Plan
from mlgate_loadtests.account import Generator, RunAccount
from mlgate_loadtests.recording import write_observations

from .rows import rows_of
from .scenarios import (
    CANDIDATE,
    CASES,
    CONFIGURATION,
    LOOK_CASES,
    SECOND_NS,
    STABLE,
    START_NS,
    WRONGLY_SEEN,
    Scenario,
    declared,
    digits,
    hold_out,
)


def write_evidence(folder: Path, scenario: Scenario) -> None:
    """Everything that a gate leaves; the key is thrown away, since the report only shows whose the signature is."""
    plan, rows = _plan(scenario), rows_of(scenario)
    write_observations(folder / "observations.parquet", rows)
    sent = Counter(rows["run"].to_pylist())
    generator = Generator(runs=tuple(RunAccount(run=run, sent=sent[run], clock_stepped_ns=0) for run in sorted(sent)))
    result = judge(plan, rows, generator)
    (folder / "look.json").write_text(json.dumps(_look(scenario)))
    predicate = {
        "plan": plan.to_dict(),
        "plan_digest": digest_json(plan.to_dict()),
        "ledger": {"count": 3, "head": digest_bytes(b"ledger")},
        "result": result.to_dict(),
        "generator": generator.to_dict(),
        "observations": {"digest": digest_file(folder / "observations.parquet"), "rows": rows.num_rows},
        "look": {"digest": digest_file(folder / "look.json")},
        "confusion": {"labels": [str(digit) for digit in range(10)], **{arm: _confusion(rows, arm) for arm in ("candidate", "stable")}},
        "slices": {"holdout": {"digit": _slices(rows)}},
        "lineage": {
            "training_data": {"data/train.parquet": digest_bytes(b"train")},
            "code_commit": "58039c2f6d1a0f4e9a3d7d1b8f5f8f2a4c6e0b17",
            "code_changed": False,
            "environment_lock": digest_bytes(b"lock"),
            "seed": 7,
            "hyperparameters": {"epochs": 40, "learning_rate": 0.002, "width": 32},
            "command": "python train.py --epochs 40 --seed 7 --output model/",
        },
        "started_ns": START_NS,
        "finished_ns": int(np.max(rows["scheduled_ns"].to_numpy())) + SECOND_NS,
        "versions": {"mlgate": "0.1.0", "python": "3.11.9", "numpy": "2.4.6", "pyarrow": "26.0.1", "platform": "Linux x86_64"},
    }
    _sign(folder / "evidence.json", plan, predicate)


def read_predicate(folder: Path) -> dict[str, Any]:
    """What was signed."""
    predicate: dict[str, Any] = json.loads(b64decode(json.loads((folder / "evidence.json").read_bytes())["payload"]))["predicate"]
    return predicate


def _sign(path: Path, plan: Plan, predicate: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as keys:
        signer = make_key(Path(keys) / "signing.pem")
    statement = build_statement(subject_digests(plan.subject.release, plan.subject.configuration, plan.subject.url), predicate)
    path.write_bytes(sign_statement(statement, signer, clock=lambda: START_NS + 60 * SECOND_NS))


def _plan(scenario: Scenario) -> Plan:
    service = declared()
    stable = {"url": "http://127.0.0.1:7110", "release": STABLE, "configuration": CONFIGURATION}
    bars: list[dict[str, Any]] = [{"name": "accuracy", "kind": "accuracy", "sample": "holdout", "at_least": 0.94}]
    if not scenario.first_release:
        bars.append({"name": "no-worse", "kind": "margin", "sample": "holdout", "margin": 0.02})
    checks = [
        {"name": "contract", "kind": "contract", "cases": list(contract_names(service.interface))},
        *bars,
        {"name": "latency-p99", "kind": "latency", "quantile": 0.99, "at_most_ns": 200_000_000},
        {"name": "error-rate", "kind": "error-rate", "at_most": 0.01},
    ]
    arms = ["candidate"] if scenario.first_release else ["candidate", "stable"]
    return Plan.from_dict(
        {
            "mlgate": "0.1.0",
            "service": "digits",
            "declaration": service.model_dump(mode="json"),
            "stage": "local",
            "attempt": "20261002T140305-0a1b2c3d4e5f-r1",
            "route": 1,
            "alpha": 0.008,
            "alpha_block": 0.01 / len(checks),
            "subject": {"url": "http://127.0.0.1:7105", "release": CANDIDATE, "configuration": CONFIGURATION},
            "stable": None if scenario.first_release else stable,
            "first_release": scenario.first_release,
            "seed": 20261002,
            "samples": [
                _planned_sample("holdout", CASES, arms, look=False),
                _planned_sample("look", LOOK_CASES, ["candidate"], look=True),
            ],
            "checks": checks,
            "load": {
                "rate_per_s": 200.0,
                "warm_up_ns": 5 * SECOND_NS,
                "at_least_ns": 15 * SECOND_NS,
                "at_most_ns": 90 * SECOND_NS,
                "bursts": "independent",
                "late_ns": 4_000_000,
                "timeout_ns": 5 * SECOND_NS,
                "schedule_seed": 93281746512034,
            },
        }
    )


def _planned_sample(name: str, cases: int, arms: list[str], *, look: bool) -> dict[str, Any]:
    fixed = {"id": name, "data": f"data/{name}.parquet", "digest": digest_bytes(name.encode())}
    return fixed | {"cases": cases, "repeats": 0, "arms": arms, "look": look}


def _look(scenario: Scenario) -> list[dict[str, Any]]:
    """The first looked-at case of each digit that is wrongly seen, answered as what it is taken for."""
    if not scenario.seconds:
        return []
    images, labels = digits()
    chosen = [
        (CASES + int(np.argmax(labels[CASES : CASES + LOOK_CASES] == label)), label, answer) for label, answer in WRONGLY_SEEN.items()
    ]
    return [
        {
            "case_id": f"digits-{index:04d}",
            "label": float(label),
            "answer": float(answer),
            "field": "image",
            "shape": [8, 8],
            "values": images[index].ravel().tolist(),
        }
        for index, label, answer in chosen
    ]


def _confusion(rows: pa.Table, arm: str) -> list[list[int]]:
    labels, counts = hold_out(), np.zeros((10, 11), dtype=int)
    for row in _answers(rows, arm):
        counts[labels[int(row["case_id"][-4:])], int(row["answer"])] += 1
    return [] if not counts.any() else counts.tolist()


def _slices(rows: pa.Table) -> list[dict[str, Any]]:
    labels = hold_out()
    answers = [(int(labels[int(row["case_id"][-4:])]), row["score"]) for row in _answers(rows, "candidate")]
    scores = {digit: [score for label, score in answers if label == digit] for digit in range(10)}
    return [{"value": str(digit), "cases": len(found), "right": int(sum(found))} for digit, found in scores.items()]


def _answers(rows: pa.Table, arm: str) -> list[dict[str, Any]]:
    return [row for row in rows.to_pylist() if row["check"] == "quality:holdout" and row["arm"] == arm]
