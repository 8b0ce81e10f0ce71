"""The package client that the user already has, so that mirrors, proxies and certificates configured for it hold here too."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from mlgate.errors import ToolError


def package_client(wanted: str, remedy: str) -> list[str]:
    """`uv pip install` or `pip install`, for this interpreter. Raises ToolError where neither is there to fetch what is wanted with."""
    beside = shutil.which("uv", path=sysconfig.get_path("scripts"))
    if uv := beside or shutil.which("uv"):
        return [uv, "pip", "install", "--python", sys.executable]
    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "install"]
    raise ToolError(f"neither uv nor pip is there to fetch {wanted} with", where=sys.executable, remedy=remedy)


def into(folder: Path, requirements: Path) -> list[str]:
    """What to tell either client: wheels alone, each by its hash, and nothing that is not listed."""
    return ["--target", str(folder), "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", str(requirements)]
