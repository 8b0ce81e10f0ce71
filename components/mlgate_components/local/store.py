"""The model store of an environment: one folder per release, with the archive, its `release.json` and the declaration it is served by.

The declaration is kept because a release is judged together with its serving configuration: whoever edits `service.yaml` for the next
candidate must not change how the stable release runs, nor how the one before it ran, to which a rollback returns. So there is one for each
configuration (`Environment.declaration_file`).
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from mlgate.environment import Environment
from mlgate.errors import EvidenceError
from mlgate.release import RELEASE_FILE, Release
from mlgate.service import Service
from mlgate_serving.archive import require_whole
from mlgate_serving.runtime import configuration_digest


def is_stored(environment: Environment, digest: str) -> bool:
    """Whether the release with that digest lies in the store, whole."""
    try:
        return require_whole(environment.release_folder(digest)).digest == digest
    except EvidenceError:
        return False


def store(environment: Environment, source: Path, declaration: Path) -> Path:
    """Copies the release packed in `source` into the store, whole or not at all, with the declaration beside it.

    A second call changes nothing but the declaration of that configuration. Raises EvidenceError for a release that is not what was
    packed, DeclarationError for a declaration that is none.
    """
    release, declared = require_whole(source), Service.read(declaration)
    target = environment.release_folder(release.digest)
    if not is_stored(environment, release.digest):
        _copy_release(environment, source, release)
    _copy(declaration, environment.declaration_file(release.digest, configuration_digest(declared.name, declared.serving)))
    return target


def _copy_release(environment: Environment, source: Path, release: Release) -> None:
    target = environment.release_folder(release.digest)
    environment.releases.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=environment.releases, prefix=f".{target.name}."))
    try:
        for name in (release.archive, RELEASE_FILE):
            shutil.copyfile(source / name, making / name)
        require_whole(making)
        target.mkdir(exist_ok=True)  # a damaged release is there, and beside it the declarations that it was promoted with
        for name in (release.archive, RELEASE_FILE):
            (making / name).replace(target / name)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def discard(environment: Environment, digest: str) -> None:
    """Takes a release out of the store, with what an interrupted `store` of it left. Nothing there is no error."""
    target = environment.release_folder(digest)
    for leftover in [target, *environment.releases.glob(f".{target.name}.*")]:
        shutil.rmtree(leftover, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    if target.exists() and source.samefile(target):
        return
    making = target.with_name(f".{target.name}.new")
    shutil.copyfile(source, making)
    making.replace(target)
