"""The signed statement: an in-toto Statement v1 in a DSSE envelope, over our own canonical JSON.

in-toto's own `Statement` class keeps the predicate in a protobuf Struct, where 2**60 + 1 loses digits; so the payload is written here, and
the library's class is used by tests only, to check the shape. DSSE signs the payload's bytes together with its type.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError

from mlgate.digests import canonical_json, digest_bytes
from mlgate.errors import EvidenceError
from mlgate.quantities import format_duration
from mlgate.verdict import Verdict
from mlgate_evidence.claims import PREDICATE_TYPE, STATEMENT_TYPE, Result, Statement, in_toto_result, read_claims
from mlgate_evidence.ledger_store import Position
from mlgate_evidence.signer import Signer
from mlgate_evidence.trust import Trust, TrustedKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
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
    envelope = Envelope(canonical_json(_stamped(statement, clock())), PAYLOAD_TYPE, {})
    signature = signer.sign(envelope.pae())
    envelope.signatures[signature.keyid] = signature
    return canonical_json(envelope.to_dict()) + b"\n"


def read_evidence(content: bytes, trust: Trust, stage: str | None, now_ns: int, *, where: str = "evidence.json") -> Evidence:
    """What an envelope proves, verified by one key that `trust` allows for `stage` (None: the stage that the statement itself names).

    Raises EvidenceError, with a message of its own, for: no envelope, another payload type, no signature, a signature of unknown keys only,
    an altered payload or signature, no statement, a predicate of another type or with missing or contradictory claims, another stage, a key
    not allowed for it, a time of signing that has not come yet.
    """
    envelope = _read_container(content, where)
    signers = _verified_by(envelope, trust, where)
    statement = _read_payload(envelope.payload, where)
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


class _SignatureEntry(BaseModel):
    model_config = ConfigDict(strict=True)

    keyid: str
    sig: str


class _Container(BaseModel):
    model_config = ConfigDict(strict=True)

    payload: str
    payloadType: str
    signatures: list[_SignatureEntry]


def _read_container(content: bytes, where: str) -> Envelope:
    try:
        container = _Container.model_validate_json(content)
        envelope = Envelope.from_dict(container.model_dump())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = f"not a DSSE envelope ({place}: {first['msg']})" if place else f"not JSON ({first['msg']})"
        raise EvidenceError(problem, where=where, remedy=_GATE_AGAIN) from None
    except ValueError as error:  # no base64, or two signatures by one key
        raise EvidenceError(f"not a DSSE envelope ({error})", where=where, remedy=_GATE_AGAIN) from None
    if envelope.payload_type != PAYLOAD_TYPE:
        raise EvidenceError(
            f"payloadType is {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}", where=where, remedy="this envelope holds something else"
        )
    if not envelope.signatures:
        raise EvidenceError("nobody has signed it", where=where, remedy="sign with the environment's key: mlgate gate does")
    return envelope


def _verified_by(envelope: Envelope, trust: Trust, where: str) -> list[TrustedKey]:
    """The trusted keys whose signatures hold; at least one."""
    known = [key for keyid in envelope.signatures if (key := trust.key(keyid)) is not None]
    if not known:
        raise EvidenceError(
            f"signed by a key that nobody here trusts: {', '.join(envelope.signatures)}",
            where=where,
            remedy="add the key to the trust file if you know whose it is, or gate with one that is in it",
        )
    verified = [key for key in known if _verifies(envelope, key)]
    if not verified:
        raise EvidenceError(
            f"altered after {', '.join(key.name for key in known)} signed it: the signature does not fit", where=where, remedy=_GATE_AGAIN
        )
    return verified


def _verifies(envelope: Envelope, key: TrustedKey) -> bool:
    try:
        envelope.verify([key.key], threshold=1)
    except UnverifiedSignatureError:  # which the library's VerificationError is one of
        return False
    return True


def _read_payload(payload: bytes, where: str) -> dict[str, Any]:
    try:
        value = json.loads(payload)
        if isinstance(value, dict) and canonical_json(value) == payload:
            return value
    except (ValueError, RecursionError):
        pass
    # A second spelling might be read differently by somebody else (a key twice, a number with too many digits).
    raise EvidenceError("the signed payload is not a statement in canonical JSON", where=where, remedy=_GATE_AGAIN)


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
