"""What `make demo` says is cut into phases by its own lines: a recording of it shows when the two no longer fit."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.harness import NotRunError, without_engine
from benchmarks.main import demo
from benchmarks.main.demo import BEFORE, DEMO, INSTALLING, MARKS, rows_of
from benchmarks.main.timeline import Timeline, run_timed
from mlgate.errors import ProcessError

# Seconds and text of each line that a newcomer sees where nothing is there yet; most lines about packages are left out.
RECORDED = Path(__file__).with_name("make-demo.txt")


@pytest.fixture(scope="module")
def recorded() -> Timeline:
    """The recording."""
    pairs = (line.partition(" ") for line in RECORDED.read_text(encoding="utf-8").splitlines())
    lines = tuple((float(at_s), text) for at_s, _, text in pairs)
    return Timeline(lines, lines[-1][0])


def without(timeline: Timeline, text: str) -> Timeline:
    """The same, had those lines never been said."""
    return Timeline(tuple(line for line in timeline.lines if text not in line[1]), timeline.seconds)


def test_a_run_from_a_bare_machine_has_each_of_its_phases_in_order(recorded: Timeline) -> None:
    phases = recorded.phases(BEFORE, MARKS)
    assert [*phases] == [BEFORE, *INSTALLING, *DEMO]
    assert sum(phases.values()) == pytest.approx(recorded.seconds)
    assert all(seconds > 0 for seconds in phases.values())


def at(recorded: Timeline, text: str) -> float:
    """When the first line with that text came."""
    return next(at_s for at_s, line in recorded.lines if text in line)


def test_each_second_of_the_recording_belongs_to_what_was_done_then(recorded: Timeline) -> None:
    phases = recorded.phases(BEFORE, MARKS)
    begun, first = at(recorded, "stack local: initialising"), at(recorded, "--- release 1")
    assert phases["virtual environment"] == pytest.approx(at(recorded, "[setup] installing") - at(recorded, "[setup] creating"))
    assert phases["packages"] == pytest.approx(at(recorded, "pulumi: ") - at(recorded, "[setup] installing"))
    assert phases["setting up"] == pytest.approx(first - begun)
    trained = [at(recorded, f"release {number} is ") - at(recorded, f"--- release {number}") for number in (1, 2, 3, 4)]
    assert phases["training and packing"] == pytest.approx(sum(trained))
    assert phases["stopping"] == pytest.approx(recorded.seconds - at(recorded, "stopping what the demo started"))


@pytest.mark.parametrize(
    ("said", "phase"),
    [
        ("[setup] installing", "packages"),
        ("--- release", "training and packing"),
        ("bringing it up", "bringing up"),
        ("attempt ", "gating"),
        ("gate: ", "promoting or refusing"),
        ("stopping what the demo started", "stopping"),
    ],
)
def test_a_run_whose_lines_begin_no_such_phase_has_no_figures(recorded: Timeline, said: str, phase: str) -> None:
    assert {row.name for row in rows_of("demo", recorded, 720, (*INSTALLING, *DEMO))} >= {"demo", f"demo: {phase}"}
    with pytest.raises(NotRunError, match=f"no line began {phase}"):
        rows_of("demo", without(recorded, said), 720, (*INSTALLING, *DEMO))


def test_a_run_with_everything_there_is_asked_for_no_installing(recorded: Timeline) -> None:
    second = [
        ("[   0.0 s] the last demo is over: starting anew, with a new ledger" if "initialising" in text else text)
        for _, text in recorded.lines
    ]
    lines = [(number * 1.0, text) for number, text in enumerate(second) if not text.startswith(("[setup]", "pulumi: ", "go: ", " + "))]
    whole, *phases = rows_of("demo, second run", Timeline(tuple(lines), 500.0), 180, DEMO)
    assert (whole.value, whole.met) == (500.0, False)
    assert [row.name.split(": ")[1] for row in phases] == [BEFORE, *DEMO]


def test_a_phase_that_comes_again_adds_up() -> None:
    timeline = Timeline(((1.0, "begin a"), (3.0, "begin b"), (6.0, "begin a"), (10.0, "nothing")), 15.0)
    assert timeline.phases("before", [("begin a", "a"), ("begin b", "b")]) == {"before": 1.0, "a": 2.0 + 9.0, "b": 3.0}


def test_a_command_is_timed_line_by_line(tmp_path: Path) -> None:
    timeline = run_timed([sys.executable, "-c", "import sys; print('one'); sys.stderr.write('two\\n')"], tmp_path, os.environ)
    assert sorted(text for _, text in timeline.lines) == ["one", "two"]
    assert 0 < timeline.lines[0][0] <= timeline.seconds


def test_a_command_that_fails_says_how_it_ended(tmp_path: Path) -> None:
    with pytest.raises(ProcessError, match="exit status 3") as failed:
        run_timed([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], tmp_path, os.environ)
    assert "the reason" in str(failed.value)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with packages that fit its files, in the place of this one."""
    folder = tmp_path / "project"
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / "requirements").mkdir()
    (folder / "requirements" / "dev.txt").write_text("numpy")
    (folder / "Makefile").write_text(".venv/.ready: requirements/dev.txt\n\ttouch $@\n")
    (folder / ".venv" / ".ready").touch()
    for path in (folder / "requirements" / "dev.txt", folder / "Makefile"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    monkeypatch.setattr(demo, "PROJECT", folder)
    monkeypatch.setattr(demo, "PROGRAMS", folder / ".venv" / "bin")
    monkeypatch.setattr(demo, "files", lambda: ["Makefile", "requirements/dev.txt"])
    return folder


@pytest.fixture
def stand(tmp_path: Path) -> Any:
    """A stand that gives folders."""

    def folder_of(purpose: str) -> Path:
        folder = tmp_path / purpose
        folder.mkdir()
        return folder

    return SimpleNamespace(folder_of=folder_of)


@pytest.fixture
def commands(recorded: Timeline, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path]]:
    """The commands that were timed, each of which says what was recorded."""
    ran: list[tuple[list[str], Path]] = []

    def run(command: list[str], folder: Path, _environ: Any) -> Timeline:
        ran.append((command, folder))
        return recorded

    monkeypatch.setattr(demo, "run_timed", run)
    return ran


@pytest.mark.usefixtures("project")
def test_the_demo_is_made_twice_in_one_copy_of_the_project(stand: Any, commands: list[tuple[list[str], Path]], tmp_path: Path) -> None:
    names = [row.name for row in demo.measure(stand) if ":" not in row.name]
    assert names == ["make demo, first run", "make demo, second run"]
    assert commands == [(["make", "demo"], tmp_path / "demo")] * 2
    assert (tmp_path / "demo" / "requirements" / "dev.txt").read_text() == "numpy"
    assert (tmp_path / "demo" / ".venv").resolve() == tmp_path / "project" / ".venv"


def test_the_demo_is_not_made_where_make_would_lead_the_projects_packages_to_the_copy(
    stand: Any, commands: list[tuple[list[str], Path]], project: Path
) -> None:
    (project / ".venv" / ".ready").unlink()
    with pytest.raises(NotRunError, match=r"make \.venv/\.ready"):
        demo.measure(stand)
    assert not commands


def test_a_clone_is_not_measured_where_files_differ_from_what_is_committed(
    stand: Any, commands: list[tuple[list[str], Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "commit", lambda: "0a1b2c3d4e5f-dirty")
    with pytest.raises(NotRunError, match="0a1b2c3d4e5f-dirty: commit them"):
        demo.measure_bare(stand)
    monkeypatch.setattr(demo, "commit", lambda: "0a1b2c3d4e5f")
    assert demo.measure_bare(stand)[0].goal == 720
    assert [command[:2] for command, _ in commands] == [["git", "clone"], ["make", "demo"]]


def test_an_engine_on_path_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "with").mkdir()
    (tmp_path / "with" / "pulumi").touch()
    places = os.pathsep.join([str(tmp_path / "with"), str(tmp_path)])
    assert without_engine({"PATH": places, "HOME": "/"}) == {"PATH": str(tmp_path), "HOME": "/"}
