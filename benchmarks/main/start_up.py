"""Start-up: the first good answer of one worker against a bare `import torch`, which no worker can do without; memory at rest."""

from __future__ import annotations

import sys
import time

import psutil

from benchmarks.harness import Row, median_row, say, seconds
from benchmarks.main.stand import Stand

_REST_S = 2.0


def measure(stand: Stand, pairs: int = 5) -> list[Row]:
    """`pairs` of both, in turn, after one of each that does not count: it fills the page cache."""
    torch_s, first_s, ratios, resident_mib = [], [], [], []
    for pair in range(-1, pairs):
        imported = seconds([sys.executable, "-c", "import torch"])
        answered, resident = _first_answer(stand)
        say(f"start-up {pair + 1} of {pairs}: import torch {imported:.2f} s, first answer {answered:.2f} s, JVM {resident:.0f} MiB")
        if pair >= 0:
            torch_s.append(imported)
            first_s.append(answered)
            ratios.append(answered / imported)
            resident_mib.append(resident)
    return [
        median_row("first answer, one worker", ratios, "x", goal=1.3, reference="import torch in a fresh process = 1; pairs in turn"),
        median_row("first answer, one worker: time", first_s, "s", reference="start_endpoint, with its checks and one good prediction"),
        median_row("import torch", torch_s, "s"),
        median_row("JVM at rest", resident_mib, "MiB", goal=150, reference=f"resident memory {_REST_S:g} s after the first answer"),
    ]


def _first_answer(stand: Stand) -> tuple[float, float]:
    """Seconds until `start_endpoint` has had a good prediction, and the JVM's resident MiB at rest."""
    stand.release(1)
    begin = time.perf_counter()
    with stand.serving(1, workers=1) as endpoint:
        taken = time.perf_counter() - begin
        time.sleep(_REST_S)
        return taken, psutil.Process(endpoint.pid).memory_info().rss / 2**20
