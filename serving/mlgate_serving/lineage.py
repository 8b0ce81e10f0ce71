"""Where a model comes from: what `training.json` says, and what git and the lock file add.

What the training wrote wins, since it knows the commit it ran on; git and the lock describe the moment of packing.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mlgate.digests import digest_file, digest_of_files
from mlgate.errors import Problem
from mlgate.release import Lineage

TRAINING_FILE = "training.json"
_LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "conda-lock.yml", "requirements.lock", "requirements.txt", "requirements")
_GIT_TIMEOUT_S = 30


def read_lineage(folder: Path, problems: list[Problem]) -> Lineage:
    """The lineage of the model in `folder`; what is wrong with its `training.json` is added to `problems`."""
    declared: dict[str, Any] = {}
    path = folder / TRAINING_FILE
    if path.exists():
        try:
            declared = Lineage.model_validate_json(path.read_bytes()).model_dump(exclude_unset=True)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                key = ".".join(str(part) for part in item["loc"]) or "the file"
                keys = ", ".join(Lineage.model_fields)
                problems.append(Problem(TRAINING_FILE, f"{key}: {item['msg'][0].lower()}{item['msg'][1:]}", f"keys here: {keys}"))
    if "code_commit" not in declared:
        declared |= _commit(folder)
    declared.setdefault("environment_lock", _lock(folder))
    return Lineage.model_validate(declared)


def _commit(folder: Path) -> dict[str, Any]:
    """The commit of the repository around `folder` and whether it has changes; nothing where there is no repository or no git."""
    commit, changes = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain")
    return {"code_commit": commit, "code_changed": bool(changes)} if commit else {}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _lock(folder: Path) -> str | None:
    """The digest of the nearest lock, in `folder` or above it up to the repository's root; of a `requirements/` folder, all its files."""
    for place in (folder.resolve(), *folder.resolve().parents):
        for name in _LOCKS:
            found = place / name
            if found.is_file():
                return digest_file(found)
            if found.is_dir() and (files := {file.name: digest_file(file) for file in found.glob("*.txt")}):
                return digest_of_files(files)
        if (place / ".git").exists():
            return None
    return None
