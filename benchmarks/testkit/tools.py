"""What the testkit's tools cost where there are none: the engine and the programs of a control plane, in minutes and on disk."""

from __future__ import annotations

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import Row, say, seconds, without_engine
from mlgate.environment import CACHE_VARIABLE

# What `make cluster-tools` runs, in its order.
COMMANDS = {"the Pulumi engine": ["mlgate_tools"], "the control plane": ["mlgate_tools", "cluster"]}
# A folder on a disk with room for 15 GB of build caches, where the temporary one has none.
DISK_VARIABLE = "MLGATE_BENCH_DISK"


def measure() -> list[Row]:
    """All of it from an empty cache, once, in a folder that is removed again; the processor's time says what a busy machine adds."""
    with tempfile.TemporaryDirectory(prefix="mlgate-tools-", dir=os.environ.get(DISK_VARIABLE)) as folder:
        environment = {**without_engine(os.environ), CACHE_VARIABLE: folder}
        used = _processor_s()
        taken = {}
        for what, command in COMMANDS.items():
            taken[what] = seconds([sys.executable, "-m", *command], environ=environment)
            say(f"{what}: {taken[what]:.0f} s")
        used = _processor_s() - used
        kept = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file() and not path.is_symlink()) / 1e9
    go = "Go on PATH" if shutil.which("go", path=environment["PATH"]) else "Go fetched as well"
    return [
        Row("tools from an empty cache", sum(taken.values()) / 60, "min", 22.0, reference=f"{go}, modules downloaded"),
        *(Row(f"tools from an empty cache: {what}", taken_s / 60, "min") for what, taken_s in taken.items()),
        Row("processor time of that, per core", used / 60 / (os.cpu_count() or 1), "min"),
        Row("tools kept on disk", kept, "GB", 1.6),
    ]


def _processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
