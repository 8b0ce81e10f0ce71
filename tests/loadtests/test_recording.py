"""Observations: the columns are fixed, a file reads back equal, and a damaged one is said to be."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate.errors import EvidenceError
from mlgate_loadtests.recording import SCHEMA, read_observations, write_observations

COLUMNS = """
scheduled_ns: int64
sent_ns: int64
first_byte_ns: int64
done_ns: int64
status: int16
arm: string
block: int32
run: int16
worker: int16
check: string
served_digest: string
case_id: string
answer: double
score: double
bytes: int32
error: string
""".strip()


def integers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


VALUES = {
    "int64": integers(64),
    "int32": integers(32),
    "int16": integers(16),
    "double": st.floats(allow_nan=False) | st.none(),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | st.none(),
}
ROWS = st.lists(st.fixed_dictionaries({field.name: VALUES[str(field.type)] for field in SCHEMA}), max_size=20)


def rows(count: int) -> pa.Table:
    random = np.random.default_rng(0)
    instants = 1_800_000_000_000_000_000 + np.arange(count) * 5_000_000
    values = {
        "scheduled_ns": instants,
        "sent_ns": instants + random.integers(0, 10**5, count),
        "done_ns": instants + random.integers(10**6, 10**7, count),
        "arm": ["candidate"] * count,
        "answer": np.arange(count) % 10.0,
        "error": [None, "timeout: x"] * (count // 2),
    }
    return pa.table(
        [pa.array(values.get(field.name, np.zeros(count)), from_pandas=False).cast(field.type) for field in SCHEMA], schema=SCHEMA
    )


def test_the_columns_are_these_and_no_others():
    assert SCHEMA.to_string() == COLUMNS


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(ROWS)
def test_what_is_written_is_read_back_equal(tmp_path, content):
    table = pa.Table.from_pylist(content, SCHEMA)
    write_observations(tmp_path / "o.parquet", table)
    assert read_observations(tmp_path / "o.parquet").equals(table)


def test_the_same_rows_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_observations(tmp_path / name, rows(1000))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_rows_with_other_columns_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="rows have the columns"):
        write_observations(tmp_path / "o.parquet", rows(4).drop_columns("error"))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_earlier_file(tmp_path, monkeypatch):
    path = tmp_path / "o.parquet"
    write_observations(path, rows(4))
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="No space left"):
        write_observations(path, rows(8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_a_damaged_and_a_strange_file_are_evidence_errors(tmp_path):
    path = tmp_path / "o.parquet"
    with pytest.raises(EvidenceError, match="there are no observations"):
        read_observations(path)
    write_observations(path, rows(100))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_observations(path)
    pq.write_table(rows(4).drop_columns("error"), path)
    with pytest.raises(EvidenceError, match="have the columns"):
        read_observations(path)
