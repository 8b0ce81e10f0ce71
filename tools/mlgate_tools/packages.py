"""The package client that the user already has, so that mirrors, proxies and certificates configured for it hold here too; and where
packages of ours lie.
"""

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


def package_folder(package: str) -> Path:
    """Where a package of ours lies, without importing it: tools know none of what they serve. Raises ToolError: it is not installed."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ToolError(f"the package {package} is not installed", where=sys.executable, remedy="pip install mlgate")
    return Path(found.origin).parent
