"""A hold-out that repeats its cases is no more evidence than the cases: plan, rows, evidence and verification say the same number."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlgate import Environment, Verdict
from mlgate_evidence.trust import Trust
from mlgate_gates.request import GateOutcome
from mlgate_gates.verify import verify_folder
from mlgate_loadtests.recording import read_observations

CASES = 300


@pytest.fixture
def repeated(folder: Path) -> Path:
    """The hold-out three times over, the later ones under other names."""
    path = folder / "holdout.parquet"
    table = pq.read_table(path)
    names = [f"{name}-again-{time}" for time in range(2) for name in table["case_id"].to_pylist()]
    again = pa.concat_tables([table, table])
    pq.write_table(pa.concat_tables([table, again.set_column(0, "case_id", pa.array(names))]), path)
    return path


@pytest.mark.usefixtures("repeated")
def test_each_distinct_case_is_asked_once_and_the_rest_is_told(
    gate: Callable[..., GateOutcome],
    endpoint: Callable[..., str],
    environment: Environment,
    signed: Callable[[GateOutcome], dict[str, Any]],
) -> None:
    outcome = gate(endpoint(), endpoint())
    assert outcome.result.verdict is Verdict.PASS
    planned = json.loads((outcome.folder / "plan.json").read_text())["samples"][0]
    assert (planned["id"], planned["cases"], planned["repeats"]) == ("holdout", CASES, 2 * CASES)
    told = "300 cases (600 more repeat one of them and were not asked)"
    assert outcome.result.finding("accuracy").reason.startswith(f"300 of {told} are right")
    assert outcome.result.finding("no-worse").reason.startswith(f"of {told} candidate alone")
    assert [outcome.result.finding(name).numbers["n"] for name in ("accuracy", "no-worse")] == [CASES, CASES]

    rows = read_observations(outcome.folder / "observations.parquet").select(["check", "arm", "case_id"]).to_pylist()
    asked = [(row["arm"], row["case_id"]) for row in rows if row["check"] == "quality:holdout"]
    assert sorted(asked) == sorted((arm, f"holdout-{index}") for arm in ("candidate", "stable") for index in range(CASES))
    predicate = signed(outcome)
    assert sum(sum(row) for row in predicate["confusion"]["candidate"]) == CASES
    assert sum(part["cases"] for part in predicate["slices"]["holdout"]["half"]) == CASES
    verified = verify_folder(outcome.folder, Trust.read(environment.trust))
    assert verified.result.to_dict() == outcome.result.to_dict()
