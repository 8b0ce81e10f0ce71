"""What opens traffic to a release: valid signed evidence of a PASS for exactly this release, configuration and stage, and its promotion.

Everything here refuses by default. The exit code of a refusal is that of the verdict which refuses (10 FAIL, 11 INCONCLUSIVE, 12 VOID);
where no verdict does (nothing was ever judged, the evidence is stale or does not verify, the release is not promoted) it is 1, since the
absence of a verdict is never read as one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import EvidenceError, RefusedError
from mlgate.quantities import format_duration
from mlgate.service import Service
from mlgate.verdict import Verdict
from mlgate_evidence.declarations import changes
from mlgate_evidence.entries import VerdictGiven
from mlgate_evidence.history import Attempt, History, Promotion
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.statement import Evidence
from mlgate_evidence.store import DirectoryStore, read_attempt
from mlgate_evidence.trust import Trust
from mlgate_evidence.witnesses import Witnesses

Clock = Callable[[], int]
_NO_VERDICT = 1


def require_traffic(environment: Environment, *, service: str, release: str, configuration: str, clock: Clock = time.time_ns) -> Promotion:
    """The promotion by which this release, in this configuration, may take traffic here; asked by whatever is about to give it some.

    It must stand in the ledger, not taken back by a rollback, and its evidence must still verify; how old that is was judged once, by
    `require_fresh`. Raises RefusedError; LedgerError where the ledger is damaged; DeclarationError where the trust file is malformed.
    """
    case = _Case.of(environment, service, release, configuration, clock)
    with case.refusing():
        promotion = next((made for made in reversed(case.in_force()) if made.is_of(release, configuration)), None)
        if promotion is None:
            case.refuse_unpromoted()
        case.pass_of(promotion.attempt, promotion.evidence_digest)
        return promotion


def require_fresh(environment: Environment, service: Service, *, release: str, configuration: str, clock: Clock = time.time_ns) -> Evidence:
    """The evidence by which this release, in this configuration, may be promoted now.

    The newest verdict decides between PASS and FAIL: an INCONCLUSIVE or VOID that came after a PASS takes nothing from it, a FAIL does. The
    PASS must have been signed at most `environment.evidence_for_ns` ago, on what `service` declares now, and where that compares with
    stable, compared with what is stable now. Raises as `require_traffic`; LedgerError also where the ledger lacks the line of any evidence.
    """
    case = _Case.of(environment, service.name, release, configuration, clock)
    with case.refusing():
        decisive = case.history.decisive(*case.about)
        if decisive is None or decisive[1].verdict is Verdict.FAIL:
            case.refuse_unproven(decisive)
        attempt, given = decisive
        evidence = case.pass_of(attempt.id, given.evidence)
        case.witnesses.require_all(case.history, case.now_ns)
        age_ns = case.now_ns - evidence.signed_ns
        if age_ns > environment.evidence_for_ns:
            case.refuse(
                f"the evidence of attempt {attempt.id} was signed {age_ns / 86400e9:.1f} days ago, "
                f"and a promotion asks for at most {format_duration(environment.evidence_for_ns)}"
            )
        if changed := changes(attempt.plan["declaration"], service):
            case.refuse(f"attempt {attempt.id} was made under another declaration: {'; '.join(changed)}")
        if outdated := case.history.outdated(attempt):
            case.refuse(f"attempt {attempt.id} {outdated}")
        return evidence


def require_former(environment: Environment, *, service: str, clock: Clock = time.time_ns) -> Promotion:
    """What a rollback of the service returns to: what was stable before, by evidence that still verifies, however old.

    Raises as `require_traffic`.
    """
    history = Ledger.of(environment, clock).history()
    former = history.former(service, environment.name)
    if former is None:
        raise RefusedError(
            f"no release of {service} was stable in {environment.name} before the one that is",
            exit_code=_NO_VERDICT,
            where=str(environment.ledger),
            remedy="promote another one: mlgate promote service.yaml --release RELEASE",
        )
    case = _Case.of(environment, service, former.release, former.configuration, clock)
    with case.refusing():
        case.pass_of(former.attempt, former.evidence_digest)
    return former


@dataclass(frozen=True, slots=True)
class _Case:
    """One question about one release in one configuration, and everything that is read to answer it."""

    environment: Environment
    service: str
    release: str
    configuration: str
    history: History
    now_ns: int

    @classmethod
    def of(cls, environment: Environment, service: str, release: str, configuration: str, clock: Clock) -> _Case:
        return cls(environment, service, release, configuration, Ledger.of(environment, clock).history(), clock())

    @property
    def about(self) -> tuple[str, str, str, str]:
        """What is asked of the history."""
        return self.service, self.environment.name, self.release, self.configuration

    @property
    def witnesses(self) -> Witnesses:
        """All evidence that is here."""
        return Witnesses(self.environment)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Evidence that is not there or does not verify refuses like any other reason."""
        try:
            yield
        except EvidenceError as error:
            raise RefusedError(
                f"{self} may take no traffic: {error.problem}", exit_code=_NO_VERDICT, where=error.where, remedy=error.remedy
            ) from error

    def in_force(self) -> list[Promotion]:
        return self.history.in_force(self.service, self.environment.name)

    def attempts(self) -> list[Attempt]:
        """The attempts at this release in whatever configuration, newest first."""
        return self.history.attempts(self.service, self.environment.name, self.release)[::-1]

    def pass_of(self, attempt_id: str, digest: str | None) -> Evidence:
        """The evidence of an attempt, verified, in the ledger, and a PASS of exactly what is asked. Raises EvidenceError, LedgerError."""
        environment = self.environment
        evidence = read_attempt(DirectoryStore.of(environment), attempt_id, Trust.read(environment.trust), environment.name, self.now_ns)
        where, remedy = f"{attempt_id}/evidence.json", f"restore it, or gate the release again: {self.gate}"
        if evidence.digest != digest:
            raise EvidenceError(f"this is not the evidence that the ledger knows, which is {digest}", where=where, remedy=remedy)
        about = (evidence.service, evidence.release, evidence.configuration)
        if about != (self.service, self.release, self.configuration):
            raise EvidenceError(
                f"it is about release {evidence.release} with configuration {evidence.configuration} of {evidence.service}",
                where=where,
                remedy=remedy,
            )
        if evidence.verdict is not Verdict.PASS:
            raise RefusedError(
                f"{self} may take no traffic: its evidence says {evidence.verdict}",
                exit_code=evidence.verdict.exit_code,
                where=where,
                remedy=self.gate,
            )
        self.witnesses.require_line(evidence, self.history)
        return evidence

    def refuse_unpromoted(self) -> NoReturn:
        if taken_back := self.history.taken_back(*self.about):
            self.refuse(f"it was taken back by a rollback ({taken_back.reason})", remedy=self.promote)
        promotions = self.history.promotions(self.service, self.environment.name)
        if of_release := [made for made in promotions if made.release == self.release]:
            self.refuse(f"it was promoted with configuration {short(of_release[-1].configuration)}, and what is asked for is another one")
        decisive = self.history.decisive(*self.about)
        if decisive is not None and decisive[1].verdict is Verdict.PASS:
            self.refuse("it has passed and is not promoted", remedy=self.promote)
        self.refuse_unproven(decisive)

    def refuse_unproven(self, decisive: tuple[Attempt, VerdictGiven] | None) -> NoReturn:
        """By the FAIL that decides; where nothing does, by the newest verdict, and where there is none, by that."""
        if newest := decisive or next(iter(self.history.judged(*self.about)), None):
            attempt, given = newest
            self.refuse(f"attempt {attempt.id} ended with {given.verdict}", exit_code=given.verdict.exit_code)
        attempts = self.attempts()
        if not attempts:
            self.refuse("there is no evidence about it, since it was never gated here")
        if any(attempt.configuration == self.configuration for attempt in attempts):
            self.refuse(f"there is no evidence about it: attempt {attempts[0].id} has not ended")
        other = attempts[0].configuration
        self.refuse(f"it was gated with configuration {short(other) if other else 'unknown'} only, and what is asked for is another one")

    def refuse(self, reason: str, *, exit_code: int = _NO_VERDICT, remedy: str | None = None) -> NoReturn:
        raise RefusedError(
            f"{self} may take no traffic: {reason}", exit_code=exit_code, where=str(self.environment.home), remedy=remedy or self.gate
        )

    @property
    def gate(self) -> str:
        return f"mlgate gate service.yaml --release {self.release}"

    @property
    def promote(self) -> str:
        return f"mlgate promote service.yaml --release {self.release}"

    def __str__(self) -> str:
        return f"release {short(self.release)} of {self.service} with configuration {short(self.configuration)} in {self.environment.name}"
