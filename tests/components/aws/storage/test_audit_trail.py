"""`AuditTrail`, recorded: what it records and who can write it, and what it refuses before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.storage.audit_trail import AuditTrail, AuditTrailArgs
from mlgate_testkit.record import Graph, record

from .stores import ANSWERS, LOCK, TAGS, bucket_policy, key_policy

STORES = ["arn:aws:s3:::models", "arn:aws:s3:::evidence"]
USUAL: dict[str, Any] = {"tags": TAGS, "bucket_arns": STORES, "lock": LOCK}
TRAILS = {"ArnLike": {"aws:SourceArn": "arn:aws:cloudtrail:*:123456789012:trail/*"}}


def program(args: dict[str, Any]) -> Callable[[], None]:
    def audit() -> None:
        import pulumi

        from mlgate_components.aws.storage.audit_trail import AuditTrail

        made = AuditTrail("audit", AuditTrailArgs(**args))
        for output in ("trail_arn", "bucket_name", "bucket_arn", "key_arn"):
            pulumi.export(output, getattr(made, output))

    return audit


def recorded(**args: Any) -> Graph:
    return record(program({**USUAL, **args}), invokes=ANSWERS)


def test_it_records_all_that_is_managed_and_signed_and_every_object_of_the_stores() -> None:
    trail = recorded().one("aws:cloudtrail/trail:Trail")
    management, objects = ({each["field"]: each for each in one["fieldSelectors"]} for one in trail.inputs["advancedEventSelectors"])
    assert management == {"eventCategory": {"field": "eventCategory", "equals": ["Management"]}}, "KMS's Sign is a reading one of these"
    assert objects["eventCategory"]["equals"] == ["Data"]
    assert objects["resources.type"]["equals"] == ["AWS::S3::Object"]
    assert objects["resources.ARN"]["startsWiths"] == [f"{arn}/" for arn in STORES]
    assert "readOnly" not in objects, "reads and writes"


def test_it_covers_all_regions_and_its_files_can_be_validated() -> None:
    graph = recorded()
    trail = graph.one("aws:cloudtrail/trail:Trail")
    assert all(trail.inputs[each] is True for each in ("isMultiRegionTrail", "includeGlobalServiceEvents", "enableLogFileValidation"))
    assert trail.inputs["kmsKeyId"] == "<arn of Key audit>"
    assert trail.needs(graph.one("aws:s3/bucketPolicy:BucketPolicy", "audit")), "CloudTrail tries to write before it takes the trail"
    assert (trail.protect, trail.retain_on_delete) == (True, True)
    assert graph.outputs["trail_arn"] == "<arn of Trail audit>"


def test_cloudtrail_writes_for_trails_of_this_account_alone_whatever_the_component_is_called() -> None:
    graph = recorded()
    policy = bucket_policy(graph, "audit")
    assert (policy["ReadAcl"]["Action"], policy["ReadAcl"]["Condition"]) == ("s3:GetBucketAcl", TRAILS)
    assert policy["Write"]["Resource"] == "<arn of Bucket audit>/AWSLogs/123456789012/*"
    assert policy["Write"]["Condition"] == {**TRAILS, "StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    encrypts = key_policy(graph, "audit")["Trail"]
    assert (encrypts["Principal"], encrypts["Condition"]) == ({"Service": "cloudtrail.amazonaws.com"}, TRAILS)


def test_records_are_locked_and_go_when_that_is_over() -> None:
    graph = recorded(deletion_days=14)
    assert graph.one("aws:kms/key:Key").inputs["deletionWindowInDays"] == 14
    locked = graph.one("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration").inputs["rule"]["defaultRetention"]
    lifecycle = graph.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "audit").inputs["rules"][0]
    assert (locked, lifecycle["expiration"]) == ({"mode": "COMPLIANCE", "days": 400}, {"days": 400})


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"bucket_arns": []}, "bucket_arns", "the stores whose objects are to be watched"),
        ({"bucket_arns": [*STORES, STORES[0]]}, "bucket_arns[2]", "each once"),
        ({"bucket_arns": ["models"]}, "bucket_arns[0]", "arn:aws:s3:::models"),
        ({"lock": {"mode": "GOVERNANCE", "days": 40000}}, "lock.days", "1 to 36500 days"),
        ({"log_days": 0}, "log_days", "1 to 36500 days"),
        ({"deletion_days": 0}, "deletion_days", "7 to 30 days"),
        ({"stores": STORES}, "stores", "there are tags, bucket_arns"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


def test_a_name_that_its_buckets_could_not_have_is_refused() -> None:
    with pytest.raises(ArgumentsError) as refused:
        AuditTrail("a" * 51, AuditTrailArgs(**USUAL))
    assert [(problem.where, "50 at most" in problem.expected) for problem in refused.value.problems] == [("name", True)]
