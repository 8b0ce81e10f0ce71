"""One caller at a time for a name in a folder, across processes; the system lets go when a holder dies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mlgate.errors import BusyError, UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@contextmanager
def exclusive(folder: Path, name: str, wait_s: float) -> Iterator[None]:
    """Holds `name` of `folder`. Raises BusyError if it is not to be had in `wait_s`, UsageError if `name` could not be a file's.

    The empty file under `.locks/` stays: unlinking it would let two callers in.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a name here", remedy="letters, digits, '.', '_' and '-', beginning with a letter or digit")
    locks = folder / ".locks"
    locks.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(locks / f"{name}.lock")
    try:
        lock.acquire(timeout=wait_s, poll_interval=0.02)
    except Timeout:
        raise BusyError(
            f"another mlgate has been changing {name} for more than {wait_s:g} s",
            where=str(folder),
            remedy="wait for it to end, or end it, and run the command again",
        ) from None
    try:
        yield
    finally:
        lock.release()
