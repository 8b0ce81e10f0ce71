"""The signed statement: an in-toto Statement v1 in a DSSE envelope, over our own canonical JSON.

in-toto's own `Statement` class keeps the predicate in a protobuf Struct, where 2**60 + 1 loses digits; so the payload is written here, and
the library's class is used by tests only, to check the shape.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mlgate.digests import canonical_json, digest_bytes
from mlgate.errors import EvidenceError
from mlgate.quantities import format_duration
from mlgate.verdict import Verdict
from mlgate_evidence.claims import PREDICATE_TYPE, STATEMENT_TYPE, Result, Statement, in_toto_result, read_claims
from mlgate_evidence.envelope import seal, unseal
from mlgate_evidence.ledger_store import Position
from mlgate_evidence.signer import Signer
from mlgate_evidence.trust import Trust

# Two machines' clocks differ; by more than this, one of them is wrong and freshness means nothing.
CLOCK_SKEW_NS = 5 * 60 * 10**9
_GATE_AGAIN = "gate the release again: mlgate gate"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A statement that was verified: what it claims, who signed it when, and the digest of the envelope's bytes."""

    attempt: str
    service: str
    stage: str
    release: str | None
    configuration: str | None
    url: str
    verdict: Verdict
    route: int
    plan_digest: str
    ledger: Position
    signed_ns: int
    keyid: str
    digest: str
    statement: dict[str, Any]


def build_statement(subjects: Mapping[str, str], predicate: Mapping[str, Any]) -> dict[str, Any]:
    """The statement about `subjects` ({name: `sha256:<hex>`}), ready to sign but for the time.

    `predicate` holds at least `plan`, `plan_digest`, `ledger` (the attempt's position: count, head) and `result` (verdict, and findings
    with name and verdict); the stage (the plan's) and the fields of in-toto's test-result/v0.1 (`test_result`) are added here.
    Raises EvidenceError where something is missing or contradicts something else: what could not be read back is never signed.
    """
    try:
        canonical_json(predicate)
        result = Result.model_validate_json(canonical_json(predicate["result"]))
        added = {"stage": predicate["plan"]["stage"], "test_result": in_toto_result(predicate["plan_digest"], result)}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EvidenceError(f"no statement can be made of this predicate: {error!r}", where="predicate", remedy=_GATE_AGAIN) from error
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}} for name, digest in sorted(subjects.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {**predicate, **added},
    }
    read_claims(_stamped(statement, 0), "predicate")
    return statement


def sign_statement(statement: Mapping[str, Any], signer: Signer, *, clock: Callable[[], int] = time.time_ns) -> bytes:
    """The DSSE envelope (JSON) of the statement with `signed_ns`, taken from `clock` now, in its predicate."""
    return seal(_stamped(statement, clock()), signer)


def read_evidence(content: bytes, trust: Trust, stage: str | None, now_ns: int, *, where: str = "evidence.json") -> Evidence:
    """What an envelope proves, verified by one key that `trust` allows for `stage` (None: the stage that the statement itself names).

    Raises EvidenceError, with a message of its own, for: no envelope, another payload type, no signature, a signature of unknown keys only,
    an altered payload or signature, no statement, a predicate of another type or with missing or contradictory claims, another stage, a key
    not allowed for it, a time of signing that has not come yet.
    """
    statement, signers = unseal(content, trust, where=where, again=_GATE_AGAIN)
    claims = read_claims(statement, where)
    predicate = claims.predicate
    if stage is not None and predicate.stage != stage:
        raise EvidenceError(
            f"the statement is about {predicate.stage}, not about {stage}", where=where, remedy=f"gate the release in {stage}: mlgate gate"
        )
    allowed = [key for key in signers if predicate.stage in key.environments]
    if not allowed:
        names = ", ".join(f"{key.name} ({key.keyid})" for key in signers)
        raise EvidenceError(
            f"signed by {names}, which may not sign for {predicate.stage}",
            where=where,
            remedy=f"gate with a key that may, or have {predicate.stage} added to its environments in the trust file",
        )
    if predicate.signed_ns > now_ns + CLOCK_SKEW_NS:
        ahead = format_duration((predicate.signed_ns - now_ns) // 10**9 * 10**9)
        raise EvidenceError(
            f"signed {ahead} in the future", where=where, remedy="set the clock of this machine, or of the one that signed, and gate again"
        )
    return _evidence_of(claims, statement, allowed[0].keyid, digest_bytes(content))


def _stamped(statement: Mapping[str, Any], signed_ns: int) -> dict[str, Any]:
    return {**statement, "predicate": {**statement["predicate"], "signed_ns": signed_ns}}


def _evidence_of(claims: Statement, statement: dict[str, Any], keyid: str, digest: str) -> Evidence:
    predicate = claims.predicate
    plan = predicate.plan
    return Evidence(
        attempt=plan.attempt,
        service=plan.service,
        stage=predicate.stage,
        release=plan.subject.release,
        configuration=plan.subject.configuration,
        url=plan.subject.url,
        verdict=predicate.result.verdict,
        route=plan.route,
        plan_digest=predicate.plan_digest,
        ledger=Position(count=predicate.ledger.count, head=predicate.ledger.head),
        signed_ns=predicate.signed_ns,
        keyid=keyid,
        digest=digest,
        statement=statement,
    )
