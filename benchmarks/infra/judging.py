"""A warm process that judges mutants: it forks for each, so that what the tests import is imported once.

`python -m benchmarks.infra.judging FOLDER`: the folder holds copies of the mutated packages, which come before the installed ones on
PYTHONPATH, so that whatever the tests start finds the mutant as they do. Each line on its standard input is an order, each on its output
what came of it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import pytest

KILLED, SURVIVED, OVERDUE = "killed", "survived", "overdue"
# Whatever is mutated, and whatever imports that, is imported after the fork.
_LATE = {
    "mlgate.policy_documents",
    "mlgate_testkit.lint",
    "mlgate_policies",
    "mlgate_delivery",
    "mlgate_cli",
    "tests",
    "benchmarks",
    "__main__",
}
_PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "-m", "not engine", "-W", "ignore::pytest.PytestAssertRewriteWarning")
# No date of a file comes twice: by that and the size Python knows whether what it compiled is of this source.
_SECONDS = count(int(time.time()))


def main() -> None:
    """Until the input ends, or SIGTERM or Ctrl-C comes."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(sys.argv[1])
    for line in sys.stdin:
        sys.stdout.write(json.dumps(judged(folder, json.loads(line))) + "\n")
        sys.stdout.flush()


def judged(folder: Path, order: Mapping[str, Any]) -> dict[str, Any]:
    """What the tests say of a source in the place of a module, and the first that failed. `warm`: what they import stays imported."""
    path, begin = folder / order["path"], time.monotonic()
    original = path.read_bytes()
    _write(path, order["source"].encode())
    try:
        outcome, told = _in_a_fork(order["tests"], folder / "tests", order["limit_s"])
    finally:
        _write(path, original)
    if order["warm"]:
        _import(told.get("modules", ()))
    return {"outcome": outcome, "by": told.get("by", ""), "seconds": round(time.monotonic() - begin, 2)}


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    now = next(_SECONDS)
    os.utime(path, (now, now))


def _in_a_fork(tests: Sequence[str], folder: Path, limit_s: float) -> tuple[str, dict[str, Any]]:
    with tempfile.TemporaryFile() as answer:
        child = os.fork()
        if not child:
            _be_judged(tests, folder, answer.fileno())
        end, ended = time.monotonic() + limit_s, (0, 0)
        try:
            while not ended[0] and time.monotonic() < end:
                time.sleep(0.005)
                ended = os.waitpid(child, os.WNOHANG)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)  # with whatever the tests left running
        if not ended[0]:
            os.waitpid(child, 0)
            return OVERDUE, {}
        answer.seek(0)
        told: dict[str, Any] = json.loads(answer.read() or "{}")
    code = os.waitstatus_to_exitcode(ended[1])
    assert code != pytest.ExitCode.NO_TESTS_COLLECTED, tests
    return SURVIVED if code == pytest.ExitCode.OK else KILLED, told


def _be_judged(tests: Sequence[str], folder: Path, answer: int) -> None:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)
    first, code = _First(), 0
    for test in tests:  # the next file is not even collected where this one fails
        code = code or pytest.main([*_PYTEST, f"--basetemp={folder}", test], plugins=[first])
    os.write(answer, json.dumps({"by": first.failed, "modules": [*sys.modules]}).encode())
    os._exit(code)


class _First:
    """A plugin of pytest that knows the first test, or file of tests, which failed."""

    failed = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._hear(report)

    def pytest_collectreport(self, report: Any) -> None:
        self._hear(report)

    def _hear(self, report: Any) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def _import(modules: Sequence[str]) -> None:
    for name in modules:
        if _LATE.isdisjoint({name.partition(".")[0], ".".join(name.split(".")[:2])}):
            with suppress(Exception):
                import_module(name)


if __name__ == "__main__":
    main()
