"""Stands in for `java org.pytorch.serve.ModelServer`: the same command line, configuration, ports and answers, ready in a moment.

Everything above it is the real thing: what renders, starts, probes, routes and stops it. Run by the interpreter in its first argument's
place (see `conftest.py`); `DELAY`, a file beside it, holds seconds to wait before it answers.
"""

import json
import os
import sys
import tempfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

properties = dict(line.split("=", 1) for line in Path(sys.argv[sys.argv.index("-f") + 1]).read_text().splitlines())
model, archive = properties["load_models"].split("=")
with zipfile.ZipFile(Path(properties["model_store"]) / archive) as packed:
    shape = json.loads(packed.read("interface.json"))["output"]["shape"]
    field = json.loads(packed.read("interface.json"))["output"]["field"]
((version, settings),) = json.loads(properties["models"])[model].items()
workers = settings["minWorkers"]
(Path(tempfile.gettempdir()) / "unpacked").write_text("as TorchServe unpacks an archive\n")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.startswith("/models/"):
            ready = [{"id": str(9000 + number), "status": "READY", "pid": os.getpid(), "gpu": False} for number in range(workers)]
            queue = {"remainingCapacity": 1000, "pendingRequests": 0}
            counts = {"minWorkers": workers, "maxWorkers": workers, "workers": ready, "jobQueueStatus": queue}
            self.answer(200, [{"modelName": model, "modelVersion": version, **counts}])
        else:
            self.answer(200, {"status": "Healthy"})

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        known = self.path == f"/predictions/{model}"
        self.answer(200 if known else 404, {field: [1 / shape[1]] * shape[1]} if known else {"code": 404, "type": "ModelNotFoundException"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("x-mlgate-release", os.environ["MLGATE_RELEASE"])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


delay = Path(__file__).with_name("DELAY")
time.sleep(float(delay.read_text()) if delay.exists() else 0)
for kind in ("inference", "management", "metrics"):
    host, port = properties[f"{kind}_address"].removeprefix("http://").split(":")
    server = ThreadingHTTPServer((host, int(port)), Handler)
    threading.Thread(target=server.serve_forever).start()
