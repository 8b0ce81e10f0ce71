"""pytest runs the gate of a `service.yaml` named on its command line, one item per check.

`pytest service.yaml --candidate URL [--stable URL | --first-release]`: the same gate as `mlgate gate`, the same evidence, pytest's own
reports. Only a file named on the command line whose `apiVersion` is `mlgate/v1` is taken; every other run is left alone, and pays for an
import of the standard library.

A gate cannot be passed in part: whichever checks `-k`, `::name`, `--deselect` or `--last-failed` leave, the item `verdict` runs with them.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mlgate.service import Service
    from mlgate_gates.request import GateOutcome, GateRequest
    from mlgate_gates.result import Finding


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the endpoints to judge."""
    group = parser.getgroup("mlgate", "deployment gates (for a service.yaml named on the command line)")
    group.addoption("--candidate", metavar="URL", help="the endpoint to judge")
    group.addoption("--stable", metavar="URL", help="the endpoint to compare with")
    group.addoption("--first-release", action="store_true", help="there is no stable yet: leave out the checks against it")


def pytest_configure(config: pytest.Config) -> None:
    """Refuses a named declaration in several processes, or without endpoints that fit it and one another, before anything is collected."""
    paths = dict.fromkeys(config.invocation_params.dir / argument.split("::")[0] for argument in config.args)
    for named in filter(_is_declaration, paths):
        if config.getoption("--candidate") is None:
            raise pytest.UsageError(f"{named.name}: which endpoint? add --candidate URL")
        if config.getoption("dist", "no") != "no":  # pytest-xdist would deal its checks out to processes that each run the gate
            raise pytest.UsageError(f"{named.name}: a gate is one measurement and needs one process: add -n 0")
        _refuse_contradictions(named, config)


def _refuse_contradictions(named: Path, config: pytest.Config) -> None:
    """What the gate itself would refuse, told as pytest tells a wrong command: it is no check that did not pass."""
    from mlgate.digests import short
    from mlgate.errors import DeclarationError, MlgateError, UsageError
    from mlgate.service import Service
    from mlgate_evidence.ledger import Ledger

    try:
        request = _request(Service.read(named), config)
        stable = Ledger.of(request.environment).stable(request.service.name, request.environment.name)
        request.check(None if stable is None else short(stable.release))
    except MlgateError as error:
        # A wrong declaration is met again where it is collected, a damaged ledger where the gate runs, and told there.
        if isinstance(error, UsageError) and not isinstance(error, DeclarationError):
            raise pytest.UsageError(f"{named.name}: {error}") from None


def _request(service: Service, config: pytest.Config) -> GateRequest:
    """The gate that the command line asks for."""
    from mlgate.environment import local
    from mlgate_gates.request import GateRequest, Subject

    stable = config.getoption("--stable")
    return GateRequest(
        service=service,
        environment=local(),
        candidate=Subject(config.getoption("--candidate")),
        stable=Subject(stable) if stable else None,
        first_release=config.getoption("--first-release"),
    )


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Takes a declaration that was named, and nothing else."""
    named = parent.session.isinitpath(file_path) and _is_declaration(file_path)
    return GateFile.from_parent(parent, path=file_path) if named else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Puts the verdict back where a selection left it out: the checks that are left may pass in a gate that does not.

    Here, since every selection has been made by now.
    """
    selected = dict.fromkeys(item.parent for item in session.items if isinstance(item, CheckItem))
    judged = {item.parent for item in session.items if isinstance(item, VerdictItem)}
    session.items += [file.verdict() for file in selected if isinstance(file, GateFile) and file not in judged]


# A key of the whole document stands at the start of a line. Not parsed: a file that is no YAML gets its error from whoever reads it.
_API_VERSION = re.compile(r"""^apiVersion:\s*(["']?)mlgate/v1\1(\s+#.*)?\s*$""", re.MULTILINE)


def _is_declaration(path: Path) -> bool:
    if path.suffix not in (".yaml", ".yml") or not path.is_file():
        return False
    return _API_VERSION.search(path.read_text(encoding="utf-8", errors="replace")) is not None


class GateFile(pytest.File):
    """A declaration; its gate runs once, when the first item needs it."""

    _outcome: GateOutcome | Exception | None = None

    def collect(self) -> Iterator[pytest.Item]:
        """An item for each check that will be planned, and one for the verdict over all."""
        from mlgate.errors import MlgateError
        from mlgate.service import MarginBar, Service

        try:
            service = Service.read(self.path)
        except MlgateError as error:
            raise self.CollectError(str(error)) from None
        first = self.config.getoption("--first-release")
        bars = [bar for bar in service.quality if not (first and isinstance(bar, MarginBar))]
        for name in ("contract", *(bar.name for bar in bars), *(objective.name for objective in service.objectives)):
            yield CheckItem.from_parent(self, name=name)
        yield self.verdict()

    def verdict(self) -> VerdictItem:
        """The item for the gate as a whole."""
        item: VerdictItem = VerdictItem.from_parent(self, name="verdict")
        return item

    def outcome(self) -> GateOutcome:
        """The gate's outcome, or what it raised; runs it on the first call, and only then."""
        if self._outcome is None:
            try:
                self._outcome = self._run()
            except Exception as error:
                self._outcome = error
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def _run(self) -> GateOutcome:
        from mlgate.service import Service
        from mlgate_gates.run import run_gate

        return run_gate(_request(Service.read(self.path), self.config), _progress(self.config))


class GateFailedError(Exception):
    """A check that did not pass, as the text pytest shows."""


class _GateItem(pytest.Item):
    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *_: Any, **__: Any) -> str:
        """Our own words for our own errors; pytest's for the rest."""
        from mlgate.errors import MlgateError

        if isinstance(excinfo.value, GateFailedError | MlgateError):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the item stands: the declaration and the check."""
        return self.path, 0, f"{self.path.name}: {self.name}"

    def gate(self) -> GateOutcome:
        """The outcome of this item's file, and where its evidence lies (for JUnit)."""
        assert isinstance(self.parent, GateFile)
        outcome = self.parent.outcome()
        self.user_properties += [("mlgate_attempt", outcome.attempt), ("mlgate_verdict", str(outcome.result.verdict))]
        return outcome


class CheckItem(_GateItem):
    """One check: passes on PASS, is skipped where another check failed first, fails otherwise."""

    def runtest(self) -> None:
        """Raises GateFailedError with an aligned table."""
        outcome = self.gate()
        try:
            finding = outcome.result.finding(self.name)
        except KeyError:
            raise GateFailedError(f"{self.name}: the gate judged no such check; was {self.path.name} changed meanwhile?") from None
        if finding.verdict is None:
            pytest.skip(f"not run: {outcome.result.decided_by} decided first")
        if finding.verdict != "PASS":
            raise GateFailedError(failure_table(finding, outcome))


class VerdictItem(_GateItem):
    """The gate as a whole: what is void or missing outside of single checks shows here."""

    def runtest(self) -> None:
        """Raises GateFailedError unless the gate passed."""
        outcome = self.gate()
        if outcome.result.verdict != "PASS":
            raise GateFailedError(f"{outcome.result.verdict}: {outcome.result.reason}\nreport  {outcome.report}")


def _progress(config: pytest.Config) -> Callable[[str], None]:
    """Writes lines to standard error, each with the seconds since now, past pytest's capturing: a gate takes minutes."""
    begin, capturing = time.monotonic(), config.pluginmanager.getplugin("capturemanager")
    uncaptured = capturing.global_and_fixture_disabled if capturing else nullcontext
    ending = "\n"  # of the line that pytest has begun with the name of the file

    def tell(text: str) -> None:
        nonlocal ending
        with suppress(OSError), uncaptured():  # whoever listened is gone; what is being done is not
            sys.stderr.write(f"{ending}[{time.monotonic() - begin:6.1f} s] {text}\n")
            sys.stderr.flush()
        ending = ""

    return tell


def failure_table(finding: Finding, outcome: GateOutcome) -> str:
    """What was claimed and what was found, aligned."""
    rows = [
        ("check", finding.name),
        ("verdict", str(finding.verdict)),
        ("claim", finding.claim),
        ("found", "nothing" if finding.estimate is None else f"{finding.estimate:.6g}"),
        ("why", finding.reason),
        ("requests", f"{finding.requests:,}"),
        *([("missing", finding.missing)] if finding.missing else []),
        *((name, f"{number:.6g}") for name, number in finding.numbers.items()),
        ("report", str(outcome.report)),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
