"""Digests and the canonical form of what they are taken over.

A digest is written `sha256:<64 hex>`. The release digest follows the OpenSSF model-signing form: SHA-256 over the sorted list of
path and SHA-256 of every file, so the handler can compute it at load from what TorchServe unpacked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DIGEST = re.compile("sha256:[0-9a-f]{64}")
_PREFIX = "sha256:"
_CHUNK_BYTES = 1 << 20


def digest_bytes(content: bytes) -> str:
    """`sha256:<hex>` of `content`."""
    return _PREFIX + hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """`sha256:<hex>` of a file's content, read in chunks."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return _PREFIX + digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one encoding that is hashed and signed: sorted keys, no spaces, UTF-8, NaN and infinity refused (ValueError)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_json(value: Any) -> str:
    """`sha256:<hex>` of the canonical JSON of `value`."""
    return digest_bytes(canonical_json(value))


def digest_of_files(digests: Mapping[str, str]) -> str:
    """The release digest of files given as {path with forward slashes: `sha256:<hex>`}."""
    lines = "".join(f"{digest.removeprefix(_PREFIX)}  {path}\n" for path, digest in sorted(digests.items()))
    return digest_bytes(lines.encode())


def short(digest: str) -> str:
    """The first twelve hex digits: for names and tables, never for comparisons."""
    return digest.removeprefix(_PREFIX)[:12]
