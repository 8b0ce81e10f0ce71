"""`make demo` as a newcomer runs it: with packages and tools there, twice; and in a fresh clone where nothing is but Python and git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.harness import NotRunError, Row, say, without_engine
from benchmarks.main.stand import PROGRAMS, Stand
from benchmarks.main.timeline import Timeline, run_timed
from benchmarks.provenance import DIRTY, PROJECT, commit, files
from mlgate.environment import CACHE_VARIABLE, HOME_VARIABLE

# What a line must match to begin a phase, and the phase. Each is said once where it begins.
MARKS = (
    (r"\[setup\] creating", "virtual environment"),
    (r"\[setup\] installing", "packages"),
    (r"^(pulumi|go): ", "engine"),
    (r"stack \S+: initialising|the last demo is over|going on after release", "setting up"),
    (r"--- release", "training and packing"),
    (r"release \S+ is \S+; bringing it up", "bringing up"),
    (r"attempt \S+: route|going on with attempt", "gating"),
    (r"gate: (PASS|FAIL|INCONCLUSIVE|VOID)", "promoting or refusing"),
    (r"stopping what the demo started", "stopping"),
)
BEFORE = "make"
DEMO = ("setting up", "training and packing", "bringing up", "gating", "promoting or refusing", "stopping")
INSTALLING = ("virtual environment", "packages", "engine")


def measure(stand: Stand) -> list[Row]:
    """Twice in one copy of the working tree, with its `.venv`. The exit code says that the verdicts were the four expected ones."""
    copy = stand.folder_of("demo")
    _copy_project(copy)
    rows: list[Row] = []
    with _nothing_left(copy):
        for run in ("first", "second"):
            timeline = run_timed(["make", "demo"], copy, _environment())
            say(f"demo, {run} run: {timeline.seconds:.0f} s")
            rows += rows_of(f"make demo, {run} run", timeline, 180, DEMO)
    return rows


def measure_bare(stand: Stand) -> list[Row]:
    """In a fresh clone of what is committed, with no cache of ours, pip's or uv's, and no engine on PATH."""
    if commit().endswith(DIRTY):
        raise NotRunError(f"a clone has what is committed, and files differ from {commit()}: commit them")
    folder = stand.folder_of("bare")
    clone = folder / "clone"
    caches = {CACHE_VARIABLE: "tools", "PIP_CACHE_DIR": "pip", "UV_CACHE_DIR": "uv"}
    environment = {**without_engine(_environment()), **{variable: str(folder / "cache" / name) for variable, name in caches.items()}}
    run_timed(["git", "clone", "--quiet", str(PROJECT), str(clone)], folder, environment)
    with _nothing_left(clone):
        timeline = run_timed(["make", "demo", f"PYTHON={sys._base_executable}"], clone, environment)  # type: ignore[attr-defined]
    return rows_of("make demo from a bare machine", timeline, 720, (*INSTALLING, *DEMO))


def rows_of(name: str, timeline: Timeline, goal_s: float, expected: Collection[str]) -> list[Row]:
    """The whole and each phase. Raises NotRunError where one of the `expected` was not seen: its time went to another one."""
    phases = timeline.phases(BEFORE, MARKS)
    if missing := [phase for phase in expected if phase not in phases]:
        raise NotRunError(
            f"{name}: no line began {', '.join(missing)}; what it says has changed, so set MARKS in {Path(__file__).name} right"
        )
    each = [Row(f"{name}: {phase}", seconds, "s") for phase, seconds in phases.items()]
    return [Row(name, timeline.seconds, "s", goal_s, reference="four releases, two promoted, two refused"), *each]


def _copy_project(copy: Path) -> None:
    """Every file with the time it was changed, which says to make that `.venv` has what they ask for.

    Raises NotRunError where it has not: making it so would lead this project's own `.venv` to the copy.
    """
    for name in files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(PROJECT / name, copy / name)
    (copy / ".venv").symlink_to(PROGRAMS.parent)
    asked = subprocess.run(["make", "--question", ".venv/.ready"], cwd=copy, env=_environment(), check=False, capture_output=True)
    if asked.returncode:
        raise NotRunError(f"{PROGRAMS.parent} is not what the project's files ask for: make .venv/.ready")


@contextmanager
def _nothing_left(project: Path) -> Iterator[None]:
    """The demo ends what it starts; one that had to be killed could not."""
    try:
        yield
    finally:
        if (mlgate := project / ".venv" / "bin" / "mlgate").exists():
            subprocess.run([str(mlgate), "down"], cwd=project, env=_environment(), check=True, capture_output=True, text=True)


def _environment() -> dict[str, str]:
    """This process's, without what a project or a virtual environment put into it."""
    kept = {name: value for name, value in os.environ.items() if name not in (HOME_VARIABLE, "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")}
    places = [place for place in kept.get("PATH", os.defpath).split(os.pathsep) if Path(place).resolve() != PROGRAMS.resolve()]
    return {**kept, "PATH": os.pathsep.join(places)}
