"""Looking for pickles that run code, in every file of a model directory and in the zips inside.

picklescan found 7 of 7 malicious pickles where other scanners found 4 or raised false alarms, but it does not look into a zip in a zip:
that walk is here. The barrier itself is that weights and exported programs are loaded with `weights_only` (see the handler); the scan
covers what else lies in the directory. A name that it merely does not know (`Suspicious`) passes: it knows two dozen, and Parameters,
sparse and quantized tensors, numpy's numbers and every fitted scaler are made of others. Neither makes code safe, be it Python or an
exported program, whose graph names functions too: whoever packs it vouches for that.
"""

from __future__ import annotations

import logging
import pickletools
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from mlgate.errors import Problem

_PICKLE_NAMES = {".pt", ".pth", ".pt2", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib", ".dat", ".data", ".npy", ".npz"}
_ONLY_PICKLES = {".pkl", ".pickle", ".joblib"}
_PICKLE_STARTS = tuple(bytes((0x80, protocol)) for protocol in range(6))
_ARCHIVES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_NUMPY_START = b"\x93NUMPY"
# Of what torch.save wrote before its zips: five pickles, then raw storages.
_TORCH_START = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
_ZIP_START = b"PK\x03\x04"
_DEEPEST = 4
_START_BYTES = len(_TORCH_START)
_SAFE = "save tensors only: safetensors, or torch.save(model.state_dict(), ...)"


def scan_file(path: Path, name: str) -> list[Problem]:
    """What is unsafe about a file, called `name` in messages. Raises OSError."""
    with path.open("rb") as stream:
        return _scan(stream, name, 0)


def _scan(stream: IO[bytes], name: str, depth: int) -> list[Problem]:
    start = stream.read(_START_BYTES)
    stream.seek(0)
    suffixes = [suffix.lower() for suffix in PurePosixPath(name).suffixes]
    suffix = suffixes[-1] if suffixes else ""
    if start.startswith(_ZIP_START):
        return _scan_zip(stream, name, depth)
    kind = _compression(start)
    if kind and not _PICKLE_NAMES.isdisjoint(suffixes):  # table.pkl.gz too
        return [Problem(name, f"packed with {kind}, so it cannot be looked into", "store it unpacked")]
    if suffix in _PICKLE_NAMES or start.startswith((*_PICKLE_STARTS, _NUMPY_START)):
        return _scan_pickle(stream, name, start, suffix)
    return []


def _compression(start: bytes) -> str | None:
    if start[:1] == b"\x78" and int.from_bytes(start[:2]) % 31 == 0:  # RFC 1950: the window of 32 KiB, and the header's check
        return "zlib"
    if start[:3] == b"\x5d\0\0" and start[5:8] == b"\xff\xff\xff":  # without its unknown length, the 93 that some numbers start with
        return "lzma"
    return next((kind for magic, kind in _ARCHIVES.items() if start.startswith(magic)), None)


def _scan_zip(stream: IO[bytes], name: str, depth: int) -> list[Problem]:
    if depth == _DEEPEST:
        return [Problem(name, f"a zip {depth} levels deep", "put its content into the model directory")]
    problems = []
    try:
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    with archive.open(member) as content:
                        problems += _scan(content, f"{name}:{member.filename}", depth + 1)
    except Exception as error:  # damaged, encrypted, unknown compression: every kind of content has errors of its own
        if isinstance(error, OSError) and error.errno:  # the disk's own; that of damaged bzip2 has no number
            raise
        problems.append(Problem(name, f"a zip that cannot be looked into: {type(error).__name__}: {error}", "write the file again"))
    return problems


def _scan_pickle(stream: IO[bytes], name: str, start: bytes, suffix: str) -> list[Problem]:
    from picklescan.scanner import SafetyLevel, scan_numpy, scan_pickle_bytes, scan_pytorch

    logging.getLogger("picklescan").setLevel(logging.CRITICAL)  # what it warns of is in the result
    # By content: by name, a pickle in a .bin is read to its first stop only, and a zip behind a pickle instead of it.
    scan = scan_pytorch if start == _TORCH_START else scan_numpy if start.startswith(_NUMPY_START) else scan_pickle_bytes
    try:
        result = scan(stream, name)
    except Exception as error:
        return [Problem(name, f"a pickle that cannot be looked into: {type(error).__name__}: {error}", _SAFE)]
    unsafe = sorted({f"{found.module}.{found.name}" for found in result.globals if found.safety is SafetyLevel.Dangerous})
    if unsafe:
        return [Problem(name, f"unsafe pickle: loading it calls {', '.join(unsafe)}", _SAFE)]
    if result.scan_err or (suffix in _ONLY_PICKLES and not _is_pickle(stream)):  # joblib puts arrays in between, and what follows is unseen
        return [Problem(name, "not a pickle, or one that can be looked into only in part", _SAFE)]
    return []


def _is_pickle(stream: IO[bytes]) -> bool:
    stream.seek(0)
    try:
        for _ in pickletools.genops(stream):
            pass
    except Exception:  # whatever the parser stumbles over
        return False
    return True
