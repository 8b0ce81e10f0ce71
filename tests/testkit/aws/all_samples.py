"""The samples of all groups of types, and what some of them need to be replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import samples, samples_compute
from .cloud import Cloud
from .samples import ROOT, policy

SAMPLES: dict[str, samples.Sample] = {**samples.SAMPLES, **samples_compute.SAMPLES}

# Of these something is left after their delete.
STAYS = {
    "aws:s3/bucketVersioning:BucketVersioning",  # suspended
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",  # AWS's own
    "aws:ec2/capacityBlockReservation:CapacityBlockReservation",  # paid for
    "aws:secretsmanager/secretVersion:SecretVersion",  # for as long as it is the current one
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",  # the lock stays, its rule goes
    "aws:s3/bucketNotification:BucketNotification",  # a bucket always has one, if only an empty one
}

# Of these there can be one at a time, and the real provider makes the new one first all the same: a program sets delete_before_replace.
ONE_AT_A_TIME = {
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",  # for one principal and policy: the old one would take the new one along
    "aws:eks/identityProviderConfig:IdentityProviderConfig",
}


def other_bucket(cloud: Cloud) -> dict[str, Any]:
    cloud.up("aws:s3/bucket:Bucket", bucket="others")
    return {}


def other_versioned(cloud: Cloud) -> dict[str, Any]:
    other_bucket(cloud)
    cloud.boto("s3").put_bucket_versioning(Bucket="others", VersioningConfiguration={"Status": "Enabled"})
    return {}


def other_bucket_policy(cloud: Cloud) -> dict[str, Any]:
    return {**other_bucket(cloud), "policy": policy("s3:GetObject", "arn:aws:s3:::others/*", Principal={"AWS": ROOT})}


def other_repository(cloud: Cloud) -> dict[str, Any]:
    return {"repository": cloud.up("aws:ecr/repository:Repository", "others", name="others").id}


def other_queue(cloud: Cloud) -> dict[str, Any]:
    return {"queueUrl": cloud.up("aws:sqs/queue:Queue", "other", name="others").id}


def other_vpc(cloud: Cloud) -> dict[str, Any]:
    return {"vpcId": cloud.up(samples_compute.VPC, "other", cidrBlock="10.8.0.0/16").id}


def other_group(cloud: Cloud) -> dict[str, Any]:
    return {"securityGroupId": cloud.up(samples_compute.GROUP, "other", **other_vpc(cloud)).id}


def other_subnet(cloud: Cloud) -> dict[str, Any]:
    (found,) = cloud.boto("ec2").describe_subnets(Filters=[{"Name": "cidr-block", "Values": ["10.0.1.0/24"]}])["Subnets"]
    return {"subnetId": found["SubnetId"]}


def other_subnet_and_address(cloud: Cloud) -> dict[str, Any]:
    return {**other_subnet(cloud), "allocationId": cloud.up("aws:ec2/eip:Eip", "other", domain="vpc").id}


def other_log_target(cloud: Cloud) -> dict[str, Any]:
    cloud.up("aws:s3/bucket:Bucket", "other", bucket="other-flow-logs")
    return {"logDestination": "arn:aws:s3:::other-flow-logs"}


def other_database(_cloud: Cloud) -> dict[str, Any]:
    return {"identifier": "others"}


def other_key_pair(cloud: Cloud) -> dict[str, Any]:
    return {"keyName": cloud.up("aws:ec2/keyPair:KeyPair", "x", keyName="x", publicKey=samples_compute.PUBLIC_KEY).id}


def other_cluster(cloud: Cloud) -> dict[str, Any]:
    first = cloud.boto("eks").describe_cluster(name="models")["cluster"]
    access = {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": False}
    place = {"subnetIds": first["resourcesVpcConfig"]["subnetIds"]}
    made = cloud.up(samples_compute.CLUSTER, "other", name="other", roleArn=first["roleArn"], accessConfig=access, vpcConfig=place)
    return {"clusterName": made.id}


REPLACED: dict[str, Callable[[Cloud], dict[str, Any]]] = {
    **{kind: other_bucket for kind, sample in samples.SAMPLES.items() if sample.replace is samples.OTHER},
    "aws:s3/bucketPolicy:BucketPolicy": other_bucket_policy,
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": other_versioned,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": other_versioned,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": other_repository,
    "aws:sqs/queuePolicy:QueuePolicy": other_queue,
    "aws:ec2/natGateway:NatGateway": other_subnet_and_address,
    samples_compute.TABLE: other_vpc,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": other_subnet,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": other_vpc,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": other_group,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": other_group,
    "aws:ec2/flowLog:FlowLog": other_log_target,
    "aws:ec2/instance:Instance": other_key_pair,
    "aws:eks/accessEntry:AccessEntry": other_cluster,
    "aws:rds/instance:Instance": other_database,
}
"""What must be there for the replacement of a sample to be carried out, and arguments that name it."""
