"""Turn a measured attempt into evidence: observations, signed statement, report, ledger entry. Each step may be repeated after a kill."""

from __future__ import annotations

import json
import platform
import time
from base64 import b64decode
from collections import Counter
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from mlgate.digests import digest_bytes, digest_file
from mlgate.environment import Environment
from mlgate_evidence.history import Attempt
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.signer import KeyFileSigner
from mlgate_evidence.statement import build_statement, sign_statement
from mlgate_evidence.store import EVIDENCE_FILE, DirectoryStore
from mlgate_evidence.subject import subject_digests
from mlgate_gates.checks.answers import answers_of
from mlgate_gates.predicate import LOOK_FILE, OBSERVATIONS_FILE, PLAN_FILE
from mlgate_gates.report import build_report
from mlgate_gates.request import GateOutcome
from mlgate_gates.result import GateResult
from mlgate_gates.rows import Rows
from mlgate_gates.samples import Sample
from mlgate_gates.session import Session
from mlgate_loadtests.drive import discard
from mlgate_loadtests.recording import write_observations

_PICTURES_AT_MOST = 60


def conclude(environment: Environment, ledger: Ledger, attempt: Attempt, session: Session, result: GateResult) -> GateOutcome:
    """Write, sign and record the result of an attempt."""
    write_observations(session.folder / OBSERVATIONS_FILE, session.rows)
    look = json.dumps(_to_look_at(session)).encode()
    predicate = _predicate(attempt, session, result) | {"look": {"digest": digest_bytes(look)}}
    subjects = subject_digests(attempt.release, attempt.configuration, session.plan.subject.url)
    statement = build_statement(subjects, predicate)
    files = {
        PLAN_FILE: json.dumps(attempt.plan, indent=2, sort_keys=True).encode(),
        LOOK_FILE: look,
        EVIDENCE_FILE: sign_statement(statement, KeyFileSigner(environment.signing_key)),
    }
    DirectoryStore.of(environment).put(attempt.id, files)
    return record(ledger, attempt.id, session.folder)


def is_signed(folder: Path) -> bool:
    """Whether the attempt in `folder` has its evidence: then it is not measured any more, only recorded."""
    return (folder / EVIDENCE_FILE).is_file()


def record(ledger: Ledger, attempt: str, folder: Path) -> GateOutcome:
    """Write the report of a signed attempt and its verdict into the ledger.

    The verdict comes last: after it the attempt is over, and the same command would begin another one. A report that cannot be made keeps
    no verdict back, though: a signed FAIL that the ledger never heard of would leave an older PASS in force.
    """
    outcome = finished(folder, attempt)
    try:
        build_report(folder)
    except Exception:
        _close(ledger, outcome)
        raise
    _close(ledger, outcome)
    return outcome


def _close(ledger: Ledger, outcome: GateOutcome) -> None:
    evidence = digest_file(outcome.folder / EVIDENCE_FILE)
    ledger.record_verdict(outcome.attempt, outcome.result.verdict, evidence)
    discard(outcome.folder)


def finished(folder: Path, attempt: str) -> GateOutcome:
    """The outcome that a concluded attempt's own statement gives (`mlgate verify` is what checks it).

    Raises EvidenceError where the statement is not there any more.
    """
    envelope = json.loads(DirectoryStore(folder.parent).read(attempt, EVIDENCE_FILE))
    predicate = json.loads(b64decode(envelope["payload"]))["predicate"]
    return GateOutcome(attempt, folder, GateResult.from_dict(predicate["result"]))


def _predicate(attempt: Attempt, session: Session, result: GateResult) -> dict[str, Any]:
    rows = Rows.of(session.rows)
    return {
        "plan": attempt.plan,
        "plan_digest": attempt.plan_digest,
        "ledger": {"count": attempt.ledger.count, "head": attempt.ledger.head},
        "result": result.to_dict(),
        "generator": session.generator.to_dict(),
        "observations": {"digest": digest_file(session.folder / OBSERVATIONS_FILE), "rows": session.rows.num_rows},
        **({"confusion": confusion} if (confusion := _confusion(session, rows)) else {}),
        "slices": _slices(session, rows),
        **({"lineage": session.lineage.model_dump(mode="json")} if session.lineage else {}),
        "started_ns": attempt.begun_ns,
        **({"resumed_ns": session.resumed_ns} if session.resumed_ns else {}),
        "finished_ns": time.time_ns(),
        "versions": {
            "mlgate": version("mlgate"),
            "python": platform.python_version(),
            "numpy": version("numpy"),
            "scipy": version("scipy"),
            "pyarrow": version("pyarrow"),
            "system": f"{platform.system()} {platform.machine()}",
        },
    }


def _answers(sample: Sample, rows: Rows, arm: str) -> dict[str, float | None]:
    """The answer to each case; None where the request failed."""
    answers = answers_of(rows, sample.check, arm)
    return dict(zip(answers.text("case_id"), answers.text("answer"), strict=True))


def _confusion(session: Session, rows: Rows) -> dict[str, Any] | None:
    """Counts by label (row) and answer (column, the last for none) of the first gating sample, by arm."""
    gating = [sample for sample in session.samples if not sample.look]
    if session.service.interface.output.answer != "argmax" or not gating:
        return None
    sample = gating[0]
    classes = prod(session.service.interface.output.row_shape)
    labels = dict(zip(sample.cases.case_ids, sample.cases.labels, strict=True))
    tables = {}
    for arm in sample.arms:
        table = np.zeros((classes, classes + 1), dtype=int)
        for case_id, answer in _answers(sample, rows, arm).items():
            table[int(labels[case_id]), classes if answer is None else int(answer)] += 1
        if table.any():
            tables[arm] = table.tolist()
    return {"labels": [str(index) for index in range(classes)], **tables} if "candidate" in tables else None


def _slices(session: Session, rows: Rows) -> dict[str, Any]:
    """Cases and right answers of the candidate by sample, column and value, of the samples that were asked; reported, never gating."""
    found: dict[str, Any] = {}
    for sample in session.samples:
        answers = _answers(sample, rows, "candidate")
        for name, values in sample.cases.slices.items() if answers else ():
            cases: Counter[str] = Counter()
            right: Counter[str] = Counter()
            for case_id, label, value in zip(sample.cases.case_ids, sample.cases.labels, values, strict=True):
                cases[str(value)] += 1
                right[str(value)] += answers.get(case_id) == float(label)
            found.setdefault(sample.id, {})[name] = [
                {"value": value, "cases": cases[value], "right": right[value]} for value in sorted(cases)
            ]
    return found


def _to_look_at(session: Session) -> list[dict[str, Any]]:
    """Wrongly answered cases of the samples set aside for people; never of a sample that gates."""
    rows = Rows.of(session.rows)
    pictures: list[dict[str, Any]] = []
    for sample in session.samples:
        answers = _answers(sample, rows, "candidate") if sample.look else {}
        for index, case_id in enumerate(sample.cases.case_ids):
            answer, label = answers.get(case_id), float(sample.cases.labels[index])
            if answer is None or answer == label or len(pictures) >= _PICTURES_AT_MOST:
                continue
            name, values = next(iter(sample.cases.inputs.items()))
            pixels = np.asarray(values[index], dtype=float)
            shown = {"field": name, "shape": list(pixels.shape), "values": pixels.ravel().tolist()}
            pictures.append({"case_id": case_id, "label": label, "answer": answer, **shown})
    return pictures
