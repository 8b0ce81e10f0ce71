"""A project like the repository's own, in a folder of the test's own, with an environment whose TorchServe is the stand-in."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from mlgate import Environment, Release, Service, Verdict
from mlgate_delivery import promote as promote_module
from mlgate_delivery.candidate import deploy_candidate
from mlgate_delivery.down import down
from mlgate_delivery.exports import prepare
from mlgate_delivery.project import Project
from mlgate_delivery.stack import LocalStack
from mlgate_serving.endpoint import LocalEndpoint
from mlgate_serving.supervisor import Supervisor

from ..components import conftest as components

ROOT = Path(__file__).resolve().parents[2]

MODEL = """
import torch

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = torch.nn.Linear(4, 4)

    def forward(self, numbers):
        return torch.softmax(self.weights(numbers), dim=1)
"""

# The same releases, declaration and stand-in as for the components.
declare, packed, gated = components.declare, components.packed, components.gated
promoted, standin, links = components.promoted, components.standin, components.links


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


@pytest.fixture
def write_model() -> Callable[..., None]:
    """Writes an untrained model that keeps the interface of `toy`; another seed gives another one."""
    import torch

    def write(folder: Path, seed: int = 0) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "model.py").write_text(MODEL)
        torch.manual_seed(seed)
        torch.save({f"weights.{name}": value for name, value in torch.nn.Linear(4, 4).state_dict().items()}, folder / "weights.pt")

    return write


@pytest.fixture
def deploy(site: Site, packed: Callable[[str], Path], declare: Callable[..., Path], service: Service) -> Callable[[str], LocalEndpoint]:
    """Brings the release with that version up as the candidate."""
    return lambda version: deploy_candidate(site.environment, service, declare(), packed(version), print)


@pytest.fixture
def recomputed(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """What the rows of an attempt come to, computed again; the evidence of `gated` has none."""
    found = SimpleNamespace(result=SimpleNamespace(verdict=Verdict.PASS))
    monkeypatch.setattr(promote_module, "verify_folder", lambda _folder, _trust: found)
    return found.result


@pytest.fixture
def killing(site: Site) -> Callable[[str], Callable[[str], None]]:
    """Progress that kills the engine with SIGKILL at the line which ends so."""

    def kill_at(end: str) -> Callable[[str], None]:
        def hear(line: str) -> None:
            if line.split(" (", maxsplit=1)[0].endswith(end):
                (lock,) = site.stack.state.locks()
                os.kill(lock.pid, signal.SIGKILL)

        return hear

    return kill_at
