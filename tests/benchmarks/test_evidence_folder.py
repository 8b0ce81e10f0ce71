"""What `mlgate verify` is timed on: evidence of the dearest kind, with exactly as many rows as said."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.main.evidence_folder import signed_evidence
from benchmarks.provenance import PROJECT
from mlgate import Service, Verdict
from mlgate_evidence.trust import Trust
from mlgate_gates.verify import Verified, verify_folder

ROWS = 25_000


def write_cases(path: Path, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    images = pa.array(random.integers(0, 16, (count, 8, 8)).astype(float).tolist(), pa.list_(pa.list_(pa.float32())))
    path.parent.mkdir(exist_ok=True)
    names = [f"{path.stem}-{number}" for number in range(count)]
    pq.write_table(pa.table({"case_id": names, "image": images, "label": labels, "digit": labels}), path)


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Verified:
    """The evidence, verified as the command does it; the example's own data would need scikit-learn, so these cases are made up."""
    folder = tmp_path_factory.mktemp("stand")
    declaration = shutil.copy(PROJECT / "examples" / "digits" / "service.yaml", folder)
    write_cases(folder / "data" / "holdout.parquet", 900, 1)
    write_cases(folder / "data" / "look.parquet", 150, 2)
    stand: Any = SimpleNamespace(
        service=Service.read(Path(declaration)), release=lambda _number: folder, folder_of=lambda purpose: folder / purpose
    )
    attempt, trust = signed_evidence(stand, ROWS)
    return verify_folder(attempt, Trust.read(trust))


def test_it_is_a_pass_of_so_many_rows_by_every_declared_check(verified: Verified) -> None:
    assert verified.rows == ROWS
    assert verified.result.verdict is Verdict.PASS
    kinds = {finding.kind: finding.verdict for finding in verified.result.findings}
    assert kinds == dict.fromkeys(("contract", "accuracy", "margin", "latency", "error-rate"), Verdict.PASS)


def test_it_compares_with_stable_where_the_two_differ(verified: Verified) -> None:
    assert verified.plan.stable is not None
    assert not verified.plan.first_release
    (margin,) = (finding for finding in verified.result.findings if finding.kind == "margin")
    assert margin.numbers["n"] == 900
    assert margin.numbers["only_candidate"] == margin.numbers["only_stable"] == 8
    assert margin.requests == 1800
