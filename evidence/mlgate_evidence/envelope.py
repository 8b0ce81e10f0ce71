"""A signed payload: canonical JSON in a DSSE envelope, verified by the keys that a trust policy knows.

DSSE signs the payload's bytes together with its type, so what was signed as one thing is never read as another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import UnverifiedSignatureError

from mlgate.digests import canonical_json
from mlgate.errors import EvidenceError
from mlgate_evidence.signer import Signer
from mlgate_evidence.trust import Trust, TrustedKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def seal(statement: Mapping[str, Any], signer: Signer) -> bytes:
    """The DSSE envelope (JSON, with a newline) of an in-toto statement."""
    envelope = Envelope(canonical_json(statement), PAYLOAD_TYPE, {})
    signature = signer.sign(envelope.pae())
    envelope.signatures[signature.keyid] = signature
    return canonical_json(envelope.to_dict()) + b"\n"


def unseal(content: bytes, trust: Trust, *, where: str, again: str) -> tuple[dict[str, Any], list[TrustedKey]]:
    """The statement in an envelope, and the trusted keys whose signatures hold: at least one.

    What those keys may sign for is the caller's to ask. `again`: how to have it signed anew, the remedy for what was altered or cut short.
    Raises EvidenceError, with a message of its own, for: no envelope, another payload type, no signature, a signature of unknown keys only,
    an altered payload or signature, a payload that is no canonical JSON object.
    """
    envelope = _read_container(content, where, again)
    signers = _verified_by(envelope, trust, where, again)
    return _read_payload(envelope.payload, where, again), signers


class _SignatureEntry(BaseModel):
    model_config = ConfigDict(strict=True)

    keyid: str
    sig: str


class _Container(BaseModel):
    model_config = ConfigDict(strict=True)

    payload: str
    payloadType: str
    signatures: list[_SignatureEntry]


def _read_container(content: bytes, where: str, again: str) -> Envelope:
    try:
        container = _Container.model_validate_json(content)
        envelope = Envelope.from_dict(container.model_dump())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = f"not a DSSE envelope ({place}: {first['msg']})" if place else f"not JSON ({first['msg']})"
        raise EvidenceError(problem, where=where, remedy=again) from None
    except ValueError as error:  # no base64, or two signatures by one key
        raise EvidenceError(f"not a DSSE envelope ({error})", where=where, remedy=again) from None
    if envelope.payload_type != PAYLOAD_TYPE:
        raise EvidenceError(
            f"payloadType is {envelope.payload_type!r}, not {PAYLOAD_TYPE!r}", where=where, remedy="this envelope holds something else"
        )
    if not envelope.signatures:
        raise EvidenceError("nobody has signed it", where=where, remedy=again)
    return envelope


def _verified_by(envelope: Envelope, trust: Trust, where: str, again: str) -> list[TrustedKey]:
    known = [key for keyid in envelope.signatures if (key := trust.key(keyid)) is not None]
    if not known:
        raise EvidenceError(
            f"signed by a key that nobody here trusts: {', '.join(envelope.signatures)}",
            where=where,
            remedy="add the key to the trust file if you know whose it is, or sign with one that is in it",
        )
    verified = [key for key in known if _verifies(envelope, key)]
    if not verified:
        raise EvidenceError(
            f"altered after {', '.join(key.name for key in known)} signed it: the signature does not fit", where=where, remedy=again
        )
    return verified


def _verifies(envelope: Envelope, key: TrustedKey) -> bool:
    try:
        envelope.verify([key.key], threshold=1)
    except UnverifiedSignatureError:  # which the library's VerificationError is one of
        return False
    return True


def _read_payload(payload: bytes, where: str, again: str) -> dict[str, Any]:
    try:
        value = json.loads(payload)
        if isinstance(value, dict) and canonical_json(value) == payload:
            return value
    except (ValueError, RecursionError):
        pass
    # A second spelling might be read differently by somebody else (a key twice, a number with too many digits).
    raise EvidenceError("the signed payload is not a statement in canonical JSON", where=where, remedy=again)
