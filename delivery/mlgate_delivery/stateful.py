"""Which resources hold what nobody can make again, so that replacing or deleting one takes a signed approval.

Whoever declared a resource protected or retained has said so. The table is for those of which nobody did: types whose deletion takes data,
history or the means to read them along, of pulumi_aws 7.51 and pulumi_kubernetes 4.23.
"""

from __future__ import annotations

from collections.abc import Mapping

_DATABASE = "a database: its rows go with it"
_BUCKET = "a bucket: its objects and their versions go with it"
_KEY = "a key: what it encrypted or signed cannot be read or verified without it"
_VOLUME = "a volume: its files go with it"
_REPOSITORY = "a repository: its images and their history go with it"
_SECRET = "a secret: its value stands nowhere else"  # noqa: S105
_BACKUP = "a backup: it is what is left when the rest is lost"
_TRAIL = "an audit trail: what was done can then be proven by nobody"
_HOLDER = "holds other objects: all of them go with it"

STATEFUL: Mapping[str, str] = {
    "aws:backup/logicallyAirGappedVault:LogicallyAirGappedVault": _BACKUP,
    "aws:backup/vault:Vault": _BACKUP,
    "aws:cloudtrail/eventDataStore:EventDataStore": _TRAIL,
    "aws:codecommit/repository:Repository": _REPOSITORY,
    "aws:docdb/cluster:Cluster": _DATABASE,
    "aws:docdb/clusterSnapshot:ClusterSnapshot": _BACKUP,
    "aws:docdb/elasticCluster:ElasticCluster": _DATABASE,
    "aws:docdb/globalCluster:GlobalCluster": _DATABASE,
    "aws:dsql/cluster:Cluster": _DATABASE,
    "aws:dynamodb/globalTable:GlobalTable": _DATABASE,
    "aws:dynamodb/table:Table": _DATABASE,
    "aws:dynamodb/tableReplica:TableReplica": _DATABASE,
    "aws:ebs/snapshot:Snapshot": _BACKUP,
    "aws:ebs/snapshotCopy:SnapshotCopy": _BACKUP,
    "aws:ebs/snapshotImport:SnapshotImport": _BACKUP,
    "aws:ebs/volume:Volume": _VOLUME,
    "aws:ebs/volumeCopy:VolumeCopy": _VOLUME,
    "aws:ecr/repository:Repository": _REPOSITORY,
    "aws:ecrpublic/repository:Repository": _REPOSITORY,
    "aws:efs/fileSystem:FileSystem": _VOLUME,
    "aws:elasticache/cluster:Cluster": _DATABASE,
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": _DATABASE,
    "aws:elasticache/replicationGroup:ReplicationGroup": _DATABASE,
    "aws:elasticache/serverlessCache:ServerlessCache": _DATABASE,
    "aws:elasticsearch/domain:Domain": _DATABASE,
    "aws:fsx/fileCache:FileCache": _VOLUME,
    "aws:fsx/lustreFileSystem:LustreFileSystem": _VOLUME,
    "aws:fsx/ontapFileSystem:OntapFileSystem": _VOLUME,
    "aws:fsx/ontapVolume:OntapVolume": _VOLUME,
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": _VOLUME,
    "aws:fsx/openZfsSnapshot:OpenZfsSnapshot": _BACKUP,
    "aws:fsx/openZfsVolume:OpenZfsVolume": _VOLUME,
    "aws:fsx/windowsFileSystem:WindowsFileSystem": _VOLUME,
    "aws:glacier/vault:Vault": _BACKUP,
    "aws:keyspaces/keyspace:Keyspace": _DATABASE,
    "aws:keyspaces/table:Table": _DATABASE,
    "aws:kms/customKeyStore:CustomKeyStore": _KEY,
    "aws:kms/externalKey:ExternalKey": _KEY,
    "aws:kms/key:Key": _KEY,
    "aws:kms/replicaExternalKey:ReplicaExternalKey": _KEY,
    "aws:kms/replicaKey:ReplicaKey": _KEY,
    "aws:lightsail/bucket:Bucket": _BUCKET,
    "aws:lightsail/database:Database": _DATABASE,
    "aws:lightsail/disk:Disk": _VOLUME,
    "aws:memorydb/cluster:Cluster": _DATABASE,
    "aws:memorydb/multiRegionCluster:MultiRegionCluster": _DATABASE,
    "aws:memorydb/snapshot:Snapshot": _BACKUP,
    "aws:neptune/cluster:Cluster": _DATABASE,
    "aws:neptune/clusterSnapshot:ClusterSnapshot": _BACKUP,
    "aws:neptune/globalCluster:GlobalCluster": _DATABASE,
    "aws:opensearch/domain:Domain": _DATABASE,
    "aws:qldb/ledger:Ledger": _DATABASE,
    "aws:rds/cluster:Cluster": _DATABASE,
    "aws:rds/clusterSnapshot:ClusterSnapshot": _BACKUP,
    "aws:rds/globalCluster:GlobalCluster": _DATABASE,
    "aws:rds/instance:Instance": _DATABASE,
    "aws:rds/snapshot:Snapshot": _BACKUP,
    "aws:redshift/cluster:Cluster": _DATABASE,
    "aws:redshift/clusterSnapshot:ClusterSnapshot": _BACKUP,
    "aws:redshiftserverless/namespace:Namespace": _DATABASE,
    "aws:redshiftserverless/snapshot:Snapshot": _BACKUP,
    "aws:s3/bucket:Bucket": _BUCKET,
    "aws:s3/bucketV2:BucketV2": _BUCKET,
    "aws:s3/directoryBucket:DirectoryBucket": _BUCKET,
    "aws:s3/filesFileSystem:FilesFileSystem": _VOLUME,
    "aws:s3/vectorsVectorBucket:VectorsVectorBucket": _BUCKET,
    "aws:s3control/bucket:Bucket": _BUCKET,
    "aws:s3tables/table:Table": _DATABASE,
    "aws:s3tables/tableBucket:TableBucket": _BUCKET,
    "aws:secretsmanager/secret:Secret": _SECRET,
    "aws:ssm/parameter:Parameter": _SECRET,
    "aws:timestreaminfluxdb/dbCluster:DbCluster": _DATABASE,
    "aws:timestreaminfluxdb/dbInstance:DbInstance": _DATABASE,
    "aws:timestreamwrite/database:Database": _DATABASE,
    "aws:timestreamwrite/table:Table": _DATABASE,
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": _HOLDER,
    "kubernetes:core/v1:Namespace": _HOLDER,
    "kubernetes:core/v1:PersistentVolume": _VOLUME,
    "kubernetes:core/v1:PersistentVolumeClaim": _VOLUME,
    "kubernetes:core/v1:Secret": _SECRET,
}


def why_stateful(type_: str, *, guarded: bool) -> str | None:
    """Why a resource of that type must not be lost by the way; None where it can be made again. `guarded`: protected or retained."""
    return STATEFUL.get(type_) or ("protected or retained: whoever declared it wants it kept" if guarded else None)
