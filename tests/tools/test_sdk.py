"""The generator of SDKs: built once, and what it writes is in its folder whole or not at all. The components' tests look into that."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mlgate import ToolError
from mlgate_tools import sdk
from mlgate_tools.__main__ import main
from mlgate_tools.go_build import MODULES
from mlgate_tools.pulumi import ENGINE_VERSION
from mlgate_tools.sdk import ensure_generator, write_sdk
from mlgate_tools.tool import Tool

from .conftest import FakeGo

Program = Callable[[Path, str], Path]
WRITES = '#!/bin/sh\nmkdir -p "$3" && echo "$1 of $(basename "$2")" > "$3/index.ts"\n'
FAILS = '#!/bin/sh\nmkdir -p "$3" && echo half > "$3/index.ts"\necho "the schema is wrong"; exit 1\n'


@pytest.fixture
def generator(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a script in the generator's place."""

    def put(text: str) -> None:
        made = Tool("pulumi-sdk", program(tmp_path / "generator", text), "1", "here")
        monkeypatch.setattr(sdk, "ensure_generator", lambda _progress: made)

    put(WRITES)
    return put


def test_it_is_built_once_from_modules_of_the_engines_version(cache: Path, go: FakeGo, said: list[str]) -> None:
    first, again = ensure_generator(said.append), ensure_generator(said.append)
    assert first.path == again.path
    assert first.path.is_file()
    assert (first.source, again.source) == ("built from pinned Go modules with Go 1.26.8", f"found in the cache, {first.source}")
    assert go.builds == ["."]
    assert first.version.startswith(f"{ENGINE_VERSION}-")
    requirements = (MODULES / "pulumi-sdk" / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{ENGINE_VERSION}\n" in requirements


def test_an_sdk_is_written_where_nothing_is_or_an_older_one(generator: Callable[[str], None], tmp_path: Path, said: list[str]) -> None:
    folder = tmp_path / "sdks" / "mlgate"
    write_sdk("go", folder, said.append)
    assert (folder / "index.ts").read_text() == "go of schema.json\n"
    (folder / "of-a-component-that-is-gone.ts").touch()
    written, provider = write_sdk("typescript", folder, said.append)
    assert (folder / "index.ts").read_text() == "nodejs of schema.json\n"
    assert not (folder / "of-a-component-that-is-gone.ts").exists()
    assert written.path == folder
    assert (provider.path / "PulumiPlugin.yaml").is_file()
    assert [path.name for path in folder.parent.iterdir()] == ["mlgate"]


def test_what_is_no_sdk_is_left_alone(generator: Callable[[str], None], tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.ts").write_text("years of it")
    for place in ("mine", "mine/work.ts"):
        with pytest.raises(ToolError, match=r"holds something else than an SDK\n  -> name a folder that is not there"):
            write_sdk("typescript", tmp_path / place, said.append)
    assert (tmp_path / "mine" / "work.ts").read_text() == "years of it"


def test_where_writing_fails_the_older_one_stays(generator: Callable[[str], None], tmp_path: Path, said: list[str]) -> None:
    folder = tmp_path / "mlgate"
    write_sdk("typescript", folder, said.append)
    generator(FAILS)
    with pytest.raises(ToolError, match="the schema is wrong"):
        write_sdk("typescript", folder, said.append)
    assert (folder / "index.ts").read_text() == "nodejs of schema.json\n"


def test_the_command_names_both_the_sdk_and_the_provider(
    generator: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sdk", "typescript", "sdks/mlgate"]) == 0
    folder = tmp_path / "sdks" / "mlgate"
    assert (folder / "index.ts").is_file()
    written, provider = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"sdk [\d.]+: {folder} \(typescript, by Pulumi's generator {ENGINE_VERSION}, [\d.]+ s\)", written)
    assert re.fullmatch(r"provider [\d.]+: \S+/plugin \(the folder to name in Pulumi.yaml, [\d.]+ s\)", provider)


@pytest.mark.parametrize("words", [["sdk"], ["sdk", "go"], ["sdk", "cobol", "sdks"], ["engine", "go", "sdks"], ["policies", "typescript"]])
def test_words_that_do_not_fit_are_a_usage_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: python -m mlgate_tools" in capsys.readouterr().err
