"""What every benchmark shares: rows with goals, a results file that grows part by part, a table at the end.

A benchmark that is run again keeps what it has and measures what is missing, so a long one survives an interruption. Each part stands with
the commit, machine, versions and load that it was measured with; one that is kept from others is kept, and said.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.provenance import RESULTS, UNKNOWN, Origin, load
from mlgate.errors import MlgateError

INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `goal` is None where it is for information; `met` follows from `value`, `goal` and `better`.

    `spread`: the least and the largest of the repetitions, where there were any.
    """

    name: str
    value: float
    unit: str
    goal: float | None = None
    better: str = "lower"
    reference: str = ""
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.better == "lower" else self.value >= self.goal


class NotRunError(Exception):
    """A part that has no figures, and why: it cannot be measured on this machine, or what was measured was not what it should be."""


def median_row(
    name: str, values: Sequence[float], unit: str, *, goal: float | None = None, better: str = "lower", reference: str = ""
) -> Row:
    """The median of repetitions, with their range as the spread. Raises StatisticsError where there are none."""
    return Row(name, median(values), unit, goal, better, reference, (min(values), max(values)))


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a benchmark. `long`: it takes many minutes, and `--short` leaves it out."""

    measure: Callable[[], list[Row]]
    long: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """`again`: the parts whose figures are forgotten and measured anew. `short`: without the long ones."""

    again: frozenset[str] = frozenset()
    short: bool = False


def read_options(description: str, parts: Sequence[str], arguments: Sequence[str] | None = None) -> Options:
    """What the command line asks for. Leaves with 2 where that names a part that there is not."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--short", action="store_true", help="leave out the parts that take long")
    parser.add_argument(
        "--again", nargs="*", choices=parts, metavar="PART", help=f"measure anew: all parts, or these of {', '.join(parts)}"
    )
    given = parser.parse_args(arguments)
    again = () if given.again is None else given.again or parts
    return Options(frozenset(again), given.short)


class Benchmark:
    """One named benchmark: measures what is not in the results file yet, and writes it after every part.

    `origin` says what is measured now. `path` is the results file.
    """

    def __init__(self, name: str, options: Options, origin: Callable[[], Origin], path: Path | None = None) -> None:
        self.name = name
        self.options = options
        self.origin = origin
        self.path = path or RESULTS / f"{name}.json"
        self.parts: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.missed: list[str] = []
        if self.path.is_file():
            self.parts = json.loads(self.path.read_text(encoding="utf-8"))["parts"]

    def run(self, parts: Mapping[str, Part]) -> int:
        """Measure what is missing; then the table. The exit code: 1 where a part has no figures, 130 where it was interrupted.

        A part that fails is named with its reason; the others are measured all the same.
        """
        self.order = [*parts]
        chosen = {name: part for name, part in parts.items() if not (part.long and self.options.short)}
        forgotten = self.options.again & chosen.keys() & self.parts.keys()
        self.parts = {name: part for name, part in self.parts.items() if name not in forgotten}
        if forgotten:
            self._write()  # or what is interrupted now would be taken for done the next time
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        status = 0
        try:
            for name, part in chosen.items():
                self._try(name, part.measure)
        except KeyboardInterrupt:
            say("interrupted; the same command, without --again, goes on from here")
            status = INTERRUPTED
        if self.parts:
            self._write()
        for line in (*(f"not run: {line}" for line in self.missed), *table(self.parts)):
            print(line)
        return status or (1 if self.missed else 0)

    def _try(self, name: str, measure: Callable[[], list[Row]]) -> None:
        try:
            self._part(name, measure)
        except (NotRunError, MlgateError) as error:
            self.missed.append(f"{name}: {error}")
        except subprocess.CalledProcessError as error:
            self.missed.append(f"{name}: {error}\n{error.stdout or ''}{error.stderr or ''}")
        else:
            return
        say(self.missed[-1])

    def _part(self, name: str, measure: Callable[[], list[Row]]) -> None:
        now = self.origin()
        if kept := self.parts.get(name):
            differs = Origin.of(kept).differences(now)
            said = f", measured otherwise ({'; '.join(differs)})" if differs else ""
            say(f"{name}: kept from {kept['date']}{said}; --again {name} measures anew")
            return
        say(f"{name}: measuring")
        date, before, begin = datetime.now(UTC), load(), time.monotonic()
        rows = [{**asdict(row), "met": row.met} for row in measure()]
        taken = time.monotonic() - begin
        self.parts[name] = {
            **now.to_dict(),
            "command": f'make bench-{self.name} BENCH_ARGS="--again {name}"',
            "date": date.isoformat(timespec="seconds"),
            "seconds": round(taken),
            "load_1min": {"before": before, "after": load()},
            "rows": rows,
        }
        say(f"{name}: {taken:.0f} s")
        self._write()

    def _write(self) -> None:
        now = self.origin()
        self.parts = {name: self.parts[name] for name in dict.fromkeys((*self.order, *self.parts)) if name in self.parts}
        for part in self.parts.values():
            part["differs_from_last_run"] = Origin.of(part).differences(now)
        self.path.parent.mkdir(exist_ok=True)
        writing = self.path.with_suffix(".part")
        writing.write_text(json.dumps({"benchmark": self.name, "parts": self.parts}, indent=2) + "\n", encoding="utf-8")
        writing.replace(self.path)


def table(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The results for people: a part's origin, then its rows; at the end how many goals were met."""
    rows = [row for part in parts.values() for row in part["rows"]]
    width = max((len(row["name"]) for row in rows), default=4)
    for name, part in parts.items():
        yield f"{name}: commit {part['commit']}, {part['date']}, load {part['load_1min']['before']} to {part['load_1min']['after']}"
        if differs := part["differs_from_last_run"]:
            yield f"  MEASURED OTHERWISE: {'; '.join(differs)}"
        for row in part["rows"]:
            goal = "" if row["goal"] is None else f"goal {'<=' if row['better'] == 'lower' else '>='} {row['goal']:g}"
            mark = {True: "met", False: "MISSED", None: ""}[row["met"]]
            spread = f"({row['spread'][0]:.3g} to {row['spread'][1]:.3g})" if row["spread"] else ""
            line = f"  {row['name']:<{width}}  {row['value']:>10.4g} {row['unit']:<10} {spread:<18} {goal:<14} {mark:<6} {row['reference']}"
            yield line.rstrip()
    judged = [row for row in rows if row["met"] is not None]
    yield f"{sum(row['met'] for row in judged)} of {len(judged)} goals met"


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"[bench] {text}\n")
    sys.stderr.flush()


def continued(record: Path, now: Origin, what: str) -> list[dict[str, Any]]:
    """The lines of a part's own record that belong to what is measured now; all others leave it, and it is said. `what` a line stands for.

    A line that was cut short by a kill did not end.
    """
    if not record.is_file():
        return []
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()]
    kept = [line for line in lines if now.fingerprint and line.get("origin") == now.fingerprint]
    if others := sorted({str(line.get("commit", UNKNOWN)) for line in lines if line not in kept}):
        say(f"{len(lines) - len(kept)} recorded {what} are of other code, packages or machines (commit {', '.join(others)}): measured anew")
    record.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
    return kept


def seconds(command: list[str], *, environ: dict[str, str] | None = None) -> float:
    """How long a command takes from start to end. Raises CalledProcessError where it fails."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environ)
    return time.perf_counter() - begin


def without_engine(environ: Mapping[str, str]) -> dict[str, str]:
    """The same environment, with no folder on PATH that has a Pulumi engine."""
    places = [place for place in environ["PATH"].split(os.pathsep) if not (Path(place) / "pulumi").exists()]
    return {**environ, "PATH": os.pathsep.join(places)}
