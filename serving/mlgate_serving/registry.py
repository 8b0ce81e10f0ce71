"""What the supervisor remembers of a process: one JSON file per name, replaced atomically, changed by one caller at a time.

An entry without `pid` is an intent, written before the process is spawned. Whoever finds one while holding the name's lock knows that
the caller died in between; the marker in the process's environment (`marker`) then tells which process it was.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mlgate_serving.locks import exclusive


@dataclass(frozen=True)
class ProcessSpec:
    """A process to run. Two specs are the same if every field is, so whatever must cause a restart belongs in here.

    `environment`: added to the few variables every process gets (see `supervisor`). `folder`: its working directory, with `logs/` and
    `tmp/`. `ports`: those it will listen on, free before it starts. `labels`: free text that says what it is (release, url, digest).
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    ports: tuple[int, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """`token`: of this one start, in the process's marker. `birth`: with `pid` the process's identity (`identity.birth_of`)."""

    spec: ProcessSpec
    token: str
    pid: int | None = None
    birth: str = ""
    started_at: float = 0.0


_ENTRY = TypeAdapter(Entry)


@dataclass(frozen=True)
class Registry:
    """The folder of entries. It holds environments of processes, so only its owner may read it."""

    folder: Path

    def names(self) -> list[str]:
        """Every name that has an entry, sorted."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def read(self, name: str) -> Entry | None:
        """The entry of `name`; None if there is none or it is damaged, since its processes are found by their marker all the same."""
        try:
            return _ENTRY.validate_json((self.folder / f"{name}.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, entry: Entry) -> None:
        """Replaces the entry of `entry.spec.name`; after a crash the old or the new one stands there, whole. Raises OSError."""
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=f".{entry.spec.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(_ENTRY.dump_json(entry, indent=1))
            Path(temporary).replace(self.folder / f"{entry.spec.name}.json")
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Forgets `name`, and what a writer killed in the middle left."""
        (self.folder / f"{name}.json").unlink(missing_ok=True)
        for leftover in self.folder.glob(f".{name}.????????"):
            leftover.unlink(missing_ok=True)

    def locked(self, name: str, wait_s: float) -> AbstractContextManager[None]:
        """Holds `name` against every other caller. Raises BusyError if it is not to be had in `wait_s`, UsageError for a bad name."""
        return exclusive(self.folder, name, wait_s)
