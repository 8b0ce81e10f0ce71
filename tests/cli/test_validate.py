"""`mlgate validate`: whatever a gate would refuse before its first request, all at once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: toy, owner: tests}
interface:
  protocol: torchserve
  input: {numbers: {dtype: float32, shape: [-1, 2], at_least: 0, at_most: 1}}
  output: {field: probabilities, shape: [-1, 2], answer: argmax}
objectives:
  - {name: latency-p99, quantile: 0.99, at_most: 200 ms}
load: {rate: 200/s, at_most: 90 s, bursts: independent}
quality:
  - {name: accuracy, metric: accuracy, at_least: 0.94, data: holdout.parquet, slices: [half]}
  - {name: no-worse, metric: accuracy, versus: stable, margin: 0.05, data: holdout.parquet}
"""
Validate = Callable[..., subprocess.CompletedProcess[str]]


def write(path: Path, cases: int, without: str = "") -> None:
    """A hold-out of so many cases, perhaps without one of its columns."""
    columns = {
        "case_id": [f"case-{index}" for index in range(cases)],
        "numbers": pa.array([[index / 1000, 0.0] for index in range(cases)], pa.list_(pa.float32())),
        "label": pa.array([0] * cases, pa.int64()),
        "half": pa.array([index % 2 for index in range(cases)], pa.int64()),
    }
    pq.write_table(pa.table({name: values for name, values in columns.items() if name != without}), path)


@pytest.fixture
def validate(tmp_path: Path) -> Validate:
    """Runs the command on the declaration, of which texts may be replaced."""

    def run(*arguments: str, **replaced: str) -> subprocess.CompletedProcess[str]:
        text = DECLARATION
        for right, wrong in replaced.items():
            assert right in text
            text = text.replace(right, wrong)
        (tmp_path / "service.yaml").write_text(text, encoding="utf-8")
        command = [str(Path(sys.executable).with_name("mlgate")), "validate", "service.yaml", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)

    return run


def test_what_is_right_is_said_with_its_checks_and_cases(validate: Validate, tmp_path: Path) -> None:
    write(tmp_path / "holdout.parquet", 300)
    done = validate()
    assert done.returncode == 0, done.stderr
    assert "checks: contract, accuracy, no-worse, latency-p99" in done.stdout
    assert "holdout.parquet: 300 cases" in done.stdout
    told = json.loads(validate("--json").stdout)
    assert told["samples"] == [{"id": "holdout", "data": "holdout.parquet", "cases": 300, "repeats": 0}]


def test_rows_that_repeat_others_are_counted_apart(validate: Validate, tmp_path: Path) -> None:
    write(tmp_path / "holdout.parquet", 300)
    table = pq.read_table(tmp_path / "holdout.parquet")
    again = table.slice(0, 200).set_column(0, "case_id", pa.array([f"again-{index}" for index in range(200)]))
    pq.write_table(pa.concat_tables([table, again]), tmp_path / "holdout.parquet")
    assert "holdout.parquet: 300 cases; 200 more repeat one of them and are not asked\n" in validate().stdout
    assert json.loads(validate("--json").stdout)["samples"][0]["repeats"] == 200


def test_validate_names_missing_data_absent_labels_and_empty_hold_outs_at_once(validate: Validate, tmp_path: Path) -> None:
    write(tmp_path / "unlabelled.parquet", 300, without="label")
    write(tmp_path / "empty.parquet", 0)
    more = "".join(f"  - {{name: {name}, metric: accuracy, at_least: 0.9, data: {name}.parquet}}\n" for name in ("unlabelled", "empty"))
    done = validate(**{"quality:\n": f"quality:\n{more}"})
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "holdout.parquet: there is no such file\n  -> " in done.stderr
    assert "unlabelled.parquet: column label: is absent\n  -> " in done.stderr
    assert "empty.parquet: holds no case\n  -> at least one row" in done.stderr


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("at_least: 0.94", "at_least: 0.999", "300 cases of holdout.parquet cannot prove at_least 0.999 at alpha 0.008"),
        ("margin: 0.05", "margin: 0.001", "300 cases of holdout.parquet cannot prove a margin of 0.001 at alpha 0.008"),
        ("quantile: 0.99", "quantile: 0.99999", "are needed to prove a share under 0.001 %"),
        ("slices: [half]", "look_at: holdout.parquet", "look_at holdout.parquet also gates"),
    ],
)
def test_validate_names_a_claim_that_no_data_could_prove(validate: Validate, tmp_path: Path, right: str, wrong: str, said: str) -> None:
    write(tmp_path / "holdout.parquet", 300)
    done = validate(**{right: wrong})
    assert done.returncode == 2
    assert said in done.stderr
    assert "  -> " in done.stderr
    assert "Traceback" not in done.stderr
