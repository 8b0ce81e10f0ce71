"""What a gate left, as people read it later: `mlgate verify` says what it is about, `mlgate report` shows nothing that does not hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlgate import Environment, Service
from mlgate.digests import digest_bytes
from mlgate_evidence.trust import ensure_local_trust
from mlgate_gates.request import GateOutcome, GateRequest, Subject
from mlgate_gates.run import run_gate

Endpoint = Callable[..., str]
Mlgate = Callable[..., subprocess.CompletedProcess[str]]
RELEASE, CONFIGURATION = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Where the one gate ran that all tests here read."""
    place = Environment("local", tmp_path_factory.mktemp("origin") / "local")
    ensure_local_trust(place)
    return place


@pytest.fixture(scope="module")
def concluded() -> list[GateOutcome]:
    """That gate, once the first test has run it."""
    return []


@pytest.fixture
def refused(
    concluded: list[GateOutcome], origin: Environment, service: Service, environment: Environment, endpoint: Endpoint
) -> GateOutcome:
    """What the gate left of a first release that answers too often wrongly: a copy that a test may damage."""
    if not concluded:
        candidate = Subject(endpoint(wrong_every=4, digest=RELEASE), RELEASE, CONFIGURATION)
        concluded.append(run_gate(GateRequest(service, origin, candidate, first_release=True), lambda _: None))
    shutil.copytree(origin.home, environment.home, dirs_exist_ok=True)
    return replace(concluded[0], folder=environment.evidence / concluded[0].attempt)


@pytest.fixture
def mlgate(environment: Environment) -> Mlgate:
    """Runs the command, with the environment that the gate ran in as the local one."""

    def run(*arguments: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [Path(sys.executable).with_name("mlgate"), *arguments]
        home = {"MLGATE_HOME": str(environment.home.parent)}
        return subprocess.run(command, env={**os.environ, **home, **environ}, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_verify_says_what_the_evidence_is_about(mlgate: Mlgate, refused: GateOutcome) -> None:
    done = mlgate("verify", refused.folder)
    assert done.returncode == 10
    lines = done.stdout.splitlines()
    assert lines[0] == f"FAIL: {refused.result.reason}"
    said = dict(line.strip().split("  ", 1) for line in lines[1:])
    about = {name: value.strip() for name, value in said.items()}
    assert about["service"] == "toy in local"
    assert (about["release"], about["configuration"]) == (RELEASE, CONFIGURATION)
    assert about["compared with"] == "nothing, as the first release"
    assert about["attempt"] == f"{refused.attempt}, route 1"
    assert about["computed from"] == f"{refused.result.health['rows']} rows"


def test_verify_tells_a_pipeline_the_same(mlgate: Mlgate, refused: GateOutcome) -> None:
    done = mlgate("verify", refused.folder / "evidence.json", "--json")
    assert done.returncode == 10
    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["verdict"], said["service"], said["stage"], said["attempt"]) == ("FAIL", "toy", "local", refused.attempt)
    assert (said["release"], said["configuration"], said["route"], said["first_release"]) == (RELEASE, CONFIGURATION, 1, True)
    assert said["url"].startswith("http://127.0.0.1:")
    assert said["signed_ns"] > 1_700_000_000 * 10**9
    assert said["checks"]["accuracy"] == "FAIL"
    assert said["checks"]["latency-p95"] == "not run"


def test_verify_refuses_evidence_about_another_release_than_the_one_asked_for(mlgate: Mlgate, refused: GateOutcome) -> None:
    assert mlgate("verify", refused.folder, "--release", RELEASE).returncode == 10
    for other in (CONFIGURATION, RELEASE[:20]):
        done = mlgate("verify", refused.folder, "--release", other)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"this is evidence about {RELEASE}, not about {other}" in done.stderr


def test_verify_notices_a_folder_under_another_attempts_name(mlgate: Mlgate, refused: GateOutcome, tmp_path: Path) -> None:
    copied = shutil.copytree(refused.folder, tmp_path / "20990101T000000-cccccccccccc-r1")
    done = mlgate("verify", copied)
    assert done.returncode == 10
    assert f"the folder is called {copied.name}" in done.stdout
    assert "the folder is called" not in mlgate("verify", refused.folder).stdout


@pytest.mark.parametrize("option", [[], ["--trust"]])
def test_report_writes_the_page_anew_by_the_trust_that_is_named_or_the_environments_own(
    mlgate: Mlgate, refused: GateOutcome, environment: Environment, option: list[str], tmp_path: Path
) -> None:
    refused.report.unlink()
    elsewhere = {"MLGATE_HOME": str(tmp_path / "elsewhere")} if option else {}
    done = mlgate("report", refused.folder, *option, *([environment.trust] if option else []), **elsewhere)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{refused.report}\n"
    assert "<h1" in refused.report.read_text(encoding="utf-8")


def test_report_tells_a_pipeline_where_the_page_is(mlgate: Mlgate, refused: GateOutcome) -> None:
    done = mlgate("report", refused.folder / "evidence.json", "--json")
    assert json.loads(done.stdout) == {"report": str(refused.report)}


def swap_the_signature(folder: Path) -> None:
    envelope = json.loads((folder / "evidence.json").read_bytes())
    envelope["signatures"][0]["sig"] = "A" * 86 + "=="
    (folder / "evidence.json").write_text(json.dumps(envelope), encoding="utf-8")


def swap_the_cases_to_look_at(folder: Path) -> None:
    (folder / "look.json").write_text("[]\n", encoding="utf-8")


def swap_the_rows(folder: Path) -> None:
    (folder / "observations.parquet").write_bytes((folder / "observations.parquet").read_bytes() + b"\0")


@pytest.mark.parametrize("verb", ["report", "verify"])
@pytest.mark.parametrize("swap", [swap_the_signature, swap_the_cases_to_look_at, swap_the_rows])
def test_nothing_is_shown_of_evidence_that_does_not_hold(
    mlgate: Mlgate, refused: GateOutcome, swap: Callable[[Path], None], verb: str
) -> None:
    refused.report.unlink()
    swap(refused.folder)
    done = mlgate(verb, refused.folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert not refused.report.exists()


def test_report_shows_nothing_that_a_stranger_signed(mlgate: Mlgate, refused: GateOutcome, tmp_path: Path) -> None:
    stranger = Environment("local", tmp_path / "stranger")
    ensure_local_trust(stranger)
    done = mlgate("report", refused.folder, "--trust", stranger.trust)
    assert done.returncode == 1
    assert "nobody here trusts" in done.stderr


def test_cases_to_look_at_may_be_gone_since_no_verdict_rests_on_them(mlgate: Mlgate, refused: GateOutcome) -> None:
    (refused.folder / "look.json").unlink()
    assert mlgate("verify", refused.folder).returncode == 10
    assert mlgate("report", refused.folder).returncode == 0


def test_a_gate_signs_the_digest_of_the_cases_to_look_at(refused: GateOutcome, signed: Callable[[GateOutcome], dict[str, Any]]) -> None:
    assert signed(refused)["look"] == {"digest": digest_bytes((refused.folder / "look.json").read_bytes())}


def test_a_release_is_not_compared_with_a_stable_of_the_callers_choice(mlgate: Mlgate, folder: Path) -> None:
    done = mlgate("gate", folder / "service.yaml", "--release", RELEASE, "--stable", "http://127.0.0.1:9")
    assert done.returncode == 2
    assert "leave --stable out" in done.stderr
