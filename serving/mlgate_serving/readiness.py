"""When an endpoint is ready: every worker READY and one good prediction of the right release. Its `/ping` says Healthy in a crash loop too.

A start that cannot succeed is ended at its first sign, and the error carries the plain cause where it is known and the end of the log.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from mlgate.digests import short
from mlgate.errors import MlgateError, ProcessError
from mlgate.service import Service
from mlgate_serving.clients import client_for, predict
from mlgate_serving.runtime import Probes
from mlgate_serving.sampler import sample_case
from mlgate_serving.supervisor import RunningProcess, Supervisor

Progress = Callable[[str], None]
_START_S = 120.0
_POLL_S = 0.05
_TELL_EVERY_S = 3.0
_PREDICT_S = 10.0
_LOG_LINES = 30
_CAUSES = (
    (re.compile(r"mlgate: (.*was altered after packing)"), "{0}"),
    (re.compile(r"Failed to bind to address: \S*?:(\d+)"), "port {0} is taken"),
    (re.compile(r"Address already in use"), "a port is taken"),
    (re.compile(r"((?:\w+\.)*\w*(?:Error|Exception)): (.+)"), "the handler raised {0}: {1}"),
)
_HOPELESS = re.compile(r"Backend worker process died|Failed to bind|Worker died|UNLOADING|Load model failed|Invalid model archive")


def await_ready(
    supervisor: Supervisor, process: RunningProcess, probes: Probes, service: Service, url: str, release: str, progress: Progress
) -> None:
    """Returns when the endpoint is ready. Raises ProcessError when it ends, a worker dies while loading, or two minutes are over."""
    begin = told = time.monotonic()
    while True:
        now = time.monotonic()
        current = supervisor.get(process.spec.name)
        if current is None or not current.alive:
            raise _failed(process, supervisor, "it ended while starting")
        if _workers_ready(probes.ready_url, service.serving.workers) and _predicts(service, url, release):
            return
        if _HOPELESS.search(_logs(process)):
            raise _failed(process, supervisor, "a worker died while loading the model")
        if now - begin > _START_S:
            raise _failed(process, supervisor, f"it was not ready after {_START_S:.0f} s")
        if now - told > _TELL_EVERY_S:
            told = now
            progress(f"{process.spec.name}: starting, {now - begin:.0f} s (importing torch takes most of it)")
        time.sleep(_POLL_S)


def _workers_ready(ready_url: str, workers: int) -> bool:
    try:
        with urlopen(ready_url, timeout=_PREDICT_S) as answer:  # noqa: S310 (rendered by us, on loopback)
            models = json.load(answer)
    except (URLError, OSError, ValueError):
        return False
    states = [worker.get("status") for model in models for worker in model.get("workers", [])]
    return len(states) == workers and all(state == "READY" for state in states)


def _predicts(service: Service, url: str, release: str) -> bool:
    """Whether a prediction succeeds. Raises ProcessError where another release answers at the address."""
    try:
        response = predict(client_for(service.interface, service.name), sample_case(service.interface, 0), url, timeout_s=_PREDICT_S)
    except (MlgateError, OSError):
        return False
    if response.served_digest not in (None, release):
        raise ProcessError(f"{short(response.served_digest or '')} answers, not {short(release)}", where=url, remedy="free the port")
    return response.error is None


def _logs(process: RunningProcess) -> str:
    paths = [process.log, process.spec.folder / "logs" / "torchserve.log"]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths if Path(path).is_file())


def _failed(process: RunningProcess, supervisor: Supervisor, problem: str) -> ProcessError:
    log = _logs(process)
    causes = [form.format(*found.groups()) for pattern, form in _CAUSES if (found := pattern.search(log))]
    tail = "\n".join(log.splitlines()[-_LOG_LINES:])
    return ProcessError(
        f"{problem}{f': {causes[0]}' if causes else ''}\n{tail}", where=process.spec.name, remedy=f"see {process.spec.folder / 'logs'}"
    )
