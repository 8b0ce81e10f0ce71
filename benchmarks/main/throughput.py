"""Throughput: the shipped TorchServe configuration against TorchServe's defaults, same archive, same tool, in turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from benchmarks.harness import Row, median_row, say
from benchmarks.main.default_server import default_server
from benchmarks.main.http_load import LoadTool, Pressed, load_tool
from benchmarks.main.stand import Stand
from mlgate.errors import EndpointError
from mlgate_serving.clients import send

CONNECTIONS = 32
_CHECKED = 50


@dataclass(frozen=True)
class Side:
    """One of the two servers."""

    name: str
    url: str
    headers: Mapping[str, str]


def measure(stand: Stand, pairs: int = 4, duration_s: int = 8) -> list[Row]:
    """`pairs` of runs, the order turned each time, after one of each that does not count: Java still compiles then.

    Both servers run all the while; the one that is not pressed takes no time. Raises EndpointError where any answer is not what it must be.
    """
    tool = load_tool(stand.folder_of("tool"))
    with stand.serving(1) as ours, default_server(stand, 1) as theirs:
        shipped, default = Side("shipped", ours.url, {}), Side("defaults", theirs.url, theirs.headers)
        runs: dict[str, list[Pressed]] = {shipped.name: [], default.name: []}
        for side in (shipped, default):
            _require_right_answers(stand, side)
            _press(stand, tool, side, duration_s)
        for pair in range(pairs):
            for side in (shipped, default) if pair % 2 else (default, shipped):
                pressed = _press(stand, tool, side, duration_s)
                say(f"throughput {pair + 1} of {pairs}, {side.name}: {pressed.requests_per_s:,.0f} requests/s, p99 {pressed.p99_ms:.0f} ms")
                runs[side.name].append(pressed)
        for side in (shipped, default):
            _require_right_answers(stand, side)
    ratios = [one.requests_per_s / other.requests_per_s for one, other in zip(runs["shipped"], runs["defaults"], strict=True)]
    how = f"{tool.name}, {CONNECTIONS} connections, rows validated"
    workers = {"shipped": stand.service.serving.workers, "defaults": theirs.workers}
    return [
        median_row("throughput over TorchServe's defaults", ratios, "x", goal=3, better="higher", reference=f"{how}; reach for 4"),
        *(
            median_row(
                f"throughput, {name}",
                [run.requests_per_s for run in runs[name]],
                "requests/s",
                better="higher",
                reference=f"{workers[name]} workers",
            )
            for name in runs
        ),
        *(median_row(f"p99 at that load, {name}", [run.p99_ms for run in runs[name]], "ms") for name in runs),
    ]


def _press(stand: Stand, tool: LoadTool, side: Side, duration_s: int) -> Pressed:
    pressed = tool.press(side.url, stand.requests, side.headers, CONNECTIONS, duration_s)
    if pressed.failed:
        raise EndpointError(f"{pressed.failed:,} requests failed, so the figures of {side.name} mean nothing", where=side.url)
    return pressed


def _require_right_answers(stand: Stand, side: Side) -> None:
    """Good rows get a 200 on the declared schema, and a bad one a 400 that names its field."""
    for request in stand.requests[:_CHECKED]:
        if error := stand.client.decode(*send(request, side.url, headers=side.headers)).error:
            raise EndpointError(f"{side.name} answered a good row wrongly: {error}", where=side.url)
    (name,) = stand.service.interface.input
    bad = stand.client.encode({name: np.full((8, 8), 1000.0).tolist()})
    answer = send(bad, side.url, headers=side.headers)
    if answer.status != 400 or name.encode() not in answer.body:
        raise EndpointError(f"{side.name} answered a bad row with {answer.status}: {answer.body[:200]!r}", where=side.url)
