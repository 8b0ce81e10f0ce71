"""A small strict server for the Open Inference Protocol v2 over REST, written from the protocol and not from our client."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from mlgate.interface import Interface

PYTHON_TYPES = {"FP32": (int, float), "FP64": (int, float), "INT32": int, "INT64": int, "UINT8": int, "BOOL": bool}


class V2(BaseHTTPRequestHandler):
    """Serves the model `sums`: inputs x (FP32 [2, 3]), n (INT64 []), flag (BOOL [1]); output scores FP64 [2] = (sum of x, n if flag)."""

    protocol_version = "HTTP/1.1"
    inputs: ClassVar = {"x": ("FP32", [1, 2, 3]), "n": ("INT64", [1]), "flag": ("BOOL", [1, 1])}

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            if self.path != "/v2/models/sums/infer":
                self.answer(404, {"error": f"no model at {self.path}"})
            else:
                self.answer(200, self.infer(json.loads(body)))
        except (ValueError, KeyError, TypeError) as error:
            self.answer(400, {"error": f"bad request: {error}"})

    def infer(self, document: dict[str, Any]) -> dict[str, Any]:
        given = {}
        for tensor in document["inputs"]:
            datatype, shape = self.inputs[tensor["name"]]
            if (tensor["datatype"], tensor["shape"]) != (datatype, shape):
                raise ValueError(f"{tensor['name']} is {tensor['datatype']} {tensor['shape']}, not {datatype} {shape}")
            data = tensor["data"]
            if len(data) != math.prod(shape) or not all(isinstance(value, PYTHON_TYPES[datatype]) for value in data):
                raise ValueError(f"{tensor['name']} has the wrong elements")
            given[tensor["name"]] = data
        wanted = [output["name"] for output in document.get("outputs", [{"name": "scores"}])]
        scores = [float(sum(given["x"])), float(given["n"][0] if given["flag"][0] else 0)]
        return {
            "model_name": "sums",
            "outputs": [{"name": name, "shape": [1, 2], "datatype": "FP64", "data": scores} for name in wanted],
        }

    def answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Mlgate-Release", "sha256:" + "b" * 64)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def v2_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), V2)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def sums() -> Interface:
    return Interface.model_validate(
        {
            "protocol": "open-inference",
            "input": {
                "x": {"dtype": "float32", "shape": [-1, 2, 3]},
                "n": {"dtype": "int64", "shape": [-1]},
                "flag": {"dtype": "bool", "shape": [-1, 1]},
            },
            "output": {"field": "scores", "shape": [-1, 2], "answer": "argmax"},
        }
    )
