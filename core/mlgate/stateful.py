"""Which types hold what is lost with them: linter, policies and whoever judges a plan go by one table.

Types are those of pulumi_aws 7.51 and pulumi_kubernetes 4.23.
"""

from __future__ import annotations

from typing import Final

__all__ = ["CONTAINERS", "STATEFUL", "why_stateful"]

STATEFUL: Final = {
    "aws:backup/logicallyAirGappedVault:LogicallyAirGappedVault": "backups",
    "aws:backup/vault:Vault": "backups",
    "aws:cloudtrail/eventDataStore:EventDataStore": "an audit trail",
    "aws:codecommit/repository:Repository": "a repository of code",
    "aws:cognito/userPool:UserPool": "users",
    "aws:docdb/cluster:Cluster": "documents",
    "aws:docdb/clusterSnapshot:ClusterSnapshot": "a backup",
    "aws:docdb/elasticCluster:ElasticCluster": "documents",
    "aws:docdb/globalCluster:GlobalCluster": "documents",
    "aws:dsql/cluster:Cluster": "a database",
    "aws:dynamodb/globalTable:GlobalTable": "items",
    "aws:dynamodb/table:Table": "items",
    "aws:dynamodb/tableReplica:TableReplica": "items",
    "aws:ebs/snapshot:Snapshot": "a backup",
    "aws:ebs/snapshotCopy:SnapshotCopy": "a backup",
    "aws:ebs/snapshotImport:SnapshotImport": "a backup",
    "aws:ebs/volume:Volume": "a disk",
    "aws:ebs/volumeCopy:VolumeCopy": "a disk",
    "aws:ecr/repository:Repository": "images",
    "aws:ecrpublic/repository:Repository": "images",
    "aws:efs/fileSystem:FileSystem": "files",
    "aws:elasticache/cluster:Cluster": "a data set in memory",
    "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup": "a data set in memory",
    "aws:elasticache/replicationGroup:ReplicationGroup": "a data set in memory",
    "aws:elasticache/serverlessCache:ServerlessCache": "a data set in memory",
    "aws:elasticsearch/domain:Domain": "documents",
    "aws:fsx/fileCache:FileCache": "files",
    "aws:fsx/lustreFileSystem:LustreFileSystem": "files",
    "aws:fsx/ontapFileSystem:OntapFileSystem": "files",
    "aws:fsx/ontapVolume:OntapVolume": "files",
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": "files",
    "aws:fsx/openZfsSnapshot:OpenZfsSnapshot": "a backup",
    "aws:fsx/openZfsVolume:OpenZfsVolume": "files",
    "aws:fsx/windowsFileSystem:WindowsFileSystem": "files",
    "aws:glacier/vault:Vault": "archives",
    "aws:keyspaces/keyspace:Keyspace": "tables",
    "aws:keyspaces/table:Table": "rows",
    "aws:kms/customKeyStore:CustomKeyStore": "the key of everything encrypted or signed with it",
    "aws:kms/externalKey:ExternalKey": "the key of everything encrypted or signed with it",
    "aws:kms/key:Key": "the key of everything encrypted or signed with it",
    "aws:kms/replicaExternalKey:ReplicaExternalKey": "the key of everything encrypted or signed with it",
    "aws:kms/replicaKey:ReplicaKey": "the key of everything encrypted or signed with it",
    "aws:lightsail/bucket:Bucket": "objects",
    "aws:lightsail/database:Database": "a database",
    "aws:lightsail/disk:Disk": "a disk",
    "aws:memorydb/cluster:Cluster": "a data set in memory",
    "aws:memorydb/multiRegionCluster:MultiRegionCluster": "a data set in memory",
    "aws:memorydb/snapshot:Snapshot": "a backup",
    "aws:msk/cluster:Cluster": "messages",
    "aws:neptune/cluster:Cluster": "a graph",
    "aws:neptune/clusterSnapshot:ClusterSnapshot": "a backup",
    "aws:neptune/globalCluster:GlobalCluster": "a graph",
    "aws:opensearch/domain:Domain": "documents",
    "aws:qldb/ledger:Ledger": "a ledger",
    "aws:rds/cluster:Cluster": "a database",
    "aws:rds/clusterSnapshot:ClusterSnapshot": "a backup",
    "aws:rds/clusterSnapshotCopy:ClusterSnapshotCopy": "a backup",
    "aws:rds/globalCluster:GlobalCluster": "a database",
    "aws:rds/instance:Instance": "a database",
    "aws:rds/snapshot:Snapshot": "a backup",
    "aws:rds/snapshotCopy:SnapshotCopy": "a backup",
    "aws:redshift/cluster:Cluster": "a warehouse",
    "aws:redshift/clusterSnapshot:ClusterSnapshot": "a backup",
    "aws:redshiftserverless/namespace:Namespace": "a warehouse",
    "aws:redshiftserverless/snapshot:Snapshot": "a backup",
    "aws:s3/bucket:Bucket": "objects",
    "aws:s3/bucketV2:BucketV2": "objects",
    "aws:s3/directoryBucket:DirectoryBucket": "objects",
    "aws:s3/filesFileSystem:FilesFileSystem": "files",
    "aws:s3/vectorsVectorBucket:VectorsVectorBucket": "vectors",
    "aws:s3control/bucket:Bucket": "objects",
    "aws:s3tables/table:Table": "rows",
    "aws:s3tables/tableBucket:TableBucket": "tables",
    "aws:secretsmanager/secret:Secret": "a secret",
    "aws:timestreaminfluxdb/dbCluster:DbCluster": "time series",
    "aws:timestreaminfluxdb/dbInstance:DbInstance": "time series",
    "aws:timestreamwrite/database:Database": "time series",
    "aws:timestreamwrite/table:Table": "time series",
    "kubernetes:core/v1:PersistentVolume": "a volume's files",
    "kubernetes:core/v1:PersistentVolumeClaim": "a volume's files",
}
"""Types whose deletion loses something that a second `pulumi up` does not bring back: data, history, or the means to read them."""

CONTAINERS: Final = {
    "aws:cloudcontrol/resource:Resource": "what its type does, which may be a database",
    "aws:cloudformation/stack:Stack": "all that its template made",
    "aws:cloudformation/stackInstances:StackInstances": "all that its template made",
    "aws:cloudformation/stackSet:StackSet": "all that its template made",
    "aws:cloudformation/stackSetInstance:StackSetInstance": "all that its template made",
    "aws:elasticbeanstalk/environment:Environment": "perhaps a database",
    "aws:serverlessrepository/cloudFormationStack:CloudFormationStack": "all that its template made",
    "aws:servicecatalog/provisionedProduct:ProvisionedProduct": "all that its template made",
    "aws:ssm/parameter:Parameter": "a value",
    "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition": "all objects of its kind",
    "kubernetes:core/v1:Namespace": "all objects in it",
    "kubernetes:core/v1:Secret": "values",
}
"""Types that a second `pulumi up` brings back without what others put there: they need no protection, and a plan asks before one goes."""

_OBJECTS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "auditregistration.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "core",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "helm.sh",
    "karpenter.k8s.aws",
    "karpenter.sh",
    "lifecycle.k8s.io",
    "meta",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "settings.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
)
"""Kubernetes' groups of the SDK and of what our components make; any other is some operator's, who may run a database by it."""

_KNOWN = ("aws:", "pulumi:", "pulumi-python:dynamic/mlgate:", *(f"kubernetes:{group}/" for group in _OBJECTS))
"""How the types begin that were looked through for the tables. What is lost with any other nobody has said."""


def why_stateful(type_: str, *, guarded: bool, component: bool = False) -> str | None:
    """Why a resource of that type must not be lost by the way; None where it can be made again.

    `guarded`: protected or retained. `component`: it is one, and holds nothing but resources that are judged by themselves.
    """
    if held := STATEFUL.get(type_) or CONTAINERS.get(type_):
        return f"it holds {held}, and nothing brings that back"
    if guarded:
        return "protected or retained: whoever declared it wants it kept"
    return None if component or type_.startswith(_KNOWN) else "what it holds is not known here"
