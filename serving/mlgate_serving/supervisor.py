"""`Supervisor`: local processes that outlive the command which started them, and are never there twice.

A process is found again by its name. Its entry in the registry holds what was asked for, its pid and its birth, so that a retry adopts
what is already right, replaces what is dead or different, and signals nobody who merely got the same pid. The entry is first written
as an intent, and each process carries a marker in its environment: wherever a caller is killed, the next one finds and ends what
nobody claims. It knows nothing of what runs in the processes, nor when they are ready.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from mlgate.errors import BusyError, ProcessError
from mlgate_serving.ending import end, keep_child, reap_child
from mlgate_serving.identity import VARIABLE, Marker, birth_of, is_running, marked, session
from mlgate_serving.ports import become_free, require_free
from mlgate_serving.registry import Entry, ProcessSpec, Registry

__all__ = ["ProcessSpec", "RunningProcess", "Supervisor"]

# What a process gets besides its spec's environment. The rest of the caller's stays out: secrets and Pulumi's variables are none of a
# model's business, and a process must be the same whoever starts it.
_INHERITED = ("HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TZ", "USER")
_LOCK_WAIT_S = 60.0
_GRACE_S = 10.0
_SETTLE_S = 0.2  # a server that finds its port taken or its arguments wrong has left by then (Envoy: 0.06 to 0.1 s)
_PORT_WAIT_S = 2.0
_TAIL_BYTES = 1 << 16


@dataclass(frozen=True)
class RunningProcess:
    """A process that was started: its identity is `pid` and `birth` (see `identity`). `started_at`: seconds since the epoch."""

    spec: ProcessSpec
    pid: int
    birth: str
    started_at: float

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        reap_child(self.pid)
        return birth_of(self.pid) == self.birth and is_running(self.pid)

    @property
    def log(self) -> Path:
        """Where its standard output and error go."""
        return _log_of(self.spec)


class Supervisor:
    """The processes of one registry folder. Any number of callers, in any number of processes, may use the same one."""

    def __init__(self, registry: Path) -> None:
        self._registry = Registry(registry.resolve())

    def start(self, spec: ProcessSpec) -> RunningProcess:
        """The process `spec` describes: adopted if it runs under that name already, else started, in place of what had the name.

        Raises ProcessError if a port is taken, the command is missing, or the process ends at once.
        """
        spec = replace(spec, folder=spec.folder.resolve())
        with self._registry.locked(spec.name, _LOCK_WAIT_S):
            entry = self._registry.read(spec.name)
            running = _running(entry)
            if entry and running and running.alive and entry.spec == spec:
                self._end(spec.name, keep=entry.token, grace_s=0)
                return running
            self._end(spec.name, entry, grace_s=_GRACE_S)
            return self._spawn(spec)

    def folder_of(self, name: str) -> Path:
        """Where a process of that name lies whose spec names no other place: beside its entry, so that it is found without one."""
        return self._registry.folder / name

    def get(self, name: str) -> RunningProcess | None:
        """What was last started under `name`, dead or alive; None if nothing was."""
        return _running(self._registry.read(name))

    def stop(self, name: str, grace_s: float = _GRACE_S) -> None:
        """Ends every process of `name`: SIGTERM, at most `grace_s`, SIGKILL. Forgets it and its temporary files; its logs stay.

        Nothing to stop is no error, nor is a port of it that somebody else listens on by then: whoever starts there next is told.
        Raises ProcessError if something of it cannot be ended.
        """
        with self._registry.locked(name, _LOCK_WAIT_S + grace_s):
            entry = self._registry.read(name)
            ended = self._end(name, entry, grace_s=grace_s)
            self._forget(name, entry.spec.folder if entry else self.folder_of(name))
            if entry and ended:
                become_free(entry.spec.ports, wait_s=_PORT_WAIT_S)

    def reap(self) -> Sequence[str]:
        """Ends what no entry claims: children of dead leaders, and processes whose starter was killed before it could register them.

        Leaves alone a name that another caller is busy with. Returns the names of which something was ended.
        """
        found = {*self._registry.names(), *(marker.name for _, marker in marked(self._registry.folder))}
        return [name for name in sorted(found) if self._reap(name)]

    def log_tail(self, name: str, lines: int = 30) -> str:
        """The last `lines` lines that `name` wrote; empty if it is unknown or wrote none."""
        entry = self._registry.read(name)
        return _tail(_log_of(entry.spec), lines) if entry else ""

    def list(self) -> Sequence[RunningProcess]:
        """Everything started and not stopped, dead or alive, by name."""
        return [running for name in self._registry.names() if (running := self.get(name))]

    def names(self) -> Sequence[str]:
        """Of everything started and not stopped, also where the starter was killed before it could say so, or the entry is damaged or lost.

        Without its entry a process is known by the folder of its temporary files, which goes when it is stopped.
        """
        return sorted({*self._registry.names(), *(folder.parent.name for folder in self._registry.folder.glob("*/tmp"))})

    def ports(self) -> frozenset[int]:
        """The ports of everything started and not stopped. Those of the dead are kept for them: others may still send there."""
        entries = (self._registry.read(name) for name in self._registry.names())
        return frozenset(port for entry in entries if entry for port in entry.spec.ports)

    def _spawn(self, spec: ProcessSpec) -> RunningProcess:
        require_free(spec.ports, where=f"process {spec.name}", wait_s=_PORT_WAIT_S)
        intent = Entry(spec, token=uuid.uuid4().hex)
        child: subprocess.Popen[bytes] | None = None
        try:
            (spec.folder / "tmp").mkdir(parents=True, exist_ok=True)
            _log_of(spec).parent.mkdir(exist_ok=True)
            self._registry.write(intent)
            with _log_of(spec).open("wb") as log:
                child = subprocess.Popen(
                    spec.command,
                    cwd=spec.folder,
                    env=_environment(spec, Marker(str(self._registry.folder), spec.name, intent.token)),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            keep_child(child)
            running = RunningProcess(spec, child.pid, birth_of(child.pid) or "", time.time())
            self._registry.write(replace(intent, pid=running.pid, birth=running.birth, started_at=running.started_at))
            code = _exit_code(child, _SETTLE_S)
            if code is not None:
                raise _death(spec, code)
        except BaseException as error:
            # By its pid as well: the kernel shows a program's environment, and so the marker, only a moment after Popen returned.
            begun = replace(intent, pid=child.pid, birth=birth_of(child.pid) or "") if child else None
            self._end(spec.name, begun or self._registry.read(spec.name), grace_s=0)
            self._forget(spec.name, spec.folder)
            if isinstance(error, OSError):
                raise _refusal(spec, error) from None
            raise
        return running

    def _end(self, name: str, entry: Entry | None = None, *, keep: str | None = None, grace_s: float) -> bool:
        """Ends whatever belongs to `name`, but for the start whose token is `keep`. Returns whether there was anything."""
        folder = self._registry.folder
        return end(lambda: _members(folder, name, entry, keep), name, grace_s)

    def _forget(self, name: str, folder: Path) -> None:
        shutil.rmtree(folder / "tmp", ignore_errors=True)
        self._registry.remove(name)

    def _reap(self, name: str) -> bool:
        try:
            with self._registry.locked(name, wait_s=0):
                entry = self._registry.read(name)
                running = _running(entry)
                if entry and running and running.alive:
                    return self._end(name, keep=entry.token, grace_s=0)
                ended = self._end(name, entry, grace_s=0)
                if running is None:
                    self._registry.remove(name)
                return ended
        except BusyError:
            return False


def _members(registry: Path, name: str, entry: Entry | None, keep: str | None) -> list[psutil.Process]:
    found = [process for process, marker in marked(registry) if marker.name == name and marker.token != keep]
    if entry and entry.pid and birth_of(entry.pid) == entry.birth:
        # The leader is there, perhaps as a zombie: its session is ours, with those in it that dropped the marker.
        found += [member for member in session(entry.pid) if member not in found]
    return found


def _running(entry: Entry | None) -> RunningProcess | None:
    return RunningProcess(entry.spec, entry.pid, entry.birth, entry.started_at) if entry and entry.pid else None


def _environment(spec: ProcessSpec, marker: Marker) -> dict[str, str]:
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    return {**inherited, "TMPDIR": str(spec.folder / "tmp"), **spec.environment, VARIABLE: str(marker)}


def _exit_code(child: subprocess.Popen[bytes], wait_s: float) -> int | None:
    try:
        return child.wait(wait_s)
    except subprocess.TimeoutExpired:
        return None


def _death(spec: ProcessSpec, code: int) -> ProcessError:
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    tail = _tail(_log_of(spec), 30)
    said = f"the end of its log ({_log_of(spec)}):\n{tail}" if tail else "it wrote nothing"
    remedy = "mend what its log complains of" if tail else f"see whether memory ran out, then whether {spec.command[0]} runs by hand"
    return ProcessError(f"{spec.command[0]} {how} at once; {said}", where=f"process {spec.name}", remedy=remedy)


def _refusal(spec: ProcessSpec, error: OSError) -> ProcessError:
    where = f"process {spec.name}"
    if isinstance(error, FileNotFoundError | PermissionError) and error.filename == spec.command[0]:
        remedy = "install the program, or correct its path or permissions"
        return ProcessError(f"cannot run {spec.command[0]}: {error.strerror}", where=where, remedy=remedy)
    place = f"{error.filename}: " if error.filename else ""
    return ProcessError(
        f"cannot be started: {place}{error.strerror}", where=where, remedy="make room or give permission there, then try again"
    )


def _log_of(spec: ProcessSpec) -> Path:
    return spec.folder / "logs" / "stdout.log"


def _tail(log: Path, lines: int) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
