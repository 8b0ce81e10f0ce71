"""Live gates and the load generator's own account of them: what was sent, by which clock, and what became of it after an interruption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate import DeclarationError, Environment, Service, Verdict
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.trust import Trust
from mlgate_gates.request import GateOutcome
from mlgate_gates.verify import verify_folder
from mlgate_loadtests.recording import read_observations

Endpoint = Callable[..., str]
Gate = Callable[..., GateOutcome]
Signed = Callable[[GateOutcome], dict[str, Any]]


def test_what_the_generator_sent_is_signed_and_every_request_has_its_row(gate: Gate, endpoint: Endpoint, signed: Signed) -> None:
    outcome = gate(endpoint())
    runs = signed(outcome)["generator"]["runs"]
    rows = read_observations(outcome.folder / "observations.parquet")
    assert [run["run"] for run in runs] == [0, 1, 2, 3], "contract, hold-out, cases to look at, load"
    assert Counter(rows["run"].to_pylist()) == {run["run"]: run["sent"] for run in runs}
    assert {run["clock_stepped_ns"] for run in runs} == {0}
    load = outcome.result.finding("latency-p95")
    assert load.requests / (load.numbers["watched_ns"] / 1e9) == pytest.approx(200, rel=0.2), "the declared rate, by schedule"


_CLOCK_IS_SET = """
import time
true_ns, asked = time.time_ns, []
def time_ns():
    asked.append(None)
    return true_ns() + (10_000_000_000 if len(asked) > 100 else 0)
time.time_ns = time_ns
"""


def test_a_wall_clock_that_jumps_under_the_requests_voids_the_gate_and_nothing_more_is_sent(
    gate: Gate, endpoint: Endpoint, environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(_CLOCK_IS_SET, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "clock"))
    outcome = gate(endpoint())
    assert outcome.result.verdict is Verdict.VOID
    assert "clock stepped: the wall clock jumped by 10 s against the monotonic one during run 1" in outcome.result.reason
    checks = read_observations(outcome.folder / "observations.parquet")["check"].to_pylist()
    assert set(checks) == {"contract", "quality:holdout"}
    assert verify_folder(outcome.folder, Trust.read(environment.trust)).result.verdict is Verdict.VOID


def test_an_answer_lost_in_an_interruption_is_asked_again_and_its_loss_stays_on_record(
    gate: Gate, endpoint: Endpoint, environment: Environment, signed: Signed
) -> None:
    url = endpoint()

    def interrupt(line: str) -> None:
        if line.startswith("load"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gate(url, progress=interrupt)
    (journal,) = environment.evidence.glob("*/rows-1.arrow")
    journal.write_bytes(journal.read_bytes()[:-7])  # as a kill in the midst of writing leaves it
    outcome = gate(url)
    assert outcome.result.verdict is Verdict.PASS
    rows = read_observations(outcome.folder / "observations.parquet").to_pylist()
    hold_out = [row for row in rows if row["check"] == "quality:holdout"]
    lost = {row["case_id"] for row in hold_out if (row["error"] or "").startswith("lost")}
    answered = Counter(row["case_id"] for row in hold_out if not (row["error"] or "").startswith("lost"))
    assert lost
    assert outcome.result.health["lost"] == len(lost)
    assert set(answered.values()) == {1}
    assert len(answered) == 300
    predicate = signed(outcome)
    assert predicate["started_ns"] < predicate["resumed_ns"] < predicate["finished_ns"]
    assert verify_folder(outcome.folder, Trust.read(environment.trust)).result.verdict is Verdict.PASS


def test_a_gate_that_was_not_interrupted_was_not_resumed(gate: Gate, endpoint: Endpoint, signed: Signed) -> None:
    assert "resumed_ns" not in signed(gate(endpoint(bad_rows_status=200)))


def test_a_service_that_declares_no_quality_is_gated_by_its_objectives(
    gate: Gate, endpoint: Endpoint, environment: Environment, folder: Path
) -> None:
    text = (folder / "service.yaml").read_text(encoding="utf-8")
    (folder / "service.yaml").write_text(text[: text.index("quality:")] + text[text.index("alpha:") :], encoding="utf-8")
    outcome = gate(endpoint(), service=Service.read(folder / "service.yaml"))
    assert {finding.name: finding.verdict for finding in outcome.result.findings} == dict.fromkeys(
        ["contract", "latency-p95", "error-rate"], Verdict.PASS
    )
    assert verify_folder(outcome.folder, Trust.read(environment.trust)).result.verdict is Verdict.PASS
    assert outcome.report.is_file()


def test_cases_to_look_at_that_are_copies_of_the_hold_out_are_refused_before_anything_counts_as_an_attempt(
    gate: Gate, endpoint: Endpoint, environment: Environment, folder: Path
) -> None:
    (folder / "look.parquet").write_bytes((folder / "holdout.parquet").read_bytes())
    with pytest.raises(DeclarationError, match=r"look_at look.parquet: 300 of its 300 cases have the inputs of cases that gate"):
        gate(endpoint())
    assert Ledger.of(environment).history().lines == []
