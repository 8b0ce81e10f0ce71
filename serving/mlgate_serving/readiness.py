"""Waiting until an endpoint is ready, and saying soon and plainly why it will never be.

Ready means: every declared worker is READY, and a case that keeps the interface gets an answer that keeps it, from the right release.
TorchServe's own health check is no help: it says "Healthy" while a model crashes and is restarted for minutes.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from mlgate.errors import EndpointError, ProcessError
from mlgate.release import Release
from mlgate_serving.clients import client_for, predict
from mlgate_serving.failures import Failure, find_failure, read_log
from mlgate_serving.management import Management
from mlgate_serving.sampler import sample_case
from mlgate_serving.supervisor import RunningProcess

Progress = Callable[[str], None]

_POLL_S = 0.05
_PROGRESS_S = 2.0
_SETTLE_S = 0.5  # a traceback comes line by line
_LIMIT_S = 300.0  # two workers took 30 s on two cores that ten other processes wanted; what fails is noticed at once
_CASE_SEED = 0


class PortTakenError(ProcessError):
    """Somebody took a port between its choice and the server's start."""


def wait_until_ready(
    process: RunningProcess, release: Release, workers: int, management: Management, url: str, progress: Progress, limit_s: float = _LIMIT_S
) -> None:
    """Returns once the endpoint is ready. Raises ProcessError with the plain cause and the log's tail as soon as it cannot become so."""
    name, folder, began = process.spec.name, process.spec.folder, time.monotonic()
    said = began
    while True:
        alive, ready = process.alive, _ready_workers(management, release.service)
        if alive and ready >= workers:
            break
        failure = find_failure(read_log(folder)) if ready == 0 or not alive else None
        if failure or not alive:
            time.sleep(_SETTLE_S)
            log = read_log(folder)
            found = find_failure(log) or Failure("its server process ended", "see the log, then start it again")
            error = found.error(name, log)
            raise PortTakenError(error.problem, where=error.where, remedy=error.remedy) if found.port_taken else error
        now = time.monotonic()
        if now - began > limit_s:
            late = Failure(
                f"only {ready} of {workers} workers were ready after {limit_s:.0f} s", "see the log; a busy machine needs longer"
            )
            raise late.error(name, read_log(folder))
        if now - said >= _PROGRESS_S:
            said = now
            progress(f"{name}: {ready} of {workers} workers ready after {now - began:.0f} s")
        time.sleep(_POLL_S)
    _require_good_answer(process, release, url)
    progress(f"{name}: ready after {time.monotonic() - began:.1f} s at {url}")


def _ready_workers(management: Management, model: str) -> int:
    try:
        return management.describe(model).ready
    except EndpointError:  # not listening yet
        return 0


def _require_good_answer(process: RunningProcess, release: Release, url: str) -> None:
    """A READY worker has loaded its model, which does not yet mean that it answers."""
    client = client_for(release.interface, release.service)
    try:
        response = predict(client, sample_case(release.interface, _CASE_SEED), url, timeout_s=60)
        problem = response.error
        if problem is None and response.served_digest != release.digest:
            problem = f"it says that it serves {response.served_digest or 'nothing'}, expected {release.digest}"
    except (OSError, http.client.HTTPException) as error:
        problem = f"no answer: {error}"
    if problem:
        failure = Failure(
            f"a case that keeps the interface gets a wrong answer ({problem})", "correct the model directory and pack a new version"
        )
        raise failure.error(process.spec.name, read_log(process.spec.folder))
