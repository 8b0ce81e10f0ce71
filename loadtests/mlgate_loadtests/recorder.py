"""From exchanges to rows, in bounded pieces between two arrivals: one answer decoded at a time, one batch written at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from time import monotonic_ns

import pyarrow as pa

from mlgate_loadtests.clock import Clock
from mlgate_loadtests.connection import Exchange
from mlgate_loadtests.job import Job
from mlgate_loadtests.journal import JOURNAL_SCHEMA, JournalWriter
from mlgate_loadtests.target import Target
from mlgate_serving.clients import Response, client_for

_FLUSH_FROM_NS = 10_000_000
_FLUSH_BY_NS = 25_000_000
_FLUSH_TAKES_NS = 300_000


class Recorder:
    """Decodes, scores and journals the exchanges that appear in `ended`.

    `start_ns` is the monotonic instant of the schedule's offset 0; it is set before the first exchange ends.
    """

    def __init__(self, job: Job, targets: Mapping[str, Target], journal: JournalWriter, clock: Clock, ended: deque[Exchange]) -> None:
        self.start_ns = 0
        self._job = job
        self._client = client_for(job.interface, job.model)
        self._targets = targets
        self._journal = journal
        self._clock = clock
        self._ended = ended
        self._rows: list[tuple[object, ...]] = []
        self._oldest_ns = 0

    def work(self) -> bool:
        """Decode one answer; False when there is none left."""
        if not self._ended:
            return False
        if not self._rows:
            self._oldest_ns = monotonic_ns()
        self._rows.append(self._row(self._ended.popleft()))
        return True

    def overdue(self, now_ns: int, *, spare_ns: int) -> bool:
        """Whether rows must be written now: at `_FLUSH_BY_NS` whatever comes, earlier where `spare_ns` leaves room for it."""
        waited_ns = now_ns - self._oldest_ns
        return bool(self._rows) and (waited_ns >= _FLUSH_BY_NS or (waited_ns >= _FLUSH_FROM_NS and spare_ns >= _FLUSH_TAKES_NS))

    def flush(self) -> None:
        """Write the decoded rows. Raises ProcessError when the disk is full."""
        if self._rows:
            columns = zip(*self._rows, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, JOURNAL_SCHEMA, strict=True)]
            self._journal.append(pa.record_batch(arrays, JOURNAL_SCHEMA))
            self._rows.clear()

    def _row(self, exchange: Exchange) -> tuple[object, ...]:
        arrival, job, wall = exchange.arrival, self._job, self._clock.wall
        prepared = job.requests[job.picks[arrival]]
        target = self._targets[prepared.arm]
        body = bytes(exchange.body)
        if exchange.error is None:
            response = self._client.decode(exchange.status, exchange.headers, body)
        else:
            response = Response(None, None, None, exchange.error)
        served, error = response.served_digest, response.error
        return (
            arrival,
            wall(self.start_ns + int(job.arrivals_ns[arrival])),
            wall(exchange.sent_ns) if exchange.sent_ns else 0,
            wall(exchange.first_byte_ns) if exchange.first_byte_ns else 0,
            wall(exchange.done_ns) if exchange.done_ns else 0,
            exchange.status,
            prepared.arm,
            int(job.blocks[arrival]),
            job.run,
            0,
            prepared.check,
            target.redact(served) if served else None,
            prepared.case_id,
            response.answer,
            prepared.expectation.score(response, exchange.status, body),
            len(body),
            target.redact(error) if error else None,
        )
