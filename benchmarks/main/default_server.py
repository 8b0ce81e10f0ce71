"""TorchServe as it comes: its own launcher, options, logging and token authorization; only the addresses are set.

The archive is ours, so the model, the row validation and a worker's quiet logger are the same on both sides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from benchmarks.main.stand import PROGRAMS, Stand
from mlgate import Release
from mlgate.errors import ProcessError
from mlgate_serving.clients import Request, send
from mlgate_serving.ports import free_ports
from mlgate_serving.supervisor import ProcessSpec
from mlgate_tools.java import find_java

_NAME = "torchserve-defaults"
_READY_S = 180.0


@dataclass(frozen=True)
class DefaultServer:
    """`headers` carry the token that every prediction needs."""

    url: str
    headers: Mapping[str, str]
    workers: int


@contextmanager
def default_server(stand: Stand, number: int) -> Iterator[DefaultServer]:
    """The release behind TorchServe's defaults, every worker READY. Raises ProcessError where it does not come to that."""
    packed = stand.release(number)
    release = Release.read(packed)
    folder, ports = stand.folder_of("ts"), free_ports(5)
    (folder / "tmp").mkdir()
    (folder / "config.properties").write_text(_addresses(ports), encoding="utf-8")
    command = [str(PROGRAMS / "torchserve"), "--start", "--foreground", "--ncs", "--ts-config", "config.properties"]
    command += ["--model-store", str(packed), "--models", f"{release.service}={release.archive}"]
    # The temporary folders are its own, or it would take another server of this machine for itself.
    temporary = {"TMPDIR": str(folder / "tmp"), "TEMP": str(folder / "tmp")}
    environment = {"JAVA_HOME": str(find_java().path.parent.parent), **temporary}
    try:
        stand.supervisor.start(ProcessSpec(_NAME, tuple(command), environment, folder, ports, {}))
        workers = _wait_until_ready(stand, release.service, f"http://127.0.0.1:{ports[1]}", folder / "key_file.json")
        yield DefaultServer(f"http://127.0.0.1:{ports[0]}", _token(folder / "key_file.json", "inference"), workers)
    finally:
        stand.supervisor.stop(_NAME)


def _addresses(ports: tuple[int, ...]) -> str:
    names = ("inference_address", "management_address", "metrics_address", "grpc_inference_port", "grpc_management_port")
    values = [f"http://127.0.0.1:{port}" if name.endswith("address") else str(port) for name, port in zip(names, ports, strict=True)]
    return "".join(f"{name}={value}\n" for name, value in zip(names, values, strict=True))


def _wait_until_ready(stand: Stand, model: str, management_url: str, keys: Path) -> int:
    """The number of workers, once all are READY."""
    until = time.monotonic() + _READY_S
    while time.monotonic() < until:
        process = stand.supervisor.get(_NAME)
        if process is None or not process.alive:
            break
        states = _worker_states(model, management_url, keys)
        if states and set(states) == {"READY"}:
            return len(states)
        time.sleep(0.2)
    raise ProcessError(f"TorchServe with its defaults did not become ready:\n{stand.supervisor.log_tail(_NAME)}", where=str(keys.parent))


def _worker_states(model: str, management_url: str, keys: Path) -> list[str]:
    try:
        answer = send(Request("GET", f"/models/{model}", (), b""), management_url, headers=_token(keys, "management"))
        described = json.loads(answer.body) if answer.status == 200 else []
    except (OSError, HTTPException, ValueError):
        return []
    return [worker["status"] for version in described for worker in version["workers"]]


def _token(keys: Path, kind: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {json.loads(keys.read_bytes())[kind]['key']}"}
