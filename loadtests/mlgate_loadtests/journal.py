"""Rows on disk while a run goes on: an Arrow IPC stream, one write per flush, readable up to the last whole batch after kill -9."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from mlgate.errors import ProcessError
from mlgate_loadtests.recording import SCHEMA

# Rows are journaled as they complete; their place in the schedule says how to put them in order again.
JOURNAL_SCHEMA = pa.schema([pa.field("arrival", pa.int32()), *SCHEMA])


class JournalWriter:
    """Appends batches of `JOURNAL_SCHEMA`; each is one write to the file. Raises FileExistsError rather than replace an earlier run's."""

    def __init__(self, folder: Path, run: int) -> None:
        self._path = journal_path(folder, run)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._write(JOURNAL_SCHEMA.serialize())

    def append(self, batch: pa.RecordBatch) -> None:
        """Raises ProcessError when the disk is full."""
        self._write(batch.serialize())

    def _write(self, message: pa.Buffer) -> None:
        left = memoryview(message)
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            remedy = "make room and run the same command again: the rows written so far count"
            raise ProcessError(f"rows cannot be written: {error.strerror}", where=str(self._path), remedy=remedy) from None

    def close(self) -> None:
        os.close(self._descriptor)


class JournalReader:
    """Follows a journal that may still grow: each `read` gives the whole batches since the last one."""

    def __init__(self, folder: Path, run: int) -> None:
        self._path = journal_path(folder, run)
        self._offset = 0

    def read(self) -> list[pa.RecordBatch]:
        """The whole batches written since; none while there is no file. A torn end is left for the next call."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                content = stream.read()
        except FileNotFoundError:
            return []
        source = pa.BufferReader(content)
        batches, whole = [], 0
        while True:
            try:
                message = pa.ipc.read_message(source)
            except (EOFError, OSError, pa.ArrowInvalid):
                break
            whole = source.tell()
            if message.type == "record batch":
                batches.append(pa.ipc.read_record_batch(message, JOURNAL_SCHEMA))
        self._offset += whole
        return batches


def journal_path(folder: Path, run: int) -> Path:
    """Where a run keeps its rows."""
    return folder / f"rows-{run}.arrow"
