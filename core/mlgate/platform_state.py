"""What the state of an environment on AWS is called: whoever makes it, uses it or is let near it goes by these names."""

from __future__ import annotations

__all__ = ["LONGEST_NAME", "state_bucket", "state_key_alias"]

_BUCKET = 63  # Amazon S3 user guide, "Bucket naming rules"
_ACCOUNT = 12
LONGEST_NAME = _BUCKET - len("mlgate-state--") - _ACCOUNT
"""Of an environment, in characters: its state's bucket is called after it."""


def state_bucket(environment: str, account: str) -> str:
    """The account stands in it, since bucket names are shared by all of AWS."""
    return f"mlgate-state-{environment}-{account}"


def state_key_alias(environment: str) -> str:
    """Of the key that encrypts secrets in the state, and the state itself."""
    return f"alias/mlgate-state-{environment}"
