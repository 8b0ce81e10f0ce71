"""Who a process is. A pid alone is no answer: the system hands it out again.

`birth_of` together with the pid identifies one process; the marker in its environment, inherited by its children, says which
registry's entry it belongs to.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

VARIABLE = "MLGATE_PROCESS"


@dataclass(frozen=True, slots=True)
class Marker:
    """The value of `MLGATE_PROCESS`: the registry's path, the process's name, and the token of this one start."""

    registry: str
    name: str
    token: str

    def __str__(self) -> str:
        return f"{self.registry}:{self.name}:{self.token}"


def birth_of(pid: int) -> str | None:
    """The instant process `pid` began, as text to compare; None if there is no such process. A zombie still has one.

    On Linux ticks since boot and the boot's id, because psutil's `create_time` moves whenever the wall clock is set; `create_time`
    elsewhere.
    """
    if boot := _boot_id():
        fields = _stat_fields(pid)
        return f"{boot}:{fields[19]}" if fields else None
    try:
        return f"{psutil.Process(pid).create_time():.6f}"
    except psutil.NoSuchProcess:
        return None


def is_running(pid: int) -> bool:
    """Whether `pid` exists and has not ended; a zombie has, and only waits for its parent to notice."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def marked(registry: Path) -> list[tuple[psutil.Process, Marker]]:
    """Every running process whose environment carries a marker of `registry`, as far as this user may read environments."""
    found = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            value = process.environ().get(VARIABLE, "")
        except (psutil.Error, OSError):
            continue
        parts = value.rsplit(":", 2)
        if len(parts) == 3 and parts[0] == str(registry) and pid != os.getpid() and is_running(pid):
            found.append((process, Marker(*parts)))
    return found


def session(leader: int) -> list[psutil.Process]:
    """Every running process of the session that `leader` leads."""
    found = []
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == leader and is_running(pid):
                found.append(psutil.Process(pid))
        except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            continue
    return found


@cache
def _boot_id() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.exists() else ""


def _stat_fields(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the third on (proc(5)): index 19 is the start time. The second may hold spaces and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rsplit(")", 1)[1].split()
