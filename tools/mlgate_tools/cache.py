"""The per-user cache of tools: one folder per tool, version and platform, which is either whole or not there.

Getting a tool takes minutes and gigabytes, and may end at any instant (Ctrl-C, kill -9, a full disk). So it is filled under another name
beside its place and renamed at the end; the rename is the only moment at which it appears. A lock keeps a second run waiting instead of
building the same thing twice, and under that lock whatever an earlier run left half-done is known to be nobody's and is removed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from mlgate.environment import CACHE_VARIABLE
from mlgate.errors import ToolError
from mlgate_tools.tool import Progress

ROOM_REMEDY = f"free room there, or set {CACHE_VARIABLE} to a folder on a larger disk; then run the same command again"
_MANIFEST = "installed.json"
_SAY_WAITING_EVERY_S = 30.0
_REMOVAL_TRIES = 20


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of one tool in the cache. The platform is part of it because a home directory may be shared between machines."""

    name: str
    version: str
    platform: str
    root: Path

    @property
    def folder(self) -> Path:
        """What is filled at once or not at all."""
        return self.root / f"{self.name}-{self.version}-{self.platform}"


@dataclass(frozen=True, slots=True)
class Installed:
    """What the manifest of a filled slot says: where it came from, and the size in bytes of each file (relative path).

    `new`: it was got just now, and not found there.
    """

    source: str
    files: Mapping[str, int]
    new: bool = field(default=False, compare=False)

    @property
    def told(self) -> str:
        """Where it is from, for a person."""
        return self.source if self.new else f"found in the cache, {self.source}"


def find_installed(slot: Slot) -> Installed | None:
    """What lies in the slot, or None when it is empty or a file is missing or cut short."""
    try:
        manifest = json.loads((slot.folder / _MANIFEST).read_text(encoding="utf-8"))
        installed = Installed(source=str(manifest["source"]), files=dict(manifest["files"]))
        whole = all((slot.folder / name).stat().st_size == size for name, size in installed.files.items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return installed if whole else None


def install(slot: Slot, fill: Callable[[Path, Path], str], progress: Progress) -> Installed:
    """Fill the slot once, whoever asks and however often; at once when it is filled.

    `fill(folder, workspace)` puts the tool into `folder` and returns where it came from; `workspace` is for whatever it needs on the way
    and is gone afterwards.

    Raises ToolError: the cache cannot be written, the disk is full; and whatever `fill` raises. Nothing is left behind then.
    """
    try:
        if installed := find_installed(slot):
            sweep(slot)
            return installed
        with _locked(slot, progress):
            if installed := find_installed(slot):
                return installed
            if any(_leftovers(slot)):
                progress(f"{slot.name}: removing what an interrupted run left behind")
                _remove_leftovers(slot)
            return _fill(slot, fill)
    except OSError as error:
        raise _disk_error(error, slot) from error


@contextmanager
def shared_workspace(slot: Slot, progress: Progress) -> Iterator[Path]:
    """A folder for what the fills of several slots share, gone afterwards. One caller at a time has it; `slot` only gives it a name.

    Raises ToolError: the cache cannot be written, the disk is full.
    """
    try:
        with _locked(slot, progress):
            _remove_leftovers(slot)
            folder = Path(tempfile.mkdtemp(prefix=_leftover_prefix(slot), dir=slot.root))
            try:
                yield folder
            finally:
                _remove(folder)
    except OSError as error:
        raise _disk_error(error, slot) from error


def _fill(slot: Slot, fill: Callable[[Path, Path], str]) -> Installed:
    temporary = Path(tempfile.mkdtemp(prefix=_leftover_prefix(slot), dir=slot.root))
    try:
        folder, workspace = temporary / "folder", temporary / "workspace"
        folder.mkdir()
        workspace.mkdir()
        source = fill(folder, workspace)
        files = {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}
        (folder / _MANIFEST).write_text(json.dumps({"source": source, "files": files}, indent=1) + "\n", encoding="utf-8")
        if slot.folder.exists():
            # A folder can only be renamed onto an empty one; what lies there was found damaged.
            slot.folder.replace(temporary / "damaged")
        folder.replace(slot.folder)
        return Installed(source=source, files=files, new=True)
    finally:
        _remove(temporary)


def sweep(slot: Slot) -> None:
    """Remove what a run left that was killed after its tool was in place, unless somebody is at it."""
    if any(_leftovers(slot)):
        with suppress(Timeout), FileLock(_lock_path(slot), timeout=0):
            _remove_leftovers(slot)


@contextmanager
def _locked(slot: Slot, progress: Progress) -> Iterator[None]:
    slot.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_lock_path(slot))
    holder = Path(lock.lock_file).with_suffix(".holder")
    began = time.monotonic()
    say_at = began
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            now = time.monotonic()
            if now >= say_at:
                progress(f"{slot.name}: another mlgate ({_read_holder(holder)}) is getting it; waiting, {now - began:.0f} s so far")
                say_at = now + _SAY_WAITING_EVERY_S
    try:
        holder.write_text(f"process {os.getpid()}, since {time.strftime('%H:%M:%S')}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _read_holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") or "just started"
    except OSError:
        return "just started"


def _lock_path(slot: Slot) -> Path:
    """One for all versions of a tool: nobody can remove a lock without a race, so one for each would pile up for good."""
    return slot.root / f"{slot.name}-{slot.platform}.lock"


def _leftover_prefix(slot: Slot) -> str:
    return f".{slot.folder.name}.partial-"


def _leftovers(slot: Slot) -> Iterator[Path]:
    return slot.root.glob(f"{_leftover_prefix(slot)}*")


def _remove_leftovers(slot: Slot) -> None:
    for path in _leftovers(slot):
        _remove(path)


def _remove(folder: Path) -> None:
    # A compiler that outlives its killed parent for a moment may still be writing here.
    for _ in range(_REMOVAL_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def require_room(folder: Path, needed_bytes: int, purpose: str) -> None:
    """Raise ToolError when the disk of `folder` cannot hold what is about to be written: better now than after minutes."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise ToolError(
            f"{purpose} takes {needed_bytes / 1e9:.1f} GB for a while, and {free_bytes / 1e9:.1f} GB are free",
            where=str(folder),
            remedy=ROOM_REMEDY,
        )


def _disk_error(error: OSError, slot: Slot) -> ToolError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    problem = "the disk is full" if full else f"cannot be written: {error.strerror or error}"
    remedy = ROOM_REMEDY if full else f"make it writable, or set {CACHE_VARIABLE} to a folder of yours"
    return ToolError(f"getting {slot.name} {slot.version} failed: {problem}", where=str(error.filename or slot.root), remedy=remedy)
