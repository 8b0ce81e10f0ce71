"""Whether the policy of a queue or a topic lets a service of AWS act: what S3 asks before it sends notifications there.

Source: S3 user guide, "Granting permissions to publish event notification messages to a destination". Of conditions only those count that
name the source; nothing is asked of Deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from mlgate_testkit.aws.documents import statements

__all__ = ["granted"]


def granted(document: str, *, service: str, action: str, resource: str, source: str, account: str) -> bool:
    """Whether a statement allows `service` ("s3.amazonaws.com") that action on `resource`, on behalf of the ARN `source`."""
    return any(
        statement.get("Effect") == "Allow"
        and _names(statement.get("Principal"), service)
        and _matches(statement.get("Action"), action, lower=True)
        and _matches(statement.get("Resource"), resource)
        and all(_holds(key, patterns, source, account) for key, patterns in _conditions(statement))
        for statement in statements(document)
    )


def _names(principal: Any, service: str) -> bool:
    if isinstance(principal, Mapping):
        return service in _listed(principal.get("Service")) or "*" in _listed(principal.get("AWS"))
    return bool(principal == "*")


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for keys in (statement.get("Condition") or {}).values():
        yield from keys.items()


def _holds(key: str, patterns: Any, source: str, account: str) -> bool:
    match key.lower():
        case "aws:sourcearn":
            return _matches(patterns, source)
        case "aws:sourceaccount":
            return account in _listed(patterns)
        case "aws:sourceowner":  # of a topic's default policy: what the owner's own identities send
            return False
        case _:
            return True


def _matches(patterns: Any, value: str, *, lower: bool = False) -> bool:
    value = value.lower() if lower else value
    return any(fnmatchcase(value, pattern.lower() if lower else pattern) for pattern in _listed(patterns))


def _listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]
