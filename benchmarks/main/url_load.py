"""Load on the service's one URL: open, on a schedule that does not wait for answers, and closed, where each connection does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.main.stand import Stand
from mlgate_loadtests.drive import Drive
from mlgate_loadtests.job import Expectation, Job, Prepared
from mlgate_loadtests.recording import SCHEMA
from mlgate_loadtests.schedule import poisson_arrivals

_TIMEOUT_NS = 10 * 10**9
_SEED = 8


@dataclass
class Seen:
    """What became of each request: its instant (ns since the epoch) and whether it failed. Empty until the load has ended.

    `latency_ms`: from the instant to the last byte, of those that got an answer. `served`: how many answers each release gave, where the
    load records that.
    """

    at_ns: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    failed: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    latency_ms: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    errors: list[str] = field(default_factory=list)
    served: dict[str, int] = field(default_factory=dict)


@contextmanager
def open_load(stand: Stand, url: str, rate_per_s: float, at_most_s: float, seen: Seen) -> Iterator[Drive]:
    """The project's load worker at `url`, Poisson arrivals, until the block is left; `seen` has everything then."""
    prepared = [
        Prepared(request, stand.cases.case_ids[index], "stable", "load", Expectation(label=float(stand.cases.labels[index])))
        for index, request in enumerate(stand.requests)
    ]
    arrivals = poisson_arrivals(_SEED, rate_per_s, int(at_most_s * 1e9))
    picks = np.random.default_rng(_SEED).integers(0, len(prepared), len(arrivals)).astype(np.int32)
    job = Job(
        folder=stand.folder_of("load"),
        run=0,
        targets={"stable": url},
        interface=stand.service.interface,
        model=stand.service.name,
        requests=prepared,
        arrivals_ns=arrivals,
        picks=picks,
        blocks=np.arange(len(arrivals), dtype=np.int32),
        timeout_ns=_TIMEOUT_NS,
    )
    with Drive.start(job) as drive:
        yield drive
        drive.stop()
        parts = [SCHEMA.empty_table()]
        while not drive.finished:
            parts.append(drive.poll(1.0))
    rows = pa.concat_tables(parts)
    seen.at_ns = rows["scheduled_ns"].to_numpy()
    seen.errors = [error for error in rows["error"].to_pylist() if error is not None]
    seen.failed = rows["error"].is_valid().to_numpy()
    done_ns = rows["done_ns"].to_numpy()
    seen.latency_ms = (done_ns - seen.at_ns)[done_ns > 0] / 1e6
    seen.served = {value["values"]: value["counts"] for value in rows["served_digest"].drop_null().value_counts().to_pylist()}


@contextmanager
def closed_load(stand: Stand, url: str, connections: int, seen: Seen) -> Iterator[None]:
    """`connections` that send the next request when the last one was answered, so that every worker always has some."""
    ended = threading.Event()
    records: list[tuple[int, str | None, float]] = []
    callers = [threading.Thread(target=_call, args=(stand, url, number, ended, records), daemon=True) for number in range(connections)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        ended.set()
        for caller in callers:
            caller.join()
    seen.at_ns = np.array([at_ns for at_ns, _, _ in records], np.int64)
    seen.errors = [error for _, error, _ in records if error is not None]
    seen.failed = np.array([error is not None for _, error, _ in records], np.bool_)
    seen.latency_ms = np.array([latency_ms for _, error, latency_ms in records if error is None])


def _call(stand: Stand, url: str, start: int, ended: threading.Event, records: list[tuple[int, str | None, float]]) -> None:
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT_NS / 1e9)
    number = start
    while not ended.is_set():
        number = (number + 1) % len(stand.requests)
        request = stand.requests[number]
        at_ns, begin, error = time.time_ns(), time.perf_counter(), None
        try:
            connection.request(request.method, request.path, request.body, dict(request.headers))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                error = f"status {answer.status}: {body[:200].decode(errors='replace')}"
        except (OSError, HTTPException) as problem:
            connection.close()
            error = f"connection: {problem!r}"
        records.append((at_ns, error, (time.perf_counter() - begin) * 1e3))
