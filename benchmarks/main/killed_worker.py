"""A worker is killed under load through the service's one URL, again and again: what clients see of it, and when it is back."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from benchmarks.harness import Row, median_row, say
from benchmarks.main.stand import Stand
from benchmarks.main.url_load import Seen, closed_load, open_load
from mlgate.errors import ProcessError
from mlgate_serving.endpoint import LocalEndpoint
from mlgate_serving.management import Management

RATE_PER_S = 200  # what the example declares
CONNECTIONS = 8
_SETTLE_S = 2.0
_RESTORED_S = 60.0


@dataclass(frozen=True, slots=True)
class Kill:
    """When (ns since the epoch), and how long until every worker was READY again."""

    at_ns: int
    restored_s: float


def measure(stand: Stand, kills: int = 5) -> list[Row]:
    """`kills` under an open load at the declared rate, and as many under a closed one that keeps every worker busy."""
    with stand.serving(1) as endpoint, stand.routed(endpoint) as (router, url):
        in_the_open, in_the_closed = Seen(), Seen()
        longest_s = kills * (_RESTORED_S + _SETTLE_S) + 10
        with open_load(stand, url, RATE_PER_S, longest_s, in_the_open):
            open_kills = _kill_repeatedly(endpoint, stand.service.name, kills)
        with closed_load(stand, url, CONNECTIONS, in_the_closed):
            closed_kills = _kill_repeatedly(endpoint, stand.service.name, kills)
        retries = sum(arm.retries for arm in router.counters(stand.service.name).values())
    restored = [kill.restored_s for kill in open_kills + closed_kills]
    return [
        *rows_of(f"open load, {RATE_PER_S}/s", in_the_open, open_kills),
        *rows_of(f"closed load, {CONNECTIONS} connections", in_the_closed, closed_kills),
        Row(
            "requests lost by a worker that the URL tried again", retries, "requests", reference="over all kills; 0 would mean none was hit"
        ),
        median_row("a killed worker is back", restored, "s", reference="by itself: every worker READY"),
    ]


def rows_of(load: str, seen: Seen, kills: list[Kill]) -> list[Row]:
    failed = failed_by_kill(seen, kills)
    for error, times in Counter(seen.errors).most_common(3):
        say(f"{load}: {times} x {error}")
    reference = f"{int(seen.failed.sum())} failed of {len(seen.failed):,} requests over {len(kills)} kills"
    spread = float(min(failed)), float(max(failed))
    return [
        Row(f"failed requests per kill, {load}", max(failed), "requests", 1, reference=f"the worst kill; {reference}", spread=spread),
        Row(f"longest request, {load}", float(seen.latency_ms.max()), "ms", reference="of those that got an answer"),
    ]


def failed_by_kill(seen: Seen, kills: list[Kill]) -> list[int]:
    """Failures by the kill they belong to; every failure belongs to one. What fails may have been sent shortly before the kill."""
    begins = np.array([kill.at_ns for kill in kills[1:]], np.int64) - int(_SETTLE_S / 2 * 1e9)
    belongs = np.searchsorted(begins, seen.at_ns[seen.failed], side="right")
    return [int((belongs == number).sum()) for number in range(len(kills))]


def _kill_repeatedly(endpoint: LocalEndpoint, model: str, kills: int) -> list[Kill]:
    """Raises ProcessError where a worker does not come back."""
    management = Management(endpoint.management_url, endpoint.url)
    workers = _ready(management, model)
    done: list[Kill] = []
    for number in range(kills):
        time.sleep(_SETTLE_S)
        victim = workers[number % len(workers)]
        at_ns, begin = time.time_ns(), time.monotonic()
        os.kill(victim, signal.SIGKILL)
        while len(left := [pid for pid in _ready(management, model) if pid != victim]) < len(workers):
            if time.monotonic() - begin > _RESTORED_S:
                raise ProcessError(f"a killed worker was not back after {_RESTORED_S:g} s", where=endpoint.name)
            time.sleep(0.05)
        done.append(Kill(at_ns, time.monotonic() - begin))
        say(f"kill {number + 1} of {kills}: back after {done[-1].restored_s:.1f} s")
        workers = left
    time.sleep(_SETTLE_S)
    return done


def _ready(management: Management, model: str) -> list[int]:
    return [worker.pid for worker in management.describe(model).workers if worker.status == "READY"]
