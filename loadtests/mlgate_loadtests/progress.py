"""How far a run got, in a page of shared memory backed by a file: what was sent is known even when the worker is killed with -9.

The worker holds a lock on the file while it lives, so that whoever recovers a run never reads under a worker that still writes.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import time
from pathlib import Path
from typing import Self

_FIELDS = struct.Struct("=3q")
_ONE = struct.Struct("=q")
_POLL_S = 0.02


class Progress:
    """Three numbers: the wall instant of offset 0 (0 until the run starts), how many arrivals were sent, and the largest clock step.

    They outlive every process. After a power loss they may be behind the journal, which then holds more rows than were sent by them.
    """

    def __init__(self, path: Path) -> None:
        """Open an existing file. Raises OSError."""
        self._path = path
        self._lock: int | None = None
        with path.open("r+b") as stream:
            self._memory = mmap.mmap(stream.fileno(), _FIELDS.size)

    @classmethod
    def create(cls, folder: Path, run: int) -> Self:
        """A fresh one, written in full so that no later store can run out of disk; it is there whole or not at all.

        Raises FileExistsError.
        """
        path = progress_path(folder, run)
        part = path.with_name(f".{path.name}.part")
        try:
            with part.open("wb") as stream:
                stream.write(_FIELDS.pack(0, 0, 0))
                stream.flush()
                os.fsync(stream.fileno())
            os.link(part, path)  # unlike a rename it takes nobody's place
        finally:
            part.unlink(missing_ok=True)
        return cls(path)

    def lock(self, timeout_s: float = 0) -> bool:
        """Take the file for this process, until it ends; False when another one keeps it for longer than `timeout_s`."""
        self._lock = os.open(self._path, os.O_RDWR)
        give_up = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    return False
                time.sleep(_POLL_S)
            else:
                return True

    def close(self) -> None:
        """Give the lock back."""
        self._memory.close()
        if self._lock is not None:
            os.close(self._lock)

    def _get(self, at: int) -> int:
        return int(_ONE.unpack_from(self._memory, at)[0])

    @property
    def start_ns(self) -> int:
        return self._get(0)

    @start_ns.setter
    def start_ns(self, value: int) -> None:
        _ONE.pack_into(self._memory, 0, value)

    @property
    def sent(self) -> int:
        """Arrivals 0 to `sent` - 1 were handed to a connection; counted just before, so none goes out uncounted."""
        return self._get(8)

    @sent.setter
    def sent(self, value: int) -> None:
        _ONE.pack_into(self._memory, 8, value)

    @property
    def clock_stepped_ns(self) -> int:
        """By how much the wall clock jumped against the monotonic one: the largest jump with its sign, 0 when it did not."""
        return self._get(16)

    @clock_stepped_ns.setter
    def clock_stepped_ns(self, value: int) -> None:
        _ONE.pack_into(self._memory, 16, value)


def progress_path(folder: Path, run: int) -> Path:
    """Where a run keeps its progress."""
    return folder / f"progress-{run}"


def runs_in(folder: Path) -> list[int]:
    """The numbers of the runs that were started in `folder`: one has its progress file before anything else."""
    return sorted(int(path.name.removeprefix("progress-")) for path in folder.glob("progress-*"))
