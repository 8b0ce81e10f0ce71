"""What the file state of a stack says, read without the engine: resources, operations begun and never ended, who holds the lock.

The layout is that of Pulumi's self-managed backend (checkpoint version 3; engine 3.259). Needs psutil (extra infra).
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from mlgate.errors import StackError

_CLOCK_SLACK_S = 2.0


@dataclass(frozen=True, slots=True)
class StateResource:
    """A resource that a provider made: no component and no provider. `retained`: its delete is not to reach the cloud.

    `deleted_with`: the URN of what takes it along when it is deleted, or "". `properties`: its outputs, or its inputs where it has none.
    """

    urn: str
    type: str
    id: str = ""
    retained: bool = False
    deleted_with: str = ""
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def package(self) -> str:
        """`aws` of `aws:s3/bucket:Bucket`."""
        return self.type.split(":", 1)[0]

    @property
    def name(self) -> str:
        """The program's own name for it."""
        return self.urn.split("::", 3)[3]


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


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`pending`: resources with an operation that was begun and never ended, because the engine was killed in it.

    `operations`: how many such operations there are, those on components and providers too. `protected`: whether anything is, so that a
    destroy would be refused. `salt`: that of the passphrase's key, None where secrets are kept otherwise or there are none.

    `needs`: by URN, components too, the URNs of what the engine makes before it and deletes after it.
    """

    resources: Sequence[StateResource] = ()
    pending: Sequence[StateResource] = ()
    operations: int = 0
    protected: bool = False
    salt: str | None = None
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)


class FileState:
    """The state of one stack below a backend folder."""

    def __init__(self, backend: Path, project: str, stack: str) -> None:
        self.lock_folder = backend / ".pulumi" / "locks" / "organization" / project / stack
        self._checkpoint = backend / ".pulumi" / "stacks" / project / f"{stack}.json"

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
            latest = json.loads(self._checkpoint.read_bytes())["checkpoint"].get("latest") or {}
            resources = latest.get("resources") or []
            operations = latest.get("pending_operations") or []
            return Checkpoint(
                resources=[found for item in resources if (found := _resource(item))],
                pending=[found for item in operations if (found := _resource(item["resource"]))],
                operations=len(operations),
                protected=any(item.get("protect") for item in resources),
                salt=(latest.get("secrets_providers") or {}).get("state", {}).get("salt"),
                needs={item["urn"]: _needs(item) for item in resources if not item.get("delete")},
            )
        except FileNotFoundError:
            return Checkpoint()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StackError(
                f"is not a checkpoint that this version understands ({type(error).__name__}: {error})",
                where=str(self._checkpoint),
                remedy=f"restore it from {self._checkpoint.name}.bak beside it; was it written by a newer Pulumi, update mlgate",
            ) from None

    def mend(self) -> list[Path]:
        """Removes attributes cut short beside the state or a lock, and returns them. They may be missing, but not be half there.

        Ran: killed between `dev.json` and its attributes (`dev.json.attrs`: content type and checksum), the engine leaves these empty,
        and from then on every command, `cancel` included, ends with "failed to load checkpoint: EOF".
        """
        torn = [path for folder in (self._checkpoint.parent, self.lock_folder) for path in folder.glob("*.attrs") if not _is_object(path)]
        for path in torn:
            path.unlink()
        return torn

    def locks(self) -> list[Lock]:
        """Every lock on the stack, dead owners' too."""
        return [lock for path in sorted(self.lock_folder.glob("*.json")) if (lock := _lock(path))]


def _resource(item: dict[str, Any]) -> StateResource | None:
    if not item.get("custom") or item["type"].startswith("pulumi:"):
        return None
    return StateResource(
        urn=item["urn"],
        type=item["type"],
        id=item.get("id") or "",
        retained=bool(item.get("retainOnDelete")),
        deleted_with=item.get("deletedWith") or "",
        properties=item.get("outputs") or item.get("inputs") or {},
    )


def _needs(item: dict[str, Any]) -> frozenset[str]:
    """As the engine schedules it: dependencies, the parent, what it is deleted with, and its provider."""
    by_property = [urn for urns in (item.get("propertyDependencies") or {}).values() for urn in urns or ()]
    provider = (item.get("provider") or "").rpartition("::")[0]
    found = {*(item.get("dependencies") or ()), *by_property, item.get("parent") or "", item.get("deletedWith") or "", provider}
    return frozenset(found - {""})


def _is_object(path: Path) -> bool:
    try:
        return isinstance(json.loads(path.read_bytes()), dict)
    except ValueError:
        return False


def _lock(path: Path) -> Lock | None:
    try:
        said = json.loads(path.read_bytes())
        return Lock(path, pid=said["pid"], user=said["username"], host=said["hostname"], since=datetime.fromisoformat(said["timestamp"]))
    except (FileNotFoundError, ValueError, KeyError):  # released meanwhile, or being written
        return None
