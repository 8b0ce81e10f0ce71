"""What a gate is asked: which endpoint to judge, against which one, in which environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlgate.environment import Environment
from mlgate.errors import UsageError
from mlgate.release import Lineage
from mlgate.service import MarginBar, Service
from mlgate_evidence.subject import normal_url
from mlgate_gates.result import GateResult


@dataclass(frozen=True, slots=True)
class Server:
    """The one process behind an address.

    `name` is no other's, not even of a later process there; `now` gives the name of what is there now, or was until it ended by itself,
    and None where it was taken away.
    """

    name: str
    now: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Subject:
    """One arm: its own address, and what runs there.

    `release` and `configuration` are digests, known where our own runtime serves; an endpoint without them can be judged, not promoted.
    `lineage` is how the release came to be, for the report. `server` is what `configuration` was read of, where that can be told.
    """

    url: str
    release: str | None = None
    configuration: str | None = None
    lineage: Lineage | None = None
    server: Server | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Its part of the plan."""
        return {"url": self.url, "release": self.release, "configuration": self.configuration}


@dataclass(frozen=True, slots=True)
class GateRequest:
    """A gate to run. `first_release` leaves out the checks against stable and is recorded as such."""

    service: Service
    environment: Environment
    candidate: Subject
    stable: Subject | None = None
    first_release: bool = False

    @property
    def arms(self) -> dict[str, Subject]:
        """The endpoints under load by arm; stable only where a check compares with it."""
        compares = any(isinstance(bar, MarginBar) for bar in self.service.quality)
        return {"candidate": self.candidate} | ({"stable": self.stable} if self.stable and compares else {})

    def check(self, known_stable: str | None) -> None:
        """Raises UsageError where a comparison has nothing but itself to compare with, or a known or named stable would be passed over."""
        compared = [bar.name for bar in self.service.quality if isinstance(bar, MarginBar)]
        if self.first_release and known_stable is not None:
            raise UsageError(
                f"--first-release, but {known_stable} is stable in {self.environment.name}",
                where=f"the ledger, {self.environment.ledger}",
                remedy="leave the option out; with --candidate, also name the stable endpoint: --stable URL",
            )
        if self.first_release and self.stable is not None:
            raise UsageError(
                f"--first-release leaves out the checks against stable, and --stable names {normal_url(self.stable.url)}",
                where="--first-release and --stable",
                remedy="give one of them",
            )
        if compared and self.stable is None and not self.first_release:
            raise UsageError(
                f"{', '.join(compared)} compares with stable, and no stable endpoint was named",
                where=f"service {self.service.name}, quality",
                remedy="name it with --stable URL; where nothing is stable yet: --first-release",
            )
        if self.stable is not None and normal_url(self.stable.url) == (both := normal_url(self.candidate.url)):
            raise UsageError(
                f"candidate and stable are both {both}", where="--candidate and --stable", remedy="give each arm its own address"
            )


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """A finished gate: its result and the folder that holds plan, observations, evidence and report."""

    attempt: str
    folder: Path
    result: GateResult

    @property
    def report(self) -> Path:
        """The HTML report."""
        return self.folder / "report.html"
