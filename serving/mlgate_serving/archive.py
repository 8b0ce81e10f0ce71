"""Model archives with the same bytes for the same content, and the proof that an archive is the one that was packed.

torch-model-archiver writes the manifest and the zip; what it puts in of the moment (its creation time, file times and modes, the order
a file system lists files in) is then written over. Members are stored, not compressed: weights hardly compress, the bytes do not
depend on a zlib version, and TorchServe unpacks faster.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import warnings
import zipfile
from pathlib import Path

from mlgate.errors import EvidenceError
from mlgate.release import Release

MANIFEST = "MAR-INF/MANIFEST.json"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_MODE = 0o644 << 16
_UNIX = 3
_CHUNK_BYTES = 1 << 20
# What stands before every file: signature, flags, method, packed size, size, lengths of name and extra field. Left out: version, time, CRC.
_HEADER = struct.Struct("<4s2xHH8xLLHH")
_SIGNATURE = b"PK\3\4"
_UTF8 = 0x800  # a flag: how the name is written
_IN_EXTRA = 0xFFFFFFFF  # in place of a size that stands in the extra field: from 2 GiB on, or a little below
_FOREIGN = "not as mlgate packs it"
_AGAIN = "it was damaged or altered: copy the folder again from where it was packed, or pack the release again: mlgate pack DIR"


def write_archive(content: Path, target: Path, *, model: str, version: str, model_file: str | None, weights: str) -> None:
    """Writes every file under `content` to the archive `target`; where that fails, something half-written may lie in its folder.

    Raises OSError.
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


def read_archive(archive: Path) -> tuple[str, dict[str, str]]:
    """The digest of an archive and {path: digest} of every file in it, in one reading. Raises OSError.

    The files are those that TorchServe unpacks: it reads one after another from the first byte. Python's zipfile goes by the directory at
    the end instead, so what stands in front of the files listed there would be served unseen. A file that is packed in any other way than
    here (compressed, of unknown size, there twice) has words in place of its digest: TorchServe could read another content in it.
    """
    whole = hashlib.sha256()
    files: dict[str, str] = {}
    with archive.open("rb") as stream:

        def read(size: int) -> bytes:
            content = stream.read(size)
            whole.update(content)
            return content

        while len(header := read(_HEADER.size)) == _HEADER.size and header.startswith(_SIGNATURE):
            _, flags, method, packed, size, name_bytes, extra_bytes = _HEADER.unpack(header)
            name, extra = read(name_bytes).decode(errors="replace"), read(extra_bytes)
            left = length = int.from_bytes(extra[4:12], "little") if extra else size
            large = struct.pack("<HHQQ", 1, 16, length, length)
            sized = (packed, size, extra) in {(length, length, b""), (length, length, large), (_IN_EXTRA, _IN_EXTRA, large)}
            plain = flags in {0, _UTF8} and method == zipfile.ZIP_STORED and name not in files
            digest = hashlib.sha256()
            while left and (content := read(min(left, _CHUNK_BYTES))):
                digest.update(content)
                left -= len(content)
            files[name] = f"sha256:{digest.hexdigest()}" if plain and sized and not left else _FOREIGN
        while read(_CHUNK_BYTES):
            pass
    return f"sha256:{whole.hexdigest()}", files


def require_whole(folder: Path) -> Release:
    """The release in `folder`, its archive being what was packed, to the byte and file by file.

    The handler checks the same once more where it is loaded, but it lies in the archive that it checks: alone it proves nothing. Nor does
    the archive's digest, which nobody signs. Raises EvidenceError that names the file and both digests.
    """
    release = Release.read(folder)
    archive = folder / release.archive
    try:
        found, inside = read_archive(archive)
    except OSError:
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
