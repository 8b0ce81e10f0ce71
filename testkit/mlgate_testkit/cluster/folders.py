"""Where clusters live, and how nothing of one is left.

All of a user's clusters lie in the per-user cache, each in a folder of its own: under `runs/` those that end with the process which
started them, under `named/` those that stay until somebody ends them. The owner of a run holds a lock in its folder. A run whose lock
can be had has lost its owner, whatever became of its keeper, and every new run ends such first.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from mlgate.environment import CACHE_VARIABLE, cache_folder
from mlgate.errors import BusyError, ProcessError
from mlgate_serving.ending import reap_child
from mlgate_serving.locks import exclusive
from mlgate_serving.supervisor import Supervisor
from mlgate_testkit.cluster.owner import owner_lock
from mlgate_testkit.cluster.parts import KEEPER

Progress = Callable[[str], None]

_LOCK_WAIT_S = 120.0  # longer than it takes to end what killed runs left
_THREADS_S = 2.0
_POLL_S = 0.005
_FULL_BYTES = 256 * 1024  # less than a part writes at once
_ELSEWHERE = f"set {CACHE_VARIABLE} to a folder on a larger disk"


def registry(folder: Path) -> Supervisor:
    """The processes of the cluster in `folder`."""
    return Supervisor(folder / "processes")


def named_folder(name: str) -> Path:
    """Where the cluster of that name has its folder, if there is one."""
    return cache_folder() / "clusters" / "named" / name


def named_lock(name: str) -> AbstractContextManager[None]:
    """One caller at a time brings a named cluster up or down. Raises BusyError, or UsageError for what cannot be a name."""
    return exclusive(_made(cache_folder() / "clusters" / "named"), name, _LOCK_WAIT_S)


def new_run(held: ExitStack, progress: Progress) -> Path:
    """A new run's folder, whose owner this process is until `held` is closed or it ends. What killed runs left is ended first.

    Raises ProcessError where the place cannot be written.
    """
    with _no_run_begins() as runs:
        _end_left(runs, progress)
        run = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
        held.enter_context(owner_lock(run))
        return run


def end_left(progress: Progress) -> list[str]:
    """Ends the runs whose owner is gone, without waiting for the next run. Returns the names of the processes that were ended."""
    with _no_run_begins() as runs:
        return _end_left(runs, progress)


def clear(folder: Path, *, but: int | None = None) -> list[str]:
    """Ends everything of the cluster in `folder`, at once, since its data is thrown away, and removes the folder.

    `but`: the caller's own process, which is one of them. Returns the names of what was running.
    """
    supervisor = registry(folder)
    ended = []
    # The keeper last: where it has no network of its own, the others listen on the ports that its entry names.
    for process in sorted(supervisor.list(), key=lambda process: process.spec.name == KEEPER):
        if process.pid != but:
            if process.alive:
                ended.append(process.spec.name)
            supervisor.stop(process.spec.name, grace_s=0)
            let_go(process.pid)
    ended += supervisor.reap()  # what was killed between its start and its entry in the registry
    shutil.rmtree(folder, ignore_errors=True)
    return ended


def let_go(pid: int) -> None:
    """Takes the exit status of a killed child of this process: of many threads, the last may go a moment after it counts as ended."""
    until = time.monotonic() + _THREADS_S
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).ppid() == os.getpid() and time.monotonic() < until:
            reap_child(pid)
            time.sleep(_POLL_S)


def _end_left(runs: Path, progress: Progress) -> list[str]:
    ended: list[str] = []
    for left in runs.glob("run-*"):
        with suppress(BusyError, FileNotFoundError), owner_lock(left):
            progress("ending a cluster that an earlier run left when it was killed")
            ended += clear(left)
    return ended


@contextmanager
def _no_run_begins() -> Iterator[Path]:
    """Where all runs have their folders, while nobody makes one: else it would be seen before its owner holds it."""
    runs = _made(cache_folder() / "clusters" / "runs")
    with exclusive(runs, "start", _LOCK_WAIT_S):
        yield runs


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise disk_error(error, folder) from error
    return folder


def disk_error(error: OSError, folder: Path) -> ProcessError:
    """What to say of a cluster whose files cannot be written."""
    return ProcessError(
        f"cannot be written: {error.strerror or error}",
        where=str(error.filename or folder),
        remedy=f"make room or give permission there, or {_ELSEWHERE}",
    )


def full_disk_remedy(folder: Path, said: str) -> str:
    """What to do where a part of the cluster in `folder` ended for want of room; "" where it did not.

    `said`: its last words. It may have been quick to say so while there is room for others, or have had no room for a word.
    """
    full = "no space left on device" in said.lower() or "disk quota exceeded" in said.lower()
    with suppress(OSError):
        full = full or shutil.disk_usage(folder).free < _FULL_BYTES
    return f"the disk there is full: make room, or {_ELSEWHERE}" if full else ""
