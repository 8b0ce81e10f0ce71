"""Observations as the checks see them: in schedule order, with the few derived columns that every check shares."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mlgate.errors import EvidenceError
from mlgate_loadtests.recording import equals

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float64]

LOAD, WARM_UP = "load", "warm-up"
LOST = "lost"
_WHOLE = ("scheduled_ns", "sent_ns", "first_byte_ns", "done_ns", "status", "block", "run", "worker")
_TEXT = ("arm", "check", "case_id")
_OPTIONAL = ("served_digest", "answer", "score", "error")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows sorted by run and scheduled instant; `table` has the columns of `mlgate_loadtests.recording.SCHEMA`."""

    table: pa.Table

    @classmethod
    def of(cls, table: pa.Table) -> Rows:
        """`table`, whatever its order. Raises EvidenceError where a column is missing or holds nothing in a row."""
        if missing := [name for name in (*_WHOLE, *_TEXT, *_OPTIONAL) if name not in table.column_names]:
            raise EvidenceError(f"the observations lack {', '.join(missing)}", remedy="run the gate again: these are not a gate's rows")
        if empty := [name for name in (*_WHOLE, *_TEXT) if table[name].null_count]:
            raise EvidenceError(f"the observations hold nothing in {', '.join(empty)} of some rows", remedy="run the gate again")
        keys = [_whole(table, name) for name in ("worker", "block", "scheduled_ns", "run")]
        return cls(table.take(pa.array(np.lexsort(keys))))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def whole(self, name: str) -> IntArray:
        """A column of whole numbers."""
        return _whole(self.table, name)

    def number(self, name: str) -> FloatArray:
        """A column of numbers; NaN where the row holds none, or holds NaN."""
        return np.asarray(self.table[name].to_numpy(), dtype=np.float64)

    def text(self, name: str) -> list[Any]:
        """A column of texts; None where the row holds none."""
        return list(self.table[name].to_pylist())

    def present(self, name: str) -> BoolArray:
        """Which rows hold a value in the column."""
        return _flags(pc.is_valid(self.table[name]))

    def equal(self, name: str, value: str) -> BoolArray:
        """Which rows hold exactly this text in the column."""
        return _flags(equals(self.table[name], value))

    def only(self, mask: BoolArray) -> Rows:
        """The rows that the mask takes, in the same order."""
        return Rows(self.table.filter(pa.array(mask)))

    def phase(self, check: str, arm: str) -> Rows:
        """The rows of one phase to one arm."""
        return self.only(self.equal("check", check) & self.equal("arm", arm))

    @property
    def answered(self) -> BoolArray:
        """Which requests got a 2xx, whatever is in it."""
        status = self.whole("status")
        return np.asarray((status >= 200) & (status < 300))

    @property
    def failed(self) -> BoolArray:
        """Which requests failed: not 2xx, no answer in time, off the schema, connection lost, row lost."""
        return np.asarray(~self.answered | self.present("error"))

    @property
    def commonest_failure(self) -> str | None:
        """What most of the failed requests met; None where none failed."""
        failed = self.only(self.failed)
        met = Counter(error or f"status {status}" for error, status in zip(failed.text("error"), failed.whole("status"), strict=True))
        return met.most_common(1)[0][0] if met else None

    @property
    def failures(self) -> str:
        """In parentheses, to stand behind a count: how many requests failed, and what most of them met. Empty where none failed."""
        met = self.commonest_failure
        return "" if met is None else f" ({int(self.failed.sum()):,} got no valid answer, mostly {met})"

    @property
    def lost(self) -> BoolArray:
        """Which requests are known sent and nothing more, since the worker that sent them was killed."""
        return _flags(pc.fill_null(pc.starts_with(self.table["error"], LOST), False))

    @property
    def lag_ns(self) -> IntArray:
        """How long after its instant each request went out; 0 where it never did."""
        sent = self.whole("sent_ns")
        return np.asarray(np.where(sent > 0, sent - self.whole("scheduled_ns"), 0))

    def late(self, late_ns: int) -> BoolArray:
        """Which requests the generator sent late."""
        return np.asarray(self.lag_ns > late_ns)

    @property
    def watched_ns(self) -> int:
        """How long these rows, of the load, watch it: by schedule, summed over runs, in ns."""
        run, scheduled = self.whole("run"), self.whole("scheduled_ns")
        ends = np.flatnonzero(np.diff(run, append=-1))
        starts = np.concatenate([[0], ends + 1])[:-1]
        return int((scheduled[ends] - scheduled[starts]).sum())

    @property
    def latency_ns(self) -> FloatArray:
        """From the scheduled instant to the last byte; infinity where the request failed."""
        latency = (self.whole("done_ns") - self.whole("scheduled_ns")).astype(np.float64)
        return np.where(self.failed, np.inf, latency)


def _whole(table: pa.Table, name: str) -> IntArray:
    return np.asarray(table[name].to_numpy(), dtype=np.int64)


def _flags(column: pa.ChunkedArray) -> BoolArray:
    return np.asarray(column.to_numpy(), dtype=np.bool_)
