"""What is done by one at a time, and who is doing it.

The lock is the operating system's (flock), so it ends with its holder however that ends. Beside it lies a note of who that is, for the
message; a note without a lock means nothing.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mlgate.digests import digest_bytes, short
from mlgate.environment import cache_folder
from mlgate.errors import BusyError, MlgateError
from mlgate_evidence.subject import normal_url

_USER_IN_URL = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock. `command` has no user or password of a URL in it."""

    pid: int
    user: str
    since: str
    command: str

    @classmethod
    def this_process(cls) -> Holder:
        """The one who asks."""
        return cls(
            pid=os.getpid(),
            user=current_user(),
            since=time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
            command=_USER_IN_URL.sub("", shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])),
        )

    def __str__(self) -> str:
        return f"process {self.pid} of {self.user} since {self.since} ({self.command})"


@contextmanager
def endpoint_lock(url: str, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Hold an endpoint, so that no two gates of this user load it at once.

    Raises BusyError that says who holds it, since when; UsageError for what is no address.
    """
    address = normal_url(url)
    name = f"endpoint-{short(digest_bytes(address.encode()))}"
    with hold(lock_folder(environ) / name, f"gating {address}", "two gates at once would measure each other"):
        yield


@contextmanager
def hold(place: Path, doing: str, because: str) -> Iterator[None]:
    """Hold the lock `place`.lock while the block runs; `doing` ("gating http://...") is what others are told, and why they must wait.

    Raises BusyError at once where another process, or another part of this one, holds it: who, since when, doing what.
    """
    lock, note = FileLock(place.with_name(f"{place.name}.lock")), place.with_name(f"{place.name}.json")
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire(timeout=0)
    except Timeout:
        holder, theirs = _read_note(note)
        raise BusyError(
            f"{holder or 'somebody who has just begun'} is {theirs or doing}, and {because}",
            where=lock.lock_file,
            remedy=f"wait until it has ended{f', or end it: kill {holder.pid}' if holder else ''}",
        ) from None
    except OSError as error:
        raise MlgateError(
            f"no lock can be taken there: {error.strerror}",
            where=lock.lock_file,
            remedy="make the folder writable, or set MLGATE_HOME and MLGATE_CACHE to folders that are",
        ) from error
    try:
        with suppress(OSError):  # a full disk: the lock holds without its note
            note.write_text(json.dumps({"doing": doing, "holder": asdict(Holder.this_process())}), encoding="utf-8")
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def lock_folder(environ: Mapping[str, str]) -> Path:
    """Where the locks that are a user's and not an environment's lie."""
    return cache_folder(environ) / "locks"


def current_user() -> str:
    """The name of who runs this; the number where the system has no name for it, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _read_note(note: Path) -> tuple[Holder | None, str | None]:
    try:
        said = json.loads(note.read_text(encoding="utf-8"))
        return Holder(**said["holder"]), str(said["doing"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, None
