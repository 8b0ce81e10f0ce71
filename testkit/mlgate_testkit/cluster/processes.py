"""The parts of one cluster as running processes: started side by side, ready or named with the end of their log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlgate.errors import ProcessError, UsageError
from mlgate_testkit.cluster.access import answers
from mlgate_testkit.cluster.certificates import Certificates
from mlgate_testkit.cluster.folders import full_disk_remedy, let_go, registry
from mlgate_testkit.cluster.namespace import Network
from mlgate_testkit.cluster.parts import KEEPER, Part

_READY_S = 120.0  # what fails is noticed at once; a machine with a dozen such on two cores needs its time
_POLL_S = 0.05


class PortTakenError(ProcessError):
    """Somebody took a port between its choice and the part's start; on other ports the same may work."""


@dataclass(frozen=True, slots=True)
class PartStatus:
    """One part of a cluster now. `memory_bytes`: what it holds in memory itself (resident), 0 once it has ended."""

    name: str
    pid: int
    alive: bool
    ports: tuple[int, ...]
    memory_bytes: int


class Processes:
    """The parts that were started in `folder`, by name."""

    def __init__(self, folder: Path, network: Network, certificates: Certificates) -> None:
        self._folder, self._network, self._certificates = folder, network, certificates
        self._supervisor = registry(folder)
        self._parts: dict[str, Part] = {}

    def start(self, parts: Iterable[Part]) -> None:
        """Start them side by side. Raises PortTakenError, or ProcessError where one ends at once."""
        started = list(parts)
        self._parts |= {part.name: part for part in started}
        with ThreadPoolExecutor(max_workers=max(len(started), 1)) as pool:
            for _ in pool.map(self._start, started):
                pass

    def know(self, parts: Iterable[Part]) -> None:
        """These run already."""
        self._parts |= {part.name: part for part in parts}

    def restart(self, name: str) -> None:
        """End a part, start it anew and wait until it is ready. Raises UsageError for one that there is not, or that cannot be."""
        if name not in self._parts or name == KEEPER:
            others = ", ".join(sorted(self._parts.keys() - {KEEPER}))
            why = "holds the network that the others are in" if name in self._parts else "is no part of this cluster"
            raise UsageError(f"{name!r} {why}", where=f"cluster {self._folder}", remedy=f"what can be started anew: {others}")
        part = self._parts[name]
        self._stop(name)
        self.start([part])
        self.wait_ready([part])

    def wait_ready(self, parts: Iterable[Part]) -> None:
        """Returns once each answers its question. Raises ProcessError, with the end of its log, for one that ended or does not in time."""
        waiting = [part for part in parts if part.ready]
        until = time.monotonic() + _READY_S
        while waiting := [part for part in waiting if part.ready and not answers(part.ready, self._certificates)]:
            self.require_alive()
            if time.monotonic() > until:
                raise self._failed(waiting[0].name, f"is not ready after {_READY_S:.0f} s", "a busy machine needs longer; see the log")
            time.sleep(_POLL_S)

    def require_alive(self) -> None:
        """Raises ProcessError, with the end of its log, if a part has ended."""
        for name in self._parts:
            process = self._supervisor.get(name)
            if process is None or not process.alive:
                raise self._failed(name, "has ended", "see the log; cluster.restart() starts a part anew, down() and up() the cluster")

    def status(self) -> Sequence[PartStatus]:
        """Every part that was started, dead or alive, by name."""
        rows = []
        for process in self._supervisor.list():
            alive, part = process.alive, self._parts.get(process.spec.name)
            ports = part.ports if part else process.spec.ports
            rows.append(PartStatus(process.spec.name, process.pid, alive, ports, _resident(process.pid) if alive else 0))
        return rows

    def log(self, name: str, lines: int = 30) -> str:
        """The last lines that a part wrote."""
        return self._supervisor.log_tail(name, lines)

    def _start(self, part: Part) -> None:
        try:
            self._supervisor.start(part.spec(self._folder, self._network))
        except ProcessError as error:
            raise self._recognised(ProcessError(f"{part.name}: {error.problem}", where=error.where, remedy=error.remedy)) from None

    def _stop(self, name: str) -> None:
        if process := self._supervisor.get(name):
            self._supervisor.stop(name, grace_s=0)
            let_go(process.pid)

    def _failed(self, name: str, how: str, remedy: str) -> ProcessError:
        tail = self.log(name)
        said = f"the end of its log:\n{tail}" if tail else "it wrote nothing"
        return self._recognised(ProcessError(f"{name} {how}; {said}", where=f"cluster {self._folder}", remedy=remedy))

    def _recognised(self, error: ProcessError) -> ProcessError:
        """As what it is: a port that was taken, a disk that is full; else as it came."""
        said = error.problem.lower()
        if any(words in said for words in ("address already in use", "is taken by")):
            return PortTakenError(error.problem, where=error.where, remedy=error.remedy)
        full = full_disk_remedy(self._folder, said)
        return ProcessError(error.problem, where=str(self._folder), remedy=full) if full else error


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
