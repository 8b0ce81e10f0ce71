"""IAM policy documents: their statements, and when one of a resource's policy lets in everybody, as Amazon S3 judges it for its block of
public access.

Source: Amazon S3 User Guide, "The meaning of 'public'": a statement for any principal is public unless a condition holds it to fixed values
of one of a few keys; IAM User Guide, condition operators, for those that also hold where the key is missing.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlgate.addresses import WIDEST

__all__ = ["listed", "open_statements", "read_policy", "statements"]

# Without capitals, since keys are the same in either case.
_FIXING = {
    f"aws:{key}"
    for key in (
        *("principalaccount", "principalarn", "principalorgid", "principalorgpaths", "userid"),
        *("sourceaccount", "sourcearn", "sourceip", "sourceorgid", "sourceorgpaths", "sourceowner", "sourcevpc", "sourcevpce"),
    )
} | {"s3:dataaccesspointaccount", "s3:dataaccesspointarn"}
_OPERATOR = re.compile(r"(ForAnyValue:)?(StringEquals|StringEqualsIgnoreCase|StringLike|ArnEquals|ArnLike|IpAddress)")
"""What holds a request to the values. Not so with IfExists and ForAllValues, which hold where the key is missing, nor with Not."""

_ARN_ACCOUNT = 4
_WILD = re.compile(r"[*?]|\$\{")


def read_policy(policy: Any) -> Any:
    """The document of a JSON text; what is no text as it is, and None for a text that is no JSON."""
    if not isinstance(policy, str):
        return policy
    try:
        return json.loads(policy)
    except ValueError:
        return None


def statements(policy: Any) -> Iterator[Mapping[str, Any]]:
    """The statements of a document or of its JSON text; one that is not known has none."""
    document = read_policy(policy)
    for statement in listed(document.get("Statement") if isinstance(document, Mapping) else None):
        if isinstance(statement, Mapping):  # else it is not known yet, or none
            yield statement


def open_statements(policy: Any) -> Iterator[Mapping[str, Any]]:
    """The statements that allow something to everybody."""
    for statement in statements(policy):
        if statement.get("Effect") == "Allow" and _for_anybody(statement) and not _held(statement.get("Condition")):
            yield statement


def listed(value: Any) -> list[Any]:
    """One or several, as a list: the grammar takes both."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _for_anybody(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    return "NotPrincipal" in statement or "*" in listed(principal.get("AWS") if isinstance(principal, Mapping) else principal)


def _held(condition: Any) -> bool:
    """Whether one of its parts, all of which must hold, lets in only whom it names."""
    if not isinstance(condition, Mapping):
        return False
    return any(
        key.lower() in _FIXING and all(_fixed(key.lower(), value) for value in listed(values))
        for operator, tested in condition.items()
        if _OPERATOR.fullmatch(operator) and isinstance(tested, Mapping)
        for key, values in tested.items()
    )


def _fixed(key: str, value: Any) -> bool:
    """Whether it names one account, organisation, network or resource. A value that only the cloud knows does."""
    if not isinstance(value, str):
        return True
    if key == "aws:sourceip":
        return _narrow(value)
    if value.startswith("arn:"):
        parts = value.split(":")
        account = parts[_ARN_ACCOUNT] if len(parts) > _ARN_ACCOUNT else ""
        return not _WILD.search(account or value)
    return bool(value) and not _WILD.search(re.split(r"[:/]", value)[0])


def _narrow(addresses: str) -> bool:
    try:
        network = ipaddress.ip_network(addresses, strict=False)
    except ValueError:  # a marked text
        return True
    return network.prefixlen >= WIDEST[network.version]
