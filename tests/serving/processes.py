"""Processes that do next to nothing, whose they are, and what becomes of them."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from mlgate_serving.identity import marked
from mlgate_serving.registry import ProcessSpec

SLEEP = "import time; time.sleep(600)"


def ours(tmp_path: Path) -> list[int]:
    """Pids of every process that carries a marker of the test's registry."""
    return [process.pid for process, _ in marked(tmp_path / "registry")]


def python(tmp_path: Path, code: str = SLEEP, name: str = "one", ports: tuple[int, ...] = ()) -> ProcessSpec:
    return ProcessSpec(name, (sys.executable, "-c", code), {}, tmp_path / name, ports, {"release": "sha256:1"})


def eventually(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
