"""A folder for what the programs make, a stack of boxes, and whole runs of pytest."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgate.environment import CACHE_VARIABLE, cache_folder
from mlgate_testkit.engine import Engine, Simulated, Stack, Stacks

from .programs import boxes, simulated_boxes

Shelf = Callable[..., Stack]
CACHE = cache_folder()  # before pytester moves HOME


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the boxes are."""
    made = tmp_path / "boxes"
    made.mkdir()
    return made


@pytest.fixture
def shelf(stack: Stacks, folder: Path) -> Shelf:
    """A stack with a box for each name."""

    def make(*names: str, secrets: dict[str, str] | None = None, **config: Any) -> Stack:
        return stack("dev", program=boxes, config={"folder": str(folder), "names": json.dumps(names), **config}, secrets=secrets)

    return make


@pytest.fixture(scope="session")
def _cloud_process() -> Iterator[Simulated]:
    process = Simulated("box", "clouds:tracked", {"PYTHONPATH": str(Path(__file__).parent)})
    yield process
    process.close()


@pytest.fixture
def cloud(_cloud_process: Simulated) -> Iterator[Simulated]:
    """The simulated cloud of boxes, empty."""
    yield _cloud_process
    _cloud_process.reset()


@pytest.fixture
def stacks(pulumi_engine: Engine, cloud: Simulated, tmp_path: Path) -> Iterator[Stacks]:
    """Stacks attached to it, which the test may close itself."""
    made = Stacks(pulumi_engine, tmp_path, [cloud])
    yield made
    made.close()


@pytest.fixture
def rack(stacks: Stacks) -> Shelf:
    """A stack with a simulated box for each name."""

    def make(*names: str, **config: str) -> Stack:
        return stacks("dev", program=simulated_boxes, config={"names": json.dumps(names), **config})

    return make


@pytest.fixture
def _cache(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(CACHE))


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Runs pytest on a test file of that text, in a process of its own."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)

    def start(text: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(test_it=text)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=240)

    return start
