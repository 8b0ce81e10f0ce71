"""What the file state of a stack says, read without the engine: resources, operations begun and never ended, who holds the lock.

The layout is that of Pulumi's self-managed backend (checkpoint version 3; measured with engine 3.259). `locked` writes a lock there;
nothing else does.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import psutil

from mlgate.errors import StackError, UsageError
from mlgate_testkit.engine.stack import Stack

__all__ = ["Lock", "locked"]

_CLOCK_SLACK_S = 2.0


@dataclass(frozen=True, slots=True)
class StateResource:
    """A resource that a provider made: not a component, nor a provider."""

    type: str
    name: str
    id: str

    @property
    def package(self) -> str:
        """`aws` of `aws:s3/bucket:Bucket`."""
        return self.type.split(":", 1)[0]


@dataclass(frozen=True, slots=True)
class FileState:
    """`pending`: resources with an operation that was begun and never ended, because the engine was killed in it."""

    resources: Sequence[StateResource]
    pending: Sequence[StateResource]

    @classmethod
    def of(cls, stack: Stack) -> FileState:
        """The state as it is now. Raises StackError for a file that cannot be understood."""
        path = stack.site.state / ".pulumi" / "stacks" / stack.project / f"{stack.name}.json"
        try:
            latest = json.loads(path.read_bytes())["checkpoint"].get("latest") or {}
            return cls(
                resources=[found for item in latest.get("resources") or [] if (found := _resource(item))],
                pending=[found for item in latest.get("pending_operations") or [] if (found := _resource(item["resource"]))],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StackError(
                f"is not a checkpoint that this version understands ({type(error).__name__}: {error})",
                where=str(path),
                remedy="update mlgate, or put an older Pulumi first on PATH",
            ) from None


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds the stack: a process of a host, since when."""

    path: Path
    pid: int
    user: str
    host: str
    since: datetime

    @property
    def here(self) -> bool:
        """Whether its owner is a process of this machine, so that its end can be seen."""
        return self.host == socket.gethostname()

    @property
    def held(self) -> bool:
        """Whether its owner still lives. A process that began after the lock merely got the same pid."""
        try:
            owner = psutil.Process(self.pid)
            return owner.status() != psutil.STATUS_ZOMBIE and owner.create_time() <= self.since.timestamp() + _CLOCK_SLACK_S
        except psutil.NoSuchProcess:
            return False


def locks(stack: Stack) -> list[Lock]:
    """Every lock on the stack, dead owners' too."""
    return [lock for path in sorted(_lock_folder(stack).glob("*.json")) if (lock := _lock(path))]


@contextmanager
def locked(stack: Stack, owner: Literal["living", "dead", "elsewhere"] = "living") -> Iterator[Lock]:
    """Holds the stack's lock as another update would: of a process that lives, of one that died, or of one on another machine.

    Raises UsageError for another owner.
    """
    pids = {"living": os.getpid, "dead": _dead_pid, "elsewhere": os.getpid}
    if owner not in pids:
        raise UsageError(f"an owner cannot be {owner!r}", where="locked", remedy=f"give one of {', '.join(pids)}")
    said = {
        "pid": pids[owner](),
        "username": getpass.getuser(),
        "hostname": "elsewhere" if owner == "elsewhere" else socket.gethostname(),
        "timestamp": datetime.now(UTC).isoformat(),
    }
    path = _lock_folder(stack) / f"{uuid.uuid4()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said), encoding="utf-8")
    try:
        lock = _lock(path)
        assert lock
        yield lock
    finally:
        path.unlink(missing_ok=True)


def _dead_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def _lock_folder(stack: Stack) -> Path:
    return stack.site.state / ".pulumi" / "locks" / "organization" / stack.project / stack.name


def _lock(path: Path) -> Lock | None:
    try:
        said = json.loads(path.read_bytes())
        return Lock(path, pid=said["pid"], user=said["username"], host=said["hostname"], since=datetime.fromisoformat(said["timestamp"]))
    except (FileNotFoundError, ValueError, KeyError):  # released meanwhile, or being written
        return None


def _resource(item: dict[str, Any]) -> StateResource | None:
    if not item.get("custom") or item["type"].startswith("pulumi:"):
        return None
    return StateResource(type=item["type"], name=item["urn"].split("::", 3)[3], id=item.get("id") or "")
