"""Driving the load worker from the gate: start, read rows as they complete, stop; and the rows of a run whose gate was killed."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from mlgate.errors import BusyError, ProcessError
from mlgate_loadtests.job import Job, job_path, read_job
from mlgate_loadtests.journal import JOURNAL_SCHEMA, JournalReader, journal_path
from mlgate_loadtests.progress import Progress, progress_path, runs_in
from mlgate_loadtests.recording import SCHEMA
from mlgate_loadtests.target import Target

_POLL_S = 0.005
# Beyond the timeout of what is in flight: writing the last rows and leaving.
_GRACE_S = 5.0
_TAIL_LINES = 20


class Drive:
    """A running job. As a context manager it stops the worker on the way out, whatever happened.

    >>> with Drive.start(job) as drive:
    ...     while not drive.finished:
    ...         judge.update(drive.poll(0.2))
    """

    def __init__(self, job: Job, worker: subprocess.Popen[bytes], progress: Progress, log: Path) -> None:
        self._job = job
        self._worker = worker
        self._progress = progress
        self._log = log
        self._journal = JournalReader(job.folder, job.run)
        self._held = JOURNAL_SCHEMA.empty_table()
        self._prefix = 0
        self._over = False

    @classmethod
    def start(cls, job: Job) -> Self:
        """Start the worker on `job`.

        Raises UsageError for what `Target.of` refuses, FileExistsError when the folder has a run of this number, ProcessError when the
        worker does not take the job.
        """
        for url in job.targets.values():
            Target.of(url, job.interface.auth)  # the worker reads the same environment, and would say it less directly
        job.folder.mkdir(parents=True, exist_ok=True)
        # First, since it is what counts as a run: one that was cut short right here stands in nobody's way.
        progress = Progress.create(job.folder, job.run)
        path = job.write()
        log = log_path(job.folder, job.run)
        with log.open("wb") as stream:
            # A session of its own: Ctrl-C in the terminal is for the gate, which then stops the worker and keeps its rows.
            worker = subprocess.Popen(
                [sys.executable, "-m", "mlgate_loadtests.worker", str(path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stream,
                start_new_session=True,
            )
        drive = cls(job, worker, progress, log)
        assert worker.stdin is not None
        try:
            job.send_requests(worker.stdin)
        except BrokenPipeError:
            drive.stop()
            drive._check()
        except BaseException:
            worker.kill()
            drive.stop()
            raise
        return drive

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def sent(self) -> int:
        """How many arrivals were sent so far."""
        return self._progress.sent

    @property
    def finished(self) -> bool:
        """The worker has ended and `poll` has given every row."""
        return self._over

    def poll(self, timeout_s: float) -> pa.Table:
        """The next rows in schedule order, each once; waits up to `timeout_s` for at least one, and gives none where none completed.

        A row is given when it and all before it are complete, so the rows so far are always a prefix of the schedule.
        Raises ProcessError when the worker died: exit status and the end of its log; `recover` still gives what was complete.
        """
        give_up = time.monotonic() + timeout_s
        while True:
            ended = self._worker.poll() is not None  # asked before reading: what it wrote before it ended is then all there
            fresh = self._collect()
            if ended and not fresh.num_rows:
                self._over = True
                self._check()
            if fresh.num_rows or self._over or time.monotonic() >= give_up:
                return fresh
            time.sleep(_POLL_S)

    def _collect(self) -> pa.Table:
        """Read the journal on; the rows that extend the prefix."""
        if batches := self._journal.read():
            table = pa.Table.from_batches(batches, JOURNAL_SCHEMA)
            self._held = pa.concat_tables([self._held, table]).sort_by("arrival")
        arrivals = self._held["arrival"].to_numpy()
        ready = int(np.cumprod(arrivals == self._prefix + np.arange(len(arrivals))).sum())
        fresh = self._held.slice(0, ready).drop_columns("arrival")
        self._held = self._held.slice(ready)
        self._prefix += ready
        return fresh

    def stop(self) -> None:
        """Send nothing more and wait for what is in flight, at most its timeout. `poll` then gives the remaining rows."""
        stdin = self._worker.stdin
        assert stdin is not None
        with suppress(BrokenPipeError):
            stdin.close()
        try:
            self._worker.wait(self._job.timeout_ns / 1e9 + _GRACE_S)
        except subprocess.TimeoutExpired:
            self._worker.kill()
            self._worker.wait()

    def _check(self) -> None:
        """Raises ProcessError unless the worker ended well."""
        status = self._worker.returncode
        if status != 0:
            tail = "\n".join(self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
            how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
            raise ProcessError(
                f"the load worker {how}" + (f":\n{tail}" if tail else ""),
                where=str(self._log),
                remedy="run the same command again: the rows written so far are kept",
            )


def log_path(folder: Path, run: int) -> Path:
    """Where a worker's last words stand."""
    return folder / f"worker-{run}.log"


def next_run(folder: Path) -> int:
    """The number of the next run in `folder`: one over the largest that was started there."""
    return max((run + 1 for run in runs_in(folder)), default=0)


def recover(folder: Path) -> pa.Table:
    """The rows of all runs in `folder` that a killed gate left, by run and in schedule order; empty where there are none.

    A request known to be sent that has no row gets one: error `lost`, status 0, no instants but the scheduled one, no score.
    After a power loss there may be fewer or more rows than the generator's account says (`account.py`): such rows prove nothing.
    Waits for a worker that is still emptying its line. Raises BusyError when that does not end.
    """
    return pa.concat_tables([SCHEMA.empty_table(), *(_recover(folder, run) for run in runs_in(folder))]).combine_chunks()


def discard(folder: Path) -> None:
    """Remove what the runs in `folder` left, once their rows stand in the observations."""
    for run in runs_in(folder):
        for path in (job_path(folder, run), journal_path(folder, run), log_path(folder, run), progress_path(folder, run)):
            path.unlink(missing_ok=True)


def _recover(folder: Path, run: int) -> pa.Table:
    job = _written_job(folder, run)
    with closing(Progress(progress_path(folder, run))) as progress:
        if not progress.lock((job.timeout_ns / 1e9 if job else 0) + _GRACE_S):
            remedy = "wait for it to end, or end it; then run the same command again"
            raise BusyError(f"a load worker still writes run {run}", where=str(folder), remedy=remedy)
        start_ns, sent = progress.start_ns, progress.sent
    table = pa.Table.from_batches(JournalReader(folder, run).read(), JOURNAL_SCHEMA)
    missing = np.setdiff1d(np.arange(sent), table["arrival"].to_numpy())
    lost = [_lost(job, int(arrival), start_ns) for arrival in missing] if job else []
    return pa.concat_tables([table, pa.Table.from_pylist(lost, JOURNAL_SCHEMA)]).sort_by("arrival").drop_columns("arrival")


def _written_job(folder: Path, run: int) -> Job | None:
    """The run's job; None where its start was cut short in writing it, or a power loss took it: the account then shows what is missing."""
    try:
        return read_job(job_path(folder, run))
    except (OSError, pa.ArrowException):
        return None


def _lost(job: Job, arrival: int, start_ns: int) -> dict[str, object]:
    prepared = job.requests[job.picks[arrival]]
    return {
        "arrival": arrival,
        "scheduled_ns": start_ns + int(job.arrivals_ns[arrival]),
        "sent_ns": 0,
        "first_byte_ns": 0,
        "done_ns": 0,
        "status": 0,
        "arm": prepared.arm,
        "block": int(job.blocks[arrival]),
        "run": job.run,
        "worker": 0,
        "check": prepared.check,
        "case_id": prepared.case_id,
        "bytes": 0,
        "error": "lost: sent, and no row was written before the worker was killed",
    }
