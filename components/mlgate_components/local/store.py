"""The model store of an environment: one folder per release, with the archive, its `release.json` and the declaration it is served by.

The declaration is kept because a release is judged together with its serving configuration: whoever edits `service.yaml` for the next
candidate must not change how the stable release runs.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mlgate.digests import digest_file, short
from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate.release import RELEASE_FILE, Release

DECLARATION_FILE = "service.yaml"


def folder_of(environment: Environment, digest: str) -> Path:
    """Where the release with that digest lies, if it is stored."""
    return environment.releases / short(digest)


def require_whole(folder: Path) -> Release:
    """The release in `folder`, its archive's bytes being those that were packed. Raises EvidenceError naming file and both digests."""
    release = Release.read(folder)
    archive = folder / release.archive
    try:
        found = digest_file(archive)
    except FileNotFoundError:
        raise EvidenceError(
            "the archive that release.json names is not there", where=str(archive), remedy="pack it again: mlgate pack DIR"
        ) from None
    if found != release.archive_digest:
        raise EvidenceError(
            f"the archive is {found}, but what was packed is {release.archive_digest}",
            where=str(archive),
            remedy="it was damaged or altered: copy it again from where it was packed, or pack it again with mlgate pack",
        )
    return release


def is_stored(environment: Environment, digest: str) -> bool:
    """Whether the release with that digest lies in the store, whole and with a declaration."""
    folder = folder_of(environment, digest)
    try:
        return require_whole(folder).digest == digest and (folder / DECLARATION_FILE).is_file()
    except EvidenceError:
        return False


def store(environment: Environment, source: Path, declaration: Path) -> Path:
    """Copies the release packed in `source` into the store, whole or not at all, with the declaration beside it.

    A second call changes nothing but the declaration. Raises EvidenceError for a release that is not what was packed.
    """
    release = require_whole(source)
    target = folder_of(environment, release.digest)
    if is_stored(environment, release.digest):
        _copy(declaration, target / DECLARATION_FILE)
        return target
    environment.releases.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=environment.releases, prefix=f".{target.name}."))
    try:
        for name in (release.archive, RELEASE_FILE):
            shutil.copyfile(source / name, making / name)
        shutil.copyfile(declaration, making / DECLARATION_FILE)
        require_whole(making)
        discard(environment, release.digest)
        making.rename(target)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return target


def discard(environment: Environment, digest: str) -> None:
    """Takes a release out of the store, with what an interrupted `store` of it left. Nothing there is no error."""
    target = folder_of(environment, digest)
    for leftover in [target, *environment.releases.glob(f".{target.name}.*")]:
        shutil.rmtree(leftover, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    if source.exists() and source.samefile(target):
        return
    making = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, making)
    making.replace(target)
