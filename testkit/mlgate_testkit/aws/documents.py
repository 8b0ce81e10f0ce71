"""JSON documents as arguments: IAM policies by AWS's grammar, and when two documents say the same.

Grammar and messages: IAM user guide, "Grammar of the IAM JSON policy language"; the messages are those of the IAM API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mlgate_testkit.policy_grammar import DOCUMENT, STATEMENT, VERSIONS
from mlgate_testkit.provider.values import UNKNOWN, has_unknown

__all__ = ["json_text", "listed", "malformed", "public", "same_document", "statements", "trusts"]

_PRINCIPALS = {"AWS", "Service", "Federated", "CanonicalUser"}
_OPERATORS = re.compile(
    r"(ForAllValues:|ForAnyValue:)?"
    r"(String(Not)?(Equals(IgnoreCase)?|Like)|Numeric(Not)?Equals|Numeric(Less|Greater)Than(Equals)?|Date(Not)?Equals"
    r"|Date(Less|Greater)Than(Equals)?|Bool|BinaryEquals|(Not)?IpAddress|Arn(Not)?(Equals|Like)|Null)(IfExists)?"
)
_SYNTAX = "Syntax errors in policy."


def json_text(value: Any) -> Any:
    """A document as the text that goes to AWS; UNKNOWN if any of it is. Raises ValueError for text that is no JSON object."""
    if has_unknown(value):
        return UNKNOWN
    if isinstance(value, str):
        try:
            if not isinstance(json.loads(value), dict):
                raise ValueError("it is no object")
        except ValueError as wrong:
            raise ValueError(f"contains an invalid JSON policy: {wrong}: {value[:80]!r}") from None
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def same_document(before: Any, after: Any) -> bool:
    """Whether two documents say the same: order of keys and of actions or principals, and a list of one for the one, make no difference."""
    try:
        return bool(_ordered(json.loads(before)) == _ordered(json.loads(after)))
    except (TypeError, ValueError):
        return bool(before == after)


def _ordered(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _ordered(member, name) for name, member in value.items() if name != "Sid" or member}
    if isinstance(value, list):
        members = [_ordered(member) for member in value]
        if key == "Statement":
            return members
        return members[0] if len(members) == 1 else sorted(members, key=lambda member: json.dumps(member, sort_keys=True))
    return [value] if key == "Statement" else value


def statements(document: str) -> list[dict[str, Any]]:
    """The statements of a policy that is in order."""
    found = json.loads(document).get("Statement", [])
    return found if isinstance(found, list) else [found]


def listed(value: Any) -> list[Any]:
    """What a policy writes as one or as a list of several, as a list; nothing is an empty one."""
    return [] if value is None else value if isinstance(value, list) else [value]


def trusts(document: str, service: str) -> bool:
    """Whether a trust policy lets that service take the role. Neither conditions nor Deny are asked."""
    return any(
        statement.get("Effect") == "Allow"
        and {"sts:AssumeRole", "sts:*", "*"} & set(listed(statement.get("Action")))
        and isinstance(principal := statement.get("Principal"), Mapping)
        and service in listed(principal.get("Service"))
        for statement in statements(document)
    )


def public(document: str) -> bool:
    """Whether anyone at all is allowed something, with no condition (S3 user guide, "The meaning of 'public'"; no list of keys)."""
    return any(
        statement.get("Effect") == "Allow"
        and not statement.get("Condition")
        and "*" in listed(principal.get("AWS", []) if isinstance(principal := statement.get("Principal", {}), Mapping) else principal)
        for statement in statements(document)
    )


def malformed(document: str, kind: Literal["identity", "trust", "resource"]) -> str:
    """AWS's message about a policy that it does not accept, or "". A trust policy has no Resource, an identity policy no Principal."""
    policy = json.loads(document)
    if document[:1].isspace():
        return "JSON strings must not have leading spaces"
    if set(policy) - DOCUMENT or "Statement" not in policy:
        return _SYNTAX
    if policy.get("Version", "2008-10-17") not in VERSIONS:
        return "The policy must contain a valid version string"
    each = statements(document)
    if not all(isinstance(statement, Mapping) for statement in each):
        return _SYNTAX
    sids = [statement["Sid"] for statement in each if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        return "Statement IDs (SID) in a single policy must be unique."
    return next((problem for statement in each for problem in _problems(statement, kind)), "")


def _problems(statement: Mapping[str, Any], kind: str) -> Iterator[str]:
    if set(statement) - STATEMENT:
        yield _SYNTAX
    if statement.get("Effect") not in {"Allow", "Deny"}:
        yield "Missing required field Effect" if "Effect" not in statement else f"Invalid effect: {statement['Effect']}"
    yield from _one_of(statement, "Action", "Policy statement must contain actions.")
    if kind == "trust":
        if "Resource" in statement or "NotResource" in statement:
            yield "Has prohibited field Resource"
    else:
        yield from _one_of(statement, "Resource", "Policy statement must contain resources.")
    if kind == "identity":
        if "Principal" in statement or "NotPrincipal" in statement:
            yield "Policy document should not specify a principal."
    else:
        yield from _one_of(statement, "Principal", "Missing required field Principal")
    for action in listed(statement.get("Action", statement.get("NotAction"))):
        if action != "*" and not re.fullmatch(r"[A-Za-z0-9-]+:[A-Za-z0-9*?]+", str(action)):
            yield f"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc. ({action})"
    for resource in listed(statement.get("Resource", statement.get("NotResource"))):
        if resource != "*" and not re.fullmatch(r"(arn|\*):.*", str(resource)):
            yield f'Resource {resource} must be in ARN format or "*".'
    yield from _principal(statement.get("Principal", statement.get("NotPrincipal", "*")))
    yield from _conditions(statement.get("Condition", {}))


def _one_of(statement: Mapping[str, Any], key: str, missing: str) -> Iterator[str]:
    if (key in statement) == (f"Not{key}" in statement):
        yield _SYNTAX if key in statement else missing


def _principal(principal: Any) -> Iterator[str]:
    if isinstance(principal, Mapping):
        if not principal or set(principal) - _PRINCIPALS:
            yield f"Invalid principal in policy: {json.dumps(principal, sort_keys=True)}"
    elif principal != "*":
        yield f'Invalid principal in policy: "{principal}"'


def _conditions(conditions: Any) -> Iterator[str]:
    if not isinstance(conditions, Mapping):
        yield _SYNTAX
        return
    for operator, keys in conditions.items():
        if not _OPERATORS.fullmatch(operator):
            yield f"Invalid Condition type : {operator}."
        elif not isinstance(keys, Mapping) or not all(":" in key for key in keys):
            yield _SYNTAX
