"""`Release`: one packed model version, described by the `release.json` that lies beside its archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from mlgate.digests import DIGEST, digest_of_files, short
from mlgate.documents import Declared
from mlgate.errors import EvidenceError
from mlgate.interface import Interface, Name

Digest = Annotated[str, StringConstraints(pattern=f"^{DIGEST.pattern}$")]

RELEASE_FILE = "release.json"


class Lineage(Declared):
    """What it takes to run the training again. None where a value is not known; the report then says so."""

    training_data: dict[str, Digest] = Field(default_factory=dict)
    code_commit: str | None = None
    code_changed: bool = False
    environment_lock: Digest | None = None
    seed: int | None = None
    hyperparameters: dict[str, int | float | str | bool] = Field(default_factory=dict)
    command: str | None = None


class Release(Declared):
    """A packed model version.

    `digest` is taken over the paths and digests of the files inside the archive (so the handler can compute it at load),
    `archive_digest` over the archive's bytes. `created` is not here on purpose: equal inputs give equal files.
    """

    apiVersion: Literal["mlgate/v1"] = "mlgate/v1"
    kind: Literal["Release"] = "Release"
    service: Name
    version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,62}$")]
    digest: Digest
    archive: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]*\.mar$")]
    archive_digest: Digest
    files: Annotated[dict[str, Digest], Field(min_length=1)]
    interface: Interface
    mlgate: str
    lineage: Lineage

    @classmethod
    def read(cls, folder: Path) -> Release:
        """The release packed in `folder`. Raises EvidenceError where the file is missing, unreadable, malformed or contradicts itself."""
        path = folder / RELEASE_FILE
        try:
            release = cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise EvidenceError("no release here", where=str(path), remedy="pack one: mlgate pack DIR") from None
        except OSError as error:
            raise EvidenceError(
                f"cannot be read: {error.strerror}", where=str(path), remedy="give the folder that holds it, one that you may read"
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise EvidenceError(
                f"{place or 'the file'}: {first['msg']}", where=str(path), remedy="pack the release again: mlgate pack DIR"
            ) from None
        if digest_of_files(release.files) != release.digest:
            raise EvidenceError(
                "the digests of its files do not add up to the release digest",
                where=str(path),
                remedy="pack the release again: mlgate pack DIR",
            )
        return release

    @property
    def label(self) -> str:
        """How people see it: service, version and short digest."""
        return f"{self.service} {self.version} ({short(self.digest)})"
