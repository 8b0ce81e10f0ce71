"""Rows: one per request, the raw material that a verdict is computed and recomputed from. They hold no payloads."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlgate.errors import EvidenceError

SCHEMA = pa.schema(
    [
        ("scheduled_ns", pa.int64()),
        ("sent_ns", pa.int64()),
        ("first_byte_ns", pa.int64()),
        ("done_ns", pa.int64()),
        ("status", pa.int16()),
        ("arm", pa.string()),
        ("block", pa.int32()),
        ("run", pa.int16()),
        ("worker", pa.int16()),
        ("check", pa.string()),
        ("served_digest", pa.string()),
        ("case_id", pa.string()),
        ("answer", pa.float64()),
        ("score", pa.float64()),
        ("bytes", pa.int32()),
        ("error", pa.string()),
    ]
)
_NANOSECONDS = ["scheduled_ns", "sent_ns", "first_byte_ns", "done_ns"]
_REPEATED = ["status", "arm", "block", "run", "worker", "check", "served_digest", "case_id", "answer", "score", "bytes", "error"]


def write_observations(path: Path, table: pa.Table) -> None:
    """Write rows as Parquet, whole or not at all. Raises ValueError when the columns are not exactly `SCHEMA`, OSError as the disk does."""
    if not table.schema.equals(SCHEMA):
        raise ValueError(f"rows have the columns {table.schema.names}, not {SCHEMA.names}")
    part = path.with_name(path.name + ".part")
    try:
        pq.write_table(
            table,
            part,
            compression="zstd",
            use_dictionary=_REPEATED,
            column_encoding=dict.fromkeys(_NANOSECONDS, "DELTA_BINARY_PACKED"),
        )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_observations(path: Path) -> pa.Table:
    """The rows of a file that `write_observations` wrote. Raises EvidenceError when it is missing, damaged or has other columns."""
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        remedy = "restore the evidence folder, or run the gate again"
        raise EvidenceError("there are no observations", where=str(path), remedy=remedy) from None
    except (OSError, pa.ArrowException) as error:
        raise EvidenceError(f"the observations cannot be read: {error}", where=str(path), remedy="restore the file from a copy") from None
    if not table.schema.remove_metadata().equals(SCHEMA):
        raise EvidenceError(
            f"the observations have the columns {table.schema.names}, not {SCHEMA.names}",
            where=str(path),
            remedy="read them with the mlgate version that wrote them",
        )
    return table.replace_schema_metadata(None)


def equals(column: pa.ChunkedArray, text: str) -> pa.ChunkedArray:
    """Which rows of a column of texts hold exactly `text`; false where they hold nothing.

    With the type said: pyarrow 26 guesses that of a bare value with the help of an import of dateutil, which where that is absent is tried
    for each value anew (0.1 ms) and drops every exception that comes up meanwhile. Five of six Ctrl-C in it were lost.
    """
    return pc.fill_null(pc.equal(column, pa.scalar(text, pa.string())), False)
