"""Running the Pulumi engine as a process of our own.

The Automation API would do, but for what happens when people interrupt: it leaves the engine running behind the prompt, and it asks the
command line four times for one update. Here the engine has a session of its own, so Ctrl-C reaches it once and from us, and its output
goes to files, so that it ends its work in order even where we are killed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from mlgate.errors import BusyError, StackError
from mlgate_delivery.steps import Step, failure_of, step_of
from mlgate_tools.tool import Progress

_POLL_S = 0.05
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Update:
    """What an operation did: number of resources by the engine's word for it (`create`, `same`, ...), and the steps in order."""

    changes: Mapping[str, int]
    steps: Sequence[Step]

    @property
    def changed(self) -> bool:
        """Whether anything was, or in a preview would be, done."""
        return any(count for word, count in self.changes.items() if word != "same")


@dataclass(frozen=True, slots=True)
class Engine:
    """`folder`: where the project is. `variables`: the whole environment of the process. `logs`: a folder for the engine's output."""

    folder: Path
    variables: Mapping[str, str]
    logs: Path

    def ask(self, *arguments: str) -> str:
        """What a quick command prints. Raises StackError with its errors."""
        answer = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=dict(self.variables),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        if answer.returncode != 0:
            raise StackError(
                answer.stderr.strip().removeprefix("error: "), where=f"pulumi {' '.join(arguments[:2])}", remedy="mlgate doctor"
            )
        return answer.stdout

    def operate(
        self, operation: str, arguments: Sequence[str], progress: Progress, *, document: Path | None = None, by_plan: bool = False
    ) -> Update:
        """Runs `up`, `preview`, `refresh` or `destroy`, telling of each step. Raises StackError with the reasons it failed.

        `document`: where standard output goes by itself, for `--json`. `by_plan`: whether the arguments name one, which is experimental.

        Ctrl-C lets what is in flight end and begins nothing more, then raises KeyboardInterrupt; a second one kills the engine, and the
        next command clears up after it.
        """
        self.logs.mkdir(parents=True, exist_ok=True, mode=0o700)  # inputs of resources stand in there
        events, output = self.logs / f"{operation}.events.jsonl", self.logs / f"{operation}.log"
        events.unlink(missing_ok=True)
        command = ["pulumi", operation, *arguments, "--non-interactive", "--color", "never", "--event-log", str(events)]
        hidden = {"PULUMI_DEBUG_COMMANDS": "true"} | ({"PULUMI_EXPERIMENTAL": "true"} if by_plan else {})  # --event-log, --plan
        with output.open("wb") as log, document.open("wb") if document else nullcontext(log) as said:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.variables, **hidden},
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                start_new_session=True,
            )
        told = _Told(progress)
        try:
            for event in _follow(process, events):
                told.hear(event)
        except KeyboardInterrupt:
            _interrupt(process, progress)
            raise
        if process.returncode != 0:
            raise _failure(operation, process.returncode, told.reasons, output)
        return Update(changes=told.changes, steps=told.steps)


@dataclass
class _Told:
    """What the events said so far."""

    progress: Progress
    changes: Counter[str] = field(default_factory=Counter)
    steps: list[Step] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    begun: dict[str, float] = field(default_factory=dict)

    def hear(self, event: dict[str, Any]) -> None:
        if step := step_of(event):
            self.steps.append(step)
            if not step.ended:
                self.begun[step.urn] = time.monotonic()
                self.progress(step.words)
            elif step.urn in self.begun:  # a refresh tells only of what it found changed
                self.progress(f"{step.words} ({time.monotonic() - self.begun[step.urn]:.1f} s)")
        elif (reason := failure_of(event)) and reason not in self.reasons:
            self.reasons.append(reason)
        elif "summaryEvent" in event:
            self.changes.update(event["summaryEvent"].get("resourceChanges") or {})


def _follow(process: subprocess.Popen[bytes], path: Path) -> Iterator[dict[str, Any]]:
    """The events, as they are written, until the engine has ended."""
    stream: BinaryIO | None = None
    rest = b""
    try:
        while True:
            ended = process.poll() is not None  # asked before reading: what is read afterwards is all there is
            if stream is None and path.exists():
                stream = path.open("rb")
            *lines, rest = (rest + stream.read()).split(b"\n") if stream else [rest]
            yield from (json.loads(line) for line in lines if line)
            if ended:
                return
            time.sleep(_POLL_S)
    finally:
        if stream:
            stream.close()


def _interrupt(process: subprocess.Popen[bytes], progress: Progress) -> None:
    process.send_signal(signal.SIGINT)
    progress("interrupted: waiting for what is in flight; Ctrl-C again kills it")
    try:
        process.wait()
    except KeyboardInterrupt:
        process.kill()
        process.wait()
        raise


def _failure(operation: str, code: int, reasons: Sequence[str], output: Path) -> StackError | BusyError:
    said = output.read_text(encoding="utf-8", errors="replace").strip()
    where = f"pulumi {operation}"
    if code < 0:
        return StackError(
            f"the engine was killed by signal {-code}", where=where, remedy="run the same command again: it clears up and goes on"
        )
    if "currently locked" in said:
        return BusyError("another update of the stack is running", where=where, remedy=f"wait for it to end; its owner: {output}")
    problem = "\n".join(reasons) or "\n".join(said.splitlines()[-_TAIL_LINES:]) or "it ended without a word"
    return StackError(problem, where=where, remedy=f"all that the engine said: {output}")
