"""Trails."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import MANAGEMENT, OBJECTS, ROOT, policy, watched

TRAIL = "aws:cloudtrail/trail:Trail"
HERE = "arn:aws:cloudtrail:eu-central-1:123456789012:trail/audit"


def bucket(cloud: Cloud, statement: str) -> dict[str, str]:
    cloud.up("aws:s3/bucket:Bucket", bucket="trails")
    cloud.up("aws:s3/bucketPolicy:BucketPolicy", bucket="trails", policy=statement)
    return {"s3BucketName": "trails"}


def test_a_bucket_must_let_the_trail_write(cloud: Cloud) -> None:
    refused = r"CreateTrail, .*InsufficientS3BucketPolicyException: Incorrect S3 bucket policy is detected for bucket: trails"
    with pytest.raises(ProviderError, match="S3BucketDoesNotExistException"):
        cloud.up(TRAIL, name="audit", s3BucketName="trails")
    service = {"Principal": {"Service": "cloudtrail.amazonaws.com"}}
    bucket(cloud, policy("s3:GetBucketAcl", "arn:aws:s3:::trails", **service))
    with pytest.raises(ProviderError, match=refused):
        cloud.up(TRAIL, name="audit", s3BucketName="trails")
    for name in ("other", "audit"):
        source = {"ArnEquals": {"aws:SourceArn": HERE.replace("audit", name)}}
        both = policy("s3:*", "*", **service, Condition=source).replace('"Resource": "*"', '"Resource": ["arn:aws:s3:::trails*"]')
        cloud.up("aws:s3/bucketPolicy:BucketPolicy", bucket="trails", policy=both)
        if name == "other":
            with pytest.raises(ProviderError, match=refused):
                cloud.up(TRAIL, name="audit", s3BucketName="trails")
    assert cloud.up(TRAIL, name="audit", s3BucketName="trails").id == HERE


def test_a_key_must_let_the_trail_encrypt(cloud: Cloud) -> None:
    place = watched(cloud)
    mine = cloud.up("aws:kms/key:Key", policy=policy("kms:*", Principal={"AWS": ROOT}))
    with pytest.raises(
        ProviderError, match=r"InsufficientEncryptionPolicyException: Insufficient permissions to access S3 bucket trails or"
    ):
        cloud.up(TRAIL, name="audit", kmsKeyId=mine.outputs["arn"], **place)
    whole: Any = {"AWS": ROOT, "Service": "cloudtrail.amazonaws.com"}
    shared = cloud.up("aws:kms/key:Key", policy=policy("kms:*", Principal=whole))
    assert cloud.up(TRAIL, name="audit", kmsKeyId=shared.outputs["arn"], **place).outputs["kmsKeyId"] == shared.outputs["arn"]
    with pytest.raises(ProviderError, match="KmsKeyNotFoundException"):
        cloud.up(TRAIL, name="other", kmsKeyId="arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000", **place)


def test_selectors_of_one_kind_take_the_place_of_the_others(cloud: Cloud) -> None:
    place = watched(cloud)
    state = cloud.up(TRAIL, name="audit", advancedEventSelectors=[MANAGEMENT, OBJECTS], **place)
    reads = {"readWriteType": "ReadOnly", "dataResources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::models/"]}]}
    basic = cloud.change(TRAIL, state, name="audit", eventSelectors=[reads], **place)
    recorded = cloud.boto("cloudtrail").get_event_selectors(TrailName="audit")
    assert (len(recorded["EventSelectors"]), recorded["AdvancedEventSelectors"]) == (1, [])
    cloud.change(TRAIL, basic, name="audit", **place)
    (only,) = cloud.boto("cloudtrail").get_event_selectors(TrailName="audit")["EventSelectors"]
    assert (only["IncludeManagementEvents"], only["DataResources"]) == (True, [])


def test_fields_of_a_selector_stand_in_any_order(cloud: Cloud) -> None:
    place = watched(cloud)
    state = cloud.up(TRAIL, name="audit", advancedEventSelectors=[OBJECTS], **place)
    turned = {"fieldSelectors": OBJECTS["fieldSelectors"][::-1]}
    assert cloud.diff(TRAIL, state, name="audit", advancedEventSelectors=[turned], **place).changed == {}
    assert cloud.diff(TRAIL, state, name="audit", advancedEventSelectors=[MANAGEMENT], **place).changed


def test_a_trail_that_was_stopped_by_hand_is_seen(cloud: Cloud) -> None:
    state = cloud.up(TRAIL, name="audit", **watched(cloud))
    cloud.boto("cloudtrail").stop_logging(Name="audit")
    seen = cloud.refresh(TRAIL, state)
    assert seen
    assert seen.inputs["enableLogging"] is False
