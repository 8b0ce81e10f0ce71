"""One tree of errors: every message names the value, the place and the remedy, and no traceback reaches a user.

The command line prints `str(error)` and leaves with `error.exit_code`; anything that is not an `MlgateError` is a bug of ours.
"""

from __future__ import annotations

from dataclasses import dataclass


class MlgateError(Exception):
    """What went wrong (with the value), where, and what to do about it.

    `where` is a file and line, a URL, a resource or a process; `remedy` is an instruction, best a command.
    """

    exit_code = 1

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{head}\n  -> {self.remedy}" if self.remedy else head


class UsageError(MlgateError):
    """The command or call contradicts itself; nothing was attempted."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with an input file: where it stands, what was found, what would be accepted."""

    where: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}\n  -> {self.expected}"


class DeclarationError(UsageError):
    """A file a user wrote is wrong. Carries every problem in it, in the order of the file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class ToolError(MlgateError):
    """A program that mlgate runs (Java, Pulumi, Go, Envoy) is missing, too old or failed."""


class PackError(MlgateError):
    """A model directory cannot become a release: a file is missing, unsafe, or does not do what the interface says."""


class ProcessError(MlgateError):
    """A local process did not start, become ready or stop; the message ends with the tail of its log."""


class EndpointError(MlgateError):
    """An endpoint cannot be reached or does not speak the declared protocol."""


class EvidenceError(MlgateError):
    """Evidence is missing, altered, stale, signed by a stranger, or about something else."""


class LedgerError(MlgateError):
    """The ledger is damaged, or says that what was asked for must not happen."""


class StackError(MlgateError):
    """Pulumi refused or failed; the message carries its diagnostics."""


class BusyError(MlgateError):
    """Somebody else is doing what must be done by one at a time; the message says who, since when."""


class RefusedError(MlgateError):
    """Evidence does not allow what was asked for. Leaves with the exit code of the verdict that refuses."""

    def __init__(self, problem: str, *, exit_code: int, where: str = "", remedy: str = "") -> None:
        super().__init__(problem, where=where, remedy=remedy)
        self.exit_code = exit_code
