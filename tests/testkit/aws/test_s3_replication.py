"""Copies of a bucket."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import COPIES, copied

COPY = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"


def test_both_buckets_of_a_replication_keep_versions(cloud: Cloud) -> None:
    arguments = {**copied(cloud), "rules": [COPIES]}
    for name in ("copy", "models"):
        cloud.boto("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})
        with pytest.raises(ProviderError, match=r"api error Invalid"):
            cloud.up(COPY, **arguments)
        cloud.boto("s3").put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    assert cloud.up(COPY, **arguments).outputs["rules"] == [COPIES]
    nowhere = {**COPIES, "destination": {"bucket": "arn:aws:s3:::nowhere"}}
    with pytest.raises(ProviderError, match="InvalidRequest: Destination bucket must exist"):
        cloud.up(COPY, **{**arguments, "rules": [nowhere]})


def test_a_rule_for_tags_is_read_back_as_it_was_written(cloud: Cloud) -> None:
    tagged = {**COPIES, "filter": {"and": {"prefix": "runs/", "tags": {"keep": "yes", "by": "us"}}}}
    state = cloud.up(COPY, **copied(cloud), rules=[tagged])
    seen = cloud.refresh(COPY, state)
    assert seen
    assert seen.inputs["rules"] == [tagged]
