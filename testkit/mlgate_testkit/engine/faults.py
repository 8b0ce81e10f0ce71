"""Faults that lie with the engine's state; those of a simulated provider are ordered there (`Simulated.fail`), kills at the operation."""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal

from mlgate.errors import UsageError
from mlgate_testkit.engine.stack import Stack
from mlgate_tools.pulumi_state import Lock

__all__ = ["locked"]


@contextmanager
def locked(stack: Stack, owner: Literal["living", "dead", "elsewhere"] = "living") -> Iterator[Lock]:
    """Holds the stack's lock as another update would: of a process that lives, of one that died, or of one on another machine.

    Raises UsageError for another owner.
    """
    pids = {"living": os.getpid, "dead": _dead_pid, "elsewhere": os.getpid}
    if owner not in pids:
        raise UsageError(f"an owner cannot be {owner!r}", where="locked", remedy=f"give one of {', '.join(pids)}")
    host = "elsewhere" if owner == "elsewhere" else socket.gethostname()
    lock = Lock(stack.state.lock_folder / f"{uuid.uuid4()}.json", pids[owner](), getpass.getuser(), host, datetime.now(UTC))
    lock.path.parent.mkdir(parents=True, exist_ok=True)
    said = {"pid": lock.pid, "username": lock.user, "hostname": lock.host, "timestamp": lock.since.isoformat()}
    lock.path.write_text(json.dumps(said), encoding="utf-8")
    try:
        yield lock
    finally:
        lock.path.unlink(missing_ok=True)


def _dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid
