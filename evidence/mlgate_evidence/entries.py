"""What stands in the ledger, one kind of entry a class, and the chain that holds the lines together.

A line is the canonical JSON of one entry. Each carries its number and the digest of the line before it, so that a line altered, moved or
taken out is seen at the next one; what is missing at the end is seen by the store's head and by signed evidence, which carries a position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from mlgate.digests import canonical_json, digest_bytes
from mlgate.documents import Declared
from mlgate.errors import LedgerError
from mlgate.interface import Name
from mlgate.release import Digest
from mlgate.verdict import Verdict
from mlgate_evidence.ledger_store import GENESIS

_RESTORE = (
    "restore the file from a copy that has every line as it was written, and never edit it: it says which alpha is already spent "
    "(docs/evidence.md, Ledger)"
)


class _Linked(Declared):
    """What every entry has: its number from 1, the digest of the line before, and when it was written.

    `stepped_back_ns` is by how much the clock stood before the previous entry's time, 0 as a rule. Order in the ledger never comes from
    the clock, so a step backwards is worth a note and no more.
    """

    seq: Annotated[int, Field(ge=1)]
    prev: Digest
    at_ns: int
    stepped_back_ns: Annotated[int, Field(ge=0)] = 0


class AttemptBegun(_Linked):
    """A gate took its route and fixed its plan, before its first request. `url` is set where no release is known (a foreign endpoint)."""

    kind: Literal["attempt"] = "attempt"
    attempt: str
    service: Name
    stage: Name
    release: Digest | None
    configuration: Digest | None
    url: str | None
    route: Annotated[int, Field(ge=1)]
    plan: dict[str, Any]


class VerdictGiven(_Linked):
    """An attempt ended. `evidence` is the digest of its signed statement's bytes."""

    kind: Literal["verdict"] = "verdict"
    attempt: str
    verdict: Verdict
    evidence: Digest | None


class Promoted(_Linked):
    """A release became the stable one, by the evidence of an attempt."""

    kind: Literal["promotion"] = "promotion"
    service: Name
    stage: Name
    release: Digest
    configuration: Digest
    attempt: str
    evidence: Digest
    by: str


class RolledBack(_Linked):
    """A release that had been stable became so again, by the evidence it was promoted with."""

    kind: Literal["rollback"] = "rollback"
    service: Name
    stage: Name
    release: Digest
    configuration: Digest
    attempt: str
    evidence: Digest
    by: str
    reason: str


Entry = AttemptBegun | VerdictGiven | Promoted | RolledBack

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it stands in the ledger. `digest` is over the bytes that were read, since a later version may write it otherwise."""

    entry: Entry
    digest: str


def write_line(entry: Entry) -> bytes:
    """The line for an entry, without its end. Raises ValueError for what JSON cannot hold (NaN, infinity)."""
    return canonical_json(entry.model_dump())


def read_chain(content: list[bytes], where: str) -> list[Line]:
    """The lines of a whole ledger, oldest first. Raises LedgerError that names the first that does not follow from those before it."""
    lines: list[Line] = []
    head = GENESIS
    for number, raw in enumerate(content, start=1):
        line = read_line(raw, where, number)
        entry = line.entry
        if entry.seq != number:
            raise LedgerError(
                f"the line in place {number} is number {entry.seq}: lines are missing or out of order",
                where=f"{where}:{number}",
                remedy=_RESTORE,
            )
        if entry.prev != head:
            # Number and form are right, so it is the line before whose bytes are no longer those that this one was chained to.
            altered = max(number - 1, 1)
            raise LedgerError(
                f"line {altered} was altered after it had been written: line {number} follows {entry.prev}, and what precedes it is {head}",
                where=f"{where}:{altered}",
                remedy=_RESTORE,
            )
        head = line.digest
        lines.append(line)
    return lines


def read_line(raw: bytes, where: str, number: int) -> Line:
    """One line by itself. Raises LedgerError where it is no entry, or of a kind that this version does not know."""
    try:
        return Line(entry=_ENTRY.validate_json(raw), digest=digest_bytes(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "union_tag_invalid":
            problem, remedy = f"{first['msg']}: a newer mlgate wrote it", "use an mlgate at least as new as the one that wrote this ledger"
        else:
            problem, remedy = f"not an entry of a ledger ({place + ': ' if place else ''}{first['msg']})", _RESTORE
        raise LedgerError(problem, where=f"{where}:{number}", remedy=remedy) from None
