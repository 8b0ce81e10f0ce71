"""The parts of the main job's benchmark: what is counted, and what makes their figures void."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.harness import NotRunError, Options, continued
from benchmarks.main import __main__ as main_parts
from benchmarks.main import killed_worker, many_gates, promotion
from benchmarks.main.killed_worker import Kill, failed_by_kill
from benchmarks.main.promotion import rows_of, turn_in_turn
from benchmarks.main.url_load import Seen
from benchmarks.provenance import Origin

SECOND = 10**9
HERE = Origin("0a1b2c3d4e5f", "sha256:one", {"cores": 2}, {"mlgate": "0.1.0"})


def seen(at_s: list[float], failed: list[bool]) -> Seen:
    return Seen(at_ns=(np.array(at_s) * SECOND).astype(np.int64), failed=np.array(failed, np.bool_), latency_ms=np.array([4.0, 6.0]))


@pytest.mark.parametrize(
    ("failed_at_s", "counts"),
    [
        ([], [0, 0, 0]),
        ([10.5, 20.5, 20.6], [1, 2, 0]),
        ([9.0], [1, 0, 0]),  # before the first kill: it is nobody else's
        ([19.5], [0, 1, 0]),  # sent half a second before the second kill
        ([18.0], [1, 0, 0]),
        ([99.0], [0, 0, 1]),  # after the last
    ],
)
def test_every_failure_is_counted_at_the_kill_it_belongs_to(failed_at_s: list[float], counts: list[int]) -> None:
    kills = [Kill(int(at_s * SECOND), 1.0) for at_s in (10, 20, 30)]
    at_s = [*failed_at_s, 10.1, 20.1]
    load = seen(at_s, [True] * len(failed_at_s) + [False, False])
    assert failed_by_kill(load, kills) == counts
    row = killed_worker.rows_of("some load", load, kills)[0]
    assert (row.value, row.spread) == (max(counts), (min(counts), max(counts)))


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Gates that pass at once; their candidates."""
    ran: list[str] = []

    def gate(_stand: Any, candidate: str, _stable: str) -> dict[str, Any]:
        ran.append(candidate)
        return {"verdict": "PASS", "reason": "every check", "requests": 100, "seconds": 1.0}

    monkeypatch.setattr(many_gates, "_gate", gate)
    return ran


class TwoServers:
    """A stand whose servers are their numbers."""

    @contextmanager
    def serving(self, number: int) -> Iterator[str]:
        yield str(number)


def measure_gates(record: Path, number: int, origin: Origin = HERE, *, anew: bool = False) -> str:
    rows = many_gates.measure(TwoServers(), lambda: origin, anew=anew, gates=number, record=record)  # type: ignore[arg-type]
    return rows[0].reference


def test_gates_go_on_with_the_recorded_ones_and_say_what_they_were_run_with(tmp_path: Path, gates: list[str]) -> None:
    record = tmp_path / "results" / "gates.jsonl"
    assert measure_gates(record, 3) == "of 3: 3 PASS"
    with record.open("a") as lines:
        lines.write('{"verdict": "FA')  # killed in the midst of a line
    assert measure_gates(record, 5) == "of 5: 5 PASS"
    assert gates == ["2", "1", "2", "1", "2"]
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    assert len(lines) == 5
    assert {(line["commit"], line["mlgate"], line["origin"]) for line in lines} == {(HERE.commit, "0.1.0", HERE.fingerprint)}


@pytest.mark.parametrize("other", [{"code": "sha256:two", "commit": "5e4d"}, {"versions": {"mlgate": "0.2.0"}}, {"machine": {"cores": 4}}])
def test_gates_of_other_code_versions_or_machines_are_run_anew_and_that_is_said(
    tmp_path: Path, gates: list[str], other: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "gates.jsonl"
    measure_gates(record, 2)
    record.write_text('{"verdict": "PASS", "requests": 9, "seconds": 1.0}\n' + record.read_text())  # of before they said it
    now = replace(HERE, **other)
    measure_gates(record, 3, now)
    assert len(gates) == 5
    assert "3 recorded gates are of other code" in capsys.readouterr().err
    assert {json.loads(line)["origin"] for line in record.read_text().splitlines()} == {now.fingerprint}


def test_gates_that_are_to_be_run_anew_forget_the_recorded_ones(tmp_path: Path, gates: list[str]) -> None:
    record = tmp_path / "gates.jsonl"
    measure_gates(record, 2)
    measure_gates(record, 2, anew=True)
    assert len(gates) == 4


def test_where_the_code_is_unknown_no_recorded_gate_counts(tmp_path: Path) -> None:
    record, unknown = tmp_path / "gates.jsonl", replace(HERE, code="unknown")
    record.write_text(json.dumps({"commit": "unknown", "origin": unknown.fingerprint}) + "\n")
    assert continued(record, unknown, "gates") == []


def test_promotions_and_rollbacks_take_turns_until_there_were_enough_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promotion, "time", SimpleNamespace(sleep=lambda _s: None, perf_counter=iter(range(100)).__next__))
    done: list[str] = []

    def turns(wanted: int) -> dict[str, list[float]]:
        done.clear()
        return turn_in_turn(lambda: done.append("promote"), lambda: done.append("roll back"), lambda: len(done) < wanted)

    assert turns(0) == {"promotion": [1, 1, 1], "rollback": [1, 1, 1]}
    assert done == ["promote", "roll back"] * 3
    turns(7)
    assert done == ["promote", "roll back"] * 4


def test_traffic_that_did_not_move_has_no_figures() -> None:
    load = seen([1.0, 2.0, 3.0], [False, True, False])
    load.served = {"sha256:one": 1, "sha256:two": 1}
    turns = {"promotion": [4.0, 5.0], "rollback": [6.0]}
    failed, sent, _, promoted, _ = rows_of(load, turns, 3)
    assert (failed.value, failed.goal, failed.reference) == (1, 0, "2 promotions and 1 rollbacks at 500/s")
    assert (sent.value, sent.met) == (3, True)
    assert (promoted.name, promoted.value) == ("a promotion", 4.5)
    load.served = {"sha256:one": 2}
    with pytest.raises(NotRunError, match="1 releases answered"):
        rows_of(load, turns, 3)


def test_all_parts_are_measured_by_default_and_only_those_that_take_long_can_be_left_out() -> None:
    parts = main_parts.parts_of(SimpleNamespace(), Options(), lambda: HERE)  # type: ignore[arg-type]
    assert {name for name, part in parts.items() if part.long} == {"gates", "bare-machine"}
    assert [*parts] == ["command", "start-up", "throughput", "killed-worker", "promotion", "demo", "bare-machine", "gates"]
