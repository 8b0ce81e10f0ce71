"""A simulated provider as a process of its own: started once for a test run, attached to every engine by its port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from types import TracebackType
from typing import IO, Any, Self

from mlgate.errors import ProcessError, UsageError
from mlgate_testkit.provider.faults import Call

__all__ = ["ProviderProcess"]

_END_S = 10.0


class ProviderProcess:
    """Runs `MODULE:CLASS`, a Package with no arguments, until `close`, or until this process ends in whatever way.

    `name` is the provider's name in programs ("aws"); `PULUMI_DEBUG_PROVIDERS` takes `name:port`.

    Raises ProcessError, with what the process said, if it does not start.
    """

    def __init__(self, name: str, package: str, *, environment: dict[str, str] | None = None) -> None:
        self.name = name
        self._lock = threading.Lock()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close(); a pipe would fill up and block it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlgate_testkit.provider.host", package],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, **(environment or {})},
            text=True,
            start_new_session=True,
        )
        try:
            self.port: int = self._read_answer("starting")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process, for whoever wants to kill it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def call(self, control: str, /, *values: Any, **arguments: Any) -> Any:
        """Calls a control of the package, or of `Faults` (`fail`, `clear`), or `work_in(folder)` or `unmet()`, with JSON values.

        Raises UsageError for what cannot be ordered, ProcessError with whatever else it answers.
        """
        with self._lock:
            try:
                self._stdin.write(json.dumps({"call": control, "values": values, "with": arguments}) + "\n")
                self._stdin.flush()
            except OSError:
                raise self._ended(control) from None
            return self._read_answer(control)

    def calls(self, operation: str = "", token: str = "") -> list[Call]:
        """The requests that arrived since the last `clear`, of one operation and one type token where given."""
        found = [Call(**call) for call in self.call("calls")]
        return [call for call in found if operation in {"", call.operation} and token in {"", call.token}]

    def close(self) -> None:
        """Ends it and waits for that."""
        with self._lock:
            with suppress(BrokenPipeError):
                self._stdin.close()
            try:
                self._process.wait(_END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._stdout.close()
            self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        self.close()

    @property
    def _stdin(self) -> IO[str]:
        assert self._process.stdin
        return self._process.stdin

    @property
    def _stdout(self) -> IO[str]:
        assert self._process.stdout
        return self._process.stdout

    def _read_answer(self, control: str) -> Any:
        line = self._stdout.readline()
        if not line:
            raise self._ended(control)
        answer = json.loads(line)
        if "error" in answer:
            kind = UsageError if answer.get("usage") else ProcessError
            raise kind(answer["error"], where=answer.get("where") or f"{self.name}: {control}", remedy=answer.get("remedy") or "")
        return answer["value"]

    def _ended(self, control: str) -> ProcessError:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read()[-2000:].decode(errors="replace").strip() or "nothing"
        how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        return ProcessError(f"the simulated provider {how}; it said: {said}", where=f"{self.name}: {control}", remedy="start it anew")
