"""The folder of one service's Envoy. Its files are the truth: a restarted Envoy serves what stands in them, and nothing else does.

    bootstrap.json          what Envoy starts with
    xds/routes.json         read again by Envoy whenever it is replaced, like the two slots
    xds/stable.json, xds/candidate.json
    rt/current -> rN        the runtime keys, as files in rN/v/

Beside it lies SERVICE.port, the port of the service's URL: that outlives the folder, since callers keep the URL.

Every change is a rename, since Envoy takes no notice of a file written in place.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlgate.errors import ProcessError
from mlgate_serving.envoy_admin import Served
from mlgate_serving.envoy_config import (
    MIRROR_KEY,
    WEIGHT_KEY,
    arm_in,
    bootstrap_file,
    mirror_value,
    routes_file,
    share_of,
    slot_file,
    weight_value,
)
from mlgate_serving.router import Arm, Arms, Slot

# The address of a unix socket holds 104 bytes on macOS and 108 on Linux.
_SOCKET_PATH_BYTES = 100
_SLOTS: tuple[Slot, Slot] = ("stable", "candidate")
_RUNTIMES_KEPT = 3


@dataclass(frozen=True, slots=True)
class EnvoyFiles:
    """The files of `service` in `folder` (absolute)."""

    service: str
    folder: Path

    @property
    def bootstrap(self) -> Path:
        """What Envoy starts with."""
        return self.folder / "bootstrap.json"

    @property
    def admin(self) -> Path:
        """The admin socket: in the folder, or in a directory of its own under /tmp if the folder's path is too long for a socket."""
        path = self.folder / "admin.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
            return path
        # Not $TMPDIR: the next command must find the same socket, whatever its environment.
        digest = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        return Path(f"/tmp/mlgate-{os.getuid()}-{digest}/admin.sock")  # noqa: S108  # `prepare` makes sure that nobody else can write there

    @property
    def port(self) -> int | None:
        """The port of the service's URL; None if it never had one."""
        try:
            return int(self._port.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def prepare(self, port: int) -> None:
        """Writes what Envoy needs at its start: what depends on the version and the port anew, arms and weights only if there are none."""
        (self.folder / "xds").mkdir(parents=True, exist_ok=True)
        _require_private(self.admin.parent, self.folder)
        _replace(self._port, str(port))
        _replace(self.bootstrap, _pretty(bootstrap_file(self.service, port, self.folder, self.admin)))
        _replace(self._xds("routes"), _pretty(routes_file()))
        for slot in _SLOTS:
            if self._slot(slot) is None:
                self.write_slot(slot, None)
        if not (self.folder / "rt" / "current").exists():
            self.write_split(0, 0)

    def arms(self) -> Arms:
        """What the files say is served. A slot or a weight that cannot be read is empty or 0, which is what Envoy makes of it too."""
        stable, candidate = (found[1] if (found := self._slot(slot)) else None for slot in _SLOTS)
        return Arms(stable, candidate, _share(self._key(WEIGHT_KEY)), _share(self._key(MIRROR_KEY)))

    def served(self) -> Served:
        """What Envoy serves once it has taken up the files."""
        stable, candidate = (found[0] if (found := self._slot(slot)) else "" for slot in _SLOTS)
        return Served(stable, candidate, self._routes() or "", self._key(WEIGHT_KEY), self._key(MIRROR_KEY))

    def restore_routes(self) -> None:
        """Writes the routes anew if they are missing or damaged; they are the same for every service, so nothing is lost with them."""
        if self._routes() is None:
            _replace(self._xds("routes"), _pretty(routes_file()))

    def write_slot(self, slot: Slot, arm: Arm | None) -> None:
        """Sends the slot's requests to `arm` from now on."""
        _replace(self._xds(slot), _pretty(slot_file(slot, arm)))

    def write_split(self, candidate_weight: float, mirror: float) -> None:
        """Divides requests anew, both keys in one instant: a new directory, and the link `current` replaced."""
        runtimes = self.folder / "rt"
        numbers = sorted(int(path.name[1:]) for path in runtimes.glob("r*"))
        number = numbers[-1] + 1 if numbers else 1
        values = runtimes / f"r{number}" / "v"
        values.mkdir(parents=True)
        _replace(values / WEIGHT_KEY, weight_value(candidate_weight))
        _replace(values / MIRROR_KEY, mirror_value(mirror))
        link = runtimes / ".new"
        link.unlink(missing_ok=True)
        link.symlink_to(f"r{number}")
        link.replace(runtimes / "current")
        for old in numbers[: 1 - _RUNTIMES_KEPT]:
            shutil.rmtree(runtimes / f"r{old}")

    def remove(self) -> None:
        """Leaves nothing but the port. Envoy must have ended."""
        for folder in {self.admin.parent, self.folder}:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _port(self) -> Path:
        return self.folder.with_name(f"{self.service}.port")

    def _xds(self, name: str) -> Path:
        return self.folder / "xds" / f"{name}.json"

    def _slot(self, slot: Slot) -> tuple[str, Arm | None] | None:
        try:
            return arm_in(self._xds(slot).read_bytes())
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def _routes(self) -> str | None:
        try:
            return str(json.loads(self._xds("routes").read_bytes())["version_info"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def _key(self, key: str) -> str:
        try:
            return (self.folder / "rt" / "current" / "v" / key).read_text()
        except OSError:
            return ""


def _share(value: str) -> float:
    try:
        return share_of(value)
    except (ValueError, LookupError, TypeError):
        return 0.0


def _pretty(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1) + "\n"


def kept_ports(folder: Path) -> frozenset[int]:
    """The ports of every service that ever had a URL there, whether its proxy runs or not."""
    services = (path.stem for path in folder.glob("*.port"))
    return frozenset(port for service in services if (port := EnvoyFiles(service, folder / service).port))


def _replace(path: Path, content: str) -> None:
    """Whole after a crash of the machine too: an empty file in place of a slot would take the service away."""
    with suppress(FileNotFoundError, UnicodeDecodeError):
        if path.read_text() == content:
            return
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("w") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def _require_private(directory: Path, folder: Path) -> None:
    """Makes the socket's directory. Raises ProcessError if somebody else could put a socket there in our place."""
    if directory == folder:
        return
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if directory.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ProcessError(
            f"{directory} belongs to or is open to somebody else, so Envoy's admin socket cannot lie there",
            where=str(folder),
            remedy=f"remove {directory}, or set MLGATE_HOME to a shorter path, so that the socket fits into it",
        )
