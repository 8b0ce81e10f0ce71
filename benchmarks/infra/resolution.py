"""An accelerator resolved over the whole catalogue: machines that fit, and why each other one does not."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.harness import NotRunError, Row, median_row

GOAL_MS = 50.0
# In a process of its own, so that the first resolution reads the catalogue, as the first one of a program does.
_PROGRAM = """
import json, time
from mlgate.accelerators import accelerators, regions
from mlgate.gpu_types import Wanted, fit

def resolved(accelerator, region):
    begin = time.perf_counter()
    found = fit(Wanted(accelerator, region))
    return (time.perf_counter() - begin) * 1e3, len(found.machines) + len(found.rejected)

begin = time.perf_counter()
first, kinds = resolved("l4", "eu-central-1")
taken = [resolved(accelerator, region) for accelerator in accelerators() for region in regions()]
print(json.dumps({"first": first, "kinds": kinds, "taken": taken}))
"""


def measure(times: int = 5) -> list[Row]:
    """`times` fresh processes. Raises NotRunError where a resolution does not answer for every machine of the catalogue."""
    first, slowest, count = [], [], 0
    for _ in range(times):
        said = json.loads(subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True).stdout)
        if not said["kinds"] or {kinds for _, kinds in said["taken"]} != {said["kinds"]}:
            raise NotRunError(f"a resolution answers for {said['kinds']} machines, others do not")
        first.append(said["first"])
        slowest.append(max(ms for ms, _ in said["taken"]))
        count = len(said["taken"])
    return [
        median_row("resolving an accelerator, the slowest", slowest, "ms", goal=GOAL_MS, reference=f"of {count}: each in each region"),
        median_row(
            "resolving an accelerator, the first of a process", first, "ms", goal=GOAL_MS, reference="the catalogue is read with it"
        ),
    ]
