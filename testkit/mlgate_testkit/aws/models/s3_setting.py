"""A setting of a bucket is a resource of its own, with the bucket's name as its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import ResourceModel
from mlgate_testkit.aws.models.s3_bucket import BUCKET
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["setting"]

Put = Callable[[Aws, str, Inputs], None]
Get = Callable[[Any, str], Outputs | None]
Also = Callable[[Aws, str], Outputs]


def setting(
    token: str, noun: str, put: Put, get: Get, delete: Put, *, also: Also = lambda _aws, _bucket: {}, **fields: Any
) -> ResourceModel:
    """A model of something that is put on a bucket that is there already. `also` gives outputs that follow from the bucket alone."""

    def create(aws: Aws, inputs: Inputs) -> str:
        bucket: str = inputs["bucket"]
        aws.wait_for(BUCKET, bucket, refusal("NoSuchBucket", "The specified bucket does not exist", noun))
        put(aws, bucket, inputs)
        return bucket

    def read(aws: Aws, bucket: str, _known: Inputs) -> Outputs | None:
        found = get(aws.client("s3"), bucket)
        return None if found is None else {"bucket": bucket, **found, **also(aws, bucket)}

    owner = frozenset({"expectedBucketOwner"}) & fields.get("state_only", frozenset())  # those that take one never read it back
    return ResourceModel(
        type=f"aws:s3/{token[0].lower()}{token[1:]}:{token}",
        noun=noun,
        create=create,
        read=read,
        update=lambda aws, bucket, _olds, news: put(aws, bucket, news),
        delete=delete,
        **{**fields, "forces_new": frozenset({"bucket"}) | owner | fields.get("forces_new", frozenset())},
    )
