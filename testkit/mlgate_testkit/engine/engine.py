"""`Engine`: the real Pulumi command line for tests, with a home of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlgate.errors import ToolError
from mlgate_testkit.engine import guard, process
from mlgate_testkit.engine.changes import Changes
from mlgate_testkit.engine.environment import MARKER, bytecode, engine_environment
from mlgate_testkit.engine.errors import UpdateError
from mlgate_testkit.engine.events import Event, Heard, unknown_shape
from mlgate_testkit.engine.orphans import Mark, end_marked, own_mark
from mlgate_testkit.engine.warm import Warm
from mlgate_tools import pulumi
from mlgate_tools.tool import Tool

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["Engine"]

_EVENTS = ".events.jsonl"
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Site:
    """Where an engine works: `folder` has the project, `workspace` the logs of one stack, `state` Pulumi's file state of all of a test's.

    `virtualenv`: the environment that the project says its program runs in; None for that of the tests.
    """

    folder: Path
    workspace: Path
    state: Path
    providers: Mapping[str, int]
    virtualenv: Path | None = None

    @property
    def logs(self) -> Path:
        """Two files for each operation: what the engine printed, and its events."""
        return self.workspace / "logs"

    def new_run(self, operation: str) -> tuple[Path, Path]:
        """Files for the events of the next operation and for what it prints, of its own: a test that fails is understood from them."""
        self.logs.mkdir(parents=True, exist_ok=True)
        name = f"{sum(1 for _ in self.logs.glob('*.log')) + 1:02}-{operation}"
        return self.logs / f"{name}{_EVENTS}", self.logs / f"{name}.log"

    def runs(self) -> Iterator[tuple[str, Path, Path]]:
        """Each operation so far: its name ("01-up"), its events, and what it printed."""
        for events in sorted(self.logs.glob(f"*{_EVENTS}")):
            name = events.name.removesuffix(_EVENTS)
            yield name, events, self.logs / f"{name}.log"


class Engine:
    """An engine found on this machine, to be closed when the tests are done. Nothing of the user's Pulumi or clouds reaches it.

    `home`: a folder for what it keeps from run to run. `timeout_s`: the longest that one operation may take.

    Raises ToolError, with what was found and why it will not do, where there is no engine.
    """

    def __init__(self, home: Path, *, timeout_s: float = 300.0) -> None:
        said: list[str] = []
        found = pulumi.find_pulumi(said.append)
        if found is None:
            why = "".join(f"\n  {line}" for line in said)
            raise ToolError(f"the Pulumi engine is not on this machine{why}", remedy=pulumi.REMEDY)
        self.tool: Tool = found
        self.home = home
        self.timeout_s = timeout_s
        self._base = pulumi.engine_environment()
        end_marked(lambda mark: mark.orphaned, "of tests that were killed")
        home.mkdir(parents=True, exist_ok=True)
        # Where the engine makes a folder for a log of all that it does, which it would write for a quarter of its time and nobody reads
        # here; where it cannot, it goes on without (pkg/logging, StartLogging; 3.259 has no setting for it).
        (home / "logs").touch()
        self._guard = guard.start()
        self._warm = Warm(home, {**bytecode(), MARKER: str(own_mark())})

    @property
    def version(self) -> str:
        """As in "3.259.0"."""
        return self.tool.version

    def close(self) -> None:
        """Ends whatever carries this process's mark."""
        self._warm.close()
        guard.stop(self._guard)

    def variables(self, site: Site) -> dict[str, str]:
        """The whole environment of an engine working there."""
        mark = str(Mark(own_mark().owner, str(site.workspace)))
        return engine_environment(
            self._base,
            home=self.home,
            state=site.state,
            providers=site.providers,
            marker=mark,
            python=self._warm.command,
            virtualenv=site.virtualenv,
        )

    def ask(self, site: Site, *arguments: str, given: str | None = None) -> str:
        """What a quick command prints. Raises StackError with its errors."""
        return process.ask(
            self.tool.path, arguments, folder=site.folder, variables=self.variables(site), timeout_s=self.timeout_s, given=given
        )

    def operate(
        self,
        site: Site,
        operation: str,
        arguments: Sequence[str],
        *,
        where: str,
        needs: Mapping[str, frozenset[str]],
        kill_at: Callable[[Event], bool] | None = None,
    ) -> Changes:
        """Runs an operation to its end. Raises UpdateError with what was done by then if it fails, is killed or takes too long.

        `needs`: what the state says that each resource needs, for the changes to tell.
        """
        events, output = site.new_run(operation)
        heard = Heard(self.version, _killing(kill_at) if kill_at else _nothing)
        killed_at: Event | None = None
        ending, timed_out = "", False
        try:
            code, killed_at = process.follow(
                self.tool.path,
                [operation, *arguments],
                folder=site.folder,
                variables=self.variables(site),
                timeout_s=self.timeout_s,
                events=events,
                output=output,
                hear=heard.hear,
            )
        except process.TimedOut:
            code, timed_out = 1, True
        finally:
            self._warm.settle()
        changes = Changes(operation, heard.events, heard.diagnostics, needs)
        if timed_out:
            ending = f"did not end within {self.timeout_s:g} s, and was ended; {_unended(changes)}"
        elif killed_at:
            ending = f"the engine was killed on order, at {killed_at}"
        elif code < 0:
            ending = f"the engine was killed by signal {-code}"
        if code != 0 or killed_at:
            said = _said(output)
            if "unknown flag: --event-log" in said:
                raise unknown_shape(self.version, "it has no --event-log")
            raise UpdateError(changes, where=where, said=said, ending=ending, killed_at=killed_at, log=str(output))
        if heard.summary is None:
            raise unknown_shape(self.version, "it has no summary")
        return changes


def _nothing(_event: Event) -> None:
    """Nobody waits for it."""


def _killing(kill_at: Callable[[Event], bool]) -> Callable[[Event], None]:
    def hear(event: Event) -> None:
        if kill_at(event):
            raise process.Killed(event)

    return hear


def _unended(changes: Changes) -> str:
    """What an operation that took too long was at, as far as its events tell."""
    steps = ", ".join(f"{step.operation} {step.type} {step.name}" for step in changes if step.phase != "ended")
    if steps:
        return f"what had not ended: {steps}"
    if changes.steps:
        return "whatever it had begun has ended by now, so the last of it was slow, or the program did not end"
    return "no resource was worked on, so it was the program that did not end"


def _said(output: Path) -> str:
    """The error that the engine ended with, or the last lines where it named none."""
    text = "\n" + output.read_text(encoding="utf-8", errors="replace").strip()
    _, named, error = text.rpartition("\nerror: ")
    return error if named else "\n".join(text.splitlines()[-_TAIL_LINES:])
