"""Whether the policy of a queue or a topic lets a service of AWS act: what S3 asks before it sends notifications there.

Sources: S3 user guide, "Granting permissions to publish event notification messages to a destination"; IAM user guide, "IAM JSON policy
elements: Condition operators". Of conditions only those count that name the source; nothing is asked of Deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from glob import escape
from typing import Any

from mlgate_testkit.aws.documents import listed, statements

__all__ = ["allows", "granted"]


def granted(document: str, *, service: str, action: str, resource: str, source: str, account: str) -> bool:
    """Whether a statement allows `service` ("s3.amazonaws.com") that action on `resource`, on behalf of the ARN `source`."""
    known = {"aws:sourcearn": source, "aws:sourceaccount": account, "aws:sourceowner": None}  # the last: only a topic's owner sends it
    return any(
        statement.get("Effect") == "Allow"
        and _names(statement.get("Principal"), service)
        and allows(statement, action)
        and _matches(statement.get("Resource"), resource)
        and all(_holds(*condition, known) for condition in _conditions(statement))
        for statement in statements(document)
    )


def allows(statement: Mapping[str, Any], action: str) -> bool:
    """Whether that action is among those of a statement."""
    if "NotAction" in statement:
        return not _matches(statement["NotAction"], action, lower=True)
    return _matches(statement.get("Action"), action, lower=True)


def _names(principal: Any, service: str) -> bool:
    if isinstance(principal, Mapping):
        return service in listed(principal.get("Service")) or "*" in listed(principal.get("AWS"))
    return bool(principal == "*")


def _conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, patterns in keys.items():
            yield operator, key, patterns


def _holds(operator: str, key: str, patterns: Any, known: Mapping[str, str | None]) -> bool:
    """By the rules for keys that are not there too: then what must not match holds, and what must does not."""
    if key.lower() not in known:
        return True
    value, name = known[key.lower()], operator.rpartition(":")[2].removesuffix("IfExists")
    if name == "Null":
        return str(value is None).lower() in [str(pattern).lower() for pattern in listed(patterns)]
    if value is None:
        return "Not" in name or operator.endswith("IfExists") or operator.startswith("ForAllValues:")
    if name.startswith("String") and not name.endswith("Like"):
        patterns = [escape(pattern) for pattern in listed(patterns)]
    return _matches(patterns, value, lower=name.endswith("IgnoreCase")) != ("Not" in name)


def _matches(patterns: Any, value: str, *, lower: bool = False) -> bool:
    value = value.lower() if lower else value
    return any(fnmatchcase(value, pattern.lower() if lower else pattern) for pattern in listed(patterns))
