"""A graph of 1,000 resources recorded, against the same program under Pulumi's plain mocks: what the recording adds.

Each run is a process of its own, imports included, in turn.
"""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.harness import NotRunError, Row, median_row
from benchmarks.provenance import PROJECT

COUNT = 1000


def measure(pairs: int = 5) -> list[Row]:
    """Both in turn, process start and imports included, after one pair that does not count.

    Raises NotRunError where one of them made another number of resources.
    """
    taken: dict[str, list[float]] = {"bare": [], "recorded": []}
    for pair in range(-1, pairs):
        for kind, found in taken.items():
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.testkit.graph", kind]
            begin = time.perf_counter()
            counted = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT).stdout
            seconds = time.perf_counter() - begin
            if int(counted) != COUNT:
                raise NotRunError(f"{kind} made {int(counted):,} resources, not {COUNT:,}")
            if pair >= 0:
                found.append(seconds)
    added = [recorded - bare for bare, recorded in zip(taken["bare"], taken["recorded"], strict=True)]
    return [
        median_row(
            f"graph of {COUNT:,} resources recorded, over the bare program", added, "s", goal=3.0, reference=f"{pairs} pairs in turn"
        ),
        median_row("recorded", taken["recorded"], "s"),
        median_row("bare, under Pulumi's own mocks", taken["bare"], "s"),
    ]
