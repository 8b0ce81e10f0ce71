"""What the file state of a stack says, read without the engine: resources, operations begun and never ended, and who holds the lock.

The layout is that of Pulumi's self-managed backend (checkpoint version 3; measured with engine 3.259). Only reading happens here.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from mlgate.errors import StackError

_OURS = "pulumi-python:dynamic/mlgate:"
_CLOCK_SLACK_S = 2.0


@dataclass(frozen=True, slots=True)
class StateResource:
    """One of our resources. `kind`: the name of its class in `mlgate_components`. `properties`: outputs, or inputs where it has none."""

    kind: str
    name: str
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`pending`: resources with an operation that was begun and never ended, because the engine was killed in it."""

    resources: Sequence[StateResource] = ()
    pending: Sequence[StateResource] = ()
    operations: int = 0
    salt: str | None = None

    def find(self, kind: str, **properties: str) -> StateResource | None:
        """The first resource of that kind with those property values."""
        for resource in self.resources:
            if resource.kind == kind and all(resource.properties.get(key) == value for key, value in properties.items()):
                return resource
        return None


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds the stack: a process of a host, since when. `path`: the lock itself; whoever removes it takes the lock away."""

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


class FileState:
    """The state of one stack below a backend folder."""

    def __init__(self, backend: Path, project: str, stack: str) -> None:
        self._checkpoint = backend / ".pulumi" / "stacks" / project / f"{stack}.json"
        self._locks = backend / ".pulumi" / "locks" / "organization" / project / stack

    @classmethod
    def found(cls, backend: Path, stack: str) -> FileState | None:
        """The state of that stack of whatever project keeps one there; None if none does."""
        kept = sorted((backend / ".pulumi" / "stacks").glob(f"*/{stack}.json"))
        return cls(backend, kept[0].parent.name, stack) if kept else None

    @property
    def exists(self) -> bool:
        """Whether the stack was ever initialised."""
        return self._checkpoint.exists()

    def checkpoint(self) -> Checkpoint:
        """What the state holds now; nothing where there is no stack. Raises StackError for a file that cannot be understood."""
        try:
            content = json.loads(self._checkpoint.read_bytes())
            latest = content["checkpoint"].get("latest") or {}
            resources = latest.get("resources") or []
            operations = latest.get("pending_operations") or []
            return Checkpoint(
                resources=[found for item in resources if (found := _resource(item))],
                pending=[found for item in operations if (found := _resource(item["resource"]))],
                operations=len(operations),
                salt=(latest.get("secrets_providers") or {}).get("state", {}).get("salt"),
            )
        except FileNotFoundError:
            return Checkpoint()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StackError(
                f"is not a checkpoint that this version understands ({type(error).__name__}: {error})",
                where=str(self._checkpoint),
                remedy=f"restore it from {self._checkpoint.name}.bak beside it",
            ) from None

    def mend(self) -> list[Path]:
        """Removes attributes cut short beside the state or a lock, and returns them. They may be missing, but not be half there.

        Ran: killed between `local.json` and its attributes (content type and checksum), the engine leaves these empty, and from then on
        every command, `cancel` included, ends with "failed to load checkpoint: EOF".
        """
        torn = [path for folder in (self._checkpoint.parent, self._locks) for path in folder.glob("*.attrs") if not _is_object(path)]
        for path in torn:
            path.unlink()
        return torn

    def locks(self) -> list[Lock]:
        """Every lock on the stack, dead owners' too."""
        return [lock for path in sorted(self._locks.glob("*.json")) if (lock := _lock(path))]


def _is_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False


def _resource(item: dict[str, Any]) -> StateResource | None:
    if not item["type"].startswith(_OURS):
        return None
    return StateResource(
        kind=item["type"].removeprefix(_OURS),
        name=item["urn"].rsplit("::", 1)[1],
        properties=item.get("outputs") or item.get("inputs") or {},
    )


def _lock(path: Path) -> Lock | None:
    try:
        said = json.loads(path.read_bytes())
        return Lock(path, pid=said["pid"], user=said["username"], host=said["hostname"], since=datetime.fromisoformat(said["timestamp"]))
    except (FileNotFoundError, ValueError, KeyError):  # released meanwhile, or being written
        return None
