"""What every predicate of ours must say, whatever else it holds: the part that opens traffic, typed and checked against itself.

A gate adds what it likes (confusion tables, e-value paths, versions); those are read by people and by `mlgate verify`, never by what
decides on traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mlgate.digests import canonical_json, digest_json
from mlgate.errors import EvidenceError, UsageError
from mlgate.interface import Name
from mlgate.release import Digest
from mlgate.verdict import Verdict, join_all
from mlgate_evidence.subject import subject_digests

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://mlgate.dev/gate/v1"


class _Claim(BaseModel):
    """Strict in what it names; what it does not name is carried along unread."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class PlanSubject(_Claim):
    release: Digest | None
    configuration: Digest | None
    url: str


class Bar(_Claim):
    versus: Literal["stable"] | None = None


class Declaration(_Claim):
    quality: tuple[Bar, ...]


class Plan(_Claim):
    service: Name
    declaration: Declaration
    stage: Name
    attempt: Annotated[str, Field(min_length=1)]
    route: Annotated[int, Field(ge=1)]
    subject: PlanSubject
    stable: PlanSubject | None


class Finding(_Claim):
    name: str
    verdict: Verdict | None


class Result(_Claim):
    verdict: Verdict
    findings: tuple[Finding, ...]


class InTotoResult(_Claim):
    """The fields of in-toto's test-result/v0.1, for readers that know only those."""

    result: Literal["PASSED", "FAILED"]
    configuration: tuple[dict[str, Any], ...]
    passedTests: tuple[str, ...]
    failedTests: tuple[str, ...]


class LedgerClaim(_Claim):
    count: Annotated[int, Field(ge=1)]
    head: Digest


class Predicate(_Claim):
    stage: Name
    signed_ns: Annotated[int, Field(ge=0)]
    ledger: LedgerClaim
    plan: Plan
    plan_digest: Digest
    result: Result
    test_result: InTotoResult


class SubjectDigest(_Claim):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Subject(_Claim):
    name: str
    digest: SubjectDigest


class Statement(_Claim):
    """An in-toto Statement v1 about a gate."""

    type: Annotated[str, Field(alias="_type")]
    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]
    predicateType: str
    predicate: Predicate


def read_claims(statement: dict[str, Any], where: str) -> Statement:
    """The claims of a statement. Raises EvidenceError for another type, a missing or malformed claim, or one that contradicts another."""
    for key, expected in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if statement.get(key) != expected:
            raise EvidenceError(
                f"{key} is {statement.get(key)!r}, which this version does not know",
                where=where,
                remedy=f"it reads {expected}; a newer mlgate may read this one",
            )
    try:
        claims = Statement.model_validate_json(canonical_json(statement))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EvidenceError(f"{place}: {first['msg']}", where=where, remedy="gate the release again: mlgate gate") from None
    for problem in _contradictions(statement, claims):
        raise EvidenceError(f"the statement contradicts itself: {problem}", where=where, remedy="gate the release again: mlgate gate")
    return claims


def in_toto_result(plan_digest: str, result: Result) -> dict[str, Any]:
    """in-toto's test-result for a result of ours. Only PASS is PASSED; checks that did not run are in neither list."""
    return {
        "result": "PASSED" if result.verdict is Verdict.PASS else "FAILED",
        "configuration": [{"name": "plan.json", "digest": {"sha256": plan_digest.removeprefix("sha256:")}}],
        "passedTests": [finding.name for finding in result.findings if finding.verdict is Verdict.PASS],
        "failedTests": [finding.name for finding in result.findings if finding.verdict not in (Verdict.PASS, None)],
    }


def _contradictions(statement: dict[str, Any], claims: Statement) -> Iterator[str]:
    predicate, raw = claims.predicate, statement["predicate"]
    plan, result = predicate.plan, predicate.result
    named = {subject.name: f"sha256:{subject.digest.sha256}" for subject in claims.subject}
    if predicate.stage != plan.stage:
        yield f"its stage is {predicate.stage}, its plan's is {plan.stage}"
    if digest_json(raw["plan"]) != predicate.plan_digest:
        yield f"plan_digest is {predicate.plan_digest}, and the plan's digest is {digest_json(raw['plan'])}"
    try:
        expected = subject_digests(plan.subject.release, plan.subject.configuration, plan.subject.url)
    except UsageError as error:
        yield error.problem
    else:
        if missing := expected.items() - named.items():
            yield "its subjects lack " + ", ".join(f"{name} {digest}" for name, digest in sorted(missing))
    if result.verdict is Verdict.PASS and join_all(finding.verdict or Verdict.VOID for finding in result.findings) is not Verdict.PASS:
        yield "its verdict is PASS, and not every check passed"
    if raw["test_result"] != in_toto_result(predicate.plan_digest, result):
        yield f"test_result says otherwise than the verdict {result.verdict} and its checks"
