"""Model archives with the same bytes for the same content, and the proof that an archive is the one that was packed.

torch-model-archiver writes the manifest and the zip; what it puts in of the moment (its creation time, file times and modes, the order
a file system lists files in) is then written over. Members are stored, not compressed: weights hardly compress, the bytes do not
depend on a zlib version, and TorchServe unpacks faster.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import warnings
import zipfile
from pathlib import Path

from mlgate.digests import digest_file
from mlgate.errors import EvidenceError
from mlgate.release import Release

MANIFEST = "MAR-INF/MANIFEST.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_MODE = 0o644 << 16
_UNIX = 3
_CHUNK_BYTES = 1 << 20
_AGAIN = "it was damaged or altered: copy the folder again from where it was packed, or pack the release again: mlgate pack DIR"


def write_archive(content: Path, target: Path, *, model: str, version: str, model_file: str | None, weights: str) -> dict[str, str]:
    """Writes every file under `content` to the archive `target`; where that fails, something half-written may lie in its folder.

    Returns {path in the archive: digest of what was written}. Raises OSError.
    """
    # Not the archiver's own `package_model`: it collects in a fixed directory of the temporary folder, and deletes what was there.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves a file open when it is imported
        from model_archiver.model_archiver_config import ModelArchiverConfig  # type: ignore[import-untyped]
        from model_archiver.model_packaging_utils import ModelExportUtils  # type: ignore[import-untyped]

    config = ModelArchiverConfig(model_name=model, handler="handler.py", version=version, model_file=model_file, serialized_file=weights)
    original = target.with_suffix(".zip")
    with zipfile.ZipFile(original, "w") as archive:
        ModelExportUtils.archive_dir(str(content), archive, "default", model)
        archive.writestr(MANIFEST, ModelExportUtils.generate_manifest_json(config))
    _rewrite(original, target)
    original.unlink()
    return file_digests(target)


def file_digests(archive: Path) -> dict[str, str]:
    """{path: digest} of every file in an archive. Raises OSError or zipfile.BadZipFile where it is damaged."""
    digests = {}
    with zipfile.ZipFile(archive) as members:
        for name in members.namelist():
            digest = hashlib.sha256()
            with members.open(name) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    digest.update(chunk)
            digests[name] = f"sha256:{digest.hexdigest()}"
    return digests


def require_whole(folder: Path) -> Release:
    """The release in `folder`, its archive being what was packed, to the byte and file by file.

    The handler checks the same once more where it is loaded, but it lies in the archive that it checks: alone it proves nothing.
    Raises EvidenceError that names the file and both digests.
    """
    release = Release.read(folder)
    archive = folder / release.archive
    try:
        found = digest_file(archive)
        inside = file_digests(archive) if found == release.archive_digest else {}
    except (OSError, zipfile.BadZipFile):
        raise EvidenceError("release.json names this archive, and here is none", where=str(archive), remedy=_AGAIN) from None
    if found != release.archive_digest:
        raise EvidenceError(f"the archive is {found}, but {release.archive_digest} was packed", where=str(archive), remedy=_AGAIN)
    for name in sorted(inside.keys() | release.files.keys()):
        here, packed = inside.get(name, "missing"), release.files.get(name, "no such file")
        if here != packed:
            raise EvidenceError(f"{name} in the archive is {here}, but release.json says {packed}", where=str(archive), remedy=_AGAIN)
    return release


def _rewrite(original: Path, target: Path) -> None:
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(source.namelist()):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.external_attr, member.create_system = _MODE, _UNIX
            if name == MANIFEST:
                archive.writestr(member, _timeless(source.read(name)))
                continue
            member.file_size = source.getinfo(name).file_size  # decides about zip64 before the content is known
            with source.open(name) as content, archive.open(member, "w") as copy:
                shutil.copyfileobj(content, copy, _CHUNK_BYTES)


def _timeless(manifest: bytes) -> bytes:
    values = json.loads(manifest)
    del values["createdOn"]
    return json.dumps(values, indent=2, sort_keys=True).encode()
