"""Packages of npm that tests run: by a lock file with a hash for each, in the per-user cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from mlgate.environment import cache_folder
from mlgate.errors import ToolError
from mlgate_tools.cache import Slot, install
from mlgate_tools.tool import platform_name
from tests.rungs import not_run

LISTS = ("package.json", "package-lock.json")
GETTING_S = 300


def npm_packages(name: str, lists: Path) -> Path:
    """The folder with `node_modules` of the lock file in `lists`; got if need be. Where it cannot be had the test is not run."""
    if not (shutil.which("node") and shutil.which("npm")):
        not_run(f"{name} needs node and npm on PATH; on Debian: apt-get install nodejs npm")
    digest = hashlib.sha256((lists / LISTS[1]).read_bytes()).hexdigest()[:12]
    slot = Slot(name, digest, platform_name(), cache_folder() / "tools")

    def fill(folder: Path, _workspace: Path) -> str:
        for each in LISTS:
            shutil.copyfile(lists / each, folder / each)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"]
        try:
            subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=GETTING_S)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"npm did not get it: {str(error.stderr)[-300:]}", where=name, remedy="see npm's own configuration") from error
        return "npm"

    try:
        install(slot, fill, print)
    except ToolError as error:
        not_run(str(error))
    return slot.folder
