"""Version numbers, probes and long-running helpers."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.errors import ToolError
from mlgate_tools.process import run_streaming
from mlgate_tools.tool import parse_version, probe

NUMBERS = st.integers(0, 10**6)
BEFORE, AFTER = st.sampled_from(["", "v", "go", "git version ", "Chromium "]), st.sampled_from(["", "-rc1", " x"])


@given(numbers=st.tuples(NUMBERS, NUMBERS, NUMBERS), before=BEFORE, after=AFTER)
def test_a_version_is_found_in_what_a_program_says(numbers: tuple[int, int, int], before: str, after: str) -> None:
    assert parse_version(f"{before}{'.'.join(map(str, numbers))}{after}") == numbers
    assert parse_version(f"{before}{numbers[0]}.{numbers[1]}{after}") == (numbers[0], numbers[1], 0)


@pytest.mark.parametrize("text", ["", "version", "devel", "7", "v8"])
def test_what_holds_no_version_has_none(text: str) -> None:
    assert parse_version(text) is None


def test_a_probe_never_raises(tmp_path: Path, program: Callable[[Path, str], Path]) -> None:
    assert probe([str(program(tmp_path / "good", "#!/bin/sh\necho ' 1.2.3 '\n"))]) == "1.2.3"
    assert probe([str(program(tmp_path / "failing", "#!/bin/sh\necho 1.2.3\nexit 3\n"))]) == ""
    assert probe([str(program(tmp_path / "no-program", "neither script nor binary"))]) == ""
    assert probe([str(tmp_path / "absent")]) == ""


def stream(tmp_path: Path, command: list[str], on_line: Callable[[str], None]) -> None:
    run_streaming(command, folder=tmp_path, environment=os.environ, on_line=on_line, on_tick=lambda: None, remedy="do this")


def python(tmp_path: Path, code: str) -> list[str]:
    lines: list[str] = []
    stream(tmp_path, [sys.executable, "-c", code], lines.append)
    return lines


def test_a_helpers_output_arrives_line_by_line_from_both_streams(tmp_path: Path) -> None:
    assert python(tmp_path, "import sys; print('one', flush=True); print('two', file=sys.stderr)") == ["one", "two"]


def test_a_failed_helper_is_reported_with_the_end_of_its_output_only(tmp_path: Path) -> None:
    with pytest.raises(ToolError) as caught:
        python(tmp_path, "for i in range(100): print('line', i)\nraise SystemExit(7)")
    assert re.search(r"failed with exit code 7; its last lines:\n    line 80\n", str(caught.value))
    assert "line 79" not in str(caught.value)
    assert caught.value.remedy == "do this"
    assert caught.value.where == sys.executable


def test_a_helper_ended_by_a_signal_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="was ended by signal 9"):
        python(tmp_path, "import os; os.kill(os.getpid(), 9)")


def test_a_helper_that_cannot_be_started_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cannot be started: No such file") as caught:
        stream(tmp_path, [str(tmp_path / "absent"), "x"], print)
    assert str(tmp_path / "absent") in str(caught.value)


def test_an_interrupt_ends_the_helper_and_its_children(tmp_path: Path, ended: Callable[[int], bool]) -> None:
    code = (
        "import subprocess, sys, os, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(os.getpid(), child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    pids: list[int] = []

    def interrupt(line: str) -> None:
        pids.extend(map(int, line.split()))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(tmp_path, [sys.executable, "-c", code], interrupt)
    assert len(pids) == 2
    assert all(ended(pid) for pid in pids)
