"""Waiting until a server has nothing in flight.

TorchServe tells how many requests wait for a worker, but not whether a worker is busy: the handler marks that itself, in a file of one
byte named after its process. A server that is told to end does not wait for its requests but resets their connections.
"""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from mlgate.errors import EndpointError
from mlgate_serving.management import Management

_POLL_S = 0.03
_QUIET_POLLS = 3  # between the queue and the worker, and between the worker and the socket, a request is in neither place for a moment


def drain(management: Management, model: str, busy_folder: Path, limit_s: float) -> bool:
    """Waits until no request is queued or in a worker, at most `limit_s`. False if some still were, or nobody could tell."""
    until = time.monotonic() + limit_s
    quiet = 0
    while quiet < _QUIET_POLLS:
        try:
            waiting = management.describe(model).pending
        except EndpointError:
            return False
        quiet = 0 if waiting or busy_workers(busy_folder) else quiet + 1
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


def busy_workers(folder: Path) -> int:
    """How many live workers are in a batch; a worker that was killed in one left its mark behind."""
    marks = [path for path in folder.glob("[0-9]*") if path.name.isdigit() and path.read_bytes() == b"\1"]
    return sum(psutil.pid_exists(int(path.name)) for path in marks)
