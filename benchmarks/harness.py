"""What every benchmark shares: rows with goals, a results file that grows part by part, the machine's description, a table at the end.

A benchmark that is run again keeps what it has and measures what is missing, so a long one survives an interruption;
`--again` starts anew.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from mlgate.errors import MlgateError

RESULTS = Path(__file__).parent / "results"


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
    """A part that cannot be measured on this machine, and why."""


def median_row(
    name: str, values: Sequence[float], unit: str, *, goal: float | None = None, better: str = "lower", reference: str = ""
) -> Row:
    """The median of repetitions, with their range as the spread. Raises StatisticsError where there are none."""
    return Row(name, median(values), unit, goal, better, reference, (min(values), max(values)))


class Benchmark:
    """One named benchmark: runs what is not in the results file yet, and writes it after every part."""

    def __init__(self, name: str, packages: tuple[str, ...]) -> None:
        self.name = name
        self.path = RESULTS / f"{name}.json"
        self.command = f"make bench-{name}"
        self.packages = packages
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.missed: list[str] = []
        if self.path.is_file() and "--again" not in sys.argv:
            written = json.loads(self.path.read_text(encoding="utf-8"))
            for row in written["rows"]:
                self.rows.setdefault(row["part"], []).append(row)

    def run(self, parts: Mapping[str, Callable[[], list[Row]]]) -> None:
        """Measure what is missing. A part that fails is named with its reason and has no figures; the others are measured all the same."""
        for name, measure in parts.items():
            try:
                self._part(name, measure)
            except (NotRunError, MlgateError) as error:
                self.missed.append(f"{name}: {error}")
            except subprocess.CalledProcessError as error:
                self.missed.append(f"{name}: {error}\n{error.stdout or ''}{error.stderr or ''}")
            else:
                continue
            say(self.missed[-1])

    def _part(self, name: str, measure: Callable[[], list[Row]]) -> None:
        if name in self.rows:
            say(f"{name}: kept from {self.path.name}; --again measures anew")
            return
        say(f"{name}: measuring")
        begin = time.monotonic()
        self.rows[name] = [{"part": name, **asdict(row), "met": row.met, "command": self.command} for row in measure()]
        say(f"{name}: {time.monotonic() - begin:.0f} s")
        self._write()

    def _write(self) -> None:
        RESULTS.mkdir(exist_ok=True)
        value = {
            "benchmark": self.name,
            "machine": machine(),
            "versions": {package: _version(package) for package in self.packages},
            "rows": [row for rows in self.rows.values() for row in rows],
        }
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        part.replace(self.path)

    def close(self) -> None:
        """Print what was not run, the table, and how many goals were met."""
        for line in self.missed:
            print(f"not run: {line}")
        rows = [row for rows in self.rows.values() for row in rows]
        width = max((len(row["name"]) for row in rows), default=4)
        for row in rows:
            goal = "" if row["goal"] is None else f"goal {'<=' if row['better'] == 'lower' else '>='} {row['goal']:g}"
            mark = {True: "met", False: "MISSED", None: ""}[row["met"]]
            spread = f"({row['spread'][0]:.3g} to {row['spread'][1]:.3g})" if row["spread"] else ""
            print(f"{row['name']:<{width}}  {row['value']:>10.4g} {row['unit']:<10} {spread:<18} {goal:<14} {mark:<6} {row['reference']}")
        judged = [row for row in rows if row["met"] is not None]
        print(f"{sum(row['met'] for row in judged)} of {len(judged)} goals met")


def say(text: str) -> None:
    """Progress, on standard error."""
    sys.stderr.write(f"[bench] {text}\n")
    sys.stderr.flush()


def machine() -> dict[str, Any]:
    """What the figures were measured on: no name, no address."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        model = next((line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")), "")
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def seconds(command: list[str], *, environ: dict[str, str] | None = None) -> float:
    """How long a command takes from start to end. Raises CalledProcessError where it fails."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environ)
    return time.perf_counter() - begin


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
