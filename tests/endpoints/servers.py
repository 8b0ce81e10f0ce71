"""A server that only pretends to be TorchServe, and what tests do with servers."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import psutil

from mlgate import Release
from mlgate_serving.endpoint import LocalEndpoint
from mlgate_serving.runtime import Probes, Rendered

Start = Callable[..., LocalEndpoint]


def kill(pid: int) -> None:
    process = psutil.Process(pid)
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def listens(url: str) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rsplit(":", 1)[1].split("/", maxsplit=1)[0]))) == 0


# Stands in for TorchServe where only the endpoint's own logic is asked: says what its folder's files say, within a tenth of a second.
FAKE_SERVER = """
import json, os, pathlib, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = pathlib.Path(sys.argv[1])
config = json.loads((folder / "config.json").read_text())
state = {"ready": config["workers"], "digest": config["digest"], "status": 200, "answer": [0.1] * 10, **json.loads(os.environ["STATE"])}
(folder / "logs" / "torchserve.log").write_text(state.get("log", ""))
if "ends_after_s" in state:
    threading.Timer(state["ends_after_s"], os._exit, [3]).start()

class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def reply(self, value, status=200, headers=()):
        body = json.dumps(value).encode()
        self.send_response(status)
        for name, text in (("content-length", str(len(body))), *headers):
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        pending = int((folder / "pending").read_text()) if (folder / "pending").exists() else 0
        statuses = ["READY" if n < state["ready"] else "UNLOADING" for n in range(config["workers"])]
        workers = [{"pid": 1, "status": status, "gpu": state.get("gpu", False)} for status in statuses]
        self.reply([{"modelName": "digits", "modelVersion": "1", "workers": workers, "jobQueueStatus": {"pendingRequests": pending}}])
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        if state["status"]:
            self.reply({"probabilities": state["answer"]}, state["status"], [("x-mlgate-release", state["digest"])])

servers = [ThreadingHTTPServer(("127.0.0.1", port), Handler) for port in config["ports"][:2]]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
"""


@dataclass
class FakeRuntime:
    """Renders the fake server.

    `state`: how many workers it says are `ready` and whether they have a `gpu`, what it logs (`log`), what it answers (`digest`, `answer`,
    `status`, 0 to hang up), and when it ends by itself (`ends_after_s`).
    """

    state: dict[str, Any] = field(default_factory=dict)

    def render(self, release: Release, serving: Any, place: Any) -> Rendered:
        config = {"ports": place.ports, "digest": release.digest, "workers": serving.workers}
        url = f"http://127.0.0.1:{place.management_port}"
        return Rendered(
            files={"config.json": json.dumps(config)},
            command=(sys.executable, "-c", FAKE_SERVER, str(place.folder)),
            environment={"STATE": json.dumps(self.state)},
            probes=Probes(f"{url}/models/digits", f"{url}/ping", f"{url}/metrics"),
        )
