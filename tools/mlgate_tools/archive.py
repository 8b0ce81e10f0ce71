"""The official release archive of the Pulumi engine, checked against a pinned SHA-256 before a byte of it is unpacked."""

from __future__ import annotations

import hashlib
import http.client
import shutil
import tarfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from mlgate.errors import ToolError
from mlgate_tools.cache import require_room
from mlgate_tools.tool import Progress

RELEASES = "https://github.com/pulumi/pulumi/releases/download"

# As Pulumi publishes them for Homebrew: github.com/pulumi/homebrew-tap, Formula/pulumi.rb at 51fb494f9549f08978388a9994547e46509279af.
CHECKSUMS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("3.259.0", "darwin-arm64"): "57c27f179e527e2cf9f62b841a448af72a020e44b2fb4ee0d9bd85556c00c864",
        ("3.259.0", "darwin-x64"): "eaca4c3b8277bfa3ab061fa3b270d1c66358a0b2e613da8c5587a04b7226c534",
        ("3.259.0", "linux-arm64"): "edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853",
        ("3.259.0", "linux-x64"): "94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5",
    }
)

_TIMEOUT_S = 10  # to connect, and between two reads: where the network swallows packets, the next way is tried soon
_CHUNK_BYTES = 1 << 18
_SAY_EVERY_S = 5.0
_NEEDED_BYTES = 10**9  # the archive and what is unpacked of it


def fetch_archive(version: str, platform: str, *, folder: Path, workspace: Path, progress: Progress, base_url: str = RELEASES) -> None:
    """Put the engine and its Python language host into `folder`, from `<base_url>/v<version>/pulumi-v<version>-<platform>.tar.gz`.

    Raises ToolError: no checksum is pinned for this version and platform, the archive cannot be reached, or it is another than was pinned.
    """
    pinned = CHECKSUMS.get((version, platform))
    url = f"{base_url}/v{version}/pulumi-v{version}-{platform}.tar.gz"
    if pinned is None:
        raise ToolError(f"no checksum is pinned for {version} on {platform}", where=url)
    require_room(workspace, _NEEDED_BYTES, "unpacking the official archive")
    archive = workspace / "pulumi.tar.gz"
    found = _download(url, archive, progress)
    if found != pinned:
        raise ToolError(f"its SHA-256 is {found}, and {pinned} is pinned; it was thrown away", where=url)
    _unpack(archive, folder)
    archive.unlink()


def _download(url: str, target: Path, progress: Progress) -> str:
    """The SHA-256 of what was written to `target`."""
    digest = hashlib.sha256()
    received = 0
    began = time.monotonic()
    say_at = began + _SAY_EVERY_S
    with target.open("wb") as file:
        for chunk, total in _read(url):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            if time.monotonic() >= say_at:
                progress(f"pulumi: downloaded {received / 1e6:.0f} of {total / 1e6:.0f} MB, {time.monotonic() - began:.0f} s")
                say_at += _SAY_EVERY_S
    return digest.hexdigest()


def _read(url: str) -> Iterator[tuple[bytes, int]]:
    """The content in pieces, each with the size of the whole in bytes (0 if the server does not say); its errors are the network's only."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            total = int(answer.headers.get("Content-Length") or 0)
            received = 0
            while chunk := answer.read(_CHUNK_BYTES):
                received += len(chunk)
                yield chunk, total
    except (OSError, http.client.HTTPException) as error:
        raise ToolError(f"cannot be downloaded: {getattr(error, 'reason', None) or error}", where=url) from error
    if received < total:
        raise ToolError(f"the connection was lost after {received} of {total} bytes", where=url)


def _unpack(archive: Path, folder: Path) -> None:
    """The engine and what runs Python programs; the other languages' hosts are most of the archive."""
    with tarfile.open(archive) as members:
        for member in members:
            name = PurePosixPath(member.name).name
            if not member.isfile() or not (name == "pulumi" or "python" in name):
                continue
            content = members.extractfile(member)
            assert content is not None
            with content, (folder / name).open("wb") as file:
                shutil.copyfileobj(content, file)
            (folder / name).chmod(0o755)
