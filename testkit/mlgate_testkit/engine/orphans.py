"""Which processes belong to a test, and ending those that nobody looks after any more.

Every process of a test inherits a marker that names the pytest process it serves and the workspace it works on. The engine, its language
host and its plugins share a session besides, and what a program starts to outlive the engine leaves that session but keeps the marker.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlgate_serving.ending import end
from mlgate_serving.identity import birth_of, is_running, session
from mlgate_testkit.engine.environment import MARKER


@dataclass(frozen=True, slots=True)
class Mark:
    """`owner`: pid and birth of the pytest process. `workspace`: the folder of the stacks of one test, "" for what serves all."""

    owner: str
    workspace: str = ""

    def __str__(self) -> str:
        return f"{self.owner}|{self.workspace}"

    @classmethod
    def parse(cls, text: str) -> Mark | None:
        """The mark that a variable holds; None for anything else."""
        owner, bar, workspace = text.partition("|")
        return cls(owner, workspace) if bar else None

    @property
    def orphaned(self) -> bool:
        """Whether the process that it names has ended. A pid that was given away again has another birth."""
        pid, _, birth = self.owner.partition(":")
        return not pid.isdigit() or birth_of(int(pid)) != birth or not is_running(int(pid))


def own_mark(workspace: Path | None = None) -> Mark:
    """What the processes that this one starts are to carry."""
    return Mark(f"{os.getpid()}:{birth_of(os.getpid())}", str(workspace or ""))


def marked(wanted: Callable[[Mark], bool]) -> list[psutil.Process]:
    """Every running process whose mark is wanted, as far as this user may read environments; never this one.

    Those of a container are left alone: their marks name owners by pids that mean nothing here.
    """
    found = []
    for process in psutil.process_iter():
        try:
            mark = Mark.parse(process.environ().get(MARKER, ""))
        except (psutil.Error, OSError):  # gone meanwhile, or another user's
            continue
        if mark and wanted(mark) and process.pid != os.getpid() and is_running(process.pid) and _same_pids(process.pid):
            found.append(process)
    return found


def end_marked(wanted: Callable[[Mark], bool], name: str) -> list[str]:
    """Ends those processes. Returns what they were. Raises ProcessError for one that survives SIGKILL."""
    names = [describe(process) for process in marked(wanted)]
    end(lambda: marked(wanted), name, grace_s=0)
    return names


def end_session(leader: int) -> None:
    """Ends whatever is left of the session that the process `leader` led: an engine that was killed leaves its plugins running."""
    end(lambda: session(leader), f"of the engine {leader}", grace_s=0)


def describe(process: psutil.Process) -> str:
    """`python3 serve.py --port 80 (process 4711)`; long command lines are cut."""
    try:
        command = " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        command = "a process"
    return f"{command if len(command) <= 120 else command[:117] + '...'} (process {process.pid})"


def _same_pids(pid: int) -> bool:
    """Whether a process counts pids as this one does. Always so where the system has no namespaces."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink() == Path("/proc/self/ns/pid").readlink()
    except FileNotFoundError:
        return True
    except PermissionError:
        return False
