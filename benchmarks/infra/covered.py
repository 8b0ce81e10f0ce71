"""Branch coverage of the components, of the policies and of what they read documents of IAM by, and the files that fall below the goal.

What serves the policies to the engine runs in the pack's own environment alone, so the pack's tests with the engine are counted too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness import Row, say
from benchmarks.infra import covered_pack
from benchmarks.provenance import PROJECT

GOAL_PERCENT = 95.0
MEASURED = {
    "components": ("mlgate_components.aws", "mlgate_components.arguments"),
    "policies": ("mlgate_policies", "mlgate.policy_documents"),
}
_PYTEST = ("pytest", "-q", "-p", "no:cacheprovider")
_UNITS = "not (engine or cluster)"
_TESTS = (
    *("tests/components/aws", "tests/components/test_arguments.py", "tests/core/test_policy_documents.py"),
    *("tests/stacks", "tests/policies"),
)
_PACK_TESTS = ("tests/policies/test_on_the_engine.py",)


def measure() -> list[Row]:
    """One run of the tests."""
    with tempfile.TemporaryDirectory(prefix="mlgate-bench-") as folder:
        report = covered(Path(folder))
    return [row for what, packages in MEASURED.items() for row in rows_of(what, packages, report)]


def covered(folder: Path) -> Mapping[str, Any]:
    """By file what coverage.py counted. Raises CalledProcessError where a test fails."""
    units, report = folder / "units", folder / "report.json"
    sources = ",".join(package for packages in MEASURED.values() for package in packages)
    _coverage("run", f"--data-file={units}", "--branch", f"--source={sources}", "-m", *_PYTEST, "-m", _UNITS, *_TESTS)
    pack = [sys.executable, "-m", *_PYTEST, "-p", covered_pack.__name__, "-m", "engine", *_PACK_TESTS]
    _run(pack, {covered_pack.FOLDER: str(folder)})
    _coverage("combine", f"--data-file={folder / 'all'}", str(units), *map(str, folder.glob(f"{covered_pack.DATA}.*")))
    _coverage("json", f"--data-file={folder / 'all'}", "-q", "-o", str(report))
    files: Mapping[str, Any] = json.loads(report.read_text(encoding="utf-8"))["files"]
    return files


def _coverage(command: str, *arguments: str) -> None:
    _run([sys.executable, "-m", "coverage", command, "--rcfile=/dev/null", *arguments], {})


def _run(command: list[str], environ: Mapping[str, str]) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT, env={**os.environ, **environ})


def rows_of(what: str, packages: tuple[str, ...], files: Mapping[str, Any]) -> list[Row]:
    """The share of branches that were taken and of lines that ran, of all, and the lesser of both of each file below the goal."""
    of_it = {name: found for name, found in files.items() if _module(name).startswith(packages)}
    lesser = {name: min(_branches([found]), _lines([found])) for name, found in of_it.items()}
    low = {name: share for name, share in lesser.items() if share < GOAL_PERCENT}
    for name, share in low.items():
        say(f"{name}: {share:.1f} %, not run: lines {of_it[name]['missing_lines']}, branches {of_it[name]['missing_branches']}")
    reference = f"{len(of_it)} files, {len(low)} below"
    return [
        Row(f"branch coverage of {what}", _branches(of_it.values()), "%", GOAL_PERCENT, "higher", reference),
        Row(f"line coverage of {what}", _lines(of_it.values()), "%", GOAL_PERCENT, "higher", reference),
        *(Row(f"coverage: {name}", share, "%", better="higher", reference=_missing(of_it[name])) for name, share in low.items()),
    ]


def _branches(files: Iterable[Any]) -> float:
    return _share(files, "covered_branches", "num_branches")


def _lines(files: Iterable[Any]) -> float:
    return _share(files, "covered_lines", "num_statements")


def _share(files: Iterable[Any], ran: str, possible: str) -> float:
    """In percent; what has none has all."""
    sums = [found["summary"] for found in files]
    there = sum(each[possible] for each in sums)
    return 100.0 * sum(each[ran] for each in sums) / there if there else 100.0


def _missing(found: Mapping[str, Any]) -> str:
    return f"not run: lines {', '.join(map(str, found['missing_lines'])) or 'none'}"


def _module(name: str) -> str:
    """ "components/mlgate_components/aws/tags.py" as "mlgate_components.aws.tags"."""
    return ".".join(Path(name).with_suffix("").parts[1:])
