"""Running the Pulumi command line: one process in a session of its own, its events followed, its end certain."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO

from mlgate.errors import StackError
from mlgate_testkit.engine.errors import remedy_for
from mlgate_testkit.engine.events import Event
from mlgate_testkit.engine.orphans import end_session

__tracebackhide__ = True  # a test that fails shows the line of the test
_POLL_S = 0.01
_GRACE_S = 15.0
_QUIET = ("--non-interactive", "--color", "never")


class Killed(Exception):  # noqa: N818 - raised inside of `follow` to stop it, never seen outside of the package
    """The caller wants the engine gone, by kill -9 as a crash would be, at this event."""

    def __init__(self, event: Event) -> None:
        super().__init__(str(event))
        self.event = event


class TimedOut(Exception):  # noqa: N818
    """The engine did not end in time, and was ended."""


def ask(
    engine: Path, arguments: Sequence[str], *, folder: Path, variables: Mapping[str, str], timeout_s: float, given: str | None = None
) -> str:
    """What a quick command prints; `given` goes to its standard input. Raises StackError with its errors."""
    where = f"pulumi {' '.join(arguments[:2])}"
    process = _start(engine, arguments, folder, variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, errors = process.communicate((given or "").encode(), timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise StackError(f"did not end within {timeout_s:g} s", where=where, remedy="run it again") from None
    finally:
        _end(process)
    if process.returncode:
        said = errors.decode(errors="replace").strip().removeprefix("error: ") or f"ended with {process.returncode}"
        raise StackError(said, where=where, remedy=remedy_for(said, otherwise="correct what it names"))
    return output.decode(errors="replace")


def follow(
    engine: Path,
    arguments: Sequence[str],
    *,
    folder: Path,
    variables: Mapping[str, str],
    timeout_s: float,
    events: Path,
    output: Path,
    hear: Callable[[Any], None],
) -> tuple[int, Event | None]:
    """Runs an operation to its end. Returns its exit status (negative: the signal that ended it), and the event it was killed at.

    `hear` gets each object of the event log as it is written, and may raise Killed. Raises TimedOut, and StackError for a line that is no
    JSON. Ctrl-C and the time limit let what is in flight end, for a while, and say how far it came; a second Ctrl-C ends all at once.
    Nothing of the engine runs when this returns.
    """
    killed_at: Event | None = None
    with output.open("wb") as log, closing(_Growing(events)) as written:
        command = [*arguments, "--event-log", str(events)]
        process = _start(engine, command, folder, variables, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            for raw in _lines(process, written, timeout_s):
                hear(raw)
        except Killed as order:
            killed_at = order.event
            process.kill()
        except TimedOut:
            process.send_signal(signal.SIGINT)
            with suppress(Killed, TimedOut):
                for raw in _lines(process, written, _GRACE_S):
                    hear(raw)
            raise
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            _wait(process)
            raise
        finally:
            _end(process)
    return process.returncode, killed_at


def _start(engine: Path, arguments: Sequence[str], folder: Path, variables: Mapping[str, str], **streams: Any) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen([str(engine), *arguments, *_QUIET], cwd=folder, env=dict(variables), start_new_session=True, **streams)
    except OSError as error:
        raise StackError(f"cannot be started: {error.strerror}", where=str(engine), remedy="python -m mlgate_tools engine") from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the engine and what is left of its session: plugins go with it unless it was killed."""
    if process.poll() is None:
        process.kill()
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()
    end_session(process.pid)


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


class _Growing:
    """A file that the engine makes and writes to, line by line as they are whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None
        self._rest = b""

    def lines(self) -> list[bytes]:
        """Those that came since it was last asked."""
        if self._stream is None and self._path.exists():
            self._stream = self._path.open("rb")
        *lines, self._rest = (self._rest + self._stream.read()).split(b"\n") if self._stream else [self._rest]
        return [line for line in lines if line]

    def close(self) -> None:
        if self._stream:
            self._stream.close()


def _lines(process: subprocess.Popen[bytes], written: _Growing, timeout_s: float) -> Iterator[Any]:
    """The objects of the event log as they are written, until the engine has ended. Raises TimedOut."""
    deadline = time.monotonic() + timeout_s
    while True:
        ended = process.poll() is not None  # asked before reading: what is read afterwards is all there is
        yield from map(_parsed, written.lines())
        if ended:
            return
        if time.monotonic() > deadline:
            raise TimedOut
        time.sleep(_POLL_S)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None  # no object: `hear` says which line, and which engine
