"""The handler in a worker: each row gets its own answer, and no answer leaves without the release that gave it."""

import json
import os
import socket
import struct
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate import Release, Service
from mlgate_serving.clients import client_for
from mlgate_serving.handler import LoadError, SafeHandler, release_digest
from mlgate_serving.rows import BUSY_VARIABLE, RELEASE_HEADER, RELEASE_VARIABLE
from mlgate_serving.sampler import sample_case

Worker = Any  # conftest's, which cannot be imported here
# Fails in a way of its own for each value of the first two elements.
FRAGILE = """\
        if ((image[:, 0, 0] == 1) & (image[:, 0, 1] == 1)).any():
            raise KeyError("no such pixel")
        if ((image[:, 0, 0] == 3) & (image[:, 0, 1] == 3)).any():
            raise MemoryError
        probabilities = self.layers(image.unsqueeze(1) / 16).softmax(dim=1)
        probabilities[(image[:, 0, 0] == 2) & (image[:, 0, 1] == 2), 4] = float("nan")
        return probabilities
"""


# Works in place, as preprocessing often does, before it fails on a row that begins with two ones.
IN_PLACE = """\
        marked = ((image[:, 0, 0] == 1) & (image[:, 0, 1] == 1)).any()
        image.div_(16)
        if marked:
            raise KeyError("no such pixel")
        return self.layers(image.unsqueeze(1)).softmax(dim=1)
"""


@pytest.fixture(scope="module")
def worker(make_worker: Callable[..., Worker]) -> Worker:
    return make_worker()


@pytest.fixture(scope="module")
def make_forward(make_worker: Callable[..., Worker], make_model: Callable[..., Path], model_text: str) -> Callable[[str], Worker]:
    """A worker whose model does something else with its images."""
    return lambda forward: make_worker(make_model(model_text[: model_text.index("        return self.layers")] + forward))


@pytest.fixture(scope="module")
def fragile(make_forward: Callable[[str], Worker]) -> Worker:
    return make_forward(FRAGILE)


def body(image: Any) -> bytes:
    return json.dumps({"image": image}).encode()


def with_first(image: list[list[float]], value: float) -> bytes:
    return body([[value, value, *image[0][2:]], *image[1:]])


def test_a_good_row_gets_its_probabilities_as_json(worker: Worker, image: list[list[float]]) -> None:
    ((status, headers, answer),) = worker.ask(body(image))
    assert status == 200
    assert headers["content-type"] == "application/json"
    expected = worker.handler.model(torch.tensor([image]))[0]
    np.testing.assert_allclose(answer["probabilities"], expected.tolist(), rtol=1e-6)


def test_every_answer_says_which_release_gave_it(worker: Worker, fragile: Worker, image: list[list[float]]) -> None:
    for asked, bodies in ((worker, (body(image), b"{")), (fragile, (with_first(image, 1), with_first(image, 2)))):
        for _, headers, _ in asked.ask(*bodies):
            assert headers[RELEASE_HEADER] == release_digest(asked.folder)
            assert headers["content-type"] == "application/json"


def test_the_digest_of_the_unpacked_archive_is_the_packed_release(
    packed: tuple[Release, Path], tmp_path: Path, unpack_to: Callable[[Path, Path], None]
) -> None:
    release, output = packed
    unpack_to(output / release.archive, tmp_path)
    assert release_digest(tmp_path) == release.digest
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "model.cpython-311.pyc").write_bytes(b"python's own")
    assert release_digest(tmp_path) == release.digest


def test_a_bad_row_gets_a_400_that_names_field_expected_and_found_and_its_neighbours_get_200(
    worker: Worker, image: list[list[float]]
) -> None:
    answers = worker.ask(body(image), body([[99.0] * 8] * 8), b"{", body(image), body([[1.0]]))
    assert [status for status, _, _ in answers] == [200, 400, 400, 200, 400]
    refusal = answers[1][2]
    assert refusal == {
        "code": 400,
        "type": "BadRow",
        "message": "image: expected finite float32 of at least 0 and at most 16, found 99.0 at [0, 0]",
        "field": "image",
        "expected": "finite float32 of at least 0 and at most 16",
        "found": "99.0 at [0, 0]",
    }
    assert answers[0][2] == answers[3][2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(rows=st.lists(st.sampled_from(["good", "other", "high", "nan", "text", "shape", "junk", "empty"]), min_size=1, max_size=16))
def test_a_row_is_answered_in_a_batch_as_it_is_alone(worker: Worker, image: list[list[float]], rows: list[str]) -> None:
    kinds = {
        "good": body(image),
        "other": body([[1.5] * 8] * 8),
        "high": body([[16.5] * 8] * 8),
        "nan": body([[float("nan")] * 8] * 8),
        "text": body([["1"] * 8] * 8),
        "shape": body([[1.0] * 8] * 7),
        "junk": b"\x00\xff",
        "empty": b"",
    }
    together = worker.ask(*(kinds[row] for row in rows))
    for row, (status, _, answer) in zip(rows, together, strict=True):
        ((alone_status, _, alone),) = worker.ask(kinds[row])
        assert status == alone_status == (200 if row in ("good", "other") else 400)
        if status == 200:  # sums are taken in another order in another batch
            np.testing.assert_allclose(answer["probabilities"], alone["probabilities"], atol=1e-6)
        else:
            assert answer == alone


def test_nan_in_the_output_is_a_500_for_its_row_and_never_invalid_json(fragile: Worker, image: list[list[float]]) -> None:
    answers = fragile.ask(body(image), with_first(image, 2), body(image))
    assert [status for status, _, _ in answers] == [200, 500, 200]
    assert answers[1][2]["type"] == "BadOutput"
    assert answers[1][2]["field"] == "probabilities"
    assert answers[1][2]["found"] == "nan at [4]"


def test_a_row_on_which_the_model_raises_does_not_take_its_neighbours_along(fragile: Worker, image: list[list[float]]) -> None:
    answers = fragile.ask(body(image), with_first(image, 1), body(image))
    assert [status for status, _, _ in answers] == [200, 500, 200]
    assert "KeyError: 'no such pixel'" in answers[1][2]["found"]


def test_a_model_that_works_in_place_answers_the_neighbours_of_a_failing_row_as_if_alone(
    make_forward: Callable[[str], Worker], image: list[list[float]]
) -> None:
    worker = make_forward(IN_PLACE)
    ((_, _, alone),) = worker.ask(body(image))
    answers = worker.ask(body(image), with_first(image, 1), body(image))
    assert [status for status, _, _ in answers] == [200, 500, 200]
    for neighbour in (answers[0][2], answers[2][2]):
        np.testing.assert_allclose(neighbour["probabilities"], alone["probabilities"], atol=1e-6)


def test_a_served_model_does_not_drop_out(
    worker: Worker, make_worker: Callable[..., Worker], make_model: Callable[..., Path], model_text: str, image: list[list[float]]
) -> None:
    dropping = make_worker(make_model(model_text.replace("nn.Linear(4 * 64, 10)", "nn.Linear(4 * 64, 10), nn.Dropout(0.9)")))
    ((_, _, expected),) = worker.ask(body(image))
    for _, _, answer in (*dropping.ask(body(image)), *dropping.ask(body(image))):
        np.testing.assert_allclose(answer["probabilities"], expected["probabilities"], atol=1e-6)


def test_running_out_of_memory_is_left_to_torchserve_whose_507_a_router_tries_again(fragile: Worker, image: list[list[float]]) -> None:
    with pytest.raises(MemoryError):
        fragile.ask(with_first(image, 3))


class Lopsided(SafeHandler):
    """Gives one column too many once it is loaded."""

    def infer(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        output = super().infer(inputs)
        return torch.cat([output, output[:, :1]], dim=1) if hasattr(self, "late") else output


def test_an_output_of_another_shape_is_a_500_that_names_both(make_worker: Callable[..., Worker], image: list[list[float]]) -> None:
    worker = make_worker(handler=Lopsided)
    worker.handler.late = True  # type: ignore[attr-defined]
    for status, _, answer in worker.ask(body(image), body(image)):
        assert status == 500
        assert (answer["expected"], answer["found"]) == ("shape [1, 10]", "shape [1, 11]")


def test_an_altered_archive_is_not_loaded(
    packed: tuple[Release, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    unpack_to: Callable[[Path, Path], None],
    load_handler: Callable[..., SafeHandler],
) -> None:
    release, output = packed
    unpack_to(output / release.archive, tmp_path)
    monkeypatch.setenv(RELEASE_VARIABLE, release.digest)
    load_handler(tmp_path)
    weights = tmp_path / "weights.pt"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(LoadError, match=rf"holds release {release_digest(tmp_path)}, expected {release.digest}"):
        load_handler(tmp_path)


def test_a_worker_computes_on_one_thread(
    packed: tuple[Release, Path],
    tmp_path: Path,
    unpack_to: Callable[[Path, Path], None],
    load_handler: Callable[..., SafeHandler],
) -> None:
    before = torch.get_num_threads()
    unpack_to(packed[1] / packed[0].archive, tmp_path)
    torch.set_num_threads(2)  # the default may be one
    try:
        load_handler(tmp_path)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_worker_says_while_it_is_in_a_batch(
    packed: tuple[Release, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    image: list[list[float]],
    unpack_to: Callable[[Path, Path], None],
    load_handler: Callable[..., SafeHandler],
    quiet_context: Any,
) -> None:
    release, output = packed
    unpack_to(output / release.archive, tmp_path / "model")
    monkeypatch.setenv(BUSY_VARIABLE, str(tmp_path))
    entered, leave = threading.Event(), threading.Event()

    class Patient(SafeHandler):
        def infer(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
            if hasattr(self, "late"):
                entered.set()
                leave.wait(30)
            return super().infer(inputs)

    handler = load_handler(tmp_path / "model", Patient)
    handler.late = True  # type: ignore[attr-defined]
    mark = tmp_path / str(os.getpid())
    assert mark.read_bytes() == b"\0"
    asking = threading.Thread(target=handler.handle, args=([{"body": body(image)}], quiet_context))
    asking.start()
    assert entered.wait(30)
    assert mark.read_bytes() == b"\1"
    leave.set()
    asking.join()
    assert mark.read_bytes() == b"\0"


@pytest.mark.parametrize("protocol", ["torchserve", "open-inference"])
def test_clients_and_handler_understand_each_other_in_both_protocols(
    make_worker: Callable[..., Worker], read_service: Callable[..., Service], protocol: str
) -> None:
    service = read_service(protocol=protocol)
    worker, client = make_worker(service=service), client_for(service.interface, service.name)
    case = sample_case(service.interface, seed=3)
    ((status, headers, answer),) = worker.ask(client.encode(case).body)
    response = client.decode(status, headers, json.dumps(answer).encode())
    assert response.error is None
    assert response.served_digest == release_digest(worker.folder)
    expected = worker.handler.model(torch.from_numpy(case["image"])[None])[0]
    assert response.answer == int(expected.argmax())
    ((status, headers, answer),) = worker.ask(client.encode({"image": case["image"] * 40 + 1}).body)
    assert status == 400
    assert answer["field"] == "image"
    refused = client.decode(status, headers, json.dumps(answer).encode())
    assert refused.error is not None
    assert "found" in refused.error


@pytest.mark.parametrize(
    ("change", "field", "found"),
    [
        ({"datatype": "FP64"}, "image", "datatype FP64"),
        ({"shape": [8, 8]}, "image", "shape [8, 8]"),
        ({"shape": [2, 8, 8]}, "image", "shape [2, 8, 8]"),
        ({"data": [1.0] * 63}, "image", "shape [63]"),
        ({"data": None}, "image", "null"),
        ({"name": "picture"}, "picture", "an unknown field"),
    ],
)
def test_a_bad_open_inference_row_names_what_is_wrong(
    make_worker: Callable[..., Worker], read_service: Callable[..., Service], change: dict[str, Any], field: str, found: str
) -> None:
    worker = make_worker(service=read_service(protocol="open-inference"))
    tensor = {"name": "image", "datatype": "FP32", "shape": [1, 8, 8], "data": [[[1.0] * 8] * 8]}
    good, bad = ({"id": "7", "inputs": [given]} for given in (tensor, {**tensor, **change}))
    (ok, _, answer), (status, _, refusal) = worker.ask(json.dumps(good), json.dumps(bad))
    assert (ok, answer["id"], status) == (200, "7", 400)
    assert (refusal["field"], refusal["found"]) == (field, found)
    assert refusal["error"] == refusal["message"]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Any:
    """TorchServe's reading of requests, as it was before a handler was loaded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # TorchServe leaves a file open when it is imported
        from ts.protocol import otf_message_handler
    monkeypatch.setattr(otf_message_handler, "_retrieve_buffer", otf_message_handler._retrieve_buffer)
    return otf_message_handler


def test_reading_ahead_gives_the_same_messages_however_the_bytes_arrive(
    wire: Any,
    packed: tuple[Release, Path],
    tmp_path: Path,
    unpack_to: Callable[[Path, Path], None],
    load_handler: Callable[..., SafeHandler],
) -> None:
    def text(value: bytes) -> bytes:
        return struct.pack("!i", len(value)) + value

    end = struct.pack("!i", -1)
    row = text(b"id-1") + text(b"host") + text(b"here") + end + text(b"body") + text(b"text/x") + text(b'{"a": 1}') + end
    message = b"I" + row + row + end
    release, output = packed
    unpack_to(output / release.archive, tmp_path)

    def read(messages: int) -> list[Any]:
        near, far = socket.socketpair()
        sender = threading.Thread(target=trickle, args=(far, messages))
        with near, far:
            sender.start()
            read = [wire.retrieve_msg(near) for _ in range(messages)]
            sender.join()
            far.shutdown(socket.SHUT_WR)
            with pytest.raises(SystemExit):  # the frontend is gone
                wire.retrieve_msg(near)
        return read

    def trickle(far: socket.socket, messages: int) -> None:
        for start in range(0, len(message) * messages, 3):
            far.sendall((message * messages)[start : start + 3])

    theirs, reading = read(2), wire._retrieve_buffer
    load_handler(tmp_path)
    assert wire._retrieve_buffer is not reading
    assert read(2) == theirs
