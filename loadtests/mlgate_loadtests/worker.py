"""The load worker, a process of its own: `python -m mlgate_loadtests.worker JOBFILE`, requests on standard input.

Open loop: each request goes out at its scheduled instant whatever is in flight. The worker ends when the schedule is through; when its
standard input closes (the gate stopped it, or died) or on SIGTERM, it sends nothing more, waits for what is in flight and ends.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from time import monotonic_ns

import uvloop

from mlgate.errors import MlgateError
from mlgate_loadtests.clock import Clock
from mlgate_loadtests.connection import Exchange
from mlgate_loadtests.job import Job, read_job, receive_requests
from mlgate_loadtests.journal import JournalWriter
from mlgate_loadtests.pacer import LONGEST_NS, Pacer
from mlgate_loadtests.pool import Pool
from mlgate_loadtests.progress import Progress, progress_path
from mlgate_loadtests.recorder import Recorder
from mlgate_loadtests.target import Target

_CONNECTIONS_PER_ARM = 1024
_FILES_FOR_OURSELVES = 64
_LEAD_NS = 20_000_000
# What decoding one answer takes: it is not begun closer to an arrival than that.
_DECODE_NS = 60_000
# Behind schedule, sockets and rows still get a turn every so many sends.
_TURN = 16


class Run:
    """One job being sent: the pacing loop and the bounded pieces of other work between two arrivals."""

    def __init__(self, job: Job, targets: Mapping[str, Target], progress: Progress, journal: JournalWriter) -> None:
        self._job = job
        self._progress = progress
        self._clock = Clock()
        self._ended: deque[Exchange] = deque()
        self._in_flight: deque[Exchange] = deque()
        self._recorder = Recorder(job, targets, journal, self._clock, self._ended)
        cap = _connections(len(targets))
        self._pools = {arm: Pool(to, cap=cap, timeout_ns=job.timeout_ns, finished=self._ended.append) for arm, to in targets.items()}
        self._prepared = [(self._pools[one.arm], targets[one.arm].wire(one.request)) for one in job.requests]
        self._stopping = False

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping = True

    async def drive(self) -> None:
        """Send the whole schedule; back when everything that was sent has its row on disk. Raises ProcessError when the disk is full."""
        for pool in self._pools.values():
            await pool.resolve()
        pacer = Pacer(asyncio.get_running_loop())
        start_ns = self._recorder.start_ns = monotonic_ns() + _LEAD_NS
        self._progress.start_ns = self._clock.wall(start_ns)
        for arrival, (offset_ns, pick) in enumerate(zip(self._job.arrivals_ns.tolist(), self._job.picks.tolist(), strict=True)):
            due_ns = start_ns + offset_ns
            if arrival % _TURN == 0 and monotonic_ns() >= due_ns:
                self._piece(_DECODE_NS)
                await asyncio.sleep(0)
            while (spare_ns := due_ns - monotonic_ns()) > 0 and not self._stopping:
                await (asyncio.sleep(0) if self._piece(spare_ns) else pacer.toward(due_ns))
            if self._stopping:
                break
            self._send(arrival, pick)
        while self._in_flight or self._ended:
            await (asyncio.sleep(0) if self._piece(LONGEST_NS) else pacer.toward(monotonic_ns() + LONGEST_NS))
        self._recorder.flush()
        self._watch_clock()
        pacer.close()
        for pool in self._pools.values():
            pool.close()

    def _send(self, arrival: int, pick: int) -> None:
        pool, wire = self._prepared[pick]
        self._progress.sent = arrival + 1
        exchange = Exchange(arrival, wire, monotonic_ns() + self._job.timeout_ns)
        self._in_flight.append(exchange)
        pool.send(exchange)

    def _piece(self, spare_ns: int) -> bool:
        """Do one piece of other work, if any is due and takes less than `spare_ns`; whether there was some."""
        now_ns = monotonic_ns()
        self._expire(now_ns)
        if self._recorder.overdue(now_ns, spare_ns=spare_ns):
            self._recorder.flush()
            self._watch_clock()
            return True
        return spare_ns >= _DECODE_NS and self._recorder.work()

    def _expire(self, now_ns: int) -> None:
        """Drop what ended from the front of the line, in order of sending, and end what is over its time."""
        while self._in_flight and (self._in_flight[0].finished or self._in_flight[0].deadline_ns <= now_ns):
            exchange = self._in_flight.popleft()
            if not exchange.finished:
                self._prepared[self._job.picks[exchange.arrival]][0].expire(exchange)

    def _watch_clock(self) -> None:
        stepped_ns = self._clock.stepped_ns()
        if abs(stepped_ns) > abs(self._progress.clock_stepped_ns):
            self._progress.clock_stepped_ns = stepped_ns


def _connections(arms: int) -> int:
    """The cap on connections of each of `arms` arms, with this process's limit of open files raised as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = arms * _CONNECTIONS_PER_ARM + _FILES_FOR_OURSELVES
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return (files - _FILES_FOR_OURSELVES) // arms


async def _work(path: Path) -> None:
    loop = asyncio.get_running_loop()
    job = read_job(path)
    progress = Progress(progress_path(job.folder, job.run))
    progress.lock()
    job = read_job(path, receive_requests(sys.stdin.buffer))
    targets = {arm: Target.of(url, job.interface.auth) for arm, url in job.targets.items()}
    run = Run(job, targets, progress, JournalWriter(job.folder, job.run))

    def heard() -> None:
        if not os.read(0, 1 << 16):
            loop.remove_reader(0)
            run.stop()

    loop.add_reader(0, heard)
    loop.add_signal_handler(signal.SIGTERM, run.stop)
    # Nothing here lives in cycles, and a collection in the middle of a run would be measured as latency.
    gc.collect()
    gc.freeze()
    gc.disable()
    await run.drive()
    loop.remove_reader(0)


def main() -> None:
    """Run the job file named on the command line. Exit status 0 when everything sent has its row; otherwise the reason is on stderr."""
    try:
        uvloop.run(_work(Path(sys.argv[1])))
    except MlgateError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
