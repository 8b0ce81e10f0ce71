"""Naming a release: by the folder it was packed into, or by its digest in the environment's model store."""

from __future__ import annotations

import re
from pathlib import Path

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import UsageError
from mlgate.release import Release

_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_SHORT = re.compile("[0-9a-f]{12}")


def release_folder(environment: Environment, name: str) -> Path:
    """The folder of the release that `name` means: a packed folder, a digest, or the short form of one that is in the store.

    Raises UsageError where there is none.
    """
    folder = Path(name)
    if _DIGEST.fullmatch(name):
        folder = environment.releases / short(name)
    elif _SHORT.fullmatch(name) and not folder.exists():
        folder = environment.releases / name
    if not folder.is_dir():
        raise UsageError(
            f"there is no release {name!r}",
            where=str(folder),
            remedy="name the folder it was packed into, or the digest of one that was brought up here (mlgate status)",
        )
    return folder


def release_named(environment: Environment, name: str) -> str:
    """The digest of the release that `name` means. Raises as `release_folder`, and EvidenceError where the folder holds no release."""
    return name if _DIGEST.fullmatch(name) else Release.read(release_folder(environment, name)).digest
