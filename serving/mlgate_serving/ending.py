"""Ending groups of processes, surely and without ever signalling a stranger."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import psutil

from mlgate.errors import ProcessError
from mlgate_serving.identity import is_running

_KILL_WAIT_S = 5.0
_POLL_S = 0.02

# Children of this interpreter, kept so that one that ends is reaped and does not stay a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


def keep_child(child: subprocess.Popen[bytes]) -> None:
    """Remembers a child so that `reap_child` can take its exit status."""
    _children[child.pid] = child


def reap_child(pid: int) -> None:
    """Takes the exit status of `pid` if it is a child of this interpreter that has ended."""
    child = _children.get(pid)
    if child and child.poll() is not None:
        _children.pop(pid, None)


def end(members: Callable[[], list[psutil.Process]], name: str, grace_s: float) -> bool:
    """Ends what `members` finds, asked again until it finds nothing: SIGTERM, at most `grace_s` (0: none), SIGKILL.

    Returns whether there was anything. Raises ProcessError if something survives SIGKILL.
    """
    known = members()
    if not known:
        return False
    if grace_s:
        _signal(known, signal.SIGTERM)
        _wait_gone(known, grace_s)
    until = time.monotonic() + _KILL_WAIT_S
    while known := [*_still(known), *members()]:
        if time.monotonic() > until:
            pids = ", ".join(sorted({str(process.pid) for process in known}))
            raise ProcessError(
                f"does not end, not even by SIGKILL: process {pids}",
                where=f"process {name}",
                remedy="it hangs in the kernel (disk or device): see `ps -o pid,stat,wchan,args`, then run the command again",
            )
        _signal(known, signal.SIGKILL)
        _wait_gone(known, 0.5)
    return True


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        # psutil compares the start time first, so a pid that was handed out again is never signalled.
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _still(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    for process in processes:
        reap_child(process.pid)
    return [process for process in processes if process.is_running() and is_running(process.pid)]


def _wait_gone(processes: Sequence[psutil.Process], wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while _still(processes) and time.monotonic() < until:
        time.sleep(_POLL_S)
