"""The area's own tests: how long those of the components and those with the engine take, run as `make test` runs them."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from benchmarks.harness import NotRunError, Row, say
from benchmarks.provenance import PROJECT

COMPONENTS = "tests/components/aws"
# Files in their order, the longest first (tests/conftest.py): xdist's own goes by how many tests a file has, and the longest have one.
ENGINE = ("--no-loadscope-reorder", "tests/stacks", "tests/components/aws")
ELSEWHERE = (
    "tests/policies",
    "tests/components/languages",
    *(f"tests/delivery/test_{name}.py" for name in ("remote_state", "recover_remote")),
)
"""What else of the platform is tested with the engine: the policy pack, programs in other languages, and its state in AWS."""
ASKING = "iam or simulated"
"""Marks of tests that ask others than the component: an evaluator of IAM's policies, which is a process of Node, or simulated AWS."""
_PASSED = re.compile(r"(\d+) passed")
_LACKING = re.compile(r"\d+ (failed|errors?|skipped)")


def measure_units() -> list[Row]:
    """Of all components, without an engine: the whole command, once warm; then of what asks others about them."""
    return [
        _row("unit tests of all components", 20.0, f"not (engine or cluster or {ASKING})", COMPONENTS),
        _row("what simulated AWS and an evaluator of IAM say of them", None, ASKING, COMPONENTS),
    ]


def measure_engine() -> list[Row]:
    """Of stacks and components, with the engine and a control plane: the whole command; then of what stands around them."""
    return [
        _row("engine tests of the area", 300.0, "engine or cluster", *ENGINE),
        _row("engine tests of its policies, languages and state", None, "engine or cluster", *ELSEWHERE),
    ]


def _row(name: str, goal_s: float | None, marked: str, *asked: str) -> Row:
    """Raises CalledProcessError with what pytest said where a test fails, NotRunError where one is left out."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "-m", marked, *asked]
    begin = time.perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT).stdout
    seconds = time.perf_counter() - begin
    folders = ", ".join(each for each in asked if not each.startswith("-"))
    say(f"{name}: {said.splitlines()[-1]}")
    return Row(name, seconds, "s", goal_s, reference=f"{passed(said)} tests of {folders}, two workers, `-m '{marked}'`")


def passed(said: str) -> int:
    """How many tests passed. Raises NotRunError where any did not run: figures of a part would be called those of the whole."""
    last = said.splitlines()[-1]
    found = _PASSED.search(last)
    if found is None or _LACKING.search(last):
        raise NotRunError(f"not all tests passed: {last}")
    return int(found[1])
