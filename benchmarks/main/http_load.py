"""The load tools from Debian that press a server as hard as it goes: wrk, which costs next to nothing itself, else hey."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.harness import NotRunError, say
from mlgate.errors import ProcessError
from mlgate_serving.clients import Request

_HOW = "apt-get install wrk hey"
# Cycles through the bodies, and prints one line of JSON at the end.
_SCRIPT = """
local requests, index = {}, 0
function init(args)
  for line in io.lines(os.getenv("MLGATE_BODIES")) do
    requests[#requests + 1] = wrk.format("POST", nil, wrk.headers, line)
  end
end
function request()
  index = index % #requests + 1
  return requests[index]
end
function done(summary, latency, all)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests": %d, "us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}\\n',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Pressed:
    """What a run gave. `failed`: no answer, or not 2xx."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    failed: int


class LoadTool(Protocol):
    """Sends requests over `connections` that each wait for their answer, for `duration_s`."""

    @property
    def name(self) -> str:
        """What the tool is called."""
        ...

    def press(self, url: str, requests: Sequence[Request], headers: Mapping[str, str], connections: int, duration_s: int) -> Pressed:
        """Raises ProcessError where the tool fails."""
        ...


@dataclass(frozen=True)
class Wrk:
    """wrk with a script; its files lie in `folder`."""

    folder: Path
    name: str = "wrk"

    def press(self, url: str, requests: Sequence[Request], headers: Mapping[str, str], connections: int, duration_s: int) -> Pressed:
        """See `LoadTool`."""
        script, bodies = self.folder / "post.lua", self.folder / "bodies"
        script.write_text(_SCRIPT, encoding="utf-8")
        bodies.write_bytes(b"".join(request.body + b"\n" for request in requests))
        command = [
            "wrk",
            "-t",
            "1",
            "-c",
            str(connections),
            "-d",
            f"{duration_s}s",
            "-s",
            str(script),
            *_headers(requests[0], headers, "-H"),
        ]
        output = _run([*command, url + requests[0].path], {"MLGATE_BODIES": str(bodies)})
        told = json.loads(output.splitlines()[-1])
        return Pressed(told["requests"] / told["us"] * 1e6, told["p50_us"] / 1e3, told["p99_us"] / 1e3, told["failed"])


@dataclass(frozen=True)
class Hey:
    """hey, which sends one body all the time."""

    folder: Path
    name: str = "hey"

    def press(self, url: str, requests: Sequence[Request], headers: Mapping[str, str], connections: int, duration_s: int) -> Pressed:
        """See `LoadTool`."""
        body = self.folder / "body"
        body.write_bytes(requests[0].body)
        command = ["hey", "-z", f"{duration_s}s", "-c", str(connections), "-m", "POST", "-D", str(body), "-T", "application/json"]
        output = _run([*command, *_headers(requests[0], headers, "-H"), url + requests[0].path], {})
        answers = {int(status): int(count) for status, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", output)}
        lost = sum(int(count) for count in re.findall(r"^\s+\[(\d+)\]\s+(?!\s|\d+ responses)", output, re.MULTILINE))
        failed = lost + sum(count for status, count in answers.items() if not 200 <= status < 300)
        p50_ms, p99_ms = (_number(rf"{quantile}%+ in ([\d.]+) secs", output) * 1e3 for quantile in (50, 99))
        return Pressed(_number(r"Requests/sec:\s+([\d.]+)", output), p50_ms, p99_ms, failed)


def load_tool(folder: Path) -> LoadTool:
    """wrk or hey, installed from Debian where this process may. Raises NotRunError with how to get one."""
    if not _found() and os.geteuid() == 0 and shutil.which("apt-get"):
        say(f"neither wrk nor hey is here: {_HOW}")
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "wrk", "hey"]):
            subprocess.run(command, check=False, capture_output=True, env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"})
    if shutil.which("wrk"):
        return Wrk(folder)
    if shutil.which("hey"):
        return Hey(folder)
    raise NotRunError(f"neither wrk nor hey is here ({_HOW})")


def _found() -> bool:
    return bool(shutil.which("wrk") or shutil.which("hey"))


def _headers(request: Request, more: Mapping[str, str], option: str) -> list[str]:
    return [part for name, value in {**dict(request.headers), **more}.items() for part in (option, f"{name}: {value}")]


def _run(command: list[str], environ: Mapping[str, str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **environ})
    if done.returncode:
        raise ProcessError(f"{command[0]} ended with exit status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _number(pattern: str, output: str) -> float:
    found = re.search(pattern, output)
    if found is None:
        raise ProcessError(f"hey printed no {pattern!r}:\n{output}")
    return float(found[1])
