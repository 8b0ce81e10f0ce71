"""Buckets that strangers read, and data that nobody would get back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlgate.stateful import STATEFUL
from mlgate_policies.resource import UNKNOWN, Resource, at, known, listed_at
from mlgate_policies.rule import EVERYWHERE, IN_PROD, Rule

__all__ = ["BACKUPS", "RULES"]

_BUCKETS = frozenset({"aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"})
_ACLS = frozenset({"aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2"})
_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_VERSIONINGS = frozenset({"aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"})
# Amazon S3 User Guide, "Access control list (ACL) overview": canned ACLs and predefined groups that reach beyond the account.
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
_PUBLIC_GROUPS = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")

_IN_CLUSTER, _SERVERLESS = "aws:elasticache/cluster:Cluster", "aws:elasticache/serverlessCache:ServerlessCache"
_LUSTRE, _LINK = "aws:fsx/lustreFileSystem:LustreFileSystem", "aws:fsx/dataRepositoryAssociation:DataRepositoryAssociation"

BACKUPS: Mapping[str, tuple[str, Sequence[Any]]] = {
    "aws:docdb/cluster:Cluster": ("backupRetentionPeriod", [0]),
    "aws:docdb/elasticCluster:ElasticCluster": ("backupRetentionPeriod", [0]),
    "aws:dynamodb/table:Table": ("pointInTimeRecovery.enabled", [False, None]),
    "aws:efs/backupPolicy:BackupPolicy": ("backupPolicy.status", ["DISABLED", None]),
    _IN_CLUSTER: ("snapshotRetentionLimit", [0, None]),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("snapshotRetentionLimit", [0, None]),
    _SERVERLESS: ("snapshotRetentionLimit", [0, None]),
    _LUSTRE: ("automaticBackupRetentionDays", [0, None]),
    "aws:fsx/ontapFileSystem:OntapFileSystem": ("automaticBackupRetentionDays", [0, None]),
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": ("automaticBackupRetentionDays", [0, None]),
    "aws:fsx/windowsFileSystem:WindowsFileSystem": ("automaticBackupRetentionDays", [0]),
    "aws:keyspaces/table:Table": ("pointInTimeRecovery.status", ["DISABLED", None]),
    "aws:lightsail/database:Database": ("backupRetentionEnabled", [False]),
    "aws:memorydb/cluster:Cluster": ("snapshotRetentionLimit", [0, None]),
    "aws:neptune/cluster:Cluster": ("backupRetentionPeriod", [0]),
    "aws:odb/autonomousDatabase:AutonomousDatabase": ("backupRetentionPeriodInDays", [0]),
    "aws:rds/cluster:Cluster": ("backupRetentionPeriod", [0]),
    "aws:rds/instance:Instance": ("backupRetentionPeriod", [0, None]),
    "aws:redshift/cluster:Cluster": ("automatedSnapshotRetentionPeriod", [0]),
}
"""The path of what says whether something is backed up, and the values by which it is not: None, which is one that is not given, where the
service keeps nothing by itself. tests/policies/table_inputs.py holds the table to pulumi_aws.
"""

_LOGS = "aws:cloudwatch/logGroup:LogGroup"
# What lets a deletion take the content with it, or leaves no copy behind.
_TAKES_ALL = ("forceDestroy", "forceDelete", "skipFinalSnapshot")


def _public_buckets(resource: Resource, others: Sequence[Resource]) -> Iterator[str]:
    if resource.type == _BLOCK:
        for setting in _BLOCKS:
            if known(resource.at(setting), True):
                yield f"{setting} is not true, so the bucket can be made public"
        return
    acl = resource.at("acl")
    if acl in _PUBLIC_ACLS:
        yield f"its ACL is {acl}"
    grants = [*listed_at(resource.properties, "accessControlPolicy", "grants"), *listed_at(resource.properties, "grants")]
    for grant in grants:
        group = at(grant, "grantee", "uri") or at(grant, "uri")
        if isinstance(group, str) and group.endswith(_PUBLIC_GROUPS):
            yield f"its ACL has a grant for {group.rpartition('/')[2]}"
    if resource.type in _BUCKETS and not any(other.type == _BLOCK and _is_about(other, resource) for other in others):
        yield "no BucketPublicAccessBlock of this stack is about it"


def _is_about(part: Resource, bucket: Resource) -> bool:
    """By where its name comes from, as programs write it, or by the name itself."""
    name = bucket.at("bucket")
    return bucket.urn in part.made_from.get("bucket", ()) or (isinstance(name, str) and part.at("bucket") == name)


def _without_backup(resource: Resource, others: Sequence[Resource]) -> Iterator[str]:
    if resource.type in _BUCKETS:
        states = {each.at("versioningConfiguration", "status") for each in others if _is_about(each, resource)}
        # Its own setting is unknown in a preview where the program says none: what a program does say is known.
        if resource.at("versioning", "enabled") is not True and not states & {"Enabled", UNKNOWN}:
            yield "it keeps no versions, so what is overwritten or deleted is gone"
        return
    path, none = BACKUPS[resource.type]
    value = resource.at(*path.split("."))
    if value in none and not _can_have_none(resource, others):
        told = "not said, so there is none" if value is None else int(value) if isinstance(value, float) else value
        yield f"{path} is {told}"


def _can_have_none(resource: Resource, others: Sequence[Resource]) -> bool:
    """Memcached keeps nothing, and a node of a replication group nothing of its own; a Lustre file system is scratch, or shows a bucket
    (ElastiCache User Guide, "Snapshot and restore"; FSx for Lustre User Guide, "Protecting your data with backups").
    """
    if resource.type in {_IN_CLUSTER, _SERVERLESS}:
        return resource.at("engine") == "memcached" or resource.at("replicationGroupId") is not None
    if resource.type == _LUSTRE:
        persistent = str(resource.at("deploymentType")).startswith("PERSISTENT")
        shows = resource.at("importPath") is not None or any(resource.urn in each.made_from.get("fileSystemId", ()) for each in others)
        return shows or not persistent
    return False


def _without_retention(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    if resource.type == _LOGS:
        if resource.at("retentionInDays") is None:
            yield "retentionInDays is not said"
        return
    if not resource.protect:
        yield f"it holds {STATEFUL[resource.type]} and is not protected, so a destroy or a replacement deletes it"
    for option in _TAKES_ALL:
        if resource.at(option) is True:
            yield f"{option} is true"
    if resource.at("recoveryWindowInDays") == 0:
        yield "recoveryWindowInDays is 0: a deletion cannot be taken back"


RULES = (
    Rule(
        name="public-bucket",
        why="a bucket that strangers can read, or can be opened to them, gives away models, data and evidence",
        remedy="add a BucketPublicAccessBlock with all four settings true, and take public ACLs away",
        levels=EVERYWHERE,
        types=_BUCKETS | _ACLS | {_BLOCK},
        beside=frozenset({_BLOCK}),
        check=_public_buckets,
        at_end=True,
    ),
    Rule(
        name="missing-backup",
        why="what is overwritten or deleted by mistake must come back",
        remedy=(
            "turn on versioning (S3), point-in-time recovery (DynamoDB, Keyspaces), or backups of a day or more (databases, caches, "
            "file systems)"
        ),
        levels=IN_PROD,
        types=_BUCKETS | BACKUPS.keys(),
        beside=_VERSIONINGS | {_LINK},
        check=_without_backup,
        at_end=True,
    ),
    Rule(
        name="missing-retention",
        why="what holds data must outlive a mistake in a program, and logs what they are read for",
        remedy="pass protect=True (and retain_on_delete=True), take forceDestroy and its like away, say retentionInDays of log groups",
        levels=IN_PROD,
        types=frozenset({*STATEFUL, _LOGS}),
        check=_without_retention,
    ),
)
