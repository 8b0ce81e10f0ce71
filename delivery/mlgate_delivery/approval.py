"""A person's signed yes to losing one resource: an in-toto statement that names stack, resource, operation, reason, person and expiry.

The resource is named twice, by its URN and by what the cloud calls it, so that an approval is spent with what it was for: what is made in
its place under the same URN is another one. It is signed and verified as evidence is, by a key that the environment's trust policy allows
for it, and it is another kind of statement: neither is ever read as the other. Until it expires it holds for as many tries as it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlgate.digests import canonical_json, digest_bytes, short
from mlgate.environment import Environment
from mlgate.errors import EvidenceError, MlgateError, UsageError
from mlgate_evidence.claims import STATEMENT_TYPE
from mlgate_evidence.envelope import seal, unseal
from mlgate_evidence.signer import Signer
from mlgate_evidence.statement import CLOCK_SKEW_NS
from mlgate_evidence.trust import Trust

PREDICATE_TYPE = "https://mlgate.dev/approval/v1"
OPERATIONS = ("replace", "delete")
_AGAIN = "have it approved again: mlgate approve"


@dataclass(frozen=True, slots=True)
class Approval:
    """A statement whose signature was verified.

    `id`: what the cloud calls the resource. `by`: the person, as they call themselves; `keyid` is who they are.
    """

    stack: str
    urn: str
    id: str
    operation: str
    reason: str
    by: str
    signed_ns: int
    expires_ns: int
    keyid: str

    def void(self, id: str, now_ns: int) -> str:  # noqa: A002 - Pulumi's own word for it
        """Why it does not hold now for what the cloud calls `id`; "" where it does."""
        if id != self.id:
            return f"the approval by {self.by} is of {self.id or 'one without id'}, and this is {id or 'one without id'}"
        if now_ns >= self.expires_ns:
            return f"the approval by {self.by} has expired"
        if self.signed_ns > now_ns + CLOCK_SKEW_NS:
            return f"the approval by {self.by} was signed in the future: one clock is wrong"
        return ""


def approve(
    environment: Environment,
    signer: Signer,
    *,
    urn: str,
    id: str,  # noqa: A002
    operation: str,
    reason: str,
    by: str,
    lasts_ns: int,
    clock: Callable[[], int] = time.time_ns,
) -> Path:
    """Writes an approval where promotions in `environment` find it, in place of an earlier one of the same; returns its file.

    Raises UsageError for a resource of another stack, another operation, no reason, no person or no time; EvidenceError where the trust
    policy does not allow the key.
    """
    now_ns = clock()
    for problem, remedy in _wrong(environment, urn, operation, reason, by, lasts_ns):
        raise UsageError(problem, where="approval", remedy=remedy)
    predicate = {"stack": environment.name, "id": id, "operation": operation, "reason": reason, "by": by}
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": urn, "digest": {"sha256": _digest(urn)}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {**predicate, "signed_ns": now_ns, "expires_ns": now_ns + lasts_ns},
    }
    content = seal(statement, signer)
    path = approvals_of(environment) / f"{short(f'sha256:{_digest(urn)}')}-{operation}.json"
    read_approval(content, Trust.read(environment.trust), environment.name, where=str(path))  # what nobody would believe is never written
    path.parent.mkdir(exist_ok=True)
    making = path.with_name(f".{path.name}")
    making.write_bytes(content)
    making.replace(path)
    return path


def approvals_of(environment: Environment) -> Path:
    """The folder of an environment's approvals; whoever gets one by other means puts its file there."""
    return environment.home / "approvals"


def read_approvals(environment: Environment, told: Callable[[str], None]) -> Sequence[Approval]:
    """The approvals that verify, lapsed ones too. One that does not is `told` and counts for nothing: it keeps nobody from going on."""
    found = []
    for path in sorted(approvals_of(environment).glob("[!.]*.json")):
        try:
            found.append(read_approval(path.read_bytes(), Trust.read(environment.trust), environment.name, where=str(path)))
        except (MlgateError, OSError) as error:
            told(f"an approval that counts for nothing: {error}")
    return found


def read_approval(content: bytes, trust: Trust, stack: str, *, where: str = "approval.json") -> Approval:
    """What an envelope approves. Raises EvidenceError as `unseal`, for another kind of statement, another stack, and a key not allowed."""
    payload, signers = unseal(content, trust, where=where, again=_AGAIN)
    try:
        statement = _Statement.model_validate_json(canonical_json(payload))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EvidenceError(f"no approval ({place}: {first['msg']})", where=where, remedy=_AGAIN) from None
    subject, predicate = statement.subject[0], statement.predicate
    if predicate.stack != stack or not subject.name.startswith(f"urn:pulumi:{stack}::") or subject.digest.sha256 != _digest(subject.name):
        raise EvidenceError(f"approves {subject.name} in {predicate.stack}, not in {stack}", where=where, remedy=_AGAIN)
    allowed = [key for key in signers if stack in key.environments]
    if not allowed:
        names = ", ".join(key.name for key in signers)
        raise EvidenceError(
            f"signed by {names}, which may not sign for {stack}", where=where, remedy=f"have it approved by whoever may in {stack}"
        )
    return Approval(
        stack=predicate.stack,
        urn=subject.name,
        id=predicate.id,
        operation=predicate.operation,
        reason=predicate.reason,
        by=predicate.by,
        signed_ns=predicate.signed_ns,
        expires_ns=predicate.expires_ns,
        keyid=allowed[0].keyid,
    )


def _wrong(environment: Environment, urn: str, operation: str, reason: str, by: str, lasts_ns: int) -> Iterator[tuple[str, str]]:
    if not urn.startswith(f"urn:pulumi:{environment.name}::"):
        yield f"{urn!r} is no resource of the stack {environment.name}", "copy the URN from the refusal"
    if operation not in OPERATIONS:
        yield f"operation {operation!r} needs no approval", f"give one of {', '.join(OPERATIONS)}"
    if not reason.strip():
        yield "there is no reason", "say in a sentence why the resource may go"
    if not by.strip():
        yield "nobody is named", "say who approves"
    if lasts_ns <= 0:
        yield "it would have expired already", "say how long it lasts, such as 1 h"


def _digest(urn: str) -> str:
    return digest_bytes(urn.encode()).removeprefix("sha256:")


Words = Annotated[str, Field(min_length=1)]


class _Claim(BaseModel):
    """Read for itself alone, so nothing in it may go unread."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Digest(_Claim):
    sha256: str


class _Subject(_Claim):
    name: str
    digest: _Digest


class _Predicate(_Claim):
    stack: str
    id: str
    operation: Literal["replace", "delete"]
    reason: Words
    by: Words
    signed_ns: Annotated[int, Field(ge=0)]
    expires_ns: Annotated[int, Field(ge=0)]


class _Statement(_Claim):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[tuple[_Subject, ...], Field(min_length=1, max_length=1)]
    predicateType: Literal["https://mlgate.dev/approval/v1"]
    predicate: _Predicate
