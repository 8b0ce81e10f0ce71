"""The ledger of an environment: every attempt at a release and the alpha its route may use, every promotion, every rollback.

The promise is about a release digest, so what it has already used up must outlive the process, the folder of evidence and the memory of
people. Attempts count from the moment they begin; one that was given up has still had its chance.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.errors import LedgerError, UsageError
from mlgate.verdict import Verdict
from mlgate_evidence.entries import AttemptBegun, Entry, Promoted, RolledBack, VerdictGiven, read_chain, read_line, write_line
from mlgate_evidence.history import Attempt, History, Promotion
from mlgate_evidence.ledger_store import LedgerFile, LedgerStore
from mlgate_evidence.routes import alpha_share
from mlgate_evidence.subject import subject_key
from mlgate_evidence.witnesses import Witnesses

MakePlan = Callable[[int, float, str], dict[str, Any]]
# Given what the ledger holds and the fields that link an entry into it, the entry to add; None adds nothing.
_MakeEntry = Callable[[History, dict[str, Any]], Entry | None]


class Ledger:
    """What was attempted and promoted, over any store of lines.

    Every method raises LedgerError where the ledger is damaged (with the line), lacks an attempt that `witnesses` know, or cannot be
    written, and BusyError where its lock is held for too long. `clock` gives nanoseconds since the Unix epoch.
    """

    def __init__(self, store: LedgerStore, clock: Callable[[], int] = time.time_ns, witnesses: Witnesses | None = None) -> None:
        self._store = store
        self._clock = clock
        self._witnesses = witnesses

    @classmethod
    def of(cls, environment: Environment, clock: Callable[[], int] = time.time_ns) -> Ledger:
        """The ledger of an environment, with the evidence there for its witnesses."""
        return cls(LedgerFile(environment.ledger), clock, Witnesses(environment))

    @property
    def where(self) -> str:
        """How messages name it."""
        return self._store.where

    def history(self) -> History:
        """All lines, checked. Ask one history several questions where the answers must agree with one another."""
        signed = self._witnesses.attempts() if self._witnesses else []  # before the lines: what is begun later is not among them
        content, _ = self._store.read()
        history = History(read_chain(content, self.where))
        if self._witnesses:
            self._witnesses.require_attempts(signed, history, self._clock())
        return history

    def begin_attempt(
        self, *, service: str, stage: str, release: str | None, configuration: str | None, make_plan: MakePlan, url: str | None = None
    ) -> Attempt:
        """Take the next route at this subject and write down its plan; two callers at once get different routes.

        The subject is the release digest, or the address `url` where no release is known. `make_plan(route, alpha_share, attempt_id)` gives
        the plan as JSON values; it is called again where another writer came first, so it should be quick and change nothing.
        """
        key = subject_key(release, url)

        def make(history: History, link: dict[str, Any]) -> Entry:
            route = len(history.attempts(service, stage, release, url)) + 1
            attempt_id = _new_id(history, link["at_ns"], key, route)
            return AttemptBegun(
                **link,
                attempt=attempt_id,
                service=service,
                stage=stage,
                release=release,
                configuration=configuration,
                url=url if release is None else None,
                route=route,
                plan=make_plan(route, alpha_share(route), attempt_id),
            )

        history = self._append(make)
        # From the line and not from what was passed in, so that a plan begun and a plan resumed are the same to the last digit.
        return history.attempts(service, stage, release, url)[-1]

    def unfinished_attempt(
        self, service: str, stage: str, release: str | None, configuration: str | None, url: str | None = None
    ) -> Attempt | None:
        """The newest attempt at this subject and configuration, if it has no verdict.

        It may go on from its rows where the plan made for its route and id today is still the same (`plan_digest`; the caller compares);
        else the next attempt takes the next route, and this one stays counted.
        """
        history = self.history()
        same = [attempt for attempt in history.attempts(service, stage, release, url) if attempt.configuration == configuration]
        return same[-1] if same and history.verdict(same[-1].id) is None else None

    def record_verdict(self, attempt_id: str, verdict: Verdict, evidence_digest: str | None) -> None:
        """Write down how an attempt ended. Saying the same again changes nothing, so a killed gate may repeat its last step.

        Raises LedgerError for an attempt that was never begun, or one that ended otherwise.
        """

        def make(history: History, link: dict[str, Any]) -> Entry | None:
            if history.attempt(attempt_id) is None:
                raise LedgerError(
                    f"attempt {attempt_id} was never begun here", where=self.where, remedy="begin it with this ledger: mlgate gate"
                )
            given = history.verdict(attempt_id)
            if given is None:
                return VerdictGiven(**link, attempt=attempt_id, verdict=verdict, evidence=evidence_digest)
            if (given.verdict, given.evidence) != (verdict, evidence_digest):
                raise LedgerError(
                    f"attempt {attempt_id} already ended with {given.verdict} by evidence {given.evidence}; "
                    f"now it is said to be {verdict} by {evidence_digest}",
                    where=self.where,
                    remedy="an attempt has one verdict: begin another one with mlgate gate",
                )
            return None

        self._append(make)

    def record_promotion(
        self, *, service: str, stage: str, release: str, configuration: str, evidence_digest: str, attempt: str, by: str
    ) -> Promotion:
        """Make a release the stable one, by the PASS of an attempt at exactly this release, configuration and stage.

        Raises LedgerError where the ledger knows of no such PASS, where a FAIL came after it or another release became stable than it was
        compared with (both may have happened since the caller looked), or where the release is already stable.
        """

        def make(history: History, link: dict[str, Any]) -> Entry:
            self._require_other_than_stable(history, service, stage, release, configuration)
            problem = _objection(history, (service, stage, release, configuration), attempt, evidence_digest)
            if problem is not None:
                raise LedgerError(problem, where=self.where, remedy=f"gate the release: mlgate gate service.yaml --release {release}")
            return Promoted(
                **link,
                service=service,
                stage=stage,
                release=release,
                configuration=configuration,
                attempt=attempt,
                evidence=evidence_digest,
                by=by,
            )

        return self._append(make).promotions(service, stage)[-1]

    def record_rollback(self, *, service: str, stage: str, release: str, configuration: str, by: str, reason: str) -> Promotion:
        """Make a former stable release the stable one again, by the evidence it was promoted with; every later promotion is taken back.

        Raises UsageError without a reason, LedgerError for a release that is stable already or was not stable before (or was itself taken
        back: that one needs a promotion).
        """
        if not reason.strip():
            raise UsageError("a rollback says why", remedy="give a reason of a sentence; it stands in the ledger")

        def make(history: History, link: dict[str, Any]) -> Entry:
            self._require_other_than_stable(history, service, stage, release, configuration)
            earlier = [promotion for promotion in history.in_force(service, stage) if promotion.is_of(release, configuration)]
            if not earlier:
                taken_back = history.was_stable(service, stage, release, configuration)
                raise LedgerError(
                    f"release {release} {'was itself taken back by a rollback' if taken_back else 'was never stable'} in {stage}",
                    where=self.where,
                    remedy=f"promote it: mlgate promote service.yaml --release {release}",
                )
            return RolledBack(
                **link,
                service=service,
                stage=stage,
                release=release,
                configuration=configuration,
                attempt=earlier[-1].attempt,
                evidence=earlier[-1].evidence_digest,
                by=by,
                reason=reason,
            )

        return self._append(make).promotions(service, stage)[-1]

    def stable(self, service: str, stage: str) -> Promotion | None:
        """What is stable now: the last promotion, or what a rollback returned to since."""
        return self.history().stable(service, stage)

    def promotions(self, service: str, stage: str) -> list[Promotion]:
        """Everything that became stable, rollbacks included, oldest first."""
        return self.history().promotions(service, stage)

    def _require_other_than_stable(self, history: History, service: str, stage: str, release: str, configuration: str) -> None:
        stable = history.stable(service, stage)
        if stable is not None and stable.is_of(release, configuration):
            since = datetime.fromtimestamp(stable.at_ns // 10**9, UTC)
            raise LedgerError(
                f"release {short(release)} is already stable in {stage}, since {since:%Y-%m-%d %H:%M:%S} UTC by {stable.by}",
                where=self.where,
                remedy="nothing is left to do; mlgate status shows what is stable where",
            )

    def _append(self, make: _MakeEntry) -> History:
        """Add what `make` gives and return the history with it. Compare-and-swap: where another writer came first, all is asked anew."""
        while True:
            history = self.history()
            at_ns = self._clock()
            last_ns = history.lines[-1].entry.at_ns if history.lines else at_ns
            link: dict[str, Any] = {
                "seq": history.position.count + 1,
                "prev": history.position.head,
                "at_ns": at_ns,
                "stepped_back_ns": max(0, last_ns - at_ns),
            }
            entry = make(history, link)
            if entry is None:
                return history
            raw = write_line(entry)
            if self._store.append(history.position.head, raw):
                return History([*history.lines, read_line(raw, self.where, link["seq"])])


def _objection(history: History, about: tuple[str, str, str, str], attempt: str, evidence_digest: str) -> str | None:
    """Why `attempt` does not promote `about` (service, stage, release, configuration) now; None where it does."""
    begun, given = history.attempt(attempt), history.verdict(attempt)
    if begun is None or (begun.service, begun.stage, begun.release, begun.configuration) != about:
        service, stage, release, configuration = about
        return f"attempt {attempt} was not at release {release} with configuration {configuration} of {service} in {stage}"
    if given is None or given.verdict is not Verdict.PASS:
        return f"attempt {attempt} {'has no verdict' if given is None else f'ended with {given.verdict}'}, and only PASS promotes"
    if given.evidence != evidence_digest:
        return f"attempt {attempt} ended by evidence {given.evidence}, not by {evidence_digest}"
    decisive = history.decisive(*about)
    if decisive is not None and decisive[1].verdict is Verdict.FAIL:
        return f"attempt {decisive[0].id} ended with FAIL after attempt {attempt}"
    outdated = history.outdated(begun)
    return None if outdated is None else f"attempt {attempt} {outdated}"


def _new_id(history: History, at_ns: int, key: str, route: int) -> str:
    """An id that sorts by time and says what and which route; a suffix where another attempt of the same second has it already."""
    stamp = datetime.fromtimestamp(at_ns // 10**9, UTC)
    wanted = f"{stamp:%Y%m%dT%H%M%S}-{short(key)}-r{route}"
    attempt_id, again = wanted, 1
    while history.attempt(attempt_id) is not None:
        again += 1
        attempt_id = f"{wanted}-{again}"
    return attempt_id
