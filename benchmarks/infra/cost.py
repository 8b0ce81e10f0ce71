"""`mlgate cost prod` where there is no engine, over a bare recording of the same objects: what plans, prices and the command add."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import NotRunError, Row, median_row, seconds, without_engine
from benchmarks.infra.bare import objects, write_program
from benchmarks.infra.previews import recorded
from benchmarks.provenance import PROJECT
from mlgate_testkit.record import Graph

GOAL = 1.5
_MLGATE = Path(sys.executable).with_name("mlgate")
_RECORD = "import sys; from mlgate_testkit.record import record; print(len(record(sys.argv[1], preview=True).resources))"


def measure(pairs: int = 5) -> list[Row]:
    """`pairs` of whole processes in turn, after one that does not count. Raises NotRunError where the two are not of the same objects."""
    graph = recorded(1)
    environ = without_engine(os.environ)
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as folder:
        bare = [sys.executable, "-W", "ignore", "-c", _RECORD, str(write_program(graph, Path(folder) / "bare"))]
        cost = [str(_MLGATE), "cost", "prod", "--json", "--project", str(PROJECT)]
        _require_same(graph, cost, bare)
        priced, taken = [], []
        for pair in range(-1, pairs):
            ours, theirs = seconds(cost, environ=environ), seconds(bare, environ=environ)
            if pair >= 0:
                priced.append(ours)
                taken.append(theirs)
    ratios = [one / other for one, other in zip(priced, taken, strict=True)]
    return [
        median_row(
            "mlgate cost prod, over recording the bare graph", ratios, "x", goal=GOAL, reference="whole processes in turn, no engine"
        ),
        median_row("mlgate cost prod", priced, "s"),
        median_row("recording the bare graph of prod", taken, "s", reference=f"{len(objects(graph))} objects"),
    ]


def _require_same(graph: Graph, cost: list[str], bare: list[str]) -> None:
    environ = without_engine(os.environ)
    bill = json.loads(subprocess.run(cost, check=True, capture_output=True, text=True, env=environ).stdout)
    made = int(subprocess.run(bare, check=True, capture_output=True, text=True, env=environ).stdout)
    billed = {line["type"] for line in bill["lines"]}
    if made != len(objects(graph)) or not billed <= {found.type for found in objects(graph)}:
        raise NotRunError(f"the bill is of {sorted(billed)}, and the bare graph has {made} objects")
