"""Rules over what holds data: each fires, and leaves alone what is right or not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.stateful import STATEFUL
from mlgate_policies.resource import UNKNOWN, Resource
from mlgate_policies.storage import BACKUPS

from .asking import BUCKET, objections, resource, stated

BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ACL = "aws:s3/bucketAcl:BucketAcl"
CACHE = "aws:elasticache/cluster:Cluster"
LUSTRE = "aws:fsx/lustreFileSystem:LustreFileSystem"
CLOSED = dict.fromkeys(("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True)


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


def backed_up(kind: str, value: Any) -> Resource:
    """One of that type, which can have a backup, with the value where the table says whether it has."""
    able = {"deploymentType": "PERSISTENT_2"} if kind == LUSTRE else {}
    return resource(kind, {**stated(BACKUPS[kind][0], value), **able})


KEPT_UNSAID = {
    "aws:docdb/cluster:Cluster",
    "aws:docdb/elasticCluster:ElasticCluster",
    "aws:fsx/windowsFileSystem:WindowsFileSystem",
    "aws:lightsail/database:Database",
    "aws:neptune/cluster:Cluster",
    "aws:odb/autonomousDatabase:AutonomousDatabase",
    "aws:rds/cluster:Cluster",
    "aws:redshift/cluster:Cluster",
}


@pytest.mark.parametrize("kind", BACKUPS)
def test_a_store_has_a_backup_of_a_day_or_more(kind: str) -> None:
    path, _ = BACKUPS[kind]
    off, *enough = ["DISABLED", "ENABLED"] if path.endswith("status") else [False, True] if path.endswith("nabled") else [0, 1, 35.0]
    assert objections("missing-backup", backed_up(kind, off)) == [f"{path} is {off}"]
    assert objections("missing-backup", backed_up(kind, None)) == ([] if kind in KEPT_UNSAID else [f"{path} is not said, so there is none"])
    for value in (*enough, UNKNOWN):
        assert objections("missing-backup", backed_up(kind, value)) == []


def test_days_are_told_as_they_are_written() -> None:  # the engine has no whole numbers
    assert objections("missing-backup", resource("aws:rds/instance:Instance", {"backupRetentionPeriod": 0.0})) == [
        "backupRetentionPeriod is 0"
    ]


@pytest.mark.parametrize(
    ("kind", "properties", "objected"),
    [
        (CACHE, {"engine": "redis"}, True),
        (CACHE, {"engine": "memcached"}, False),
        (CACHE, {"replicationGroupId": "sessions"}, False),
        (CACHE, {"replicationGroupId": UNKNOWN}, False),
        ("aws:elasticache/serverlessCache:ServerlessCache", {"engine": "valkey"}, True),
        ("aws:elasticache/serverlessCache:ServerlessCache", {"engine": "memcached"}, False),
        (LUSTRE, {"deploymentType": "PERSISTENT_1"}, True),
        (LUSTRE, {"deploymentType": "PERSISTENT_1", "importPath": "s3://data"}, False),
        (LUSTRE, {"deploymentType": "SCRATCH_2"}, False),
        (LUSTRE, {"deploymentType": UNKNOWN}, False),
        (LUSTRE, {}, False),
    ],
)
def test_what_can_have_no_backup_is_left_alone(kind: str, properties: dict[str, Any], objected: bool) -> None:
    expected = [f"{BACKUPS[kind][0]} is not said, so there is none"] if objected else []
    assert objections("missing-backup", resource(kind, properties)) == expected


@pytest.mark.parametrize(("about", "objected"), [(["it"], False), (["other"], True), ([], True)])
def test_files_that_show_a_bucket_have_their_backup_there(about: list[str], objected: bool) -> None:
    of = {"fileSystemId": [resource(LUSTRE, name=name).urn for name in about]} if about else {}
    link = resource("aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation", made_from=of)
    assert bool(objections("missing-backup", resource(LUSTRE, {"deploymentType": "PERSISTENT_2"}), link)) is objected


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
