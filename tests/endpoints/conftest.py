"""A small untrained digits model as a model directory, its service, and handlers loaded as a worker would load them."""

import importlib
import json
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from mlgate import Release, Service
from mlgate_serving.endpoint import LocalEndpoint, start_endpoint, stop_endpoint
from mlgate_serving.handler import SafeHandler
from mlgate_serving.pack import pack
from mlgate_serving.supervisor import Supervisor
from tests.endpoints.servers import FakeRuntime, Start

MODEL = """\
import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 10))

    def forward(self, image):
        return self.layers(image.unsqueeze(1) / 16).softmax(dim=1)
"""

DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: digits, owner: vision}
serving: {runtime: torchserve, batch: {size: 8, delay: 1 ms}, workers: 1}
interface:
  protocol: torchserve
  input: {image: {dtype: float32, shape: [-1, 8, 8], at_least: 0, at_most: 16}}
  output: {field: probabilities, shape: [-1, 10], answer: argmax}
"""


@dataclass
class Answers:
    """What a handler told TorchServe, by row; stands in for its context."""

    system_properties: Mapping[str, Any]
    statuses: dict[int, int] = field(default_factory=dict)
    headers: dict[int, dict[str, str]] = field(default_factory=dict)

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.statuses[idx] = code

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.headers.setdefault(idx, {})[key] = value


@dataclass
class Worker:
    """A loaded handler: `ask` gives (status, headers, body) of each row."""

    handler: SafeHandler
    folder: Path

    def ask(self, *bodies: Any) -> list[tuple[int, dict[str, str], Any]]:
        answers = Answers({"model_dir": str(self.folder)})
        given = self.handler.handle([{"body": body} for body in bodies], answers)
        assert len(given) == len(bodies)
        return [
            (answers.statuses.get(row, 200), answers.headers[row], json.loads(body, parse_constant=pytest.fail))
            for row, body in enumerate(given)
        ]


@pytest.fixture(scope="session")
def read_service(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Service]:
    """The digits service, with parts of its declaration replaced."""

    def read(**replaced: str) -> Service:
        text = DECLARATION
        for key, value in replaced.items():
            line = next(line for line in text.splitlines() if line.strip().startswith(f"{key}:"))
            text = text.replace(line, f"{line[: len(line) - len(line.lstrip())]}{key}: {value}")
        path = tmp_path_factory.mktemp("service") / "service.yaml"
        path.write_text(text)
        return Service.read(path)

    return read


@pytest.fixture(scope="session")
def service(read_service: Callable[..., Service]) -> Service:
    return read_service()


@pytest.fixture(scope="session")
def state_dict() -> dict[str, torch.Tensor]:
    """Weights of `Model`, always the same."""
    namespace: dict[str, Any] = {}
    exec(MODEL, namespace)  # noqa: S102 (our own few lines)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return dict(namespace["Model"]().state_dict())


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory, state_dict: dict[str, torch.Tensor]) -> Callable[..., Path]:
    """Writes a model directory; files given by name (`model_py`, `handler_py`) replace or add to the usual ones."""

    def make(model: str = MODEL, weights: str = "weights.pt", **files: str) -> Path:
        folder = tmp_path_factory.mktemp("model")
        (folder / "model.py").write_text(model)
        if weights == "weights.safetensors":
            from safetensors.torch import save_file

            save_file(state_dict, folder / weights)
        else:
            torch.save(state_dict, folder / weights)
        for name, content in files.items():
            (folder / name.replace("_py", ".py").replace("_json", ".json")).write_text(content)
        return folder

    return make


@pytest.fixture(scope="session")
def make_worker(
    tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Path], service: Service
) -> Iterator[Callable[..., Worker]]:
    """Packs a model, unpacks the archive and loads its handler in this process."""
    threads, search = torch.get_num_threads(), sys.path[:]

    def make(
        folder: Path | None = None, service: Service = service, handler: type[SafeHandler] = SafeHandler, gpu: int | None = None
    ) -> Worker:
        output, unpacked = tmp_path_factory.mktemp("release"), tmp_path_factory.mktemp("unpacked")
        release = pack(folder or make_model(), service=service, version="1", output=output)
        unpack(output / release.archive, unpacked)
        return Worker(load(unpacked, handler, gpu), unpacked)

    yield make
    torch.set_num_threads(threads)
    sys.path[:] = search
    sys.modules.pop("model", None)


def load(unpacked: Path, handler: type[SafeHandler] = SafeHandler, gpu: int | None = None) -> SafeHandler:
    """A handler over an unpacked archive, on the CPU or the GPU of that number."""
    sys.modules.pop("model", None)
    sys.path.insert(0, str(unpacked))
    importlib.invalidate_caches()
    loaded = handler()
    loaded.initialize(Answers({"model_dir": str(unpacked), "gpu_id": gpu}))
    return loaded


def unpack(archive: Path, folder: Path) -> None:
    """What TorchServe does with an archive."""
    with zipfile.ZipFile(archive) as members:
        members.extractall(folder)


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Path], service: Service) -> tuple[Release, Path]:
    """A release of the usual model and its folder."""
    output = tmp_path_factory.mktemp("release")
    return pack(make_model(), service=service, version="1", output=output), output


@pytest.fixture
def image() -> list[list[float]]:
    """One case that keeps the interface."""
    return [[float((row * 8 + column) % 17) for column in range(8)] for row in range(8)]


@pytest.fixture(scope="session")
def model_text() -> str:
    """The usual model.py, to vary."""
    return MODEL


@pytest.fixture
def load_handler(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SafeHandler]:
    """Loads a handler over an unpacked archive, as a worker does."""
    monkeypatch.setattr(sys, "path", sys.path[:])
    return load


@pytest.fixture
def unpack_to() -> Callable[[Path, Path], None]:
    """Does with an archive what TorchServe does."""
    return unpack


@pytest.fixture
def quiet_context() -> Answers:
    """A context for handlers whose answers are not looked at."""
    return Answers({})


@pytest.fixture
def fake_runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    """Makes endpoints run the fake server instead of TorchServe."""
    runtime = FakeRuntime()
    monkeypatch.setattr("mlgate_serving.endpoint.runtime_for", lambda serving, progress: runtime)
    return runtime


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor of which no process and no link outlives the test."""
    supervisor = Supervisor(tmp_path / "processes")
    yield supervisor
    for name in supervisor.names():
        supervisor.stop(name, grace_s=0)  # what a test made busy is not waited for
        stop_endpoint(supervisor, name)


@pytest.fixture
def start(supervisor: Supervisor, packed: tuple[Release, Path], service: Service, fake_runtime: Any) -> Start:
    """Starts the usual release on the fake server."""

    def start(
        service: Service = service, release: Path = packed[1], *, supervisor: Supervisor = supervisor, **options: Any
    ) -> LocalEndpoint:
        return start_endpoint(supervisor, release, service, **options)

    return start


@pytest.fixture
def nothing_stays(tmp_path: Path) -> Iterator[None]:
    """Whatever a test does, no process of it survives."""
    yield
    own = [process for process in psutil.process_iter(["cmdline"]) if str(tmp_path) in " ".join(process.info["cmdline"] or ())]
    for process in own:
        process.wait(10)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Supervisor, Path]]:
    """A supervisor and the folder of its endpoints, in a place whose name Java could stumble over; nothing of it outlives the module."""
    home = tmp_path_factory.mktemp("home") / "my modèles"
    supervisor = Supervisor(home / "processes")
    yield supervisor, home / "processes"
    for name in supervisor.names():
        stop_endpoint(supervisor, name)
