"""The page about other languages: its programs are those that the tests compile, its commands are understood, and its manifest fits."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from mlgate_components.provider import SCHEMA
from mlgate_tools import __main__ as tools
from mlgate_tools.tool import Tool

from .projects import EXAMPLES

PAGE = (EXAMPLES.parents[1] / "docs" / "platform-languages.md").read_text(encoding="utf-8")


def fenced(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("language", "program"), [("typescript", "typescript/index.ts"), ("go", "go/main.go")])
def test_its_programs_are_those_of_the_examples(language: str, program: str) -> None:
    assert fenced(language) == [(EXAMPLES / program).read_text(encoding="utf-8")]


def test_its_command_writes_an_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Path]] = []

    def write(language: str, folder: Path, _say: object) -> list[Tool]:
        asked.append((language, folder))
        return []

    monkeypatch.setattr(tools, "write_sdk", write)
    (command,) = [line for block in fenced("") for line in block.splitlines() if line.startswith("python -m mlgate_tools")]
    assert tools.main(shlex.split(command)[3:]) == 0
    assert asked == [("typescript", Path("sdks/mlgate"))]


def test_the_provider_of_its_project_lies_where_it_is_installed() -> None:
    (project,) = (yaml.safe_load(text) for text in fenced("yaml"))
    (named,) = project["plugins"]["providers"]
    package = SCHEMA.parents[1]
    assert named["name"] == "mlgate"
    assert Path(named["path"]).parts[-3:] == (SCHEMA.parent / "plugin").relative_to(package.parent).parts
    assert project["name"] == yaml.safe_load((EXAMPLES / "typescript" / "Pulumi.yaml").read_text())["name"]


def test_the_module_that_its_go_command_names_is_that_of_the_example() -> None:
    (line,) = [line for block in fenced("") for line in block.splitlines() if line.startswith("go mod edit")]
    found = re.fullmatch(r"go mod edit -require=(\S+)@(\S+) -replace=(\S+)=(\S+)", line)
    assert found
    module, version, replaced, folder = found.groups()
    text = (EXAMPLES / "go" / "go.mod").read_text()
    assert module == replaced
    assert f"\t{module} {version}\n" in text
    assert f"replace {module} => {folder}\n" in text
