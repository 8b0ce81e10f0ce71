"""A project like the repository's own, in a folder of the test's own, with an environment whose TorchServe is the stand-in."""

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from mlgate import Environment, Release, Service
from mlgate_delivery.down import down
from mlgate_delivery.exports import prepare
from mlgate_delivery.project import Project
from mlgate_delivery.stack import LocalStack
from mlgate_serving.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]

# The same releases, declaration and stand-in as for the components.
_spec = importlib.util.spec_from_file_location("components_fixtures", ROOT / "tests" / "components" / "conftest.py")
assert _spec
assert _spec.loader
_components = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _components
_spec.loader.exec_module(_components)
declare, packed, gated, promoted, standin = (getattr(_components, name) for name in ("declare", "packed", "gated", "promoted", "standin"))


def quiet(_line: str) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True)
class Site:
    """A project with its environment, and what runs in it."""

    environment: Environment
    project: Project
    stack: LocalStack

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.environment.processes)

    @property
    def running(self) -> list[str]:
        return [process.spec.name for process in self.supervisor.list() if process.alive]

    def processes(self) -> list[psutil.Process]:
        """Every process of the machine that works on this environment, plugins and endpoints alike."""
        marks = (self.stack.engine.variables["PULUMI_BACKEND_URL"], str(self.environment.processes))
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != psutil.Process().pid and any(mark in value for value in process.environ().values() for mark in marks):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """The environment of the test's project."""
    return Environment(name="local", home=tmp_path / ".mlgate" / "local")


@pytest.fixture
def site(tmp_path: Path, environment: Environment, standin: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The project, set up; everything in it is down afterwards."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "stacks" / "__main__.py", tmp_path / "stacks")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLGATE_HOME", raising=False)
    prepare(environment, quiet)
    place = Site(environment, Project.find(), LocalStack.of(environment, Project.find()))
    yield place
    # Without its state `down` needs no engine and takes no seconds; that it also works with one has tests of its own.
    shutil.rmtree(environment.state / "state", ignore_errors=True)
    down(environment, quiet)
    left = place.processes()
    for process in left:
        process.kill()
    assert not left


@pytest.fixture
def digest_of(packed: Callable[[str], Path]) -> Callable[[str], str]:
    """The digest of the release with that version."""
    return lambda version: Release.read(packed(version)).digest


@pytest.fixture
def service(declare: Callable[..., Path]) -> Service:
    """What `toy` declares."""
    return Service.read(declare())
