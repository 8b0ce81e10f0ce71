"""What the parts with an engine share: the engine, simulated providers in processes of their own, stacks, and what a run must have done."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import NotRunError
from benchmarks.provenance import PROJECT
from mlgate_testkit.engine import Changes, Engine, Simulated, Stack, Stacks, no_clouds


class Workbench:
    """Everything under `folder`. What it starts ends with `held`."""

    def __init__(self, folder: Path, held: ExitStack) -> None:
        self._folder = folder
        self._held = held
        self._engine = held.enter_context(closing(Engine(folder / "home")))

    def provider(self, name: str, package: str) -> Simulated:
        """The provider `name` of the programs, served by `MODULE:CALLABLE`."""
        environment = {**no_clouds(self._folder), "PYTHONPATH": str(PROJECT)}
        return self._held.enter_context(closing(Simulated(name, package, environment)))

    def stack(self, provider: Simulated, program: Callable[[], Any], services: int) -> Stack:
        """A stack that holds nothing yet, of the program with that number of services."""
        workspace = Path(tempfile.mkdtemp(dir=self._folder))
        config = {"services": services, "aws:region": "eu-central-1"}
        return Stacks(self._engine, workspace, [provider])("bench", program=program, config=config)


@contextmanager
def workbench() -> Iterator[Workbench]:
    """One whose processes and files are gone afterwards."""
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mlgate-bench-")))
        yield Workbench(folder, held)


def created(action: Callable[[], Changes], count: int) -> float:
    """Seconds of a run that creates `count` resources. Raises NotRunError where it did anything else."""
    seconds, changes = _timed(action)
    if len(changes.created()) != count or len(changes) != count:
        raise NotRunError(f"{count} resources were to be created, and this is what was done: {changes!r}")
    return seconds


def unchanged(action: Callable[[], Changes], count: int) -> float:
    """Seconds of a run that leaves `count` resources as they are. Raises NotRunError where it did anything else."""
    seconds, changes = _timed(action)
    if not changes.nothing() or len(changes) != count:
        raise NotRunError(f"{count} resources were to stay as they are, and this is what was done: {changes!r}")
    return seconds


def _timed(action: Callable[[], Changes]) -> tuple[float, Changes]:
    begin = time.perf_counter()
    changes = action()
    return time.perf_counter() - begin, changes
