"""Buckets that strangers read, disks that are not encrypted, and data that nobody would get back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlgate.stateful import STATEFUL
from mlgate_policies.resource import UNKNOWN, Resource, at, known, listed_at
from mlgate_policies.rule import EVERYWHERE, IN_PROD, Rule

__all__ = ["RULES"]

_BUCKETS = frozenset({"aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"})
_ACLS = frozenset({"aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2"})
_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_VERSIONINGS = frozenset({"aws:s3/bucketVersioning:BucketVersioning", "aws:s3/bucketVersioningV2:BucketVersioningV2"})
# Amazon S3 User Guide, "Access control list (ACL) overview": canned ACLs and predefined groups that reach beyond the account.
_PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
_PUBLIC_GROUPS = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")

_VOLUME = "aws:ebs/volume:Volume"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_MACHINES = (
    "aws:ec2/instance:Instance",
    "aws:ec2/launchConfiguration:LaunchConfiguration",
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
)
_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
_STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
_EBS = "ebs.csi.aws.com"
_NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"

_DATABASES = ("aws:rds/instance:Instance", "aws:rds/cluster:Cluster", "aws:docdb/cluster:Cluster", "aws:neptune/cluster:Cluster")
_TABLE = "aws:dynamodb/table:Table"
_CACHE = "aws:elasticache/replicationGroup:ReplicationGroup"
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


def _plain_disks(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    if resource.type == _VOLUME:
        yield from _disk("it", resource.at("encrypted"), resource.at("type"))
    elif resource.type == _TEMPLATE:
        yield from _mapped(resource.at("blockDeviceMappings"))
    elif resource.type == _NODE_GROUP:
        if resource.at("launchTemplate") is None:
            yield "it has no launch template, so nobody says what its root is"
    elif resource.type == _STORAGE_CLASS:
        if resource.at("provisioner") == _EBS:
            # The driver's own defaults (aws-ebs-csi-driver, docs/parameters.md): gp3, and not encrypted.
            kind = resource.at("parameters", "type")
            yield from _disk("a volume of it", resource.at("parameters", "encrypted"), "gp3" if kind is None else kind)
    elif resource.type == _NODE_CLASS:
        # Karpenter's own default is an encrypted gp3 (pkg/providers/amifamily/resolver.go, DefaultEBS, v1.14.1), but for custom images.
        own = resource.at("spec", "amiFamily") == "Custom"
        if own or resource.at("spec", "blockDeviceMappings") is not None:
            yield from _mapped(resource.at("spec", "blockDeviceMappings"))
    else:
        root = resource.at("rootBlockDevice")
        yield from _disk("its root", at(root, "encrypted"), at(root, "volumeType"))
        for disk in listed_at(resource.properties, "ebsBlockDevices"):
            yield from _disk(f"{at(disk, 'deviceName')}", at(disk, "encrypted"), at(disk, "volumeType"))


def _mapped(mappings: Any) -> Iterator[str]:
    disks = [each for each in listed_at(mappings) if at(each, "ebs") is not None]
    if not disks and mappings is not UNKNOWN:
        yield "it declares no disk, so the root is whatever the image says"
    for mapping in disks:
        disk = at(mapping, "ebs")
        yield from _disk(f"{at(mapping, 'deviceName')}", at(disk, "encrypted"), at(disk, "volumeType"))


def _disk(what: str, encrypted: Any, kind: Any) -> Iterator[str]:
    if known(encrypted, True, "true"):  # a launch template takes a text
        yield f"{what} is not encrypted"
    if known(kind, "gp3"):
        yield f"{what} is {kind or 'of no stated type'}, not gp3"


def _without_backup(resource: Resource, others: Sequence[Resource]) -> Iterator[str]:
    if resource.type in _BUCKETS:
        states = {each.at("versioningConfiguration", "status") for each in others if _is_about(each, resource)}
        # Its own setting is unknown in a preview where the program says none: what a program does say is known.
        if resource.at("versioning", "enabled") is not True and not states & {"Enabled", UNKNOWN}:
            yield "it keeps no versions, so what is overwritten or deleted is gone"
    elif resource.type == _TABLE:
        if known(resource.at("pointInTimeRecovery", "enabled"), True):
            yield "pointInTimeRecovery is not enabled"
    elif resource.type == _CACHE:
        if not resource.at("snapshotRetentionLimit"):
            yield "snapshotRetentionLimit is 0 days"
    else:
        days = resource.at("backupRetentionPeriod")
        # The provider's defaults: an RDS instance keeps none, the clusters one day.
        if not days and (days is not None or resource.type == _DATABASES[0]):
            yield "backupRetentionPeriod is 0 days"


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
        name="plain-disk",
        why="a disk that is not encrypted can be read by whoever gets its snapshot, and a gp2 is only as fast as it is large",
        remedy="declare every disk, the root too, with encrypted true and volume type gp3",
        levels=EVERYWHERE,
        types=frozenset({_VOLUME, _TEMPLATE, *_MACHINES, _NODE_GROUP, _NODE_CLASS, _STORAGE_CLASS}),
        check=_plain_disks,
    ),
    Rule(
        name="missing-backup",
        why="what is overwritten or deleted by mistake must come back",
        remedy="turn on versioning (S3), point-in-time recovery (DynamoDB), or backups of a day or more (databases, caches)",
        levels=IN_PROD,
        types=_BUCKETS | {*_DATABASES, _TABLE, _CACHE},
        beside=_VERSIONINGS,
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
