"""The model store of an environment: one folder per release, with the archive, its `release.json` and the declaration it is served by.

The declaration is kept because a release is judged together with its serving configuration: whoever edits `service.yaml` for the next
candidate must not change how the stable release runs.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from zipfile import BadZipFile

from mlgate.digests import digest_file, short
from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate.release import RELEASE_FILE, Release
from mlgate_serving.archive import file_digests

DECLARATION_FILE = "service.yaml"
_AGAIN = "it was damaged or altered: copy the folder again from where it was packed, or pack it again with mlgate pack"


def folder_of(environment: Environment, digest: str) -> Path:
    """Where the release with that digest lies, if it is stored."""
    return environment.releases / short(digest)


def require_whole(folder: Path) -> Release:
    """The release in `folder`, its archive being what was packed, to the byte and file by file.

    Raises EvidenceError that names the file and both digests.
    """
    release = Release.read(folder)
    archive = folder / release.archive
    try:
        found = digest_file(archive)
        inside = file_digests(archive) if found == release.archive_digest else {}
    except (FileNotFoundError, BadZipFile):
        raise EvidenceError("release.json names this archive, and here is none", where=str(archive), remedy=_AGAIN) from None
    if found != release.archive_digest:
        raise EvidenceError(f"the archive is {found}, but {release.archive_digest} was packed", where=str(archive), remedy=_AGAIN)
    for name in sorted(inside.keys() | release.files.keys()):
        here, packed = inside.get(name, "missing"), release.files.get(name, "no such file")
        if here != packed:
            raise EvidenceError(f"{name} in the archive is {here}, but release.json says {packed}", where=str(archive), remedy=_AGAIN)
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
    discard(environment, release.digest)
    environment.releases.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=environment.releases, prefix=f".{target.name}."))
    try:
        for name in (release.archive, RELEASE_FILE):
            shutil.copyfile(source / name, making / name)
        shutil.copyfile(declaration, making / DECLARATION_FILE)
        require_whole(making)
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
