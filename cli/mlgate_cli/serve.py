"""Serve one packed release on this machine until Ctrl-C, without a stack, proxy or gate.

Example: mlgate serve dist/digits-1 --service examples/digits/service.yaml
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from mlgate_cli.output import JsonFlag, Progress, print_json, progress_since, say

_LOCK_WAIT_S = 120.0  # longer than it takes to end what a killed run left


def command(
    folder: Annotated[Path, typer.Argument(metavar="RELEASE", help="A packed folder.")],
    service: Annotated[Path, typer.Option("--service", "-s", help="The declaration, service.yaml.")] = Path("service.yaml"),
    as_json: JsonFlag = False,
) -> None:
    from mlgate import ProcessError, Service
    from mlgate_serving.endpoint import start_endpoint
    from mlgate_serving.supervisor import Supervisor

    declared, progress = Service.read(service), progress_since()
    with _run_folder(progress) as run:
        supervisor = Supervisor(_registry(run))
        endpoint = start_endpoint(supervisor, folder, declared, progress)
        if as_json:
            print_json({"url": endpoint.url, "release": endpoint.release, "pid": endpoint.pid})
        else:
            say(f"serving {endpoint.release} at {endpoint.url} (Ctrl-C ends it)")
        sys.stdout.flush()  # whoever reads it through a pipe waits for the address
        while (process := supervisor.get(endpoint.name)) is not None and process.alive:
            time.sleep(0.5)
        tail = supervisor.log_tail(endpoint.name)
        raise ProcessError(f"the endpoint ended by itself\n{tail}", where=endpoint.name, remedy="start it again")


@contextmanager
def _run_folder(progress: Progress) -> Iterator[Path]:
    """A folder for this run, in which nothing runs any more afterwards.

    It lies in a place of this user's that every run looks through first: a run that was killed could not end its server, so the next
    one does. Raises ProcessError where that place cannot be written.
    """
    with ExitStack() as held:
        run = _own_folder(held, progress)
        try:
            yield run
        finally:
            _clear(run)


def _own_folder(held: ExitStack, progress: Progress) -> Path:
    from mlgate_serving.locks import exclusive

    with _no_run_begins() as runs:
        _end_killed(runs, progress)
        run = Path(tempfile.mkdtemp(prefix="run-", dir=runs))
        held.enter_context(exclusive(run, "owner", wait_s=0))
        return run


def end_killed(progress: Progress) -> list[str]:
    """Ends the servers of this user's runs that were killed, without waiting for the next run. Returns the names of those that ended."""
    if not _runs().is_dir():
        return []
    with _no_run_begins() as runs:
        return _end_killed(runs, progress)


def _end_killed(runs: Path, progress: Progress) -> list[str]:
    from mlgate.errors import BusyError
    from mlgate_serving.locks import exclusive

    ended: list[str] = []
    for left in runs.glob("run-*"):
        # A run that is alive holds its folder; one that ends at this moment takes it away.
        with suppress(BusyError, FileNotFoundError), exclusive(left, "owner", wait_s=0):
            progress("ending what an earlier mlgate serve left when it was killed")
            ended += _clear(left)
    return ended


def _runs() -> Path:
    from mlgate.environment import cache_folder

    return cache_folder() / "serve"


@contextmanager
def _no_run_begins() -> Iterator[Path]:
    """Where all runs have their folders, while nobody makes one: else it would be seen before its run holds it."""
    from mlgate import ProcessError
    from mlgate.environment import CACHE_VARIABLE
    from mlgate_serving.locks import exclusive

    runs = _runs()
    try:
        with exclusive(runs, "start", _LOCK_WAIT_S):
            yield runs
    except OSError as error:
        raise ProcessError(
            f"cannot be written: {error.strerror}",
            where=str(error.filename or runs),
            remedy=f"make room or give permission there, or set {CACHE_VARIABLE} to a folder of yours",
        ) from None


def _clear(run: Path) -> list[str]:
    """Ends what runs in a run's folder, once nothing is in flight there, and removes the folder. Returns the names of what ended."""
    from mlgate_serving.endpoint import stop_endpoint
    from mlgate_serving.supervisor import Supervisor

    supervisor = Supervisor(_registry(run))
    running = [process.spec.name for process in supervisor.list() if process.alive]
    for name in supervisor.names():
        stop_endpoint(supervisor, name)
    supervisor.reap()  # a server of which its run was killed before it could register it
    shutil.rmtree(run, ignore_errors=True)
    return running


def _registry(run: Path) -> Path:
    return run / "processes"
