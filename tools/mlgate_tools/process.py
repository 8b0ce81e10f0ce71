"""A long-running helper program: its output line by line, a sign of life while it is silent, and no survivor when we stop."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from mlgate.errors import ToolError

_TICK_S = 1.0
_TAIL_LINES = 20
_SAY_EVERY_S = 10.0


def run_streaming(
    command: list[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
    on_tick: Callable[[], None],
    remedy: str,
) -> None:
    """Run to the end; `on_line` gets each line of stdout and stderr, `on_tick` is called at least once a second.

    The program and its children end with this call, however it ends. Should this process be killed outright, its next line meets a closed
    pipe and ends it.

    Raises ToolError with the tail of the output when it fails or cannot be started.
    """
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise ToolError(f"cannot be started: {error.strerror}", where=command[0], remedy=remedy) from error
    assert process.stdout is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    try:
        reader.start()
        while (line := _next(lines)) is not None:
            if line:
                tail.append(line)
                on_line(line)
            on_tick()
        status = process.wait()
    finally:
        _end(process)
        reader.join()
        process.stdout.close()
    if status != 0:
        how = f"was ended by signal {-status}" if status < 0 else f"failed with exit code {status}"
        last = "\n".join(f"    {line}" for line in tail)
        raise ToolError(f"`{Path(command[0]).name} {command[1]}` {how}; its last lines:\n{last}", where=command[0], remedy=remedy)


def regularly(say: Callable[[float], None]) -> Callable[[], None]:
    """An `on_tick` that every few seconds tells `say` for how many seconds it has gone on."""
    began = said = time.monotonic()

    def tick() -> None:
        nonlocal said
        if (now := time.monotonic()) - said >= _SAY_EVERY_S:
            said = now
            say(now - began)

    return tick


def _read(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    for line in stream:
        lines.put(line.rstrip("\n"))
    lines.put(None)


def _next(lines: queue.SimpleQueue[str | None]) -> str | None:
    try:
        return lines.get(timeout=_TICK_S)
    except queue.Empty:
        return ""


def _end(process: subprocess.Popen[str]) -> None:
    # Not yet waited for, so its pid, which is its group's id, cannot have become somebody else's.
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
