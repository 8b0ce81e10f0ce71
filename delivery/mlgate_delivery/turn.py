"""Whose turn it is: what an environment runs is changed by one command at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from filelock import FileLock, Timeout

from mlgate.environment import Environment
from mlgate.errors import BusyError
from mlgate_evidence.locks import Holder


@contextmanager
def turn(environment: Environment, doing: str) -> Iterator[None]:
    """Holds the environment against every other command that changes it; `doing` is what those are told.

    The lock vanishes with its holder, however that ends. Raises BusyError at once where another has it: who, since when, doing what.
    """
    folder = environment.home / "locks"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    note = folder / "turn.json"
    lock = FileLock(folder / "turn.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BusyError(
            f"{_said(note)}, and one command at a time may change what {environment.name} runs",
            where=str(environment.home),
            remedy="wait until it has ended, then run this again",
        ) from None
    try:
        note.write_text(json.dumps({"doing": doing, "holder": asdict(Holder.this_process())}), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _said(note: Path) -> str:
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
        return f"{Holder(**said['holder'])} is {said['doing']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "somebody who has just begun is at work"
