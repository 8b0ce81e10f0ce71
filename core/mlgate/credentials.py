"""What is said to those who come with the credentials of another AWS account than the environment's, wherever that is found out."""

from __future__ import annotations

__all__ = ["TAKE", "of_another_account"]

TAKE = "export AWS_PROFILE=..., or run aws sso login"
"""How AWS's own tools take credentials."""


def of_another_account(declared: str, account: str, arn: str) -> tuple[str, str]:
    """What `account` is, and the remedy. `declared`: the environment's account; `account`, `arn`: whose the credentials are."""
    found = f"is {declared}, and the credentials are of {account} ({arn})"
    return found, f"take credentials of that account ({TAKE}), or correct the environment's account"
