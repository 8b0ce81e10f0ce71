"""What signed evidence says about the ledger beside it: each statement names the line of its attempt.

A ledger that was lost and begun anew would give alpha a second time, would know of no stable to compare with, and so would take the
service's traffic away. It cannot tell that of itself; the evidence can.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mlgate.environment import Environment
from mlgate.errors import LedgerError
from mlgate_evidence.entries import AttemptBegun
from mlgate_evidence.history import History
from mlgate_evidence.statement import Evidence
from mlgate_evidence.store import DirectoryStore, what_verifies
from mlgate_evidence.trust import Trust


@dataclass(frozen=True, slots=True)
class Witnesses:
    """The evidence of an environment, of whatever service and release: all of it was made with this one ledger."""

    environment: Environment

    def attempts(self) -> list[str]:
        """The attempts that have evidence, verified or not."""
        return DirectoryStore.of(self.environment).attempts()

    def require_attempts(self, attempts: Iterable[str], history: History, now_ns: int) -> None:
        """Raise LedgerError where evidence of one of `attempts` verifies and the ledger has no attempt of that name.

        Quick, since what the ledger knows by name is not read: for every reading of the ledger.
        """
        known = {line.entry.attempt for line in history.lines if isinstance(line.entry, AttemptBegun)}
        self._require_lines([attempt for attempt in attempts if attempt not in known], history, now_ns)

    def require_all(self, history: History, now_ns: int) -> None:
        """Raise LedgerError unless the ledger has the line of every attempt whose evidence verifies, exactly as it was signed."""
        self._require_lines(self.attempts(), history, now_ns)

    def require_line(self, evidence: Evidence, history: History) -> None:
        """As `require_all`, of this evidence."""
        attempt = history.attempt(evidence.attempt)
        if attempt is None or (attempt.ledger, attempt.plan_digest) != (evidence.ledger, evidence.plan_digest):
            raise LedgerError(
                f"attempt {evidence.attempt} signed that it is line {evidence.ledger.count} of the ledger, and that line is not here: "
                "lines were lost, or the ledger was begun anew",
                where=str(self.environment.ledger),
                remedy="restore the ledger that the attempt was made with, since it says what is stable and which alpha is spent; "
                f"evidence that was made elsewhere does not belong in {self.environment.evidence}",
            )

    def _require_lines(self, attempts: list[str], history: History, now_ns: int) -> None:
        environment = self.environment
        if not attempts or not environment.trust.exists():  # where nobody is trusted, nothing is evidence
            return
        trust = Trust.read(environment.trust)
        for evidence in what_verifies(DirectoryStore.of(environment), attempts, trust, environment.name, now_ns):
            self.require_line(evidence, history)
