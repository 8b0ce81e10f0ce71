"""Rules over what holds data: each fires, and leaves alone what is right or not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.stateful import STATEFUL
from mlgate_policies.resource import UNKNOWN, Resource

from .asking import BUCKET, objections, resource

BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ACL = "aws:s3/bucketAcl:BucketAcl"
VOLUME = "aws:ebs/volume:Volume"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
INSTANCE = "aws:ec2/instance:Instance"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
CLOSED = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)
GP3 = {"encrypted": True, "volumeType": "gp3"}


@pytest.mark.parametrize(
    "block",
    [
        resource(BLOCK, {"bucket": "models-1", **CLOSED}),
        resource(BLOCK, {"bucket": UNKNOWN}, made_from={"bucket": [resource(BUCKET).urn]}),
    ],
    ids=["by its name", "by where its name comes from"],
)
def test_a_bucket_with_a_block_about_it_is_private(block: Resource) -> None:
    assert objections("public-bucket", resource(BUCKET, {"bucket": "models-1"}), block) == []


@pytest.mark.parametrize(
    "others",
    [
        [],
        [resource(BLOCK, {"bucket": "other"})],
        [resource(BLOCK, {"bucket": UNKNOWN}, made_from={"bucket": ["urn:pulumi:prod::p::aws:s3/bucket:Bucket::other"]})],
    ],
)
def test_a_bucket_without_one_can_be_made_public(others: list[Resource]) -> None:
    found = objections("public-bucket", resource(BUCKET, {"bucket": "models-1"}), *others)
    assert found == ["no BucketPublicAccessBlock of this stack is about it"]


def test_a_bucket_whose_name_is_not_known_is_not_taken_for_another_one_of_which_nothing_is_known() -> None:
    assert objections("public-bucket", resource(BUCKET, {"bucket": UNKNOWN}), resource(BLOCK, {"bucket": UNKNOWN}))


@pytest.mark.parametrize("setting", CLOSED)
@pytest.mark.parametrize("value", [False, None])
def test_each_of_the_four_settings_must_be_true(setting: str, value: bool | None) -> None:
    (found,) = objections("public-bucket", resource(BLOCK, {**CLOSED, setting: value}))
    assert found.startswith(setting)


def test_settings_that_are_true_or_not_known_yet_are_left_alone() -> None:
    assert objections("public-bucket", resource(BLOCK, {**CLOSED, "blockPublicAcls": UNKNOWN})) == []


@pytest.mark.parametrize("acl", ["public-read", "public-read-write", "authenticated-read"])
def test_a_public_acl_is_named(acl: str) -> None:
    assert objections("public-bucket", resource(ACL, {"acl": acl})) == [f"its ACL is {acl}"]


@pytest.mark.parametrize(("group", "objected"), [("AllUsers", True), ("AuthenticatedUsers", True), ("LogDelivery", False)])
def test_a_grant_for_everybody_is_named(group: str, objected: bool) -> None:
    uri = f"http://acs.amazonaws.com/groups/{'s3' if group == 'LogDelivery' else 'global'}/{group}"
    acl = resource(ACL, {"accessControlPolicy": {"grants": [{"grantee": {"uri": uri, "type": "Group"}}]}})
    assert objections("public-bucket", acl) == ([f"its ACL has a grant for {group}"] if objected else [])
    inline = resource(BUCKET, {"bucket": "b", "grants": [{"uri": uri}]})
    found = objections("public-bucket", inline, resource(BLOCK, {"bucket": "b"}))
    assert found == ([f"its ACL has a grant for {group}"] if objected else [])


@pytest.mark.parametrize("acl", ["private", "log-delivery-write", None, UNKNOWN])
def test_an_acl_that_is_not_public_is_left_alone(acl: Any) -> None:
    assert objections("public-bucket", resource(ACL, {"acl": acl})) == []


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (VOLUME, {"encrypted": True, "type": "gp3"}),
        (VOLUME, {"encrypted": UNKNOWN, "type": UNKNOWN}),
        (TEMPLATE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeType": "gp3"}}]}),
        (TEMPLATE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": GP3}, {"deviceName": "/dev/sdb", "virtualName": "e0"}]}),
        (TEMPLATE, {"blockDeviceMappings": UNKNOWN}),
        (TEMPLATE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": UNKNOWN}]}),
        (INSTANCE, {"rootBlockDevice": GP3, "ebsBlockDevices": [{"deviceName": "/dev/sdb", **GP3}]}),
        (INSTANCE, {"rootBlockDevice": UNKNOWN, "ebsBlockDevices": UNKNOWN}),
        ("aws:ec2/launchConfiguration:LaunchConfiguration", {"rootBlockDevice": GP3}),
        ("aws:ec2/spotInstanceRequest:SpotInstanceRequest", {"rootBlockDevice": GP3}),
        ("aws:eks/nodeGroup:NodeGroup", {"launchTemplate": {"id": "lt-1"}}),
        ("aws:eks/nodeGroup:NodeGroup", {"launchTemplate": UNKNOWN}),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}}),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true", "type": "gp3"}}),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": UNKNOWN}),
        (STORAGE_CLASS, {"provisioner": "efs.csi.aws.com"}),
        (NODE_CLASS, {"spec": {"amiFamily": "AL2023"}}),
        (NODE_CLASS, {"spec": {"amiFamily": "Custom", "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": GP3}]}}),
    ],
)
def test_an_encrypted_gp3_is_no_plain_disk(kind: str, properties: dict[str, Any]) -> None:
    assert objections("plain-disk", resource(kind, properties)) == []


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (VOLUME, {"type": "gp3"}, ["it is not encrypted"]),
        (VOLUME, {"encrypted": False, "type": "gp2"}, ["it is not encrypted", "it is gp2, not gp3"]),
        (VOLUME, {"encrypted": True}, ["it is of no stated type, not gp3"]),
        (TEMPLATE, {}, ["it declares no disk, so the root is whatever the image says"]),
        (TEMPLATE, {"blockDeviceMappings": []}, ["it declares no disk, so the root is whatever the image says"]),
        (
            TEMPLATE,
            {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {**GP3, "encrypted": "false"}}]},
            ["/dev/xvda is not encrypted"],
        ),
        (
            TEMPLATE,
            {"blockDeviceMappings": [{"deviceName": "/dev/a", "ebs": GP3}, {"deviceName": "/dev/b", "ebs": {"encrypted": "true"}}]},
            ["/dev/b is of no stated type, not gp3"],
        ),
        (INSTANCE, {}, ["its root is not encrypted", "its root is of no stated type, not gp3"]),
        (
            INSTANCE,
            {"rootBlockDevice": GP3, "ebsBlockDevices": [{"deviceName": "/dev/sdb", **GP3, "volumeType": "io1"}]},
            ["/dev/sdb is io1, not gp3"],
        ),
        ("aws:eks/nodeGroup:NodeGroup", {"diskSize": 20}, ["it has no launch template, so nobody says what its root is"]),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com"}, ["a volume of it is not encrypted"]),
        (
            STORAGE_CLASS,
            {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true", "type": "gp2"}},
            ["a volume of it is gp2, not gp3"],
        ),
        (NODE_CLASS, {"spec": {"amiFamily": "Custom"}}, ["it declares no disk, so the root is whatever the image says"]),
        (
            NODE_CLASS,
            {"spec": {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3"}}]}},
            ["/dev/xvda is not encrypted"],
        ),
    ],
)
def test_a_plain_disk_is_named(kind: str, properties: dict[str, Any], expected: list[str]) -> None:
    assert objections("plain-disk", resource(kind, properties)) == expected


@pytest.mark.parametrize("status", ["Enabled", UNKNOWN])
def test_a_bucket_with_versions_has_a_backup(status: Any) -> None:
    versioning = resource(VERSIONING, {"bucket": "models-1", "versioningConfiguration": {"status": status}})
    assert objections("missing-backup", resource(BUCKET, {"bucket": "models-1", "versioning": UNKNOWN}), versioning) == []
    assert objections("missing-backup", resource(BUCKET, {"versioning": {"enabled": True}})) == []


@pytest.mark.parametrize("versioning", [UNKNOWN, {"enabled": False}, None])
@pytest.mark.parametrize(("about", "status"), [("models-1", "Suspended"), ("other", "Enabled")])
def test_a_bucket_without_versions_has_none(versioning: Any, about: str, status: str) -> None:
    other = resource(VERSIONING, {"bucket": about, "versioningConfiguration": {"status": status}})
    found = objections("missing-backup", resource(BUCKET, {"bucket": "models-1", "versioning": versioning}), other)
    assert found == ["it keeps no versions, so what is overwritten or deleted is gone"]


NO_DAYS = ["backupRetentionPeriod is 0 days"]
NO_POINTS = ["pointInTimeRecovery is not enabled"]
NO_SNAPSHOTS = ["snapshotRetentionLimit is 0 days"]


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        ("aws:rds/instance:Instance", {}, NO_DAYS),  # the provider keeps none where nothing is said
        ("aws:rds/instance:Instance", {"backupRetentionPeriod": 0.0}, NO_DAYS),
        ("aws:rds/instance:Instance", {"backupRetentionPeriod": 7.0}, []),
        ("aws:rds/instance:Instance", {"backupRetentionPeriod": UNKNOWN}, []),
        ("aws:rds/cluster:Cluster", {}, []),  # and a day of a cluster
        ("aws:rds/cluster:Cluster", {"backupRetentionPeriod": 0}, NO_DAYS),
        ("aws:dynamodb/table:Table", {}, NO_POINTS),
        ("aws:dynamodb/table:Table", {"pointInTimeRecovery": {"enabled": False}}, NO_POINTS),
        ("aws:dynamodb/table:Table", {"pointInTimeRecovery": {"enabled": True}}, []),
        ("aws:dynamodb/table:Table", {"pointInTimeRecovery": UNKNOWN}, []),
        ("aws:elasticache/replicationGroup:ReplicationGroup", {}, NO_SNAPSHOTS),
        ("aws:elasticache/replicationGroup:ReplicationGroup", {"snapshotRetentionLimit": 5}, []),
        ("aws:elasticache/replicationGroup:ReplicationGroup", {"snapshotRetentionLimit": UNKNOWN}, []),
    ],
)
def test_a_database_has_a_backup_of_a_day_or_more(kind: str, properties: dict[str, Any], expected: list[str]) -> None:
    assert objections("missing-backup", resource(kind, properties)) == expected


@pytest.mark.parametrize("kind", sorted(STATEFUL))
def test_what_holds_data_is_protected(kind: str) -> None:
    (found,) = objections("missing-retention", resource(kind))
    assert f"it holds {STATEFUL[kind]} and is not protected" in found
    assert objections("missing-retention", resource(kind, protect=True)) == []


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"forceDestroy": True}, ["forceDestroy is true"]),
        ({"forceDelete": True}, ["forceDelete is true"]),
        ({"skipFinalSnapshot": True}, ["skipFinalSnapshot is true"]),
        ({"recoveryWindowInDays": 0}, ["recoveryWindowInDays is 0: a deletion cannot be taken back"]),
        ({"recoveryWindowInDays": 30, "forceDestroy": False, "skipFinalSnapshot": UNKNOWN}, []),
    ],
)
def test_nothing_takes_the_content_along(properties: dict[str, Any], expected: list[str]) -> None:
    assert objections("missing-retention", resource(BUCKET, properties, protect=True)) == expected


@pytest.mark.parametrize(("days", "objected"), [(None, True), (90, False), (0, False), (UNKNOWN, False)])
def test_a_log_group_says_how_long_it_keeps(days: Any, objected: bool) -> None:
    found = objections("missing-retention", resource("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": days}))
    assert found == (["retentionInDays is not said"] if objected else [])
