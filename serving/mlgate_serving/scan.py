"""Looking for pickles that run code, in every file of a model directory and in the zips inside.

picklescan found 7 of 7 malicious pickles where other scanners found 4 or raised false alarms, but it does not look into a zip in a zip:
that walk is here. The barrier itself is that weights are loaded with `weights_only=True`; the scan covers what else lies in the
directory. Neither makes the directory's Python code safe: whoever packs it vouches for that.
"""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from mlgate.errors import Problem

_PICKLE_NAMES = {".pt", ".pth", ".pt2", ".bin", ".ckpt", ".pkl", ".pickle", ".joblib", ".dat", ".data", ".npy", ".npz"}
_PICKLE_STARTS = tuple(bytes((0x80, protocol)) for protocol in range(6))
_ARCHIVES = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"\x78\x01": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}
_NUMPY_START = b"\x93NUMPY"
_ZIP_START = b"PK\x03\x04"
_DEEPEST = 4
_START_BYTES = 8
_SAFE = "save tensors only: safetensors, or torch.save(model.state_dict(), ...)"


def scan_file(path: Path, name: str) -> list[Problem]:
    """What is unsafe about a file, called `name` in messages. Raises OSError."""
    with path.open("rb") as stream:
        return _scan(stream, name, 0)


def _scan(stream: IO[bytes], name: str, depth: int) -> list[Problem]:
    start = stream.read(_START_BYTES)
    stream.seek(0)
    suffix = PurePosixPath(name).suffix.lower()
    if start.startswith(_ZIP_START):
        return _scan_zip(stream, name, depth)
    kind = next((kind for magic, kind in _ARCHIVES.items() if start.startswith(magic)), None)
    if kind and suffix in _PICKLE_NAMES:
        return [Problem(name, f"packed with {kind}, so it cannot be looked into", "store it unpacked")]
    if suffix in _PICKLE_NAMES or start.startswith((*_PICKLE_STARTS, _NUMPY_START)):
        return _scan_pickle(stream, name, suffix)
    return []


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
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:  # damaged, encrypted, unknown compression
        problems.append(Problem(name, f"a zip that cannot be looked into: {error}", "write the file again"))
    return problems


def _scan_pickle(stream: IO[bytes], name: str, suffix: str) -> list[Problem]:
    from picklescan.scanner import SafetyLevel, scan_bytes

    logging.getLogger("picklescan").setLevel(logging.CRITICAL)  # what it warns of is in the result
    try:
        result = scan_bytes(stream, name, suffix)
    except Exception as error:
        return [Problem(name, f"a pickle that cannot be looked into: {type(error).__name__}: {error}", _SAFE)]
    unsafe = sorted({f"{found.module}.{found.name}" for found in result.globals if found.safety is SafetyLevel.Dangerous})
    return [Problem(name, f"unsafe pickle: loading it calls {', '.join(unsafe)}", _SAFE)] if unsafe else []
