"""A long command, its lines with the instant each came, and how long each of its phases took by them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mlgate.errors import ProcessError

_ORDERLY_END_S = 120.0
_TAIL_LINES = 30


@dataclass(frozen=True, slots=True)
class Timeline:
    """`lines`: seconds since the start, and the text. `seconds`: in all."""

    lines: tuple[tuple[float, str], ...]
    seconds: float

    def phases(self, first: str, marks: Sequence[tuple[str, str]]) -> dict[str, float]:
        """Seconds by phase, in order of appearance; a phase that comes again adds up.

        `marks`: what a line must match (as `re.search` does) to begin a phase, and the phase. Before any, it is `first`.
        """
        taken: dict[str, float] = {}
        phase, since = first, 0.0
        for at_s, line in (*self.lines, (self.seconds, "")):
            begun = next((name for pattern, name in marks if re.search(pattern, line)), phase)
            taken[phase] = taken.get(phase, 0.0) + at_s - since
            phase, since = begun, at_s
        return taken


def run_timed(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Timeline:
    """Runs the command in `folder`, and asks it to end in its own orderly way where this process is asked to.

    Raises ProcessError with its last lines where it does not end with 0.
    """
    begin = time.monotonic()
    lines: list[tuple[float, str]] = []
    unbuffered = {**environ, "PYTHONUNBUFFERED": "1"}  # or lines would arrive late
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=unbuffered,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        lines.extend((time.monotonic() - begin, line.rstrip()) for line in process.stdout)
        status = process.wait()
    except BaseException:
        _end(process)
        raise
    process.stdout.close()
    taken = time.monotonic() - begin
    if status:
        tail = "\n".join(line for _, line in lines[-_TAIL_LINES:])
        raise ProcessError(f"{' '.join(command)} ended with exit status {status} after {taken:.0f} s:\n{tail}")
    return Timeline(tuple(lines), taken)


def _end(process: subprocess.Popen[str]) -> None:
    """SIGTERM to the leader alone: make passes it on to its recipe, and twice would cut the recipe's orderly end short."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_ORDERLY_END_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
