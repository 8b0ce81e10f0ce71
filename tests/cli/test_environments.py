"""`mlgate environments`: a table of differences, and the rules with their lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.platforms import USUAL, varied, write

PIPELINES = [{"repository": "acme/ml", "environment": "prod"}]
ENGINEERS = "arn:aws:iam::777788889999:role/platform-engineers"
GATES = [{"repository": "acme/ml", "environment": "prod-gate"}]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with two environments that keep the rules."""
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nruntime: python\nstackConfigDir: stacks\n", encoding="utf-8")
    (tmp_path / "stacks").mkdir()
    write(tmp_path / "stacks", "dev", USUAL)
    prod = {
        "level": "prod",
        "account": "777788889999",
        "network.cidr": "10.30.0.0/16",
        "who.ci.pipelines": PIPELINES,
        "who.gate.pipelines": GATES,
        "who.deployer.principals": [ENGINEERS],
        "cluster.admins.platform": ENGINEERS,
    }
    write(tmp_path / "stacks", "prod", varied(prod))
    return tmp_path


def mlgate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mlgate")), "environments", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


def test_two_environments_differ_in_a_table(project: Path) -> None:
    shown = mlgate(project / "stacks", "diff", "dev", "prod")
    assert shown.returncode == 0, shown.stderr
    title, _, head, *rows = shown.stdout.splitlines()
    assert title.strip() == "dev and prod differ in 7 values"
    assert head.split() == ["value", "dev", "prod"]
    assert ["account", "111122223333", "777788889999"] in [row.split() for row in rows]
    found = json.loads(mlgate(project, "diff", "dev", "prod", "--json").stdout)["differences"]
    assert {"path": "level", "dev": "dev", "prod": "prod"} in found
    assert len(found) == 7


def test_environments_that_keep_the_rules_are_named(project: Path) -> None:
    shown = mlgate(project, "check")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines() == [
        "dev: dev, account 111122223333, eu-central-1",
        "prod: prod, account 777788889999, eu-central-1",
        "all well declared, and every rule between them holds",
    ]
    assert set(json.loads(mlgate(project, "check", "--json").stdout)["environments"]) == {"dev", "prod"}


def test_a_broken_rule_leaves_with_usage_and_its_line(project: Path) -> None:
    path = write(
        project / "stacks",
        "prod",
        varied({"level": "prod", "account": "777788889999", "who.ci.pipelines": PIPELINES, "who.gate.pipelines": GATES}),
    )
    shown = mlgate(project, "check")
    line = path.read_text(encoding="utf-8").splitlines().index("      cidr: 10.10.0.0/16") + 1
    assert (shown.returncode, shown.stdout) == (2, "")
    assert f"{path}:{line}: network.cidr is 10.10.0.0/16, which overlaps dev's" in shown.stderr
    command = [str(Path(sys.executable).with_name("mlgate")), "bootstrap", "dev"]
    begun = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=60)
    assert (begun.returncode, begun.stdout, begun.stderr) == (2, "", shown.stderr), "nothing is made of environments that break one"


def test_an_environment_that_is_not_there_is_said_without_a_traceback(project: Path) -> None:
    shown = mlgate(project, "diff", "dev", "production")
    assert shown.returncode == 2
    assert "Pulumi.production.yaml: there is no such file" in shown.stderr
    assert "Traceback" not in shown.stderr
