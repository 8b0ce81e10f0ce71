"""Principals in policies: AWS accepts only those that exist, and takes a while to know new ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlgate_testkit.aws.account import Aws, ClientError
from mlgate_testkit.aws.documents import listed, statements

__all__ = ["ROLE", "require_principals", "require_role"]

ROLE = "aws:iam/role:Role"


def require_principals(aws: Aws, document: str, error: ClientError, *, patience_s: int = 120) -> None:
    """Raises `error` if the policy names a role of this account that is not there, or not seen yet once the real provider gives up."""
    for arn in _arns(document):
        account, kind = _parts(arn)
        if account == aws.account_id and kind.startswith("role/"):
            require_role(aws, kind.rsplit("/", 1)[-1], error, patience_s=patience_s)


def require_role(aws: Aws, name: str, error: ClientError, *, patience_s: int = 120) -> None:
    """Raises `error` unless the role exists and is seen within the real provider's patience: for IAM mostly two minutes."""
    try:
        aws.client("iam").get_role(RoleName=name)
    except ClientError as missing:
        if missing.response["Error"]["Code"] != "NoSuchEntity":
            raise
        raise error from missing
    aws.wait_for(ROLE, name, error, patience_s=patience_s)


def _arns(document: str) -> Iterator[str]:
    for statement in statements(document):
        principal: Any = statement.get("Principal", statement.get("NotPrincipal", {}))
        named = principal.get("AWS", []) if isinstance(principal, Mapping) else []
        for arn in listed(named):
            if arn.startswith("arn:"):
                yield arn


def _parts(arn: str) -> tuple[str, str]:
    fields = arn.split(":", 5)
    return (fields[4], fields[5]) if len(fields) == 6 else ("", "")
