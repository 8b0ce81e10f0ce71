"""What the documentation tells people to copy passes as it stands there, and the names in its tables are there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from mlgate_cli.main import app
from mlgate_testkit.cluster import Cluster, stages
from mlgate_testkit.cluster.extensions import Chosen

from .conftest import require_built

TEXT = (Path(__file__).parents[3] / "docs" / "testkit-cluster.md").read_text(encoding="utf-8")


OF_A_CLUSTER, ON_EKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)


@pytest.mark.cluster
@pytest.mark.parametrize("program", [OF_A_CLUSTER, pytest.param(ON_EKS, marks=pytest.mark.engine)], ids=["a-cluster", "on-eks"])
def test_its_tests_pass_as_they_stand_there(tmp_path: Path, program: str) -> None:
    require_built(Chosen(karpenter="karpenter" in program))
    (tmp_path / "test_cluster.py").write_text(program)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_cluster.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_every_call_of_its_table_is_one_of_a_cluster() -> None:
    named = set(re.findall(r"`(?:with cluster)?\.(\w+)", TEXT.split("## What a cluster can do")[1].split("\n## ")[0]))
    assert len(named) > 15
    public = {name for name in dir(Cluster) if not name.startswith("_")}
    assert named <= public
    assert public - named <= {"has_own_network"}


def test_its_annotations_are_those_of_the_stages() -> None:
    assert set(re.findall(r"`(testkit\.mlgate/[a-z-]+)", TEXT)) == {stages.READY_AFTER, stages.FAILS, stages.UNREADY}


def test_its_commands_are_understood() -> None:
    group = typer.main.get_command(app).commands["testkit"].commands["cluster"]  # type: ignore[attr-defined]
    lines = re.findall(r"^mlgate testkit cluster (.+)$", TEXT, re.M)
    assert len(lines) == 5
    for line in lines:
        verb, *arguments = shlex.split(line, comments=True)
        group.commands[verb].make_context(verb, arguments)
