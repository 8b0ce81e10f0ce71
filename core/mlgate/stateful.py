"""Which types of AWS hold what is lost with them: linter, policies and whoever judges a plan go by one table."""

from __future__ import annotations

from typing import Final

__all__ = ["STATEFUL"]

STATEFUL: Final = {
    "aws:backup/vault:Vault": "backups",
    "aws:cognito/userPool:UserPool": "users",
    "aws:docdb/cluster:Cluster": "documents",
    "aws:dynamodb/table:Table": "items",
    "aws:ebs/volume:Volume": "a disk",
    "aws:ecr/repository:Repository": "images",
    "aws:efs/fileSystem:FileSystem": "files",
    "aws:elasticache/replicationGroup:ReplicationGroup": "a data set in memory",
    "aws:fsx/lustreFileSystem:LustreFileSystem": "files",
    "aws:fsx/ontapFileSystem:OntapFileSystem": "files",
    "aws:kms/key:Key": "the key of everything encrypted with it",
    "aws:msk/cluster:Cluster": "messages",
    "aws:neptune/cluster:Cluster": "a graph",
    "aws:opensearch/domain:Domain": "documents",
    "aws:rds/cluster:Cluster": "a database",
    "aws:rds/instance:Instance": "a database",
    "aws:redshift/cluster:Cluster": "a warehouse",
    "aws:s3/bucket:Bucket": "objects",
    "aws:s3/bucketV2:BucketV2": "objects",
    "aws:secretsmanager/secret:Secret": "a secret",
    "aws:timestreamwrite/table:Table": "time series",
}
"""Types whose deletion loses something that a second `pulumi up` does not bring back."""
