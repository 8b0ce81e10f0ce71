"""What TorchServe would unpack of an archive is checked, not what the directory at the archive's end lists."""

import io
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate import EvidenceError, Release
from mlgate.digests import digest_bytes, digest_file
from mlgate_serving.archive import read_archive, require_whole

DIRECTORY = b"PK\1\2"  # what each of its entries begins with
END_BYTES = 22


def zipped(*files: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", how) as members:
        for name, content in files:
            members.writestr(name, content)
    return buffer.getvalue()


def files_in(archive: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(archive)) as members:
        return [(name, members.read(name)) for name in members.namelist()]


def behind_another_zip(archive: bytes) -> bytes:
    """Python passes over the other one, and TorchServe unpacks nothing else."""
    return zipped(("model.py", b"import os")) + archive


def behind_files_of_no_directory(archive: bytes) -> bytes:
    """TorchServe unpacks these and the genuine ones, with no directory between at which it would stop."""
    other = zipped(("sitecustomize.py", b"import os"))
    return other[: other.index(DIRECTORY)] + archive


def named_otherwise(archive: bytes) -> bytes:
    """One name in front of the file, another in the directory."""
    return archive.replace(struct.pack("<HH", 8, 0) + b"model.py", struct.pack("<HH", 8, 0) + b"m0del.py", 1)


def there_twice(archive: bytes) -> bytes:
    """Python reads the one that comes last in the directory, which is the genuine one, and TorchServe the one that comes last itself."""
    forged = zipped(*files_in(archive), ("m0del.py", b"import os")).replace(b"m0del.py", b"model.py")
    with zipfile.ZipFile(io.BytesIO(forged)) as members:
        start = members.start_dir
    files, entries, end = forged[:start], forged[start:-END_BYTES], forged[-END_BYTES:]
    last = entries.rindex(DIRECTORY)
    return files + entries[last:] + entries[:last] + end


def compressed(archive: bytes) -> bytes:
    return zipped(*files_in(archive), how=zipfile.ZIP_DEFLATED)


def with_a_second_size(archive: bytes) -> bytes:
    """Some versions of Java take the one in the extra field, some the other."""
    size, name_bytes = struct.unpack_from("<L", archive, 22)[0], struct.unpack_from("<H", archive, 26)[0]
    extra = struct.pack("<HHQQ", 1, 16, size + 1, size + 1)
    name_end = 30 + name_bytes
    return archive[:28] + struct.pack("<H", len(extra)) + archive[30:name_end] + extra + archive[name_end:]


def header(at: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """Writes another value in front of the first file, and not in the directory."""

    def write(archive: bytes) -> bytes:
        content = bytearray(archive)
        struct.pack_into(form, content, at, value)
        return bytes(content)

    return write


FOREIGN = "in the archive is not as mlgate packs it, but release.json says sha256:"
FORGERIES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "behind another zip": (behind_another_zip, "MAR-INF/MANIFEST.json in the archive is missing"),
    "behind files of no directory": (behind_files_of_no_directory, "sitecustomize.py in the archive is sha256:"),
    "named otherwise": (named_otherwise, "m0del.py in the archive is sha256:"),
    "there twice": (there_twice, f"model.py {FOREIGN}"),
    "compressed": (compressed, FOREIGN),
    "with a second size": (with_a_second_size, FOREIGN),
    "says encrypted": (header(6, "<H", 1), FOREIGN),
    "says that its size comes after it": (header(6, "<H", 8), FOREIGN),
    "says compressed": (header(8, "<H", zipfile.ZIP_DEFLATED), FOREIGN),
    "another packed size": (header(18, "<L", 3), FOREIGN),
    "a size beyond the end": (header(22, "<L", 1 << 30), FOREIGN),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_an_archive_is_refused_of_which_python_and_torchserve_may_read_different_files(
    packed: tuple[Release, Path], tmp_path: Path, forgery: str
) -> None:
    folder = tmp_path / "release"
    shutil.copytree(packed[1], folder)
    archive = folder / packed[0].archive
    alter, reason = FORGERIES[forgery]
    archive.write_bytes(alter(archive.read_bytes()))
    forged = packed[0].model_copy(update={"archive_digest": digest_file(archive)})  # nobody signs that one
    (folder / "release.json").write_text(forged.model_dump_json())
    with pytest.raises(EvidenceError, match=re.escape(reason)):
        require_whole(folder)


def test_an_archive_as_it_was_packed_is_whole(packed: tuple[Release, Path]) -> None:
    assert require_whole(packed[1]) == packed[0]


def test_sizes_of_2_gib_and_names_in_any_script_are_read(tmp_path: Path) -> None:
    archive = tmp_path / "a.mar"
    with zipfile.ZipFile(archive, "w") as members:
        with members.open("weights.pt", "w", force_zip64=True) as stream:  # the form of what is that large
            stream.write(b"numbers")
        members.writestr("größe.txt", "8")
    assert read_archive(archive) == (digest_file(archive), {"weights.pt": digest_bytes(b"numbers"), "größe.txt": digest_bytes(b"8")})
