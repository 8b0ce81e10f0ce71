"""`mlgate gate`, `verify` and `report` as commands: what they print, as text and as JSON, and that they leave with the verdict's code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from mlgate import Environment, Verdict
from mlgate_cli.main import app
from mlgate_delivery import arms
from mlgate_gates.request import Subject

Endpoint = Callable[..., str]
DIGESTS = ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
GATES: dict[Verdict, dict[str, Any]] = {
    Verdict.PASS: {},
    Verdict.FAIL: {"wrong_every": 4},
    Verdict.INCONCLUSIVE: {"fail_every": 25, "sound": 100},  # 4 % behind the contract, where 5 % may fail
    Verdict.VOID: {"digest": DIGESTS[0]},
}
CODES = {Verdict.PASS: 0, Verdict.FAIL: 10, Verdict.INCONCLUSIVE: 11, Verdict.VOID: 12}


@pytest.fixture(params=GATES)
def verdict(request: pytest.FixtureRequest) -> Verdict:
    """How the gate ends."""
    return Verdict(request.param)


@pytest.fixture
def mlgate(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command in the test's own environment."""
    monkeypatch.setenv("MLGATE_HOME", str(environment.home.parent))
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture
def gate(
    mlgate: Callable[..., Result], verdict: Verdict, endpoint: Endpoint, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Gates a release that runs in the environment, as the first, and that answers as `verdict` needs it."""
    url = endpoint(**GATES[verdict])
    subject = Subject(url, DIGESTS[1] if verdict is Verdict.VOID else None)
    monkeypatch.setattr(arms, "arms_of", lambda _environment, _service, _declaration, _release: (subject, None))
    return lambda *more: mlgate("gate", folder / "service.yaml", "--release", DIGESTS[1], *more)


def test_the_commands_leave_with_the_code_of_the_verdict(
    gate: Callable[..., Result], mlgate: Callable[..., Result], verdict: Verdict, environment: Environment
) -> None:
    ran = gate()
    assert ran.exit_code == CODES[verdict]
    assert re.search(rf"^{verdict}: ", ran.stdout, flags=re.M)
    (report,) = re.findall(r"^report: (.+)$", ran.stdout, flags=re.M)
    assert "contract" in ran.stdout
    verified = mlgate("verify", Path(report).parent)
    assert verified.exit_code == CODES[verdict]
    assert verified.stdout.startswith(f"{verdict}: ")
    assert re.search(r"computed from\s+[\d,]+ rows", verified.stdout)
    Path(report).unlink()
    written = mlgate("report", Path(report).parent)
    assert (written.exit_code, written.stdout.strip()) == (0, report)
    assert f"{verdict}" in Path(report).read_text(encoding="utf-8")


def test_as_json_the_commands_print_one_document_and_leave_with_the_same_code(
    gate: Callable[..., Result], mlgate: Callable[..., Result], verdict: Verdict, environment: Environment
) -> None:
    ran = gate("--json")
    assert ran.exit_code == CODES[verdict]
    told = json.loads(ran.stdout)
    assert (told["verdict"], told["folder"]) == (verdict, str(environment.evidence / told["attempt"]))
    assert told["result"]["findings"][0]["name"] == "contract"
    verified = mlgate("verify", Path(told["folder"]) / "evidence.json", "--trust", environment.trust, "--json")
    assert verified.exit_code == CODES[verdict]
    again = json.loads(verified.stdout)
    assert (again["verdict"], again["reason"]) == (verdict, told["result"]["reason"])
    assert again["checks"]["contract"] == told["result"]["findings"][0]["verdict"]
    report = json.loads(mlgate("report", told["folder"], "--json").stdout)["report"]
    assert "<html" in Path(report).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], ["no-worse compares with stable, and no stable endpoint was named", "--stable URL", "--first-release"]),
        (["--stable", "CANDIDATE/"], ["candidate and stable are both http://127.0.0.1:", "give each arm its own address"]),
        (["--stable", "http://127.0.0.1:9", "--first-release"], ["--stable names http://127.0.0.1:9", "give one of them"]),
    ],
    ids=["no stable", "one endpoint", "both options"],
)
def test_what_the_arms_of_a_gate_contradict_is_a_usage_error_before_anything_is_sent(
    mlgate: Callable[..., Result],
    endpoint: Endpoint,
    behaviour: Any,
    folder: Path,
    environment: Environment,
    more: list[str],
    said: list[str],
) -> None:
    url = endpoint(behaviour)
    ran = mlgate("gate", folder / "service.yaml", "--candidate", url, *(each.replace("CANDIDATE", url) for each in more))
    assert ran.exit_code == 2
    assert all(words in ran.output for words in said)
    assert behaviour.requests == 0
    assert not environment.ledger.exists()
