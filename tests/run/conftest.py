"""A small endpoint that speaks both protocols and can be told to misbehave, a service that fits it, and its hold-out.

The right answer to a case is the index of its largest number, so every endpoint here is a "model" of known accuracy.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlgate import Environment, Service
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.trust import ensure_local_trust
from mlgate_gates.request import GateOutcome, GateRequest, Server, Subject
from mlgate_gates.run import run_gate
from mlgate_loadtests.journal import JournalReader

CASES = 300
DECLARATION = """\
apiVersion: mlgate/v1
kind: Service
metadata: {name: toy, owner: tests}
interface:
  protocol: torchserve
  input: {numbers: {dtype: float32, shape: [-1, 4], at_least: 0, at_most: 1}}
  output: {field: probabilities, shape: [-1, 4], answer: argmax}
objectives:
  - {name: latency-p95, quantile: 0.95, at_most: 1 s}
  - {name: error-rate, at_most: 5 %}
load: {arrivals: poisson, rate: 200/s, warm_up: 200 ms, at_least: 1 s, at_most: 6 s, bursts: independent}
quality:
  - {name: accuracy, metric: accuracy, at_least: 0.9, data: holdout.parquet, slices: [half], look_at: look.parquet}
  - {name: no-worse, metric: accuracy, versus: stable, margin: 0.1, data: holdout.parquet}
alpha: 0.05
alpha_block: 0.05
"""


@dataclass
class Behaviour:
    """How the endpoint departs from a good one."""

    wrong_every: int = 0  # every n-th case gets a wrong answer (0: none)
    sleep_s: float = 0.0
    fail_every: int = 0  # every n-th request is a 503, behind the first `sound` ones
    sound: int = 0
    digest: str | None = None
    token: str | None = None
    bad_rows_status: int = 400
    names_fields: bool = True  # in its refusals
    unknown_model_status: int = 404
    requests: int = field(default=0)


_TORCHSERVE, _OPEN_INFERENCE = "/predictions/toy", "/v2/models/toy/infer"


def _numbers(path: str, body: bytes) -> list[float]:
    """The numbers of the one case in a request. Raises ValueError that names the field which is wrong."""
    document = json.loads(body)
    fields = document
    if path == _OPEN_INFERENCE:
        fields = {tensor["name"]: tensor["data"] if tensor["shape"] == [1, 4] else None for tensor in document["inputs"]}
    for unknown in fields.keys() - {"numbers"}:
        raise ValueError(f"field {unknown} is not known")
    numbers = fields.get("numbers")
    if not isinstance(numbers, list) or len(numbers) != 4 or not all(isinstance(n, float | int) and 0 <= n <= 1 for n in numbers):
        raise ValueError("field numbers is not four numbers from 0 to 1")
    return numbers


def _handler(behaviour: Behaviour) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            behaviour.requests += 1
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            if behaviour.token and self.headers.get("authorization") != f"Bearer {behaviour.token}":
                return self._refuse(401, "token")
            if self.path not in (_TORCHSERVE, _OPEN_INFERENCE):
                return self._refuse(behaviour.unknown_model_status, "no such model")
            if behaviour.fail_every and behaviour.requests > behaviour.sound and behaviour.requests % behaviour.fail_every == 0:
                return self._refuse(503, "busy")
            time.sleep(behaviour.sleep_s)
            try:
                numbers = _numbers(self.path, body)
            except ValueError as error:
                return self._refuse(behaviour.bad_rows_status, str(error) if behaviour.names_fields else "a bad row")
            right = int(np.argmax(numbers))
            index = round(float(np.sum(numbers)) * 1e6)
            wrong = behaviour.wrong_every and index % behaviour.wrong_every == 0
            probabilities = [0.1] * 4
            probabilities[(right + 1) % 4 if wrong else right] = 0.7
            tensor = {"name": "probabilities", "shape": [1, 4], "datatype": "FP32", "data": probabilities}
            return self._answer(200, {"probabilities": probabilities} if self.path == _TORCHSERVE else {"outputs": [tensor]})

        def _refuse(self, status: int, reason: str) -> None:
            self._answer(status, {"error" if self.path.startswith("/v2/") else "message": reason})

        def _answer(self, status: int, value: Any) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            if behaviour.digest:
                self.send_header("x-mlgate-release", behaviour.digest)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that went away is no news."""


Endpoint = Callable[..., str]


@pytest.fixture
def behaviour() -> Behaviour:
    """A good one, to be changed while an endpoint runs that was given it."""
    return Behaviour()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Starts an endpoint of the given behaviour, which may change while it runs; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(behaviour: Behaviour | None = None, **departures: Any) -> str:
        server = _Server(("127.0.0.1", 0), _handler(behaviour or Behaviour(**departures)))
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with service.yaml, its hold-out and its cases to look at."""
    place = tmp_path / "service"
    place.mkdir()
    (place / "service.yaml").write_text(DECLARATION, encoding="utf-8")
    generator = np.random.default_rng(7)
    for name, count in (("holdout", CASES), ("look", 40)):
        numbers = generator.random((count, 4)).astype(np.float32)
        table = pa.table(
            {
                "case_id": [f"{name}-{index}" for index in range(count)],
                "numbers": pa.array(numbers.tolist(), pa.list_(pa.float32())),
                "label": numbers.argmax(axis=1),
                "half": [index % 2 for index in range(count)],
            }
        )
        pq.write_table(table, place / f"{name}.parquet")
    return place


@pytest.fixture
def service(folder: Path) -> Service:
    """The declared service."""
    return Service.read(folder / "service.yaml")


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    """A local environment of the test's own, with key and trust."""
    place = Environment(name="local", home=tmp_path / "home" / "local")
    ensure_local_trust(place)
    return place


@pytest.fixture
def gate(service: Service, environment: Environment) -> Callable[..., GateOutcome]:
    """Gates a candidate, against a stable one or as the first release."""

    def run(candidate: str, stable: str | None = None, *, progress: Callable[[str], None] = print, **changed: Any) -> GateOutcome:
        request = GateRequest(
            service=changed.get("service", service),
            environment=environment,
            candidate=Subject(candidate, changed.get("release")),
            stable=Subject(stable) if stable else None,
            first_release=stable is None,
        )
        return run_gate(request, progress)

    return run


@pytest.fixture(scope="session")
def signed() -> Callable[[GateOutcome], dict[str, Any]]:
    """The predicate of a gate's evidence."""
    return lambda outcome: json.loads(b64decode(json.loads((outcome.folder / "evidence.json").read_bytes())["payload"]))["predicate"]


class Registry:
    """Which server is there, as an environment knows it."""

    def __init__(self) -> None:
        self.name: str | None = "process 1"

    def arm(self, url: str) -> Subject:
        assert self.name
        return Subject(url, server=Server(self.name, lambda: self.name))


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def routes(environment: Environment) -> Callable[[str], dict[str, int]]:
    """The attempts at an address, oldest first, and their routes."""
    return lambda url: {attempt.id: attempt.route for attempt in Ledger.of(environment).history().attempts("toy", "local", None, url)}


_GATE_IN_A_PROCESS = """
import sys
from pathlib import Path
from mlgate import Environment, Service
from mlgate_gates.request import GateRequest, Server, Subject
from mlgate_gates.run import run_gate
service, home, url, *server = sys.argv[1:]
subject = Subject(url, server=Server(server[0], lambda: server[0]) if server else None)
request = GateRequest(Service.read(Path(service)), Environment("local", Path(home)), subject, first_release=True)
print(run_gate(request, lambda text: None).result.verdict, flush=True)
"""


@pytest.fixture
def end_a_gate(folder: Path, environment: Environment) -> Callable[..., None]:
    """Runs a gate in a process of its own, and ends that when so many rows of a phase are on disk."""

    def run(phase: str, rows: int, ending: signal.Signals, *url_and_server: str) -> None:
        command = [sys.executable, "-c", _GATE_IN_A_PROCESS, str(folder / "service.yaml"), str(environment.home), *url_and_server]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            while _rows_of(phase, environment) < rows:
                assert process.poll() is None, f"the gate ended before it had {rows} rows of {phase}"
                time.sleep(0.005)
            process.send_signal(ending)
            process.communicate()
        assert process.returncode != 0

    return run


def _rows_of(phase: str, environment: Environment) -> int:
    journals = environment.evidence.glob("*/rows-*.arrow")
    batches = [batch for path in journals for batch in JournalReader(path.parent, int(path.stem.rpartition("-")[2])).read()]
    return sum(str(check).startswith(phase) for batch in batches for check in batch["check"].to_pylist())
