"""pytest on a declaration: the same gate, an item per check, pytest's own exit codes and JUnit."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

Endpoint = Callable[..., str]
CHECKS = ["contract", "accuracy", "no-worse", "latency-p95", "error-rate", "verdict"]


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs pytest in the service's folder."""

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
        environ = {**os.environ, "MLGATE_HOME": str(tmp_path / "home")}
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)

    return start


Run = Callable[..., subprocess.CompletedProcess[str]]


def test_a_good_release_is_one_passed_item_per_check_in_junit_too(run: Run, endpoint: Endpoint, folder: Path) -> None:
    done = run("service.yaml", "--candidate", endpoint(), "--stable", endpoint(), "--junitxml=gate.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    cases = ET.parse(folder / "gate.xml").getroot().findall(".//testcase")  # noqa: S314 (we wrote it)
    assert [case.get("name") for case in cases] == CHECKS
    properties = {item.get("name"): item.get("value") for item in cases[0].iter("property")}
    assert properties["mlgate_verdict"] == "PASS"


def test_a_failed_check_shows_an_aligned_table_and_the_rest_is_not_run(run: Run, endpoint: Endpoint) -> None:
    done = run("service.yaml", "--candidate", endpoint(wrong_every=4), "--first-release", "-rs")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    table = {line.split()[0]: line for line in lines if line.startswith(("check ", "verdict ", "claim ", "found ", "why ", "n ", "k "))}
    assert table["check"].split() == ["check", "accuracy"]
    assert len({line.index(line.split(maxsplit=1)[1]) for line in table.values()}) == 1
    assert "not run: accuracy decided first" in done.stdout
    assert "Traceback" not in done.stdout


def test_a_declaration_that_was_not_named_is_left_alone(run: Run) -> None:
    assert run(".").returncode == 5


def test_another_yaml_file_is_left_alone(run: Run, folder: Path) -> None:
    (folder / "other.yaml").write_text("kind: Something\n", encoding="utf-8")
    assert run("other.yaml").returncode in (4, 5)


def test_no_candidate_is_a_usage_error_that_names_the_option(run: Run) -> None:
    done = run("service.yaml")
    assert done.returncode == 4
    assert "--candidate" in done.stdout + done.stderr


def test_a_wrong_declaration_is_an_error_in_our_words(run: Run, folder: Path) -> None:
    path = folder / "service.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("at_most: 1 s", "at_most: 1000"), encoding="utf-8")
    done = run("service.yaml", "--candidate", "http://127.0.0.1:9")
    assert done.returncode != 0
    assert "1000 has no unit" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_endpoint_that_is_not_there_fails_every_item(run: Run) -> None:
    done = run("service.yaml", "--candidate", "http://127.0.0.1:9", "--first-release")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stdout
    assert "passed" not in done.stdout
