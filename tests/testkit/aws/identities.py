"""What id and ARN of each sample look like with AWS, written down apart from our models.

Sources: ids, the documentation of each resource in terraform-provider-aws (Attribute Reference and Import), the 17 digits of EC2's from the
EC2 user guide, Resource IDs; ARNs, the Service Authorization Reference, "Resource types defined by" each service; the letters that EKS puts
before an association, EKS API reference, PodIdentityAssociation; those of RDS, RDS API reference, DBInstance.DbiResourceId.
"""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNT = "123456789012"
_HERE = f"eu-central-1:{ACCOUNT}"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DIGITS = "[0-9a-f]{17}"
_SECRET = f"arn:aws:secretsmanager:{_HERE}:secret:token-[0-9A-Za-z]{{6}}"
_URL = rf"https://sqs\.eu-central-1\.amazonaws\.com/{ACCOUNT}/jobs"
_OIDC = f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/ABC"


@dataclass(frozen=True)
class Identity:
    """Patterns of the whole id and the whole ARN. `arn`: None where the type tells no ARN."""

    id: str
    arn: str | None = None


def _of_ec2(prefix: str, kind: str) -> Identity:
    return Identity(f"{prefix}-{_DIGITS}", f"arn:aws:ec2:{_HERE}:{kind}/{prefix}-{_DIGITS}")


def _of_eks(name: str, arn: str) -> Identity:
    return Identity(f"models:{name}", f"arn:aws:eks:{_HERE}:{arn}/{_UUID}")


_OF_A_BUCKET = Identity("models")
_OF_A_REPOSITORY = Identity("serving")
_RULE = _of_ec2("sgr", "security-group-rule")
_RESERVATION = _of_ec2("cr", "capacity-reservation")
_GROUP = _of_ec2("sg", "security-group")

IDENTITIES: dict[str, Identity] = {
    "aws:s3/bucket:Bucket": Identity("models", "arn:aws:s3:::models"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _OF_A_BUCKET,
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _OF_A_BUCKET,
    "aws:s3/bucketPolicy:BucketPolicy": _OF_A_BUCKET,
    "aws:s3/bucketVersioning:BucketVersioning": _OF_A_BUCKET,
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _OF_A_BUCKET,
    "aws:s3/bucketLogging:BucketLogging": _OF_A_BUCKET,
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": _OF_A_BUCKET,
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration": _OF_A_BUCKET,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _OF_A_BUCKET,
    "aws:s3/bucketNotification:BucketNotification": _OF_A_BUCKET,
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": _OF_A_BUCKET,
    "aws:s3/bucketObjectv2:BucketObjectv2": Identity(r"models/a/b\.json", r"arn:aws:s3:::models/a/b\.json"),
    "aws:s3/bucketObject:BucketObject": Identity(r"models/b\.txt", r"arn:aws:s3:::models/b\.txt"),
    "aws:iam/policy:Policy": Identity(f"arn:aws:iam::{ACCOUNT}:policy/read", f"arn:aws:iam::{ACCOUNT}:policy/read"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Identity(_OIDC, _OIDC),
    "aws:iam/role:Role": Identity("trainer", f"arn:aws:iam::{ACCOUNT}:role/trainer"),
    "aws:iam/rolePolicy:RolePolicy": Identity("trainer:read"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Identity("trainer/arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"),
    "aws:iam/instanceProfile:InstanceProfile": Identity("nodes", f"arn:aws:iam::{ACCOUNT}:instance-profile/nodes"),
    "aws:budgets/budget:Budget": Identity(f"{ACCOUNT}:prod", f"arn:aws:budgets::{ACCOUNT}:budget/prod"),
    "aws:cloudtrail/trail:Trail": Identity(f"arn:aws:cloudtrail:{_HERE}:trail/audit", f"arn:aws:cloudtrail:{_HERE}:trail/audit"),
    "aws:kms/key:Key": Identity(_UUID, f"arn:aws:kms:{_HERE}:key/{_UUID}"),
    "aws:kms/alias:Alias": Identity("alias/models", f"arn:aws:kms:{_HERE}:alias/models"),
    "aws:ecr/repository:Repository": Identity("ml/serving", f"arn:aws:ecr:{_HERE}:repository/ml/serving"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _OF_A_REPOSITORY,
    "aws:ecr/repositoryPolicy:RepositoryPolicy": _OF_A_REPOSITORY,
    "aws:sqs/queue:Queue": Identity(_URL, f"arn:aws:sqs:{_HERE}:jobs"),
    "aws:sqs/queuePolicy:QueuePolicy": Identity(_URL),
    "aws:cloudwatch/logGroup:LogGroup": Identity("/mlgate/digits", f"arn:aws:logs:{_HERE}:log-group:/mlgate/digits"),
    "aws:cloudwatch/eventRule:EventRule": Identity("interruptions", f"arn:aws:events:{_HERE}:rule/interruptions"),
    "aws:cloudwatch/eventTarget:EventTarget": Identity("interruptions/queue", f"arn:aws:sqs:{_HERE}:jobs"),
    "aws:secretsmanager/secret:Secret": Identity(*[_SECRET.replace("token", "endpoint-token")] * 2),
    "aws:secretsmanager/secretVersion:SecretVersion": Identity(rf"{_SECRET}\|{_UUID}", _SECRET),
    "aws:ssm/parameter:Parameter": Identity("/mlgate/threshold", f"arn:aws:ssm:{_HERE}:parameter/mlgate/threshold"),
    "aws:sns/topic:Topic": Identity(f"arn:aws:sns:{_HERE}:alarms", f"arn:aws:sns:{_HERE}:alarms"),
    "aws:rds/subnetGroup:SubnetGroup": Identity("databases", f"arn:aws:rds:{_HERE}:subgrp:databases"),
    "aws:rds/instance:Instance": Identity("db-[0-9A-Z]{26}", f"arn:aws:rds:{_HERE}:db:features"),
    "aws:ec2/vpc:Vpc": _of_ec2("vpc", "vpc"),
    "aws:ec2/subnet:Subnet": _of_ec2("subnet", "subnet"),
    "aws:ec2/internetGateway:InternetGateway": _of_ec2("igw", "internet-gateway"),
    "aws:ec2/natGateway:NatGateway": Identity(f"nat-{_DIGITS}"),
    "aws:ec2/eip:Eip": _of_ec2("eipalloc", "elastic-ip"),
    "aws:ec2/routeTable:RouteTable": _of_ec2("rtb", "route-table"),
    "aws:ec2/route:Route": Identity(f"r-rtb-{_DIGITS}1080289494"),  # the CRC of 0.0.0.0/0
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Identity(f"rtbassoc-{_DIGITS}"),
    "aws:ec2/securityGroup:SecurityGroup": _GROUP,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _GROUP,
    "aws:ec2/securityGroupRule:SecurityGroupRule": Identity(r"sgrule-\d+"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _RULE,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _RULE,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _of_ec2("vpce", "vpc-endpoint"),
    "aws:ec2/flowLog:FlowLog": _of_ec2("fl", "vpc-flow-log"),
    "aws:ec2/launchTemplate:LaunchTemplate": _of_ec2("lt", "launch-template"),
    "aws:ec2/instance:Instance": _of_ec2("i", "instance"),
    "aws:ec2/keyPair:KeyPair": Identity("ops", f"arn:aws:ec2:{_HERE}:key-pair/ops"),
    "aws:ec2/placementGroup:PlacementGroup": Identity("train", f"arn:aws:ec2:{_HERE}:placement-group/train"),
    "aws:ec2/capacityReservation:CapacityReservation": _RESERVATION,
    "aws:ec2/capacityBlockReservation:CapacityBlockReservation": _RESERVATION,
    "aws:eks/cluster:Cluster": Identity("models", f"arn:aws:eks:{_HERE}:cluster/models"),
    "aws:eks/nodeGroup:NodeGroup": _of_eks("gpu", "nodegroup/models/gpu"),
    "aws:eks/fargateProfile:FargateProfile": _of_eks("system", "fargateprofile/models/system"),
    "aws:eks/addon:Addon": _of_eks("vpc-cni", "addon/models/vpc-cni"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Identity(
        "a-[0-9a-z]{17}", f"arn:aws:eks:{_HERE}:podidentityassociation/models/a-[0-9a-z]{{17}}"
    ),
    "aws:eks/accessEntry:AccessEntry": _of_eks(f"arn:aws:iam::{ACCOUNT}:role/platform", f"access-entry/models/role/{ACCOUNT}/platform"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Identity(
        f"models#arn:aws:iam::{ACCOUNT}:role/platform#arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
    ),
    "aws:eks/identityProviderConfig:IdentityProviderConfig": _of_eks("sso", "identityproviderconfig/models/oidc/sso"),
}
