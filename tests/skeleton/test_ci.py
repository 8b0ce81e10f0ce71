""".ci/run on a machine without Chromium: it brings one where it may, and the checks run either way."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = ["make check", "make test"]
GET_CHROMIUM = ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends chromium"]
UNASKED = 'test "$1" = update || test "$DEBIAN_FRONTEND" = noninteractive'  # or it would wait for an answer
Ci = Callable[[dict[str, str]], tuple[int, list[str]]]


@pytest.fixture
def ci(tmp_path: Path) -> Ci:
    """Runs .ci/run, for root, where there are these programs and no others; gives its exit code and what they were asked, in order."""

    def run(programs: dict[str, str]) -> tuple[int, list[str]]:
        for name in ("bash", "dirname"):
            (tmp_path / name).symlink_to(str(shutil.which(name)))
        for name, text in ({"id": "echo 0", "make": ""} | programs).items():
            path = tmp_path / name
            path.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/asked\n{text}\n', encoding="utf-8")
            path.chmod(0o755)
        environ = {"PATH": str(tmp_path)}
        done = subprocess.run([str(ROOT / ".ci" / "run")], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
        asked = (tmp_path / "asked").read_text(encoding="utf-8").splitlines()
        return done.returncode, [line for line in asked if line != "id -u"]

    return run


@pytest.mark.parametrize(
    ("programs", "asked"),
    [
        ({"apt-get": UNASKED}, [*GET_CHROMIUM, *MAKE]),
        ({"apt-get": UNASKED, "chromium": ""}, MAKE),
        ({"apt-get": UNASKED, "id": "echo 1000"}, MAKE),
        ({}, MAKE),
    ],
    ids=["there is none", "there is one", "it may not", "not Debian"],
)
def test_a_browser_is_brought_where_there_is_none_and_it_may_be(ci: Ci, programs: dict[str, str], asked: list[str]) -> None:
    assert ci(programs) == (0, asked)


def test_a_browser_that_cannot_be_brought_fails_the_run_before_anything_is_checked(ci: Ci) -> None:
    code, asked = ci({"apt-get": 'test "$1" = update'})
    assert code != 0
    assert asked == GET_CHROMIUM
