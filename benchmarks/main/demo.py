"""The demo as a newcomer runs it: with tools cached, twice; and from a fresh clone on a machine that has nothing but Python and git."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import Row, say
from stand import MLGATE, PROGRAMS, PROJECT, Stand
from timeline import Timeline, run_timed

from mlgate.environment import CACHE_VARIABLE, HOME_VARIABLE
from mlgate_serving.supervisor import Supervisor

_SET_UP = "setting up"
_MARKS = (
    (r"--- release", "training and packing"),
    (r"release \S+ is \S+; bringing it up", "bringing up"),
    (r"attempt \S+: route|going on with attempt", "gating"),
    (r"gate: (PASS|FAIL|INCONCLUSIVE|VOID)", "promoting or refusing"),
    (r"stopping what the demo started", "stopping"),
)
_BARE_MARKS = (
    (r"\[setup\] creating", "virtual environment"),
    (r"\[setup\] installing", "packages"),
    (r"^(pulumi|go): ", "engine"),
    *_MARKS,
    (r"^\[ +0\.\d s\] ", _SET_UP),  # the demo's own first lines
)


def measure(stand: Stand) -> list[Row]:
    """`mlgate demo` twice in one folder. Its exit code says that the verdicts were the four expected ones."""
    folder = stand.folder_of("demo")
    for name in ("examples", "stacks"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("data", "__pycache__", "Pulumi.*.yaml"))
    shutil.copyfile(PROJECT / "Pulumi.yaml", folder / "Pulumi.yaml")
    rows: list[Row] = []
    with _nothing_left(folder):
        for run in ("first", "second"):
            timeline = run_timed([str(MLGATE), "demo"], folder, _environment())
            say(f"demo, {run} run: {timeline.seconds:.0f} s")
            rows += _rows(f"demo, {run} run", timeline, 180, timeline.phases(_SET_UP, _MARKS))
    return rows


def measure_bare(stand: Stand) -> list[Row]:
    """`make demo` in a fresh clone of what is committed, with no cache of ours, pip's or uv's, and no engine on PATH."""
    folder = stand.folder_of("bare")
    clone = folder / "clone"
    caches = {CACHE_VARIABLE: "tools", "PIP_CACHE_DIR": "pip", "UV_CACHE_DIR": "uv"}
    environment = {**_environment(), **{variable: str(folder / "cache" / name) for variable, name in caches.items()}}
    environment["PATH"] = os.pathsep.join(place for place in environment["PATH"].split(os.pathsep) if not _has_engine(Path(place)))
    run_timed(["git", "clone", "--quiet", str(PROJECT), str(clone)], folder, environment)
    with _nothing_left(clone):
        timeline = run_timed(["make", "demo", f"PYTHON={sys._base_executable}"], clone, environment)  # type: ignore[attr-defined]
    return _rows("demo from a bare machine", timeline, 720, timeline.phases("make", _BARE_MARKS))


def _rows(name: str, timeline: Timeline, goal_s: float, phases: dict[str, float]) -> list[Row]:
    each = [Row(f"{name}: {phase}", seconds, "s") for phase, seconds in phases.items()]
    return [Row(name, timeline.seconds, "s", goal_s, reference="four releases, two promoted, two refused"), *each]


@contextmanager
def _nothing_left(project: Path) -> Iterator[None]:
    """The demo ends what it starts; one that had to be killed could not."""
    try:
        yield
    finally:
        supervisor = Supervisor(project / ".mlgate" / "demo" / "local" / "processes")
        for process in supervisor.list():
            supervisor.stop(process.spec.name)
        supervisor.reap()


def _environment() -> dict[str, str]:
    """This process's, without what a project or a virtual environment put into it."""
    kept = {name: value for name, value in os.environ.items() if name not in (HOME_VARIABLE, "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL")}
    places = [place for place in kept.get("PATH", os.defpath).split(os.pathsep) if Path(place).resolve() != PROGRAMS.resolve()]
    return {**kept, "PATH": os.pathsep.join(places)}


def _has_engine(place: Path) -> bool:
    return (place / "pulumi").exists()
