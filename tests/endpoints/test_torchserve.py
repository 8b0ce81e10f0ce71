"""Endpoints on the real TorchServe. `endpoint` is found or started again for each test, so tests may kill and stop it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.torch import load_file

import mlgate_serving.endpoint
from mlgate import ProcessError, Release, Service
from mlgate_serving.clients import Request, client_for, predict, send
from mlgate_serving.endpoint import LocalEndpoint, start_endpoint, stop_endpoint
from mlgate_serving.pack import pack
from mlgate_serving.ports import free_ports
from mlgate_serving.supervisor import Supervisor
from tests.endpoints.asking import images, post, worker_pids

pytestmark = pytest.mark.serve

# Takes its time over images that begin with two nines.
SLOW = """\
import time
from mlgate_serving.handler import SafeHandler


class Handler(SafeHandler):
    def infer(self, inputs):
        if (inputs["image"][:, 0, :2] == 9).all(dim=1).any():
            time.sleep(1.5)
        return super().infer(inputs)
"""

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"
# The example's release 1, trained for one epoch.
TRAINING = "import sys, train; train.RECIPES[1] = train.Recipe(epochs=1); train.write_model(1, train.Path(sys.argv[1]))"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)
PIXELS = hnp.arrays(np.float32, (8, 8), elements=st.floats(0, 16, width=32))


def as_body(image: np.ndarray) -> bytes:
    return json.dumps({"image": image.tolist()}).encode()


def spoil(image: np.ndarray, place: int, value: Any) -> bytes:
    """The body of an image with one element that breaks the interface."""
    row, column = divmod(place, 8)
    rows = image.tolist()
    rows[row][column] = value
    return json.dumps({"image": rows}).encode()


SPOILT = st.builds(
    spoil, PIXELS, st.integers(0, 63), st.sampled_from([float("nan"), float("inf"), -1, 16.001, 10**400, None, True, "1", [], {}])
)
JUNK = st.one_of(
    st.binary(max_size=200),
    JSON.map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: json.dumps({"image": value}).encode()),
).map(bytes)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, make_model: Callable[..., Path], service: Service) -> tuple[Release, Path]:
    output = tmp_path_factory.mktemp("release") / "Größe 1"
    return pack(make_model(handler_py=SLOW), service=service, version="1", output=output), output


@pytest.fixture
def endpoint(place: tuple[Supervisor, Path], release: tuple[Release, Path], service: Service) -> LocalEndpoint:
    return start_endpoint(place[0], release[1], service)


@pytest.fixture
def digits(place: tuple[Supervisor, Path], tmp_path: Path) -> Iterator[tuple[LocalEndpoint, torch.nn.Module]]:
    """The example's digits, served by one worker, and their model in this process."""
    subprocess.run([sys.executable, "-c", TRAINING, str(tmp_path / "model")], cwd=EXAMPLE, check=True)
    declared = Service.read(EXAMPLE / "service.yaml")
    service = declared.model_copy(update={"serving": declared.serving.model_copy(update={"workers": 1})})
    pack(tmp_path / "model", service=service, version="1", output=tmp_path / "out")
    namespace: dict[str, type[torch.nn.Module]] = {}
    exec((EXAMPLE / "model.py").read_text(), namespace)  # noqa: S102
    model = namespace["Model"]()
    model.load_state_dict(load_file(tmp_path / "model" / "weights.safetensors"))
    endpoint = start_endpoint(place[0], tmp_path / "out", service)
    yield endpoint, model.eval()
    stop_endpoint(place[0], endpoint.name)


@pytest.fixture(scope="module")
def model(model_text: str, state_dict: dict[str, torch.Tensor]) -> torch.nn.Module:
    namespace: dict[str, type[torch.nn.Module]] = {}
    exec(model_text, namespace)  # noqa: S102
    module = namespace["Model"]()
    module.load_state_dict(state_dict)
    return module.eval()


def log_bytes(place: tuple[Supervisor, Path], endpoint: LocalEndpoint) -> int:
    return sum(path.stat().st_size for path in (place[1] / endpoint.name / "logs").iterdir())


def test_the_endpoint_answers_as_the_model_does(endpoint: LocalEndpoint, service: Service, model: torch.nn.Module) -> None:
    client, batch = client_for(service.interface, service.name), images(5)
    expected = model(torch.from_numpy(batch)).detach().numpy()
    for image, probabilities in zip(batch, expected, strict=True):
        response = predict(client, {"image": image}, endpoint.url)
        assert response.error is None
        assert response.served_digest == endpoint.release
        np.testing.assert_allclose(response.outputs["probabilities"], probabilities, atol=1e-6)  # type: ignore[index]


def test_bad_rows_among_good_ones_get_their_own_answers_and_nobody_another_s(endpoint: LocalEndpoint, model: torch.nn.Module) -> None:
    batch = images(64)
    batch[::4, 3, 5] = 99
    expected = model(torch.from_numpy(batch)).detach().numpy()
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda image: post(endpoint, json.dumps({"image": image.tolist()}).encode()), batch))
    for row, (status, headers, answer) in enumerate(answers):
        assert headers["x-mlgate-release"] == endpoint.release
        assert headers["content-type"] == "application/json"
        if row % 4:
            assert status == 200
            np.testing.assert_allclose(answer["probabilities"], expected[row], atol=1e-5)
        else:
            assert (status, answer["field"], answer["found"]) == (400, "image", "99.0 at [3, 5]")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"image": NaN}', b'{"image": "x"}', b"\xff\xfe\x00", b"[" * 5000])
def test_junk_is_the_caller_s_mistake(endpoint: LocalEndpoint, body: bytes) -> None:
    status, headers, answer = post(endpoint, body)
    assert (status, answer["type"]) == (400, "BadRow")
    assert headers["x-mlgate-release"] == endpoint.release


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=st.lists(st.one_of(PIXELS, PIXELS, SPOILT, JUNK), min_size=1, max_size=16))
def test_generated_digits_are_answered_as_the_model_does_and_everything_else_is_refused(
    digits: tuple[LocalEndpoint, torch.nn.Module], rows: list[np.ndarray | bytes]
) -> None:
    endpoint, model = digits
    with ThreadPoolExecutor(len(rows)) as pool:  # at once, so that they meet in batches
        answers = list(pool.map(lambda row: post(endpoint, row if isinstance(row, bytes) else as_body(row)), rows))
    for row, (status, headers, answer) in zip(rows, answers, strict=True):
        assert headers["x-mlgate-release"] == endpoint.release
        if isinstance(row, bytes):
            assert (status, answer["type"]) == (400, "BadRow")
            assert answer["message"] == f"{answer['field']}: expected {answer['expected']}, found {answer['found']}"
        else:
            assert status == 200
            np.testing.assert_allclose(answer["probabilities"], model(torch.from_numpy(row)[None])[0].tolist(), atol=1e-5)


def test_rows_of_the_open_inference_protocol_get_their_own_answers_too(
    place: tuple[Supervisor, Path],
    read_service: Callable[..., Service],
    make_model: Callable[..., Path],
    model: torch.nn.Module,
    tmp_path: Path,
) -> None:
    service = read_service(protocol="open-inference")
    pack(make_model(), service=service, version="4", output=tmp_path)
    endpoint = start_endpoint(place[0], tmp_path, service)
    client, batch = client_for(service.interface, service.name), images(16)
    batch[::4, 3, 5] = 99
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda image: predict(client, {"image": image}, endpoint.url, timeout_s=60), batch))
    stop_endpoint(place[0], endpoint.name)
    expected = model(torch.from_numpy(batch)).detach().numpy()
    for row, response in enumerate(responses):
        assert response.served_digest == endpoint.release
        if row % 4:
            assert response.error is None
            np.testing.assert_allclose(response.outputs["probabilities"], expected[row], atol=1e-5)  # type: ignore[index]
        else:
            assert response.error is not None
            assert response.error.startswith("status: 400 image: expected finite float32")
            assert response.error.endswith("found 99.0 at [3, 5]")


def test_the_server_listens_on_loopback_only_and_on_its_own_five_ports(endpoint: LocalEndpoint, place: tuple[Supervisor, Path]) -> None:
    process = place[0].get(endpoint.name)
    assert process is not None
    listening = [each.laddr for each in psutil.Process(endpoint.pid).net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    assert {address.port for address in listening} == set(process.spec.ports)
    assert len(process.spec.ports) == 5
    for address in listening:
        given = ip_address(address.ip)
        assert (getattr(given, "ipv4_mapped", None) or given).is_loopback, address


def test_a_thousand_requests_leave_next_to_nothing_in_the_logs(endpoint: LocalEndpoint, place: tuple[Supervisor, Path]) -> None:
    before = log_bytes(place, endpoint)
    good, bad = json.dumps({"image": images(1)[0].tolist()}).encode(), b"{"
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: post(endpoint, good if number % 10 else bad)[0], range(1000)))
    assert statuses.count(200) == 900
    assert log_bytes(place, endpoint) - before < 20_000  # TorchServe's own logging: 3 MB


def test_management_and_metrics_answer_and_the_model_api_is_off(endpoint: LocalEndpoint) -> None:
    _, _, metrics = send(Request("GET", "/metrics", (), b""), endpoint.metrics_url.removesuffix("/metrics"))
    assert b"ts_inference_requests_total" in metrics
    status, _, _ = send(Request("POST", "/models?url=file:///etc/passwd", (), b""), endpoint.management_url)
    assert status == 405


def test_a_killed_worker_restores_itself(endpoint: LocalEndpoint) -> None:
    (killed,) = worker_pids(endpoint)
    psutil.Process(killed).send_signal(signal.SIGKILL)
    until = time.monotonic() + 120
    while worker_pids(endpoint) in ([], [killed]):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert post(endpoint, json.dumps({"image": images(1)[0].tolist()}).encode())[0] == 200
    assert psutil.pid_exists(endpoint.pid)


def test_a_killed_server_is_restored_at_its_address_without_a_second_one(
    endpoint: LocalEndpoint, place: tuple[Supervisor, Path], release: tuple[Release, Path], service: Service
) -> None:
    workers = worker_pids(endpoint)
    psutil.Process(endpoint.pid).send_signal(signal.SIGKILL)
    restored = start_endpoint(place[0], release[1], service)
    assert restored.url == endpoint.url
    assert restored.pid != endpoint.pid
    assert not [pid for pid in workers if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert len(worker_pids(restored)) == 1


def test_a_request_in_flight_is_answered_before_the_endpoint_ends_and_nothing_stays(
    endpoint: LocalEndpoint, place: tuple[Supervisor, Path]
) -> None:
    slow = images(1)
    slow[0, 0, :2] = 9
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(post(endpoint, json.dumps({"image": slow[0].tolist()}).encode())[0]))
    asking.start()
    own = place[1] / endpoint.name
    until = time.monotonic() + 60
    while not any(path.read_bytes() == b"\1" for path in (own / "tmp").glob("[0-9]*")):  # until the worker has it
        assert time.monotonic() < until
        time.sleep(0.01)
    family = [psutil.Process(endpoint.pid), *psutil.Process(endpoint.pid).children(recursive=True)]
    stop_endpoint(place[0], endpoint.name)
    asking.join(30)
    assert answers == [200]
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert {path.name for path in own.iterdir()} <= {"logs", "logs.previous"}
    with pytest.raises(OSError, match="refused"):
        post(endpoint, b"{}")


def test_a_grpc_port_that_is_taken_at_the_last_moment_is_noticed_and_others_are_tried(
    place: tuple[Supervisor, Path], release: tuple[Release, Path], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for process in place[0].list():  # so that ports are chosen
        stop_endpoint(place[0], process.spec.name)
    monkeypatch.setattr("mlgate_serving.supervisor.require_free", lambda *_, **__: None)  # as if it was taken only then
    said: list[str] = []
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        choices = iter([(*free_ports(4), taken), free_ports(5)])
        monkeypatch.setattr("mlgate_serving.endpoint.free_ports", lambda count, but: next(choices))
        endpoint = start_endpoint(place[0], release[1], service, said.append)
    assert any("a port was taken meanwhile" in line for line in said)
    running = place[0].get(endpoint.name)
    assert running is not None
    assert taken not in running.spec.ports
    stop_endpoint(place[0], endpoint.name)


def test_an_exported_program_is_served(place: tuple[Supervisor, Path], service: Service, model: torch.nn.Module, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shapes = ({0: torch.export.Dim("batch")},)
    torch.export.save(torch.export.export(model, (torch.zeros(2, 8, 8),), dynamic_shapes=shapes), folder / "model.pt2")
    pack(folder, service=service, version="2", output=tmp_path / "out")
    endpoint = start_endpoint(place[0], tmp_path / "out", service)
    (image,) = images(1)
    status, _, answer = post(endpoint, json.dumps({"image": image.tolist()}).encode())
    stop_endpoint(place[0], endpoint.name)
    assert status == 200
    np.testing.assert_allclose(answer["probabilities"], model(torch.from_numpy(image)[None])[0].tolist(), atol=1e-5)


def test_a_handler_that_raises_at_load_is_said_soon_with_its_line(
    place: tuple[Supervisor, Path], make_model: Callable[..., Path], service: Service, tmp_path: Path
) -> None:
    handler = SLOW.replace(
        "import time", "import os\nif 'MLGATE_RELEASE' in os.environ:\n    raise OSError('the feature table is missing')"
    )
    pack(make_model(handler_py=handler), service=service, version="3", output=tmp_path)
    with pytest.raises(ProcessError) as caught:
        start_endpoint(place[0], tmp_path, service)
    assert "handler raised while it loaded the model (handler.py:3): OSError: the feature table is missing" in str(caught.value)
    assert "end of its log" in str(caught.value)


def test_an_archive_altered_after_it_was_checked_is_refused_by_its_own_handler(
    place: tuple[Supervisor, Path], release: tuple[Release, Path], service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file is checked before the start. Here it is altered between that and the load, so the check is left out."""
    monkeypatch.setattr(mlgate_serving.endpoint, "require_whole", Release.read)
    folder = tmp_path / "release"
    shutil.copytree(release[1], folder)
    archive = folder / release[0].archive
    with zipfile.ZipFile(archive) as members:
        contents = {name: members.read(name) for name in members.namelist()}
    contents["model.py"] += b"# another\n"
    with zipfile.ZipFile(archive, "w") as members:
        for name, content in contents.items():
            members.writestr(name, content)
    for process in place[0].list():  # it has the same name
        stop_endpoint(place[0], process.spec.name)
    with pytest.raises(ProcessError, match=f"the archive holds release sha256:[0-9a-f]+, expected {release[0].digest}"):
        start_endpoint(place[0], folder, service)
    assert not place[0].list()
