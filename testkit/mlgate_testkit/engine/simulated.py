"""A simulated provider for tests: one process for the whole run, emptied after each test, started anew where a test ended it."""

from __future__ import annotations

import signal
import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from mlgate.errors import ProcessError, StackError, UsageError
from mlgate_testkit.engine.environment import MARKER, clouds_hidden
from mlgate_testkit.engine.orphans import own_mark
from mlgate_testkit.engine.tracked import Made
from mlgate_testkit.provider.faults import Call, How, Operation
from mlgate_testkit.provider.process import ProviderProcess

__tracebackhide__ = True  # a test that fails shows the line of the test
__all__ = ["Attached", "Port", "Simulated"]

_KILLED = f"was ended by signal {int(signal.SIGKILL)}"
_SHOWN = 12


class Attached(Protocol):
    """What an engine is attached to by name and port, and what it made there."""

    @property
    def name(self) -> str:
        """The provider's name in programs ("aws")."""

    @property
    def port(self) -> int:
        """Where it serves, on loopback."""

    def work_in(self, folder: Path, /) -> None:
        """Has the provider look for relative paths there from now on, as one does that the engine starts itself."""

    def finish(self, urns: str, /) -> None:
        """Cancels what is under way at resources whose URN begins so, and waits for its end. Raises ProcessError: it does not end."""

    def alive(self) -> list[Made]:
        """What was made there and is still there, oldest first."""

    def reap(self, made: Iterable[Made], /) -> None:
        """Removes those."""


class Port:
    """A provider that somebody else runs: what it made cannot be seen, so a leak in it cannot either."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.port = port

    def work_in(self, folder: Path, /) -> None:
        """Leaves it where it works."""

    def finish(self, urns: str, /) -> None:
        """Waits for nothing that could be seen."""

    def alive(self) -> list[Made]:
        """Nothing that could be seen."""
        return []

    def reap(self, made: Iterable[Made], /) -> None:
        """Removes nothing."""


def require_listening(provider: Attached) -> None:
    """Raises StackError at once where nobody serves; the engine would try for 10 s, and not say where."""
    with socket.socket() as connection:
        if connection.connect_ex(("127.0.0.1", provider.port)):
            raise StackError(
                f"nothing listens on port {provider.port} of 127.0.0.1",
                where=f"provider {provider.name}",
                remedy="give the port of a provider that serves; one that a test ended comes back with its `reset()`",
            )


class Simulated:
    """Runs `MODULE:CALLABLE`, which gives a `Tracked` package, and takes its controls as methods: `simulated_aws.quota(...)`.

    Raises ProcessError, with what the process said, if it does not start.
    """

    def __init__(self, name: str, package: str, environment: Mapping[str, str]) -> None:
        self.name = name
        self._package = package
        self._environment = {**environment, MARKER: str(own_mark())}
        self._used: dict[str, Any] = {}
        self._process = self._start()

    @property
    def port(self) -> int:
        """Where it serves, on loopback."""
        return self._process.port

    @property
    def pid(self) -> int:
        """The process, for whoever wants to kill it."""
        return self._process.pid

    def fail(
        self,
        operation: Operation,
        token: str = "",
        *,
        nth: int = 1,
        times: int = 1,
        each: bool = False,
        how: How = "refuse",
        message: str = "refused on order",
    ) -> None:
        """The `nth` request of that operation (and type token, where given) from now on fails, `times` in a row; with `each` instead the
        first of every resource. See `Faults.fail`."""
        self._process.call("fail", operation=operation, token=token, nth=nth, times=times, each=each, how=how, message=message)

    def use(self, **arguments: Any) -> None:
        """The package's own control of that name, which a process that is started anew is told as well: which cluster it works on."""
        self._process.call("use", **arguments)
        self._used = arguments

    def calls(self, operation: str = "", token: str = "") -> list[Call]:
        """The requests that arrived in this test, of one operation and one type token where given."""
        return self._process.calls(operation, token)

    def work_in(self, folder: Path, /) -> None:
        """Has the process look for relative paths there: the engine starts a provider of its own in the program's folder."""
        self._process.call("work_in", folder=str(folder))

    def finish(self, urns: str, /) -> None:
        """Cancels what is under way at resources whose URN begins so, and waits for its end. Raises ProcessError: it does not end."""
        try:
            if self._process.alive:
                self._process.call("finish", urns)
        except ProcessError:
            if self._process.alive:
                raise

    def alive(self) -> list[Made]:
        """What was made there and is still there, oldest first; nothing where the process has ended, and its cloud with it."""
        return [Made(**made) for made in self._process.call("alive")] if self._process.alive else []

    def reap(self, made: Iterable[Made], /) -> None:
        """Removes those, newest first."""
        self._process.call("reap", made=[asdict(one) for one in made])

    def reset(self) -> None:
        """An empty cloud with nothing on order. A process that was killed is started anew, and removes what the one before it left.

        Raises UsageError for what was ordered and never came, as it would for a kill: a test that ordered it showed nothing by it.
        Raises ProcessError, with what it said, where the process had ended in any other way; it is started anew then as well.
        """
        if not self._process.alive:
            self._start_anew()
            return
        unmet: list[str] = self._process.call("unmet")
        calls = self._process.calls()
        self._process.call("clear")
        self._process.call("reset")
        if unmet:
            listed = "".join(f"\n  {order}" for order in unmet)
            raise UsageError(
                f"what was ordered never came:{listed}",
                where=f"provider {self.name}",
                remedy=f"order what comes ({_came(calls)}), or take it back in the test: `clear()`; `throttle` and `lag` with 0",
            )

    def close(self) -> None:
        """Ends it and waits for that."""
        self._process.close()

    def __getattr__(self, control: str) -> Any:
        if control.startswith("_"):
            raise AttributeError(control)
        return lambda *values, **arguments: self._process.call(control, *values, **arguments)

    def _start_anew(self) -> None:
        """Raises ProcessError, with what it said, where the process was not killed but ended by itself."""
        try:
            self._process.call("clear")
        except ProcessError as ended:
            if _KILLED not in ended.problem:
                raise
        finally:
            self._process.close()
            self._process = self._start()
            if self._used:
                self._process.call("use", **self._used)
            self._process.call("sweep")

    def _start(self) -> ProviderProcess:
        with clouds_hidden():
            return ProviderProcess(self.name, self._package, environment=self._environment)


def _came(calls: Iterable[Call]) -> str:
    """The requests that an order could have been for, the most frequent first."""
    counted = Counter(f"{call.operation} {call.token}" for call in calls if not call.preview and call.operation not in {"check", "diff"})
    told = [f"{number} {what}" for what, number in counted.most_common(_SHOWN)]
    return ", ".join(told) + (" and others" if len(counted) > _SHOWN else "") if told else "no request came"
