"""The command line: every verb explains itself, speaks JSON when asked, and leaves with documented codes and no traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = Path(__file__).parents[2] / "examples" / "digits" / "service.yaml"
VERBS = ["demo", "doctor", "down", "env", "gate", "pack", "promote", "report", "rollback", "serve", "status", "validate", "verify"]


def mlgate(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does, in a folder of its own."""
    command = [str(Path(sys.executable).with_name("mlgate")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, timeout=120)


def test_help_lists_every_verb_and_the_exit_codes() -> None:
    shown = mlgate("--help").stdout
    assert sorted(re.findall(r"^  (\w+) ", shown.split("Commands:")[1], flags=re.M)) == VERBS
    assert "10 FAIL, 11 INCONCLUSIVE, 12 VOID" in " ".join(shown.split())


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_json_and_a_real_example(verb: str) -> None:
    shown = mlgate(verb, "--help").stdout
    assert "--json" in shown
    assert re.search(r"Example: (eval \"\$\()?mlgate", shown)


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
    for code in ("0", "1", "2", "10", "11", "12", "130"):
        assert re.search(rf"\b{code}\b", page)


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


def test_down_where_nothing_runs_does_nothing(tmp_path: Path) -> None:
    assert mlgate("down", folder=tmp_path).stdout == "nothing was running\n"
    assert list(tmp_path.iterdir()) == []


def test_verify_of_nothing_is_an_error_and_no_pass(tmp_path: Path) -> None:
    done = mlgate("verify", str(tmp_path), folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_the_demo_outside_of_a_clone_says_where_to_run_it(tmp_path: Path) -> None:
    done = mlgate("demo", folder=tmp_path)
    assert done.returncode == 2
    assert "clone" in done.stderr


def test_a_verb_that_needs_more_than_the_base_install_names_the_extra() -> None:
    program = "import sys; sys.modules['psutil'] = None; sys.argv = ['mlgate', 'status']; from mlgate_cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "mlgate: this needs psutil, which the base install leaves out\n  -> pip install 'mlgate[serving]'\n"
