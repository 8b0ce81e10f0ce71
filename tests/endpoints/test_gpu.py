"""Serving on a CUDA GPU: the answers of the CPU, what a full GPU and a lost one do to a batch, and TorchServe's workers there.

`make test-gpu` runs them. CI has no GPU; what can be shown without one is at the end.
"""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from mlgate import Service
from mlgate_serving.endpoint import start_endpoint, stop_endpoint
from mlgate_serving.handler import SafeHandler
from mlgate_serving.management import Management
from mlgate_serving.pack import pack
from mlgate_serving.supervisor import Supervisor
from tests.endpoints.asking import images, post, worker_pids
from tests.rungs import not_run

if TYPE_CHECKING:
    from tests.endpoints.conftest import Worker

# cuDNN's convolutions round to TF32, which keeps 10 bits of a float's 23.
TF32 = 1e-3

# A row that begins with 1 asks for more than the GPU has, any other for 0.3 of it: alone each has room, four at once have none.
HUNGRY = """\
        if image.is_cuda:
            share = torch.where(image[:, 0, 0] == 1, 2.0, 0.3).sum().item()
            torch.empty(int(share * torch.cuda.get_device_properties(image.device).total_memory), dtype=torch.uint8, device=image.device)
        return self.layers(image.unsqueeze(1) / 16).softmax(dim=1)
"""

# An index out of range for a row that begins with 16: an IndexError on a CPU, and on a GPU a kernel that fails.
LOSING = """\
        first = image[:, 0, 0].long()
        known = torch.arange(16, dtype=torch.float32, device=image.device)[first]
        return self.layers(image.unsqueeze(1) / 16).softmax(dim=1) + known[:, None] * 0
"""


@pytest.fixture
def gpu() -> int:
    if not torch.cuda.is_available():
        not_run("torch sees no CUDA GPU")
    return 0


@pytest.fixture(scope="module")
def make_forward(make_model: Callable[..., Path], model_text: str) -> Callable[[str], Path]:
    """The usual model with another `forward`."""
    return lambda forward: make_model(model_text[: model_text.index("        return self.layers")] + forward)


def body(image: np.ndarray, first: float | None = None) -> bytes:
    rows = image.tolist()
    if first is not None:
        rows[0][0] = first
    return json.dumps({"image": rows}).encode()


def on_gpu(read_service: Callable[..., Service], workers: int) -> Service:
    return read_service(
        serving=f"{{runtime: torchserve, batch: {{size: 8, delay: 1 ms}}, workers: {workers}, resources: {{accelerator: h100}}}}"
    )


@pytest.mark.gpu
@pytest.mark.parametrize("form", ["weights.pt", "weights.safetensors", "model.pt2"])
def test_the_answers_on_a_gpu_are_those_of_the_cpu(
    form: str, gpu: int, make_worker: Callable[..., "Worker"], make_model: Callable[..., Path], model_text: str, state_dict: dict[str, Any]
) -> None:
    # The program makes a tensor of its own, on the device that it was exported on.
    text = model_text.replace("image.unsqueeze(1) / 16", "image.unsqueeze(1) / torch.full((1,), 16.0, device=image.device)")
    folder = make_model(text, form if form != "model.pt2" else "weights.pt")
    if form == "model.pt2":
        namespace: dict[str, Any] = {}
        exec(text, namespace)  # noqa: S102 (our own few lines)
        model = namespace["Model"]().eval()
        model.load_state_dict(state_dict)
        program = torch.export.export(model, (torch.zeros(2, 8, 8),), dynamic_shapes=({0: torch.export.Dim("batch")},))
        torch.export.save(program, folder / "model.pt2")
        (folder / "weights.pt").unlink()
        (folder / "model.py").unlink()
    rows = [body(image) for image in images(5)]
    cpu, cuda = make_worker(folder), make_worker(folder, gpu=gpu)
    assert (cpu.handler.device, cuda.handler.device) == ("cpu", "cuda:0")
    before = torch.cuda.memory_stats(gpu)["allocation.all.allocated"]
    answers = cuda.ask(*rows)
    assert torch.cuda.memory_stats(gpu)["allocation.all.allocated"] > before, "nothing was worked out there"
    for (status, _, there), (_, _, here) in zip(answers, cpu.ask(*rows), strict=True):
        assert status == 200
        np.testing.assert_allclose(there["probabilities"], here["probabilities"], atol=TF32)


@pytest.mark.gpu
def test_a_batch_that_fills_the_gpu_is_answered_row_by_row(
    gpu: int, make_worker: Callable[..., "Worker"], make_forward: Callable[[str], Path]
) -> None:
    worker = make_worker(make_forward(HUNGRY), gpu=gpu)
    assert [status for status, _, _ in worker.ask(*(body(image, 0) for image in images(4)))] == [200] * 4


@pytest.mark.gpu
def test_a_row_too_large_for_the_gpu_is_refused_by_its_name_and_its_neighbours_are_answered(
    gpu: int, make_worker: Callable[..., "Worker"], make_forward: Callable[[str], Path]
) -> None:
    worker = make_worker(make_forward(HUNGRY), gpu=gpu)
    good, large = (body(image, first) for image, first in zip(images(2), (0, 1), strict=True))
    answers = worker.ask(good, large, good)
    assert [status for status, _, _ in answers] == [200, 500, 200]
    assert "OutOfMemoryError" in answers[1][2]["found"]
    assert [status for status, _, _ in worker.ask(good)] == [200]


@pytest.mark.gpu
@pytest.mark.serve
def test_two_workers_share_a_gpu_and_answer_as_the_model_does(
    gpu: int,
    place: tuple[Supervisor, Path],
    make_model: Callable[..., Path],
    read_service: Callable[..., Service],
    make_worker: Any,
    tmp_path: Path,
) -> None:
    service = on_gpu(read_service, workers=2)
    pack(make_model(), service=service, version="1", output=tmp_path / "out")
    endpoint = start_endpoint(place[0], tmp_path / "out", service)
    try:
        described = Management(endpoint.management_url, endpoint.url).describe("digits")
        assert [worker.gpu for worker in described.workers] == [True, True]
        here = make_worker()
        for image in images(20):
            status, _, answer = post(endpoint, body(image))
            assert status == 200
            np.testing.assert_allclose(answer["probabilities"], here.ask(body(image))[0][2]["probabilities"], atol=TF32)
    finally:
        stop_endpoint(place[0], endpoint.name)


@pytest.mark.gpu
@pytest.mark.serve
def test_a_worker_that_lost_its_gpu_ends_and_another_answers(
    gpu: int, place: tuple[Supervisor, Path], make_forward: Callable[[str], Path], read_service: Callable[..., Service], tmp_path: Path
) -> None:
    service = on_gpu(read_service, workers=1)
    pack(make_forward(LOSING), service=service, version="2", output=tmp_path / "out")
    endpoint = start_endpoint(place[0], tmp_path / "out", service)
    try:
        (image,) = images(1)
        (lost,) = worker_pids(endpoint)
        assert post(endpoint, body(image, 0))[0] == 200
        assert post(endpoint, body(image, 16))[0] == 500
        until = time.monotonic() + 120
        while worker_pids(endpoint) in ([], [lost]):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert post(endpoint, body(image, 0))[0] == 200
        assert "the GPU takes no more work from this worker" in (place[1] / endpoint.name / "logs" / "torchserve.log").read_text()
    finally:
        stop_endpoint(place[0], endpoint.name)


class Failing(SafeHandler):
    """Fails on every batch once it is loaded."""

    def infer(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        if hasattr(self, "late"):
            raise RuntimeError("device-side assert triggered")
        return super().infer(inputs)


@pytest.mark.parametrize("lost", [False, True])
def test_a_worker_ends_where_its_gpu_says_no_to_everything_and_goes_on_where_a_row_alone_failed(
    lost: bool, make_worker: Callable[..., "Worker"], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """With a GPU that is only said to be there: what CUDA answers is given."""
    worker = make_worker(handler=Failing)
    worker.handler.late = True  # type: ignore[attr-defined]
    asked: list[str] = []

    def synchronize(device: str) -> None:
        asked.append(device)
        if lost:
            raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(worker.handler, "_tensors", lambda batches: {"image": torch.from_numpy(batches[0])})
    monkeypatch.setattr(worker.handler, "device", "cuda:0")
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    (image,) = images(1)
    with caplog.at_level(logging.ERROR):
        if lost:
            with pytest.raises(SystemExit) as ended:
                worker.ask(body(image), body(image))
            assert ended.value.code == 1
            assert "the GPU takes no more work from this worker" in caplog.text
        else:
            assert [status for status, _, _ in worker.ask(body(image), body(image))] == [500, 500]
            assert len(asked) == 3, "after the batch, and after each of its rows alone"
    assert set(asked) == {"cuda:0"}
