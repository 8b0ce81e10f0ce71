"""Where the ledger's lines lie: a seam of two operations, and the locked file behind it.

A store knows nothing of what a line says. It promises that a line is appended only behind the head its writer has seen
(compare-and-swap), that an append which returned is on the disk, and that a read shows whole lines.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Protocol

from filelock import FileLock, Timeout

from mlgate.digests import digest_bytes
from mlgate.errors import BusyError, LedgerError

GENESIS = "sha256:" + "0" * 64
_LOCK_WAIT_S = 60.0
_LOCK_POLL_S = 0.005  # an append takes about as long
_RESTORE = (
    "restore the file from a copy that has every line, and never edit it: it says which alpha is already spent (docs/evidence.md, Ledger)"
)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a ledger: how many lines it has, and the digest of the last (`GENESIS` of an empty one)."""

    count: int
    head: str


class LedgerStore(Protocol):
    """An append-only list of lines. Errors are LedgerError (damage, no room) and BusyError (locked for too long)."""

    @property
    def where(self) -> str:
        """How messages name it."""

    def read(self) -> tuple[list[bytes], str]:
        """All lines, oldest first, without line ends, and the head: the digest of the last."""

    def append(self, expected_head: str, line: bytes) -> bool:
        """Add a line if the head is still `expected_head`; False, and nothing done, if another writer came first."""


class LedgerFile:
    """A ledger in one JSONL file beside two of its own: `.lock`, and `.head`, the position up to which appends were acknowledged.

    The head file is what tells a line that was never finished (a kill or a full disk in mid-write: removed under the lock by the next
    append) from one that was finished and cut later (damage: refused), and it sees lines missing at the end, which a chain of digests
    cannot. It is written after the line is on the disk and before the next one is, so it may be behind the file by one line, never by
    more and never ahead: a head that knows less, or is not there, is damage too, or its removal would hide a cut.
    Readers take no lock, and so need no right to write.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._head = path.with_suffix(".head")
        self._lock = path.with_suffix(".lock")

    @property
    def where(self) -> str:
        return str(self.path)

    def read(self) -> tuple[list[bytes], str]:
        earlier = self._acknowledged()  # before the lines: other writers may then only have added some
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        except OSError as error:
            raise LedgerError(f"the ledger cannot be read: {error.strerror}", where=self.where, remedy="make it readable") from None
        lines, tail = _split(content)
        self._require_lines(lines, tail, earlier)
        self._require_head(lines, self._acknowledged())  # after the lines: it may then only know of more
        return lines, _head_of(lines)

    def append(self, expected_head: str, line: bytes) -> bool:
        if b"\n" in line:
            raise ValueError("a ledger line holds no line end")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._lock).acquire(timeout=_LOCK_WAIT_S, poll_interval=_LOCK_POLL_S):
                return self._append_locked(expected_head, line)
        except Timeout:
            raise BusyError(
                f"another process has held the ledger's lock for {_LOCK_WAIT_S:.0f} s",
                where=str(self._lock),
                remedy=f"look who it is (fuser {self._lock}), let it finish or end it, then run the same command again",
            ) from None
        except OSError as error:
            raise LedgerError(
                f"the ledger cannot be written: {error.strerror}; nothing was added",
                where=self.where,
                remedy="make room or make it writable, then run the same command again",
            ) from error

    def _append_locked(self, expected_head: str, line: bytes) -> bool:
        created = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            lines, tail = _split(_read_all(descriptor))
            acknowledged = self._acknowledged()
            self._require_lines(lines, tail, acknowledged)
            self._require_head(lines, acknowledged)
            if tail:
                lines = self._recover(descriptor, lines, tail)
            if _head_of(lines) != expected_head:
                return False
            if acknowledged.count < len(lines):
                self._acknowledge(Position(count=len(lines), head=_head_of(lines)))
            length = os.fstat(descriptor).st_size
            try:
                _write_all(descriptor, line + b"\n")
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, length)
                raise
            if created:
                _sync_folder(self.path.parent)
        finally:
            os.close(descriptor)
        # The line is on the disk: whoever asked for it must hear so, even if there was no room for a new head file. The next append
        # writes it first.
        with suppress(OSError):
            self._acknowledge(Position(count=len(lines) + 1, head=digest_bytes(line)))
        return True

    def _recover(self, descriptor: int, lines: list[bytes], tail: bytes) -> list[bytes]:
        """Finish or remove a last line that its writer did not live to end."""
        if _is_whole(tail):
            _write_all(descriptor, b"\n")
            os.fsync(descriptor)
            return [*lines, tail]
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - len(tail))
        os.fsync(descriptor)
        return lines

    def _require_lines(self, lines: list[bytes], tail: bytes, acknowledged: Position) -> None:
        """Raise LedgerError unless every line that the head file knows is there."""
        count = acknowledged.count
        missing = count - len(lines)
        if missing > 0:
            cut = f"line {count} was cut short after it had been written"
            raise LedgerError(
                cut if tail and missing == 1 else f"{missing} of {count} lines are missing at the end",
                where=f"{self.where}:{len(lines) + 1}",
                remedy=_RESTORE,
            )
        if count and digest_bytes(lines[count - 1]) != acknowledged.head:
            raise LedgerError(
                f"line {count} is not the one that was written there (it was {acknowledged.head})",
                where=f"{self.where}:{count}",
                remedy=_RESTORE,
            )

    def _require_head(self, lines: list[bytes], acknowledged: Position) -> None:
        """Raise LedgerError where the head file is more than one line behind, which no crash leaves."""
        if len(lines) - acknowledged.count > 1:
            right = _head_content(Position(count=len(lines), head=_head_of(lines)))
            knows = f"knows {acknowledged.count}" if acknowledged.count else "is missing: it knows none"
            raise LedgerError(
                f"the head file {knows} of {len(lines)} lines, and without it nobody can tell whether some were cut at the end",
                where=str(self._head),
                remedy=f"compare the ledger with a copy of yours; if it has every line: echo '{right}' > {quote(str(self._head))}",
            )

    def _acknowledged(self) -> Position:
        try:
            content = self._head.read_bytes()
        except FileNotFoundError:
            return Position(count=0, head=GENESIS)
        except OSError as error:
            raise LedgerError(f"cannot be read: {error.strerror}", where=str(self._head), remedy="make it readable") from None
        try:
            value = json.loads(content)
            return Position(count=int(value["count"]), head=str(value["head"]))
        except (ValueError, KeyError, TypeError):
            raise LedgerError(
                "this is not what the ledger's head file holds",
                where=str(self._head),
                remedy="restore it from a copy, or remove it: then the next command says what must stand in it",
            ) from None

    def _acknowledge(self, position: Position) -> None:
        # One fixed name, since only the lock's holder writes it: a kill leaves at most one such file, and the next append takes it over.
        temporary = self._head.with_suffix(".head-new")
        with temporary.open("wb") as stream:
            stream.write(f"{_head_content(position)}\n".encode())
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._head)
        _sync_folder(self._head.parent)  # else a power cut could leave the next line without this head


def _split(content: bytes) -> tuple[list[bytes], bytes]:
    *lines, tail = content.split(b"\n")
    return lines, tail


def _head_content(position: Position) -> str:
    return json.dumps(asdict(position))


def _head_of(lines: list[bytes]) -> str:
    return digest_bytes(lines[-1]) if lines else GENESIS


def _is_whole(tail: bytes) -> bool:
    """Whether only the line end is missing: a line is a JSON object, and no proper prefix of one is JSON."""
    try:
        json.loads(tail)
    except ValueError:
        return False
    return True


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read()


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
