"""The Pulumi project that holds the stacks: the folder with `Pulumi.yaml`, found from where the command is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlgate.environment import PROJECT_FILE, project_folder
from mlgate.errors import StackError


@dataclass(frozen=True, slots=True)
class Project:
    """`folder`: where relative paths of the stacks' configuration start. `name`: as in `Pulumi.yaml`.

    `stack_files`: the folder where `pulumi` looks for the stacks' configuration, `stackConfigDir` in `Pulumi.yaml`.
    """

    folder: Path
    name: str
    stack_files: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project around `start` (default: the current directory). Raises StackError where there is none."""
        begin = (start or Path.cwd()).resolve()
        folder = project_folder(begin)
        if folder is None:
            raise StackError(
                f"there is no {PROJECT_FILE} here or above",
                where=str(begin),
                remedy="run the command in the folder of your project, or in one inside it",
            )
        content = _read(folder / PROJECT_FILE)
        return cls(folder, content["name"], folder / str(content.get("stackConfigDir") or "."))

    def spelt(self, path: Path) -> str:
        """How the configuration names a path: from the project's folder where it lies inside, else in full."""
        full = path.resolve()
        return str(full.relative_to(self.folder) if full.is_relative_to(self.folder) else full)


def _read(path: Path) -> dict[str, Any]:
    """The content of `Pulumi.yaml`, which has a `name`."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise StackError(f"cannot be read: {error}", where=str(path), remedy="correct the file") from None
    if not isinstance(content, dict) or not isinstance(content.get("name"), str):
        raise StackError("names no project", where=str(path), remedy="add a line such as name: mlgate")
    return content
