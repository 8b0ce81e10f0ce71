"""Files that a program names by relative paths. The real provider is started in the program's folder; this one was started before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from mlgate_testkit.provider.values import Archive, Asset

__all__ = ["located"]


def located(source: Asset | Archive) -> Path:
    """The file behind a source. A relative path is looked up where we run, then where the engines of whoever started us run.

    The engine sends the SHA-256 of what it read itself, so a file of the same name elsewhere is not taken for it.
    """
    path = Path(source.path or "")
    if path.is_absolute():
        return path
    for folder in _folders():
        if (folder / path).is_file() and source.hash in {None, "", _digest(folder / path)}:
            return folder / path
    return path


def _folders() -> Iterator[Path]:
    yield Path.cwd()
    with suppress(psutil.Error):
        for process in psutil.Process(os.getppid()).children(recursive=True):
            with suppress(psutil.Error):
                yield Path(process.cwd())


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
