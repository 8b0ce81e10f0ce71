"""What of a test's clusters is left on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from mlgate_serving.identity import VARIABLE


@dataclass(frozen=True)
class Left:
    """`cache`: the folder under which the clusters lie."""

    cache: Path

    def found(self) -> list[psutil.Process]:
        """Processes that carry the marker of a registry under the cache."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(VARIABLE, "").startswith(str(self.cache)) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def processes(self) -> list[str]:
        """Their names, in words for a person."""
        names = []
        for process in self.found():
            with suppress(psutil.Error):
                names.append(f"{process.pid} {' '.join(process.cmdline()[:3])}")
        return names

    def end(self) -> None:
        """End them: a test failed, and the next must not suffer from it."""
        for process in self.found():
            with suppress(psutil.Error):
                process.kill()

    def runs(self) -> list[Path]:
        """The folders of clusters that end with their owners."""
        return sorted((self.cache / "clusters" / "runs").glob("run-*"))


def eventually(condition: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Returns once `condition` holds; fails after `limit_s`."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)
