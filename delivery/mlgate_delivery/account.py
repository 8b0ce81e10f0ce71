"""Whose credentials these are, asked before anything is done by them: those of another account make, read and forget the wrong things."""

from __future__ import annotations

import boto3  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # type: ignore[import-untyped]

from mlgate.credentials import TAKE, of_another_account
from mlgate.errors import StackError, UsageError
from mlgate_delivery.remote_state import RemoteState

__all__ = ["session_of"]

_SOON = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})  # in seconds; botocore's own add up to minutes


def session_of(state: RemoteState) -> boto3.Session:
    """AWS in the environment's region, by the credentials that its tools find here, which are of the environment's account.

    Raises UsageError for credentials that are missing or of another account, StackError where AWS does not say whose they are.
    """
    try:
        session = boto3.Session(region_name=state.platform.region)
        caller = session.client("sts", config=_SOON).get_caller_identity()
    except NoCredentialsError:
        raise UsageError("there are no AWS credentials", where="credentials", remedy=TAKE) from None
    except (BotoCoreError, ClientError) as error:
        raise StackError(
            f"AWS does not say whose they are: {error}",
            where="credentials",
            remedy=f"{TAKE}; where AWS is not reached, check network and AWS_ENDPOINT_URL",
        ) from None
    if caller["Account"] != state.platform.account:
        found, remedy = of_another_account(state.platform.account, caller["Account"], caller["Arn"])
        raise UsageError(f"account {found}", where=state.source.place("account"), remedy=remedy)
    return session
