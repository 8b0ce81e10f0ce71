"""Releases by name: the folder they were packed into, or their digest in the environment's model store."""

from __future__ import annotations

import re
from pathlib import Path

from mlgate.digests import DIGEST, short
from mlgate.environment import Environment
from mlgate.errors import DeclarationError, EvidenceError, UsageError
from mlgate.release import Release
from mlgate.service import Service
from mlgate_evidence.history import Promotion
from mlgate_serving.archive import require_whole
from mlgate_serving.runtime import configuration_digest

_SHORT = re.compile("[0-9a-f]{12}")


def release_folder(environment: Environment, name: str) -> Path:
    """The folder of the release that `name` means: a packed folder, a digest, or the short form of one that is in the store.

    Raises UsageError where there is none.
    """
    folder = Path(name)
    if DIGEST.fullmatch(name):
        folder = environment.release_folder(name)
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
    return name if DIGEST.fullmatch(name) else Release.read(release_folder(environment, name)).digest


def require_servable(environment: Environment, promotion: Promotion) -> None:
    """Raises EvidenceError unless the model store can serve what was promoted: the same release, whole, in the same configuration."""
    folder = environment.release_folder(promotion.release)
    declaration = environment.declaration_file(promotion.release, promotion.configuration)
    try:
        release, declared = require_whole(folder), Service.read(declaration)
        problem = "" if release.digest == promotion.release else f"{folder} holds {release.digest}"
        if configuration_digest(declared.name, declared.serving) != promotion.configuration:
            problem = f"{declaration} is not what it was promoted with"
    except (EvidenceError, DeclarationError) as error:
        problem = str(error)
    if problem:
        raise EvidenceError(
            f"release {short(promotion.release)} cannot be served again: {problem}",
            where=str(folder),
            remedy="restore this folder, or promote another release",
        )
