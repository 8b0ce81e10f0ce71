"""What the state of an environment on AWS is called: whoever makes it, uses it or is let near it goes by these names."""

from __future__ import annotations

__all__ = ["state_bucket", "state_key_alias"]


def state_bucket(environment: str, account: str) -> str:
    """The account stands in it, since bucket names are shared by all of AWS: at most 60 of their 63 characters."""
    return f"mlgate-state-{environment[:34]}-{account}"


def state_key_alias(environment: str) -> str:
    """Of the key that encrypts secrets in the state, and the state itself."""
    return f"alias/mlgate-state-{environment}"
