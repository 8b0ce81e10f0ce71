"""Gates that were killed: what was measured counts, nothing is measured twice, and no kill is a second chance."""

from __future__ import annotations

import errno
import shutil
import signal
import sys
import time
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

import pytest

from mlgate import EndpointError, Environment, EvidenceError, Service, Verdict
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.store import DirectoryStore
from mlgate_evidence.trust import Trust
from mlgate_gates import conclude, run
from mlgate_gates.request import GateOutcome, GateRequest, Subject
from mlgate_gates.run import run_gate
from mlgate_gates.verify import verify_folder
from mlgate_loadtests.recording import read_observations

Gate = Callable[..., GateOutcome]
EndAGate = Callable[..., None]
Endpoint = Callable[..., str]
Routes = Callable[[str], dict[str, int]]


@pytest.mark.parametrize(("phase", "rows"), [("contract", 1), ("quality", 100), ("look", 10), ("load", 50)])
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_gate_goes_on_from_its_rows_on_the_same_route(
    gate: Gate,
    endpoint: Endpoint,
    environment: Environment,
    end_a_gate: EndAGate,
    routes: Routes,
    phase: str,
    rows: int,
    ending: signal.Signals,
) -> None:
    url = endpoint()
    end_a_gate(phase, rows, ending, url)
    ended_ns = time.time_ns()
    outcome = gate(url)
    assert outcome.result.verdict is Verdict.PASS
    assert routes(url) == {outcome.attempt: 1}
    assert verify_folder(outcome.folder, Trust.read(environment.trust)).result.verdict is Verdict.PASS
    kept = [
        scheduled_ns
        for scheduled_ns, check in zip(*_columns(outcome, "scheduled_ns", "check"), strict=True)
        if check.startswith(phase) and scheduled_ns < ended_ns
    ]
    assert len(kept) >= rows


def test_nothing_is_imported_while_a_gate_judges_where_pyarrow_would_lose_a_ctrl_c(
    gate: Gate, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """See `mlgate_loadtests.recording.equals`."""
    url = endpoint()
    gate(url)
    missed: list[str] = []

    class Finder(MetaPathFinder):
        def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
            missed.append(fullname)

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    assert gate(url).result.verdict is Verdict.PASS
    assert missed == []


def test_what_was_answered_wrongly_before_a_kill_counts_after_it(
    gate: Gate, endpoint: Endpoint, behaviour: Any, end_a_gate: EndAGate, routes: Routes
) -> None:
    behaviour.wrong_every = 2
    url = endpoint(behaviour)
    end_a_gate("quality", 150, signal.SIGKILL, url)
    behaviour.wrong_every = 0
    outcome = gate(url)
    assert (outcome.result.verdict, outcome.result.decided_by) == (Verdict.FAIL, "accuracy")
    assert routes(url) == {outcome.attempt: 1}


def test_a_case_that_was_answered_before_a_kill_is_not_asked_again(gate: Gate, endpoint: Endpoint, end_a_gate: EndAGate) -> None:
    url = endpoint()
    end_a_gate("quality", 150, signal.SIGINT, url)
    checks, cases = _columns(gate(url), "check", "case_id")
    asked = [case for check, case in zip(checks, cases, strict=True) if check.startswith("quality")]
    assert len(asked) == len(set(asked)) == 300


@pytest.mark.parametrize(("now", "goes_on"), [("process 1", True), ("process 2", False)])
def test_a_killed_gate_goes_on_where_the_server_that_it_measured_still_runs(
    service: Service,
    environment: Environment,
    endpoint: Endpoint,
    end_a_gate: EndAGate,
    registry: Any,
    routes: Routes,
    now: str,
    goes_on: bool,
) -> None:
    """Where it does not, nobody saw on what the last rows before the kill were measured."""
    url = endpoint()
    end_a_gate("quality", 50, signal.SIGKILL, url, "process 1")
    registry.name = now
    outcome = run_gate(GateRequest(service, environment, registry.arm(url), first_release=True), print)
    assert outcome.result.verdict is Verdict.PASS
    assert routes(url)[outcome.attempt] == (1 if goes_on else 2)


def test_an_attempt_whose_rows_are_gone_is_no_second_chance_on_the_same_route(
    gate: Gate, endpoint: Endpoint, environment: Environment, end_a_gate: EndAGate, routes: Routes
) -> None:
    url = endpoint()
    end_a_gate("quality", 50, signal.SIGKILL, url)
    shutil.rmtree(environment.evidence)
    outcome = gate(url)
    assert routes(url)[outcome.attempt] == 2


class Killed(BaseException):
    """The end of a process, as far as what it leaves behind goes."""


# After its verdict is recorded an attempt is over, and the same command begins another one.
@pytest.mark.parametrize(
    ("moment", "place", "step"),
    [
        ("before", conclude, "write_observations"),
        ("after", conclude, "write_observations"),
        ("before", DirectoryStore, "put"),
        ("after", DirectoryStore, "put"),
        ("after", conclude, "build_report"),
        ("before", Ledger, "record_verdict"),
    ],
)
def test_a_gate_killed_around_a_closing_step_has_one_verdict_one_evidence_and_a_report(
    gate: Gate,
    endpoint: Endpoint,
    behaviour: Any,
    environment: Environment,
    monkeypatch: pytest.MonkeyPatch,
    routes: Routes,
    moment: str,
    place: Any,
    step: str,
) -> None:
    take = getattr(place, step)

    def killed(*given: Any, **named: Any) -> None:
        if moment == "after":
            take(*given, **named)
        raise Killed

    url = endpoint(behaviour)
    monkeypatch.setattr(place, step, killed)
    with pytest.raises(Killed):
        gate(url)
    monkeypatch.undo()
    signed = {path: path.read_bytes() for path in environment.evidence.glob("*/evidence.json")}
    asked = behaviour.requests
    outcome = gate(url)
    assert outcome.result.verdict is Verdict.PASS
    assert outcome.report.is_file()
    assert routes(url) == {outcome.attempt: 1}
    assert [line.entry.kind for line in Ledger.of(environment).history().lines] == ["attempt", "verdict"]
    if signed:
        assert signed == {outcome.folder / "evidence.json": (outcome.folder / "evidence.json").read_bytes()}
        assert behaviour.requests == asked  # what was signed is not measured again, and not even looked for
    assert verify_folder(outcome.folder, Trust.read(environment.trust)).result.verdict is Verdict.PASS
    assert not list(outcome.folder.glob("rows-*"))


def test_a_report_that_cannot_be_made_keeps_no_verdict_back(
    gate: Gate, endpoint: Endpoint, environment: Environment, monkeypatch: pytest.MonkeyPatch, routes: Routes
) -> None:
    """A FAIL that was signed and stood in no ledger would leave an older PASS in force."""
    url = endpoint(wrong_every=2)

    def broken(folder: Path) -> None:
        raise ValueError("no such colour")

    monkeypatch.setattr(conclude, "build_report", broken)
    with pytest.raises(ValueError, match="no such colour"):
        gate(url)
    (attempt,) = routes(url)
    given = Ledger.of(environment).history().verdict(attempt)
    assert given is not None
    assert given.verdict is Verdict.FAIL
    assert not list((environment.evidence / attempt).glob("rows-*"))


def test_what_was_signed_is_recorded_though_its_endpoint_is_gone_and_the_declaration_another_one(
    gate: Gate, endpoint: Endpoint, environment: Environment, folder: Path, monkeypatch: pytest.MonkeyPatch, routes: Routes
) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    def gone(*_: Any) -> None:
        raise EndpointError("cannot be reached")

    def verdicts() -> list[Verdict | None]:
        history = Ledger.of(environment).history()
        return [given.verdict if (given := history.verdict(attempt)) else None for attempt in routes(url)]

    url = endpoint(wrong_every=2)
    for changed in (False, True):
        with monkeypatch.context() as patched:
            patched.setattr(Ledger, "record_verdict", killed)
            with pytest.raises(Killed):
                gate(url)
        with monkeypatch.context() as patched:
            patched.setattr(run, "_probe", gone)
            if changed:  # what was declared since has to be measured, and cannot be
                declared = (folder / "service.yaml").read_text(encoding="utf-8").replace("at_least: 0.9,", "at_least: 0.8,")
                (folder / "service.yaml").write_text(declared, encoding="utf-8")
                with pytest.raises(EndpointError, match="cannot be reached"):
                    gate(url, service=Service.read(folder / "service.yaml"))
            else:
                assert gate(url).result.verdict is Verdict.FAIL
    assert verdicts() == [Verdict.FAIL, Verdict.FAIL]


@pytest.mark.parametrize("step", ["same_servers", "conclude"])
def test_a_full_disk_is_named_and_the_attempt_goes_on_when_there_is_room(
    gate: Gate, endpoint: Endpoint, environment: Environment, monkeypatch: pytest.MonkeyPatch, routes: Routes, step: str
) -> None:
    url = endpoint()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "some-file")

    monkeypatch.setattr(run, step, full)
    with pytest.raises(EvidenceError, match="the attempt cannot be written: No space left on device") as caught:
        gate(url)
    assert caught.value.where == "some-file"
    assert "run the same command again" in caught.value.remedy
    monkeypatch.undo()
    outcome = gate(url)
    assert routes(url) == {outcome.attempt: 1}


def test_a_reader_of_the_progress_who_left_is_not_the_disks_doing(gate: Gate, endpoint: Endpoint) -> None:
    def closed(line: str) -> None:
        if line.startswith("contract"):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(BrokenPipeError):
        gate(endpoint(), progress=closed)


def test_an_attempt_whose_evidence_is_gone_was_not_judged_before(
    gate: Gate, endpoint: Endpoint, environment: Environment, service: Service
) -> None:
    url = endpoint(wrong_every=2)
    assert run.judged_before(environment, service, Subject(url)) is None
    outcome = gate(url)
    assert run.judged_before(environment, service, Subject(url)) == outcome
    shutil.rmtree(outcome.folder)
    assert run.judged_before(environment, service, Subject(url)) is None
    with pytest.raises(EvidenceError, match="no such file"):
        conclude.finished(outcome.folder, outcome.attempt)


def _columns(outcome: GateOutcome, *names: str) -> list[list[Any]]:
    table = read_observations(outcome.folder / "observations.parquet")
    return [table[name].to_pylist() for name in names]
