"""pytest on a declaration: the same gate, an item per check, pytest's own exit codes and JUnit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mlgate import Environment, Verdict
from mlgate_evidence.ledger import Ledger

Endpoint = Callable[..., str]
CHECKS = ["contract", "accuracy", "no-worse", "latency-p95", "error-rate", "verdict"]
NOWHERE = "http://127.0.0.1:9"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs pytest in the service's folder."""

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
        environ = {**os.environ, "MLGATE_HOME": str(tmp_path / "home")}
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120)

    return start


Run = Callable[..., subprocess.CompletedProcess[str]]


def cases_of(path: Path) -> list[ET.Element]:
    return list(ET.parse(path).getroot().iter("testcase"))  # noqa: S314 (pytest wrote it)


def junit(path: Path) -> list[tuple[str | None, dict[str | None, str | None]]]:
    """Name and properties of each test case."""
    return [(case.get("name"), {item.get("name"): item.get("value") for item in case.iter("property")}) for case in cases_of(path)]


def failed(path: Path) -> dict[str | None, str | None]:
    """What each failed test case was told by, by name."""
    return {case.get("name"): failure.text for case in cases_of(path) if (failure := case.find("failure")) is not None}


def test_a_good_release_is_one_passed_item_per_check_in_junit_too(run: Run, endpoint: Endpoint, folder: Path) -> None:
    done = run("service.yaml", "--candidate", endpoint(), "--stable", endpoint(), "--junitxml=gate.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    found = junit(folder / "gate.xml")
    assert [name for name, _ in found] == CHECKS
    assert {properties["mlgate_verdict"] for _, properties in found} == {"PASS"}


def test_a_failed_check_shows_an_aligned_table_and_the_rest_is_not_run(run: Run, endpoint: Endpoint) -> None:
    done = run("service.yaml", "--candidate", endpoint(wrong_every=4), "--first-release", "-rs")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    table = {line.split()[0]: line for line in lines if line.startswith(("check ", "verdict ", "claim ", "found ", "why ", "n ", "k "))}
    assert table["check"].split() == ["check", "accuracy"]
    assert len({line.index(line.split(maxsplit=1)[1]) for line in table.values()}) == 1
    assert "not run: accuracy decided first" in done.stdout
    assert "Traceback" not in done.stdout


def test_what_is_not_proven_fails_its_check_and_the_verdict_and_nothing_else(run: Run, endpoint: Endpoint, folder: Path) -> None:
    done = run("service.yaml", "--candidate", endpoint(wrong_every=10), "--first-release", "--junitxml=gate.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    told = failed(folder / "gate.xml")
    assert list(told) == ["accuracy", "verdict"]
    assert re.search(r"^verdict +INCONCLUSIVE$", told["accuracy"] or "", flags=re.M)
    assert re.search(r"^missing +\S", told["accuracy"] or "", flags=re.M)
    assert (told["verdict"] or "").startswith("INCONCLUSIVE: accuracy")


def test_a_measurement_that_cannot_be_trusted_fails_every_item(run: Run, endpoint: Endpoint, folder: Path, behaviour: Any) -> None:
    def is_replaced() -> None:
        while behaviour.requests < 50:
            time.sleep(0.01)
        behaviour.digest = DIGEST

    Thread(target=is_replaced, daemon=True).start()
    done = run("service.yaml", "--candidate", endpoint(behaviour), "--first-release", "--junitxml=gate.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    told = failed(folder / "gate.xml")
    assert list(told) == [name for name in CHECKS if name != "no-worse"]
    assert all("VOID" in (text or "") and "wrong digest served" in (text or "") for text in told.values())


def test_a_check_that_the_gate_says_nothing_of_fails(run: Run, endpoint: Endpoint, folder: Path) -> None:
    conftest = """
def pytest_collection_finish(session):
    path = session.config.invocation_params.dir / "service.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("name: error-rate", "name: errors"), encoding="utf-8")
"""
    (folder / "conftest.py").write_text(conftest, encoding="utf-8")
    done = run("service.yaml", "--candidate", endpoint(), "--first-release", "--junitxml=gate.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert failed(folder / "gate.xml") == {"error-rate": "error-rate: the gate judged no such check; was service.yaml changed meanwhile?"}


def test_a_gate_tells_how_far_it_is_while_pytest_captures(run: Run, endpoint: Endpoint) -> None:
    done = run("service.yaml", "--candidate", endpoint(), "--first-release")
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"^\[ *(\d+\.\d) s\] (.+)$", done.stderr, flags=re.M)
    assert [text.split(":")[0] for _, text in told[1:4]] == ["contract", "quality", "look"]
    assert any(text.startswith("load: ") for _, text in told)
    seconds = [float(passed) for passed, _ in told]
    assert seconds == sorted(seconds)
    assert seconds[-1] > seconds[0]


def test_a_gate_goes_on_where_nobody_listens_to_how_far_it_is(endpoint: Endpoint, folder: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "service.yaml", "--candidate", endpoint(), "--first-release"]
    environ = {**os.environ, "MLGATE_HOME": str(tmp_path / "home")}
    try:
        done = subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=writing, text=True, check=False, timeout=120)
    finally:
        os.close(writing)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "selection",
    [
        ["service.yaml::contract"],
        ["service.yaml::latency-p95"],
        ["service.yaml", "-k", "contract"],
        ["service.yaml", "--deselect", "service.yaml::accuracy", "--deselect", "service.yaml::verdict"],
        ["service.yaml", "--last-failed", "-p", "cacheprovider"],
    ],
    ids=" ".join,
)
def test_selecting_checks_of_a_failed_gate_is_no_success(run: Run, endpoint: Endpoint, folder: Path, selection: list[str]) -> None:
    cache = folder / ".pytest_cache" / "v" / "cache"
    cache.mkdir(parents=True)
    (cache / "lastfailed").write_text(json.dumps({"service.yaml::contract": True}), encoding="utf-8")
    done = run(*selection, "--candidate", endpoint(wrong_every=4), "--first-release", "--junitxml=gate.xml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL: accuracy" in done.stdout
    names = [name for name, _ in junit(folder / "gate.xml")]
    assert "accuracy" not in names
    assert names[-1] == "verdict"


def test_checks_named_one_by_one_are_of_one_gate_and_its_verdict_is_with_them(run: Run, endpoint: Endpoint, folder: Path) -> None:
    done = run(*("service.yaml::error-rate", "service.yaml::contract", "--candidate", endpoint(), "--first-release"), "--junitxml=gate.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    found = junit(folder / "gate.xml")
    assert sorted(str(name) for name, _ in found) == ["contract", "error-rate", "verdict"]
    assert len({properties["mlgate_attempt"] for _, properties in found}) == 1


def test_a_selection_of_nothing_runs_no_gate_and_is_no_success(run: Run) -> None:
    assert run("service.yaml", "-k", "nothing", "--candidate", NOWHERE, "--first-release").returncode == 5


def test_a_declaration_that_was_not_named_is_left_alone(run: Run) -> None:
    assert run(".").returncode == 5


@pytest.mark.parametrize(
    "text",
    [
        "kind: Something\n",
        "# written for mlgate/v1\napiVersion: v1\n",
        "# apiVersion: mlgate/v1\n",
        "spec:\n  apiVersion: mlgate/v1\n",
        "apiVersion: mlgate/v1beta1\n",
        "apiVersion: other/mlgate/v1\n",
        "apiVersion: mlgate/v1#not-a-comment\n",
    ],
)
def test_another_yaml_file_is_left_alone(run: Run, folder: Path, text: str) -> None:
    (folder / "other.yaml").write_text(text, encoding="utf-8")
    done = run("other.yaml")
    assert done.returncode == 4
    assert "(no match in any of" in done.stdout + done.stderr


@pytest.mark.parametrize("line", ['apiVersion: "mlgate/v1"', "apiVersion:   'mlgate/v1'  # ours"])
def test_a_declaration_is_taken_however_its_version_is_written(run: Run, folder: Path, line: str) -> None:
    path = folder / "service.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("apiVersion: mlgate/v1", line), encoding="utf-8")
    done = run("service.yaml", "--collect-only", "--candidate", NOWHERE, "--stable", "http://127.0.0.1:8")
    assert [each.removeprefix("service.yaml::") for each in done.stdout.split() if each.startswith("service.yaml::")] == CHECKS


@pytest.mark.parametrize("named", ["service.yaml", "service.yaml::contract", "../service/service.yaml::latency-p95"])
def test_no_candidate_is_a_usage_error_that_names_the_option(run: Run, named: str) -> None:
    done = run(named)
    assert done.returncode == 4
    assert "service.yaml: which endpoint? add --candidate URL" in done.stdout + done.stderr


def test_several_processes_are_a_usage_error_since_each_would_measure(run: Run) -> None:
    done = run("service.yaml", "--candidate", NOWHERE, "-n", "2")
    assert done.returncode == 4
    assert "add -n 0" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), r".*no-worse compares with stable, and no stable endpoint was named\s+-> .*--stable URL.*--first-release"),
        (
            ("--stable", "http://127.0.0.1:8", "--first-release"),
            r".*--first-release leaves out .*--stable names http://127.0.0.1:8\s+-> give one of them",
        ),
        (("--stable", NOWHERE), ".*candidate and stable are both http://127.0.0.1:9"),
    ],
    ids=["neither", "both", "the same"],
)
def test_endpoints_that_do_not_fit_the_declaration_or_one_another_are_a_usage_error(run: Run, options: tuple[str, ...], told: str) -> None:
    done = run("service.yaml", "--candidate", NOWHERE, *options)
    assert done.returncode == 4, done.stdout + done.stderr
    assert re.search(f"service.yaml: {told}", done.stdout + done.stderr)


def test_each_declaration_that_is_named_is_looked_at_before_any_gate_runs(run: Run, folder: Path) -> None:
    text = (folder / "service.yaml").read_text(encoding="utf-8")
    compares = next(line for line in text.splitlines(keepends=True) if "versus: stable" in line)
    (folder / "alone.yaml").write_text(text.replace(compares, ""), encoding="utf-8")
    assert run("alone.yaml", "--candidate", NOWHERE, "--collect-only").returncode == 0
    done = run("alone.yaml", "service.yaml", "--candidate", NOWHERE)
    assert done.returncode == 4
    assert re.search("ERROR: service.yaml: .*no-worse compares with stable", done.stdout + done.stderr)


def test_first_release_where_the_ledger_knows_a_stable_is_a_usage_error(run: Run, environment: Environment) -> None:
    ledger = Ledger.of(environment)
    release = {"service": "toy", "stage": "local", "release": DIGEST, "configuration": DIGEST}
    attempt = ledger.begin_attempt(**release, make_plan=lambda *_: {})
    ledger.record_verdict(attempt.id, Verdict.PASS, DIGEST)
    ledger.record_promotion(**release, evidence_digest=DIGEST, attempt=attempt.id, by="somebody")
    done = run("service.yaml", "--candidate", NOWHERE, "--first-release")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "is stable in local" in done.stdout + done.stderr


def test_a_wrong_declaration_is_an_error_in_our_words(run: Run, folder: Path) -> None:
    path = folder / "service.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("at_most: 1 s", "at_most: 1000"), encoding="utf-8")
    done = run("service.yaml", "--candidate", NOWHERE)
    assert done.returncode == 2
    assert "1000 has no unit" in done.stdout
    assert "Traceback" not in done.stdout


def test_an_endpoint_that_is_not_there_fails_every_item(run: Run) -> None:
    done = run("service.yaml", "--candidate", NOWHERE, "--first-release")
    assert done.returncode == 1
    assert "127.0.0.1:9" in done.stdout
    assert "passed" not in done.stdout


def test_what_keeps_a_gate_from_running_is_met_once_and_fails_every_item(run: Run, endpoint: Endpoint, behaviour: Any) -> None:
    behaviour.token = "which nobody declared"  # noqa: S105
    done = run("service.yaml", "--candidate", endpoint(behaviour), "--first-release")
    assert done.returncode == 1
    assert done.stdout.count("401") >= len(CHECKS) - 1
    assert "passed" not in done.stdout
    assert behaviour.requests == 1
