"""What the pages tell people to type: every `mlgate` line is understood, and what needs no server of its own is run as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import typer
import yaml

from mlgate import Environment, Release, Service
from mlgate_cli.main import app
from mlgate_gates.request import GateOutcome

from ..run import conftest as run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
QUICK_START, README = ROOT / "docs" / "quickstart.md", ROOT / "README.md"
ELSEWHERE = "https://models.example.com"

# The endpoint that gates are tested with, and what it serves.
endpoint, environment, folder, gate, service = run.endpoint, run.environment, run.folder, run.gate, run.service


def blocks(page: Path) -> list[list[str]]:
    """The fenced blocks of no language, which hold what is typed."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [block.splitlines() for language, block in fenced if not language]


def block_with(page: Path, line: str) -> list[str]:
    """The one block of a page that has a line which begins so."""
    (found,) = [block for block in blocks(page) if any(each.startswith(line) for each in block)]
    return found


def commands(page: Path) -> list[str]:
    """The commands of a page that begin with `mlgate`, those in `$( )` too."""
    return [command.strip() for block in blocks(page) for line in block for command in re.findall(r"(?:^|\$\()(mlgate [^)#]+)", line)]


@pytest.mark.parametrize(
    ("page", "command"), [pytest.param(page, command, id=f"{page.name}: {command}") for page in PAGES for command in commands(page)]
)
def test_a_command_of_a_page_is_one_that_mlgate_understands(page: Path, command: str) -> None:
    _, *words = shlex.split(command)
    verb = typer.main.get_command(app)
    while (verbs := getattr(verb, "commands", None)) is not None:
        verb = verbs[words.pop(0)]
    verb.make_context(str(verb.name), words)  # raises for an option that there is not, and for one argument too many or too few


def test_the_commands_of_the_pages_are_found() -> None:
    verbs = {command.split()[1] for command in commands(QUICK_START)}
    assert {"status", "verify", "validate", "pack", "env", "gate", "promote"} <= verbs
    assert [command.split()[1] for command in commands(README)] == ["gate", "environments", "environments", "cost", "remains"]


@pytest.mark.parametrize("page", [README, QUICK_START], ids=lambda page: page.name)
def test_a_target_of_a_page_is_one_that_make_knows(page: Path) -> None:
    targets = re.findall(r"^make (\S+)", "\n".join(line for block in blocks(page) for line in block), flags=re.MULTILINE)
    assert {"demo", "test"} <= set(targets)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, flags=re.MULTILINE)] == []


def typed(lines: Sequence[str], place: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """What becomes of the lines in a shell that the quick start has set up, until one fails."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("MLGATE_HOME", "PULUMI_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), ours["PATH"]])
    script = "\n".join(["set -e", *lines])
    return subprocess.run(
        ["bash", "-c", script], cwd=place, env={**ours, "PATH": path, **environ}, capture_output=True, text=True, check=False, timeout=280
    )


@pytest.fixture
def left(gate: Callable[..., GateOutcome], endpoint: Callable[..., str], environment: Environment, tmp_path: Path) -> tuple[Path, str]:
    """A folder in which the demo ran and a gate by hand, and the attempt that both left there."""
    outcome = gate(endpoint())
    place = tmp_path / "clone"
    for home in (".mlgate/demo/local", ".mlgate/local"):
        shutil.copytree(environment.home, place / home)
    shutil.copy(environment.trust, place / "trust.yaml")
    return place, outcome.attempt


@pytest.mark.parametrize("first", ["export MLGATE_HOME", "mlgate verify .mlgate/local"], ids=["of the demo", "years later"])
def test_what_gates_left_is_looked_at_as_the_quick_start_says(left: tuple[Path, str], first: str) -> None:
    place, attempt = left
    done = typed([line.replace("ATTEMPT", attempt) for line in block_with(QUICK_START, first)], place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^PASS: every required check proved its claim$", done.stdout, flags=re.MULTILINE)
    assert attempt in done.stdout


def test_an_endpoint_that_already_runs_is_judged_as_the_pages_say(
    endpoint: Callable[..., str], folder: Path, environment: Environment
) -> None:
    installing, *lines = block_with(README, "mlgate gate service.yaml --candidate")
    assert installing.startswith("pip install . pytest")
    assert block_with(QUICK_START, "mlgate gate service.yaml --candidate")[1:] == lines
    addresses = {f"{ELSEWHERE}/v1": endpoint(), f"{ELSEWHERE}/v2": endpoint()}
    for named, real in addresses.items():
        assert any(named in line for line in lines)
        lines = [line.replace(named, real) for line in lines]
    done = typed(lines, folder, MLGATE_HOME=str(environment.home.parent))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS: every required check proved its claim" in done.stdout
    assert "5 passed" in done.stdout
    assert (folder / "gate.xml").is_file()


@pytest.mark.engine
def test_a_model_is_packed_and_configured_as_the_quick_start_says(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("data", "__pycache__"))
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    lines = block_with(QUICK_START, "pulumi up")
    before = lines[: next(place for place, line in enumerate(lines) if line.startswith("pulumi up"))]
    assert [line.split()[:2] for line in before[:3]] == [["python", "examples/digits/train.py"], ["mlgate", "validate"], ["mlgate", "pack"]]
    done = typed([*before, "pulumi config get --path 'mlgate:services.digits.candidate'"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    packed = tmp_path / done.stdout.splitlines()[-1]
    release = Release.read(packed)
    assert (release.service, release.version) == ("digits", "1")
    configured = yaml.safe_load((tmp_path / "stacks" / "Pulumi.local.yaml").read_text(encoding="utf-8"))["config"]["mlgate:services"]
    assert Service.read(tmp_path / configured["digits"]["declaration"]).name == "digits"
