"""What the entries of a ledger amount to: which attempts, on which routes, and which release was stable when. Pure; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mlgate.digests import digest_json, short
from mlgate.verdict import Verdict
from mlgate_evidence.entries import AttemptBegun, Line, Promoted, RolledBack, VerdictGiven
from mlgate_evidence.ledger_store import GENESIS, Position
from mlgate_evidence.routes import alpha_share
from mlgate_evidence.subject import subject_key


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a PASS: its route, and the plan that was fixed before its first request.

    `ledger` is the position up to and with this attempt's own entry; signed evidence carries it, so that a ledger cut short or begun anew
    is found out. `url` is set where no release is known.
    """

    id: str
    service: str
    stage: str
    release: str | None
    configuration: str | None
    url: str | None
    route: int
    plan: dict[str, Any]
    begun_ns: int
    ledger: Position

    @property
    def alpha_share(self) -> float:
        """The share of alpha that this route may use."""
        return alpha_share(self.route)

    @property
    def plan_digest(self) -> str:
        """What the evidence names as its plan."""
        return digest_json(self.plan)

    @property
    def compares(self) -> bool:
        """Whether a bar of its declaration compares with stable. A plan without a declaration may have had one, and is taken to."""
        declaration = self.plan.get("declaration")
        return declaration is None or any("versus" in bar for bar in declaration["quality"])

    @property
    def compared_with(self) -> tuple[str | None, str | None] | None:
        """Release and configuration that it was compared with; None where it was compared with nothing."""
        stable = self.plan.get("stable")
        return None if stable is None else (stable["release"], stable["configuration"])


@dataclass(frozen=True, slots=True)
class Promotion:
    """A release that became stable at `at_ns`, by whom, and by the evidence of which attempt. `reason` is set on a rollback only."""

    service: str
    stage: str
    release: str
    configuration: str
    attempt: str
    evidence_digest: str
    by: str
    at_ns: int
    reason: str | None = None

    def is_of(self, release: str, configuration: str) -> bool:
        """Whether it is about exactly this release in this configuration."""
        return (self.release, self.configuration) == (release, configuration)


@dataclass(frozen=True, slots=True)
class History:
    """The lines of a whole ledger, oldest first, and the questions asked of them."""

    lines: Sequence[Line]

    @property
    def position(self) -> Position:
        """Where the ledger stands."""
        return Position(count=len(self.lines), head=self.lines[-1].digest if self.lines else GENESIS)

    def attempts(self, service: str, stage: str, release: str | None, url: str | None = None) -> list[Attempt]:
        """All attempts at this subject, whatever became of them, oldest first. Raises UsageError without release and url."""
        key = subject_key(release, url)
        return [
            attempt
            for attempt in self._attempts()
            if (attempt.service, attempt.stage, subject_key(attempt.release, attempt.url)) == (service, stage, key)
        ]

    def attempt(self, attempt_id: str) -> Attempt | None:
        """The attempt of that id."""
        return next((attempt for attempt in self._attempts() if attempt.id == attempt_id), None)

    def verdict(self, attempt_id: str) -> VerdictGiven | None:
        """How the attempt ended; None while it has not."""
        given = (line.entry for line in self.lines if isinstance(line.entry, VerdictGiven))
        return next((entry for entry in given if entry.attempt == attempt_id), None)

    def judged(self, service: str, stage: str, release: str, configuration: str) -> list[tuple[Attempt, VerdictGiven]]:
        """The attempts at this release in this configuration that have ended, by when they ended, newest first."""
        same = [attempt for attempt in self.attempts(service, stage, release) if attempt.configuration == configuration]
        ended = [(attempt, given) for attempt in same if (given := self.verdict(attempt.id)) is not None]
        return sorted(ended, key=lambda pair: pair[1].seq, reverse=True)

    def decisive(self, service: str, stage: str, release: str, configuration: str) -> tuple[Attempt, VerdictGiven] | None:
        """The newest of them that ended with PASS or FAIL: an INCONCLUSIVE or VOID after a PASS takes nothing from it, a FAIL does."""
        judged = self.judged(service, stage, release, configuration)
        return next((pair for pair in judged if pair[1].verdict in (Verdict.PASS, Verdict.FAIL)), None)

    def outdated(self, attempt: Attempt) -> str | None:
        """In words, how what is stable now differs from what the attempt was compared with; None where it does not, or nothing compares.

        "Nothing" is something to be compared with: a first release's PASS says nothing about any release that became stable since.
        """
        stable = self.stable(attempt.service, attempt.stage)
        now = None if stable is None else (stable.release, stable.configuration)
        if not attempt.compares or attempt.compared_with == now:
            return None
        return f"was compared with {_named(attempt.compared_with)}, and what is stable now is {_named(now)}"

    def promotions(self, service: str, stage: str) -> list[Promotion]:
        """Everything that became stable, rollbacks included, oldest first."""
        changes = (line.entry for line in self.lines if isinstance(line.entry, Promoted | RolledBack))
        return [_promotion_of(entry) for entry in changes if (entry.service, entry.stage) == (service, stage)]

    def in_force(self, service: str, stage: str) -> list[Promotion]:
        """The promotions that no rollback has taken back, oldest first: the last is stable, the one before it is where a rollback goes.

        A rollback takes back every promotion after the one it returns to. What was taken back may be promoted again, by evidence.
        """
        return _in_force(self.promotions(service, stage))

    def stable(self, service: str, stage: str) -> Promotion | None:
        """What is stable now."""
        return next(reversed(self.in_force(service, stage)), None)

    def former(self, service: str, stage: str) -> Promotion | None:
        """What a rollback returns to."""
        return next(reversed(self.in_force(service, stage)[:-1]), None)

    def taken_back(self, service: str, stage: str, release: str, configuration: str) -> Promotion | None:
        """The rollback that took this release, in this configuration, back; None where it is in force or never was."""
        changes = self.promotions(service, stage)
        held = [any(made.is_of(release, configuration) for made in _in_force(changes[:count])) for count in range(len(changes) + 1)]
        ends = [change for change, before, after in zip(changes, held, held[1:], strict=False) if before and not after]
        return ends[-1] if ends and not held[-1] else None

    def was_stable(self, service: str, stage: str, release: str, configuration: str) -> bool:
        """Whether this release, in this configuration, has ever been stable here."""
        return any(promotion.is_of(release, configuration) for promotion in self.promotions(service, stage))

    def _attempts(self) -> Iterator[Attempt]:
        for line in self.lines:
            if isinstance(line.entry, AttemptBegun):
                yield _attempt_of(line.entry, line.digest)


def _in_force(changes: Sequence[Promotion]) -> list[Promotion]:
    kept: list[Promotion] = []
    for change in changes:
        if change.reason is not None:
            while kept and not kept.pop().is_of(change.release, change.configuration):
                pass
        kept.append(change)
    return kept


def _named(compared: tuple[str | None, str | None] | None) -> str:
    if compared is None:
        return "nothing"
    release, configuration = (short(digest) if digest else "unknown" for digest in compared)
    return f"release {release} with configuration {configuration}"


def _attempt_of(entry: AttemptBegun, digest: str) -> Attempt:
    return Attempt(
        id=entry.attempt,
        service=entry.service,
        stage=entry.stage,
        release=entry.release,
        configuration=entry.configuration,
        url=entry.url,
        route=entry.route,
        plan=entry.plan,
        begun_ns=entry.at_ns,
        ledger=Position(count=entry.seq, head=digest),
    )


def _promotion_of(entry: Promoted | RolledBack) -> Promotion:
    return Promotion(
        service=entry.service,
        stage=entry.stage,
        release=entry.release,
        configuration=entry.configuration,
        attempt=entry.attempt,
        evidence_digest=entry.evidence,
        by=entry.by,
        at_ns=entry.at_ns,
        reason=entry.reason if isinstance(entry, RolledBack) else None,
    )
