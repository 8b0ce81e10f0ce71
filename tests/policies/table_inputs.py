"""Which inputs of the installed pulumi_aws the tables of four rules are about, by their names, and why the rules leave some out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .sdk_inputs import sdk_inputs

NAMED: Mapping[str, str] = {
    "mutable-tag": r"imageTagMutability$",
    "imdsv1": r"(httpTokens|imdsSupport|MetadataServiceVersion)$",
    "plain-disk": r"(encrypted|encryptAtRest\.enabled|(atRest|volume|ebs)Encryption(Enabled)?)$",
    "missing-backup": r"((backup|snapshot)\w*reten\w*|snapshotsToRetain|pointInTimeRecovery(\.enabled|\.status)?|backupPolicy\.status)$",
}
"""What the paths of such inputs end with, by the rule, in either case."""

LEFT_OUT: Mapping[str, Mapping[str, Sequence[str]]] = {
    "mutable-tag": {},
    "imdsv1": {
        "machines of the image say it themselves, which the rule asks of each": ["aws:ec2/ami:Ami.imdsSupport"],
    },
    "plain-disk": {
        "it holds what it has in memory": [
            "aws:apigateway/methodSettings:MethodSettings.settings.cacheDataEncrypted",
            "aws:appsync/apiCache:ApiCache.atRestEncryptionEnabled",
            "aws:elasticache/replicationGroup:ReplicationGroup.atRestEncryptionEnabled",
        ],
        "it is encrypted either way, by a key of yours or of AWS": [
            "aws:drs/replicationConfigurationTemplate:ReplicationConfigurationTemplate.ebsEncryption",
            "aws:storagegateway/cachesIscsiVolume:CachesIscsiVolume.kmsEncrypted",
            "aws:storagegateway/nfsFileShare:NfsFileShare.kmsEncrypted",
            "aws:storagegateway/smbFileShare:SmbFileShare.kmsEncrypted",
            "aws:storagegateway/storedIscsiVolume:StoredIscsiVolume.kmsEncrypted",
        ],
        "it says it again of clusters and volumes, of which the rule asks it": [
            "aws:dlm/lifecyclePolicy:LifecyclePolicy.policyDetails.action.crossRegionCopies.encryptionConfiguration.encrypted",
            "aws:dlm/lifecyclePolicy:LifecyclePolicy.policyDetails.schedules.crossRegionCopyRules.encrypted",
            "aws:docdb/globalCluster:GlobalCluster.storageEncrypted",
            "aws:neptune/globalCluster:GlobalCluster.storageEncrypted",
            "aws:rds/globalCluster:GlobalCluster.storageEncrypted",
        ],
        "it is what its machine or image is, whatever is said": [
            "aws:ec2/amiCopy:AmiCopy.ebsBlockDevices.encrypted",
            "aws:ec2/amiFromInstance:AmiFromInstance.ebsBlockDevices.encrypted",
        ],
        "it is no disk": [
            "aws:glue/dataCatalogEncryptionSettings:DataCatalogEncryptionSettings.dataCatalogEncryptionSettings"
            ".connectionPasswordEncryption.returnConnectionPasswordEncrypted",
        ],
    },
    "missing-backup": {
        "it is about copies that are there": [
            "aws:odb/autonomousDatabase:AutonomousDatabase.isBackupRetentionLocked",
            "aws:redshift/cluster:Cluster.manualSnapshotRetentionPeriod",
            "aws:redshift/clusterSnapshot:ClusterSnapshot.manualSnapshotRetentionPeriod",
            "aws:redshift/snapshotCopy:SnapshotCopy.manualSnapshotRetentionPeriod",
        ],
        "it is a copy of a table, which has its own": [
            "aws:dynamodb/table:Table.replicas.pointInTimeRecovery",
            "aws:dynamodb/tableReplica:TableReplica.pointInTimeRecovery",
        ],
        "it is about files of a table that a bucket has": [
            f"aws:glue/catalogTableOptimizer:CatalogTableOptimizer.configuration.retentionConfiguration.icebergConfiguration.{last}"
            for last in ("numberOfSnapshotsToRetain", "snapshotRetentionPeriodInDays")
        ],
    },
}
"""By the rule and the reason."""


def found_for(rule: str) -> frozenset[str]:
    """`token.path` of each input that is called as those that the rule is about, and has none within."""
    named = re.compile(NAMED[rule], re.IGNORECASE)
    return frozenset(
        f"{token}.{each.path}" for token, inputs in sdk_inputs().items() for each in inputs if each.whole and named.search(each.path)
    )
