"""Buckets."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import Kind, ProviderError
from mlgate_testkit.provider.values import UNKNOWN

from .cloud import Cloud

BUCKET = "aws:s3/bucket:Bucket"


def test_a_bucket_gets_a_name_an_identity_and_an_arn(cloud: Cloud) -> None:
    bucket = cloud.up(BUCKET, "Models")
    assert bucket.id == bucket.inputs["bucket"]
    assert bucket.id.startswith("models-")
    assert len(bucket.id) == len("models-") + 7
    assert bucket.outputs["arn"] == f"arn:aws:s3:::{bucket.id}"
    assert bucket.outputs["bucketRegionalDomainName"] == f"{bucket.id}.s3.eu-central-1.amazonaws.com"
    assert [each["Name"] for each in cloud.boto("s3").list_buckets()["Buckets"]] == [bucket.id]


def test_a_preview_knows_its_name_and_region_and_nothing_that_only_the_cloud_knows(cloud: Cloud) -> None:
    expected = cloud.preview(BUCKET, bucket="models", tags={"owner": "vision"})
    assert (expected["bucket"], expected["region"], expected["tagsAll"]) == ("models", "eu-central-1", {"owner": "vision"})
    assert expected["arn"] is expected["hostedZoneId"] is expected["versioning"] is UNKNOWN
    assert cloud.boto("s3").list_buckets()["Buckets"] == []


def test_a_bucket_with_objects_is_deleted_only_by_force(cloud: Cloud) -> None:
    bucket = cloud.up(BUCKET, bucket="models")
    cloud.boto("s3").put_object(Bucket="models", Key="digits.tar", Body=b"1")
    with pytest.raises(ProviderError, match=r"deleting S3 Bucket \(models\).*BucketNotEmpty"):
        cloud.delete(BUCKET, bucket)
    forced = cloud.change(BUCKET, bucket, bucket="models", forceDestroy=True)
    cloud.delete(BUCKET, forced)
    assert cloud.refresh(BUCKET, forced) is None


def test_tags_changed_by_hand_are_seen_and_put_right(cloud: Cloud) -> None:
    bucket = cloud.up(BUCKET, bucket="models", tags={"owner": "vision"})
    cloud.boto("s3").put_bucket_tagging(Bucket="models", Tagging={"TagSet": [{"Key": "owner", "Value": "nobody"}]})
    drifted = cloud.refresh(BUCKET, bucket)
    assert drifted
    assert drifted.inputs["tags"] == {"owner": "nobody"}
    assert cloud.diff(BUCKET, drifted, bucket="models", tags={"owner": "vision"}).changed == {"tags.owner": Kind.UPDATE}
    assert cloud.change(BUCKET, drifted, bucket="models", tags={"owner": "vision"}).outputs["tags"] == {"owner": "vision"}


def test_a_tag_may_be_empty(cloud: Cloud) -> None:
    bucket = cloud.up(BUCKET, bucket="models", tags={"archived": ""})
    assert bucket.outputs["tags"] == {"archived": ""}
