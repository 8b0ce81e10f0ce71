"""Java's start-up work on TorchServe, done once for each user and version (an ahead-of-time cache, JEP 514).

Of the 1.5 s that Java computes before the first answer, half is loading and linking the same classes again, and the worker's start waits
for most of it. The cache (42 MB) is made from one run without a model; a start without it works the same, only later.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path

from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_serving.clients import Request, send
from mlgate_serving.ports import free_ports
from mlgate_tools.cache import Slot, install
from mlgate_tools.tool import Progress, platform_name

_FILE = "torchserve.aot"
_START_LIMIT_S, _WRITE_LIMIT_S = 60.0, 180.0
_POLL_S = 0.1


def java_cache(java: Path, version: str, options: Sequence[str], jar: Path, progress: Progress) -> Path | None:
    """The cache for this Java with these options and TorchServe's jar, made if it is not there; None where it cannot be made."""
    state = jar.stat()
    key = hashlib.sha256(repr((str(java), *options, str(jar), state.st_size, state.st_mtime_ns)).encode()).hexdigest()[:12]
    slot = Slot("torchserve-start", f"{version}-{key}", platform_name(), cache_folder())

    def fill(folder: Path, workspace: Path) -> str:
        progress("preparing Java for faster starts (once, some 10 s)")
        _train([str(java), f"-XX:AOTCacheOutput={folder / _FILE}", *options], jar, workspace)
        if not (folder / _FILE).exists():
            raise ToolError("Java wrote no cache", where=str(folder))
        return "a run without a model"

    try:
        install(slot, fill, progress)
    except ToolError as error:
        progress(f"starts will take longer: {error.problem}")
        return None
    return slot.folder / _FILE


def _train(command: list[str], jar: Path, workspace: Path) -> None:
    """One TorchServe without a model, asked what an endpoint is asked; Java writes the cache when it ends."""
    inference, management, *others = free_ports(5)
    keys = ("inference_address", "management_address", "metrics_address", "grpc_inference_port", "grpc_management_port")
    values = (*(f"http://127.0.0.1:{port}" for port in (inference, management, others[0])), *others[1:])
    lines = [f"{key}={value}" for key, value in zip(keys, values, strict=True)]
    lines += [f"model_store={workspace}", "disable_token_authorization=true", "disable_system_metrics=true", "metrics_mode=prometheus"]
    config = workspace / "config.properties"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    packages = jar.parent.parent.parent
    with (workspace / "log").open("wb") as log:
        server = subprocess.Popen(
            [
                *command,
                *(f"-Dmodel_server_home={packages}", f"-Djava.io.tmpdir={workspace}", "-cp", str(jar)),
                *("org.pytorch.serve.ModelServer", "-f", str(config), "-ncs"),
            ],
            cwd=workspace,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(server, management)
        for port, method, path in (
            (inference, "GET", "/ping"),
            (inference, "POST", "/predictions/none"),
            (management, "GET", "/models/none"),
        ):
            send(Request(method, path, (("content-type", "application/json"),), b"{}"), f"http://127.0.0.1:{port}")
        server.terminate()
        server.wait(_WRITE_LIMIT_S)
    except (OSError, HTTPException, subprocess.TimeoutExpired) as error:
        raise ToolError(f"the run that prepares Java failed: {error}", where=str(workspace)) from None
    finally:
        server.kill()
        server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START_LIMIT_S
    while True:
        try:
            send(Request("GET", "/models", (), b""), f"http://127.0.0.1:{port}")
            return
        except (OSError, HTTPException):
            if server.poll() is not None or time.monotonic() > until:
                raise
        time.sleep(_POLL_S)
