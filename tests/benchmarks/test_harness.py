"""Results grow part by part, and each part says what it was measured with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness import Benchmark, NotRunError, Options, Part, Row, median_row, read_options
from benchmarks.provenance import UNKNOWN, Origin

HERE = Origin("0a1b2c3d4e5f", "sha256:one", {"cores": 2}, {"torch": "2.9"})
LATER = replace(HERE, commit="5e4d3c2b1a0f", code="sha256:two", versions={"torch": "2.10"})


@pytest.fixture(autouse=True)
def _signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark takes SIGTERM for itself; this process keeps its own way."""
    monkeypatch.setattr("benchmarks.harness.signal.signal", lambda *_: None)


class Bench:
    """A benchmark of the test's own: `measured` counts what was measured; each figure is the number of that measurement."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.measured: list[str] = []

    def part(self, name: str, *, long: bool = False) -> Part:
        def measure() -> list[Row]:
            self.measured.append(name)
            return [Row(f"{name} time", len(self.measured), "s", 10)]

        return Part(measure, long)

    def run(self, parts: dict[str, Part], origin: Origin = HERE, options: Options | None = None) -> int:
        return Benchmark("toy", options or Options(), lambda: origin, self.path).run(parts)

    @property
    def written(self) -> dict[str, Any]:
        parts: dict[str, Any] = json.loads(self.path.read_text())["parts"]
        return parts


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "results" / "toy.json")


def failing(error: BaseException) -> Part:
    def measure() -> list[Row]:
        raise error

    return Part(measure)


@pytest.mark.parametrize(
    ("value", "goal", "better", "met"),
    [
        (1.0, 1.0, "lower", True),
        (1.1, 1.0, "lower", False),
        (0, 0, "lower", True),
        (3.0, 3.0, "higher", True),
        (2.9, 3.0, "higher", False),
        (5.0, None, "lower", None),
    ],
)
def test_a_goal_is_met_on_its_own_side(value: float, goal: float | None, better: str, met: bool | None) -> None:
    assert Row("it", value, "s", goal, better).met is met


def test_repetitions_give_their_median_and_range() -> None:
    row = median_row("it", [3.0, 1.0, 9.0], "s", goal=2)
    assert (row.value, row.spread, row.met) == (3.0, (1.0, 9.0), False)


def test_each_part_is_written_with_what_it_was_measured_with(bench: Bench) -> None:
    assert bench.run({"one": bench.part("one")}) == 0
    assert bench.run({"one": bench.part("one"), "two": bench.part("two")}, LATER) == 0
    one, two = bench.written["one"], bench.written["two"]
    for part, origin in ((one, HERE), (two, LATER)):
        assert Origin.of(part) == origin
        assert part["rows"][0]["met"] is True
        assert set(part["load_1min"]) == {"before", "after"}
        assert part["date"].endswith("+00:00")
    assert two["command"] == 'make bench-toy BENCH_ARGS="--again two"'


def test_what_is_there_is_kept_and_where_it_was_measured_otherwise_that_is_said(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    parts = {"one": bench.part("one"), "two": bench.part("two")}
    bench.run({"one": parts["one"]})
    bench.run(parts)
    assert bench.measured == ["one", "two"]
    said = capsys.readouterr()
    assert "OTHERWISE" not in said.out
    assert "one: kept" in said.err
    assert bench.written["one"]["differs_from_last_run"] == []

    bench.run(parts, LATER)
    assert bench.measured == ["one", "two"]
    said = capsys.readouterr()
    differs = ["commit 0a1b2c3d4e5f, now 5e4d3c2b1a0f", "torch 2.9, now 2.10"]
    assert f"MEASURED OTHERWISE: {'; '.join(differs)}" in said.out
    assert "; ".join(differs) in said.err
    assert bench.written["one"]["differs_from_last_run"] == differs


def test_again_measures_all_parts_anew_or_those_that_are_named(bench: Bench) -> None:
    parts = {"one": bench.part("one"), "two": bench.part("two")}
    bench.run(parts)
    bench.run(parts, LATER, read_options("", [*parts], ["--again", "two"]))
    assert bench.measured == ["one", "two", "two"]
    assert Origin.of(bench.written["one"]) == HERE
    assert Origin.of(bench.written["two"]) == LATER
    bench.run(parts, LATER, read_options("", [*parts], ["--again", "one"]))
    assert [*bench.written] == ["one", "two"]
    bench.run(parts, LATER, read_options("", [*parts], ["--again"]))
    assert bench.measured == ["one", "two", "two", "one", "one", "two"]


def test_what_was_to_be_measured_anew_and_was_interrupted_is_not_taken_for_done(bench: Bench) -> None:
    parts = {"one": bench.part("one"), "two": bench.part("two")}
    bench.run(parts)
    again = Options(again=frozenset({"two"}))
    with pytest.raises(ZeroDivisionError):  # ended where nothing more can be written, as kill -9 does
        bench.run({"one": bench.part("one"), "two": failing(ZeroDivisionError())}, options=again)
    assert set(bench.written) == {"one"}
    assert bench.run({"one": bench.part("one"), "two": failing(KeyboardInterrupt())}, options=again) == 130
    assert set(bench.written) == {"one"}
    bench.run(parts)
    assert bench.measured == ["one", "two", "two"]


def test_a_part_without_figures_is_named_and_the_others_are_measured(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.run({"bad": failing(NotRunError("no wrk here")), "good": bench.part("good")}) == 1
    assert set(bench.written) == {"good"}
    said = capsys.readouterr().out
    assert "not run: bad: no wrk here" in said
    assert "1 of 1 goals met" in said


def test_short_leaves_out_what_takes_long_and_keeps_what_is_known_of_it(bench: Bench) -> None:
    parts = {"quick": bench.part("quick"), "long": bench.part("long", long=True)}
    short = read_options("", [*parts], ["--short", "--again"])
    bench.run(parts, options=short)
    assert bench.measured == ["quick"]
    bench.run(parts)
    bench.run(parts, options=short)
    assert bench.measured == ["quick", "long", "quick"]
    assert set(bench.written) == {"quick", "long"}


def test_a_part_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        read_options("", ["one", "two"], ["--again", "three"])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ("one", "two", "three"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda origin: origin, []),
        (lambda origin: replace(origin, commit="another"), []),  # with the same files: it has other results
        (lambda origin: replace(origin, code="other"), ["commit 0a1b2c3d4e5f, now 0a1b2c3d4e5f with other changes"]),
        (lambda origin: replace(origin, machine={"cores": 4}), ["cores 2, now 4"]),
        (lambda origin: replace(origin, versions={"torch": "2.9", "scipy": "1"}), ["scipy unknown, now 1"]),
    ],
)
def test_two_origins_are_compared_by_files_machine_and_versions(change: Callable[[Origin], Origin], said: list[str]) -> None:
    now = change(HERE)
    assert HERE.differences(now) == said
    assert (HERE.fingerprint == now.fingerprint) == (not said)


def test_code_that_nobody_can_name_is_like_no_other() -> None:
    unknown = replace(HERE, commit=UNKNOWN, code=UNKNOWN)
    assert unknown.differences(unknown)
    assert unknown.fingerprint == ""
