"""Model archives with the same bytes for the same content.

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

MANIFEST = "MAR-INF/MANIFEST.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_MODE = 0o644 << 16
_UNIX = 3
_CHUNK_BYTES = 1 << 20


def write_archive(
    content: Path, target: Path, *, scratch: Path, model: str, version: str, model_file: str | None, weights: str
) -> dict[str, str]:
    """Writes every file under `content` to the archive `target`; `scratch` is a folder for what lies between.

    Returns {path in the archive: digest of what was written}. Raises OSError.
    """
    # Not the archiver's own `package_model`: it collects in a fixed directory of the temporary folder, and deletes what was there.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # it leaves a file open when it is imported
        from model_archiver.model_archiver_config import ModelArchiverConfig  # type: ignore[import-untyped]
        from model_archiver.model_packaging_utils import ModelExportUtils  # type: ignore[import-untyped]

    config = ModelArchiverConfig(model_name=model, handler="handler.py", version=version, model_file=model_file, serialized_file=weights)
    with zipfile.ZipFile(scratch / target.name, "w") as archive:
        ModelExportUtils.archive_dir(str(content), archive, "default", model)
        archive.writestr(MANIFEST, ModelExportUtils.generate_manifest_json(config))
    _rewrite(scratch / target.name, target)
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
