"""What a GPU changes: how soon the first answer is there, how many requests a worker answers, and what memory of the GPU it takes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.gpu.stand import CPU, MODELS, Gpu, Stand
from benchmarks.harness import Row, median_row, say, seconds
from benchmarks.main.http_load import LoadTool, Pressed, load_tool
from mlgate.errors import EndpointError
from mlgate_serving.clients import Request, client_for, send
from mlgate_serving.management import Management

CONNECTIONS = 32
_CHECKED = 20
_TF32 = 1e-3  # cuDNN's convolutions round to TF32


def measure_start_up(stand: Stand, pairs: int = 3) -> list[Row]:
    """`pairs` of both, in turn, after one of each that does not count: it fills the page cache."""
    gpu = stand.gpu()
    stand.release("small")
    bare = [sys.executable, "-c", "import torch; torch.zeros(1, device='cuda')"]
    bare_s, first_s, ratios, taken_mib, described_s = [], [], [], [], []
    for pair in range(-1, pairs):
        reached = seconds(bare)
        before, begin = gpu.used_mib(), time.perf_counter()
        with stand.serving("small", gpu.accelerator) as endpoint:
            answered = time.perf_counter() - begin
            taken = gpu.used_mib() - before
            begin = time.perf_counter()
            Management(endpoint.management_url, endpoint.url).describe("small")
            described = time.perf_counter() - begin
        say(f"start-up {pair + 1} of {pairs}: bare {reached:.2f} s, first answer {answered:.2f} s, {taken} MiB of the GPU")
        if pair >= 0:
            bare_s.append(reached)
            first_s.append(answered)
            ratios.append(answered / reached)
            taken_mib.append(taken)
            described_s.append(described)
    reference = "a fresh process that imports torch and reaches the GPU = 1; pairs in turn"
    return [
        median_row(f"first answer on {gpu.name}, one worker", ratios, "x", reference=reference),
        median_row("first answer on the GPU: time", first_s, "s", reference="start_endpoint, with its checks and one good prediction"),
        median_row("import torch and reach the GPU", bare_s, "s"),
        median_row("memory of the GPU that a worker of the small model takes", taken_mib, "MiB", reference="CUDA's context, mostly"),
        median_row(
            "a worker's state asked of TorchServe", described_s, "s", reference="it runs nvidia-smi for each worker that is asked for"
        ),
    ]


def measure_throughput(stand: Stand, pairs: int = 3, duration_s: int = 6) -> list[Row]:
    """Of each model `pairs` of runs on GPU and CPU, the order turned each time, after one of each that does not count."""
    gpu, tool = stand.gpu(), load_tool(stand.folder)
    return [row for model in MODELS for row in _compare(stand, gpu, tool, model, pairs, duration_s)]


def _compare(stand: Stand, gpu: Gpu, tool: LoadTool, model: str, pairs: int, duration_s: int) -> list[Row]:
    client = client_for(stand.service(model, CPU).interface, model)
    images = np.random.default_rng(0).integers(0, 17, (_CHECKED, 8, 8)).astype(np.float32)
    requests = [client.encode({"image": image.tolist()}) for image in images]
    sides = ("GPU", "CPU")
    runs: dict[str, list[Pressed]] = {side: [] for side in sides}
    with stand.serving(model, gpu.accelerator) as there, stand.serving(model, CPU) as here:
        urls = dict(zip(sides, (there.url, here.url), strict=True))
        _require_same_answers(requests, urls)
        for pair in range(-1, pairs):
            for side in sides if pair % 2 else sides[::-1]:
                pressed = tool.press(urls[side], requests, {}, CONNECTIONS, duration_s)
                if pressed.failed:
                    raise EndpointError(f"{pressed.failed:,} requests failed, so the figures of the {side} mean nothing", where=urls[side])
                say(f"{model}, {side}, {pair + 1} of {pairs}: {pressed.requests_per_s:,.0f} requests/s, p99 {pressed.p99_ms:.1f} ms")
                if pair >= 0:
                    runs[side].append(pressed)
    ratios = [one.requests_per_s / other.requests_per_s for one, other in zip(runs["GPU"], runs["CPU"], strict=True)]
    how = f"one worker each; a CPU's has one core; {tool.name}, {CONNECTIONS} connections, batches of 16"
    return [
        median_row(f"{model} model: throughput on {gpu.name} over the CPU", ratios, "x", better="higher", reference=how),
        *(
            median_row(f"{model} model, {side}", [run.requests_per_s for run in runs[side]], "requests/s", better="higher")
            for side in sides
        ),
        *(median_row(f"{model} model, {side}: p50", [run.p50_ms for run in runs[side]], "ms") for side in sides),
        *(median_row(f"{model} model, {side}: p99", [run.p99_ms for run in runs[side]], "ms") for side in sides),
    ]


def _require_same_answers(requests: Sequence[Request], urls: Mapping[str, str]) -> None:
    for request in requests:
        given = {side: send(request, url) for side, url in urls.items()}
        for side, answer in given.items():
            if answer.status != 200:
                raise EndpointError(f"the {side} answered a good row with {answer.status}: {answer.body[:200]!r}", where=urls[side])
        there, here = (json.loads(given[side].body)["probabilities"] for side in ("GPU", "CPU"))
        if not np.allclose(there, here, atol=_TF32):
            raise EndpointError(f"GPU and CPU differ: {there} and {here}", where=urls["GPU"])
