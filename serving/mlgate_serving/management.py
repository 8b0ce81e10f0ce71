"""TorchServe's management calls, with timeouts and errors that say what the server said.

torchserve-client knows the paths and parameters and is used for the calls it gets right, over a transport of ours: its own has no
timeout and throws the server's message away. Two things it breaks are calls of ours: scaling (it sends a JSON body, the server reads
the query string, and nothing happens) and predictions (multipart files only). What it breaks of versions is in its gRPC part (describing
one forgets which), so versions are seen through its REST part, which does not.

An endpoint of ours holds one release and asks `describe` alone. The rest is for who runs a TorchServe of several models or versions.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from mlgate.errors import EndpointError
from mlgate_serving.clients import Request, send

_TIMEOUT_S = 10.0
_SLOW_S = 150.0  # starting workers, which the server itself gives up after 120 s


@dataclass(frozen=True)
class Worker:
    """One worker process. `status` is TorchServe's: READY once its model is loaded. `gpu`: whether it was given one."""

    pid: int
    status: str
    gpu: bool


@dataclass(frozen=True)
class ModelState:
    """One version of a model, its workers, and how many requests wait for one."""

    name: str
    version: str
    workers: tuple[Worker, ...]
    pending: int

    @property
    def ready(self) -> int:
        """How many workers are READY."""
        return sum(worker.status == "READY" for worker in self.workers)


class Management:
    """The management API of one TorchServe, and predictions by version. Every call raises EndpointError where it is refused or lost."""

    def __init__(self, management_url: str, inference_url: str, timeout_s: float = _TIMEOUT_S) -> None:
        from torchserve_client.rest import ManagementClient

        parts = urlsplit(management_url)
        self._management_url, self._inference_url, self._timeout_s = management_url, inference_url, timeout_s
        self._rest = ManagementClient(f"{parts.scheme}://{parts.hostname}", parts.port)
        self._rest._make_request = self._transport

    def models(self) -> dict[str, str]:
        """The registered models: name to archive, of each its default version."""
        listed = self._rest.list_models()
        return {model["modelName"]: model["modelUrl"] for model in listed["models"]}

    def describe(self, model: str, version: str | None = None) -> ModelState:
        """The state of a version, or of the default one."""
        return _state(self._rest.describe_model(model, version)[0])

    def versions(self, model: str) -> dict[str, ModelState]:
        """The state of every registered version."""
        states = [_state(found) for found in self._rest.describe_model(model, "all")]
        return {state.version: state for state in states}

    def register(self, archive: str, *, model: str, workers: int, batch: int = 1, delay_ms: int = 1) -> None:
        """Registers an archive of the model store and waits for its workers. Needs the model API, which our rendering leaves off."""
        self._rest.register_model(archive, model, batch_size=batch, max_batch_delay=delay_ms, initial_workers=workers, synchronous=True)

    def unregister(self, model: str, version: str | None = None) -> None:
        """Removes a version. Needs the model API."""
        self._rest.unregister_model(model, version)

    def set_default(self, model: str, version: str) -> None:
        """Makes a version the one that answers where none is named."""
        self._rest.set_default_version(model, version)

    def scale(self, model: str, workers: int, version: str | None = None) -> None:
        """Sets the number of workers and waits for them."""
        wanted = {"min_worker": workers, "max_worker": workers, "synchronous": "true"}
        self._call("PUT", f"/models/{_path(model, version)}", wanted, timeout_s=_SLOW_S)

    def predict(self, model: str, case: Mapping[str, Any], version: str | None = None) -> Any:
        """The JSON answer of a version, or of the default one, to a case of plain lists and numbers."""
        return self._send(self._inference_url, "POST", f"/predictions/{_path(model, version)}", case, self._timeout_s)

    def _transport(self, method: str, endpoint: str, json: Any = None, params: Any = None, files: Any = None) -> Any:
        """Stands in for torchserve-client's own, with its arguments; none of the calls used here sends files."""
        return self._call(method, endpoint, params, json, timeout_s=self._timeout_s if method == "GET" else _SLOW_S)

    def _call(self, method: str, path: str, query: Any = None, value: Any = None, timeout_s: float | None = None) -> Any:
        whole = f"{path}?{urlencode(query)}" if query else path
        return self._send(self._management_url, method, whole, value, timeout_s or self._timeout_s)

    def _send(self, url: str, method: str, path: str, value: Any, timeout_s: float) -> Any:
        headers, body = ((), b"") if value is None else ((("content-type", "application/json"),), json.dumps(value).encode())
        try:
            status, _, content = send(Request(method, path, headers, body), url, timeout_s=timeout_s)
            answer = json.loads(content) if content else None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EndpointError(
                f"{method} {path} got no answer: {error}", where=url, remedy="see whether the server runs: mlgate status"
            ) from None
        if status >= 300:
            said = answer.get("message") if isinstance(answer, dict) else answer
            raise EndpointError(f"{method} {path} was refused with {status}: {said}", where=url, remedy="see the server's log for more")
        return answer


def _path(model: str, version: str | None) -> str:
    return f"{quote(model)}/{quote(version, safe='')}" if version else quote(model)


def _state(described: Mapping[str, Any]) -> ModelState:
    return ModelState(
        described["modelName"],
        described["modelVersion"],
        tuple(Worker(worker["pid"], worker["status"], worker["gpu"]) for worker in described["workers"]),
        described["jobQueueStatus"]["pendingRequests"],
    )
