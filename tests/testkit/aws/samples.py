"""For every type one resource that AWS would take: what it needs first, its arguments, a change in place, a change that needs a new one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .cloud import Cloud

Arguments = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """`first` makes what it needs and returns arguments that name it. Without `change` the type has nothing to change in place."""

    arguments: Arguments
    change: Arguments = field(default_factory=dict)
    replace: Arguments = field(default_factory=dict)
    first: Callable[[Cloud], Arguments] = lambda _cloud: {}
    import_id: Callable[[str, Arguments], str] = lambda resource_id, _arguments: resource_id


def policy(action: str = "s3:GetObject", resource: str = "*", **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}]})


def trust(service: str = "ec2.amazonaws.com") -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def bucket(cloud: Cloud) -> Arguments:
    return {"bucket": cloud.up("aws:s3/bucket:Bucket", bucket="models").id}


def versioned(cloud: Cloud) -> Arguments:
    found = bucket(cloud)
    cloud.boto("s3").put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Enabled"})
    return found


def queue(cloud: Cloud) -> Arguments:
    return {"queueUrl": cloud.up("aws:sqs/queue:Queue", name="jobs").id}


def rule(cloud: Cloud) -> Arguments:
    """A rule, and a queue for it."""
    queue(cloud)
    pattern = json.dumps({"source": ["aws.ec2"]})
    return {"rule": cloud.up("aws:cloudwatch/eventRule:EventRule", name="interruptions", eventPattern=pattern).outputs["name"], "arn": JOBS}


def told_queue(cloud: Cloud) -> Arguments:
    """A bucket, and a queue that lets S3 send to it."""
    allowed = policy("sqs:SendMessage", Principal={"Service": "s3.amazonaws.com"})
    cloud.up("aws:sqs/queuePolicy:QueuePolicy", **queue(cloud), policy=allowed)
    return bucket(cloud)


def log_target(cloud: Cloud) -> Arguments:
    cloud.up("aws:s3/bucket:Bucket", bucket="logs")
    allowed = {"Principal": {"Service": "logging.s3.amazonaws.com"}}
    cloud.up("aws:s3/bucketPolicy:BucketPolicy", bucket="logs", policy=policy("s3:PutObject", "arn:aws:s3:::logs/*", **allowed))
    return {**bucket(cloud), "targetBucket": "logs"}


def copied(cloud: Cloud) -> Arguments:
    """A bucket and another one, both with versions, and the role that copies."""
    found = versioned(cloud)
    cloud.up("aws:s3/bucket:Bucket", "copy", bucket="copy")
    cloud.boto("s3").put_bucket_versioning(Bucket="copy", VersioningConfiguration={"Status": "Enabled"})
    return {**found, "role": cloud.up("aws:iam/role:Role", name="copier", assumeRolePolicy=trust("s3.amazonaws.com")).outputs["arn"]}


def watched(cloud: Cloud) -> Arguments:
    """A bucket that lets CloudTrail write."""
    cloud.up("aws:s3/bucket:Bucket", bucket="trails")
    let = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    statements = [
        {**let, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::trails"},
        {**let, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::trails/*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    cloud.up("aws:s3/bucketPolicy:BucketPolicy", bucket="trails", policy=document)
    return {"s3BucketName": "trails"}


def spent(percent: float, *, emails: list[str] | None = None, topics: list[str] | None = None) -> Arguments:
    """Who hears when more than that share is spent."""
    receivers = {"subscriberEmailAddresses": emails, "subscriberSnsTopicArns": topics}
    told = {"comparisonOperator": "GREATER_THAN", "notificationType": "ACTUAL", "threshold": percent, "thresholdType": "PERCENTAGE"}
    return told | {argument: found for argument, found in receivers.items() if found}


def role(cloud: Cloud) -> Arguments:
    return {"role": cloud.up("aws:iam/role:Role", name="trainer", assumeRolePolicy=trust()).id}


def key(cloud: Cloud) -> Arguments:
    return {"targetKeyId": cloud.up("aws:kms/key:Key").id}


def repository(cloud: Cloud) -> Arguments:
    return {"repository": cloud.up("aws:ecr/repository:Repository", name="serving").id}


def secret(cloud: Cloud) -> Arguments:
    return {"secretId": cloud.up("aws:secretsmanager/secret:Secret", name="token").id}


def zones(cloud: Cloud, vpc: str = "main", block: str = "10.0") -> Arguments:
    """Two subnets of a VPC, each in a zone of its own."""
    vpc_id = cloud.up("aws:ec2/vpc:Vpc", vpc, cidrBlock=f"{block}.0.0/16").id
    each = {f"eu-central-1{zone}": f"{block}.{at}.0/24" for at, zone in enumerate("ab")}
    return {
        "subnetIds": [
            cloud.up("aws:ec2/subnet:Subnet", f"{vpc}-{zone}", vpcId=vpc_id, cidrBlock=part, availabilityZone=zone).id
            for zone, part in each.items()
        ]
    }


def untagged(days: int) -> str:
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
    return json.dumps({"rules": [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]})


def pull(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Principal": {"AWS": ROOT}}]})


def own_bucket(principal: str) -> str:
    return policy("s3:GetObject", "arn:aws:s3:::models/*", Principal={"AWS": principal})


ROOT = "arn:aws:iam::123456789012:root"
JOBS = "arn:aws:sqs:eu-central-1:123456789012:jobs"
OTHER = {"bucket": "others"}

COPIES: Arguments = {
    "id": "everything",
    "priority": 1,
    "status": "Enabled",
    "filter": {"prefix": ""},
    "deleteMarkerReplication": {"status": "Disabled"},
    "sourceSelectionCriteria": {"sseKmsEncryptedObjects": {"status": "Enabled"}},
    "destination": {
        "bucket": "arn:aws:s3:::copy",
        "encryptionConfiguration": {"replicaKmsKeyId": "arn:aws:kms:eu-central-1:123456789012:key/copies"},
    },
}
MANAGEMENT: Arguments = {"name": "management", "fieldSelectors": [{"field": "eventCategory", "equals": ["Management"]}]}
OBJECTS: Arguments = {
    "fieldSelectors": [
        {"field": "eventCategory", "equals": ["Data"]},
        {"field": "resources.type", "equals": ["AWS::S3::Object"]},
        {"field": "resources.ARN", "startsWiths": ["arn:aws:s3:::models/"]},
    ]
}

DATABASE: Arguments = {
    "engine": "postgres",
    "instanceClass": "db.t4g.medium",
    "allocatedStorage": 20,
    "username": "ml",
    "password": "hunter2-hunter2",
    "storageEncrypted": True,
}

SAMPLES: dict[str, Sample] = {
    "aws:s3/bucket:Bucket": Sample(
        {"bucket": "models", "tags": {"owner": "vision"}},
        {"tags": {"owner": "speech"}, "forceDestroy": True},
        {"bucket": "others"},
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Sample({"blockPublicAcls": True}, {"blockPublicPolicy": True}, OTHER, bucket),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Sample(
        {"rule": {"objectOwnership": "BucketOwnerEnforced"}}, {"rule": {"objectOwnership": "ObjectWriter"}}, OTHER, bucket
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Sample(
        {"policy": own_bucket(ROOT)},
        {"policy": policy("s3:ListBucket", "arn:aws:s3:::models", Principal={"AWS": ROOT})},
        OTHER,
        bucket,
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Sample(
        {"versioningConfiguration": {"status": "Enabled"}}, {"versioningConfiguration": {"status": "Suspended"}}, OTHER, bucket
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Sample(
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "alias/models"}}]},
        {"rules": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]},
        OTHER,
        bucket,
    ),
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration": Sample(
        {"indexDocument": {"suffix": "index.html"}, "errorDocument": {"key": "404.html"}},
        {"errorDocument": {"key": "no.html"}},
        OTHER,
        bucket,
    ),
    "aws:s3/bucketLogging:BucketLogging": Sample({"targetPrefix": "models/"}, {"targetPrefix": "m/"}, OTHER, log_target),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": Sample(
        {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "days": 5}}},
        {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "years": 1}}},
        OTHER,
        versioned,
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Sample(
        {
            "rules": [
                {
                    "id": "old",
                    "status": "Enabled",
                    "filter": {"prefix": "runs/"},
                    "transitions": [{"days": 30, "storageClass": "STANDARD_IA"}, {"days": 90, "storageClass": "GLACIER"}],
                    "noncurrentVersionExpiration": {"noncurrentDays": 30},
                },
                {"id": "parts", "status": "Enabled", "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}},
                {
                    "id": "tagged",
                    "status": "Disabled",
                    "filter": {"and": {"prefix": "x/", "tags": {"keep": "no"}}},
                    "expiration": {"date": "2030-01-01T00:00:00Z"},
                },
            ]
        },
        {"rules": [{"id": "old", "status": "Enabled", "filter": {"tag": {"key": "a", "value": "b"}}, "expiration": {"days": 9}}]},
        OTHER,
        bucket,
    ),
    "aws:s3/bucketNotification:BucketNotification": Sample(
        {"queues": [{"queueArn": JOBS, "events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], "filterPrefix": "runs/"}]},
        {"queues": [{"queueArn": JOBS, "events": ["s3:ObjectCreated:Put"], "filterSuffix": ".json"}], "eventbridge": True},
        OTHER,
        told_queue,
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": Sample(
        {"rules": [COPIES]}, {"rules": [{**COPIES, "status": "Disabled", "filter": {"prefix": "runs/"}}]}, OTHER, copied
    ),
    "aws:s3/bucketObjectv2:BucketObjectv2": Sample(
        {"key": "a/b.json", "content": "{}", "contentType": "application/json", "metadata": {"by": "us"}, "tags": {"owner": "vision"}},
        {"content": "[]", "tags": {"owner": "speech"}},
        {"key": "c.json"},
        bucket,
    ),
    "aws:s3/bucketObject:BucketObject": Sample({"key": "b.txt", "contentBase64": "YQ=="}, {"tags": {"x": "y"}}, {"key": "c"}, bucket),
    "aws:iam/role:Role": Sample(
        {"name": "trainer", "assumeRolePolicy": trust(), "description": "trains", "tags": {"owner": "vision"}},
        {"assumeRolePolicy": trust("eks.amazonaws.com"), "maxSessionDuration": 7200, "tags": {}, "description": "serves"},
        {"path": "/ml/"},
    ),
    "aws:iam/policy:Policy": Sample(
        {"name": "read", "policy": policy(), "tags": {"owner": "vision"}},
        {"policy": policy("s3:*"), "tags": {"a": "b"}},
        {"description": "x"},
    ),
    "aws:iam/rolePolicy:RolePolicy": Sample({"name": "read", "policy": policy()}, {"policy": policy("s3:*")}, {"name": "other"}, role),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Sample(
        {"policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"},
        {},
        {"policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
        role,
    ),
    "aws:iam/instanceProfile:InstanceProfile": Sample({"name": "nodes", "tags": {"a": "b"}}, {"tags": {"a": "c"}}, {"path": "/ml/"}, role),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Sample(
        {"url": "https://oidc.eks.eu-central-1.amazonaws.com/id/ABC", "clientIdLists": ["sts.amazonaws.com"], "tags": {"a": "b"}},
        {"clientIdLists": ["sts.amazonaws.com", "other"], "tags": {"c": "d"}},
        {"url": "https://token.actions.githubusercontent.com"},
    ),
    "aws:kms/key:Key": Sample(
        {"description": "models", "enableKeyRotation": True, "deletionWindowInDays": 7, "tags": {"a": "b"}},
        {"description": "all models", "enableKeyRotation": False, "tags": {"c": "d"}},
        {"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "ECC_NIST_P256", "enableKeyRotation": False},
    ),
    "aws:kms/alias:Alias": Sample({"name": "alias/models"}, {}, {"name": "alias/others"}, key),
    "aws:ecr/repository:Repository": Sample(
        {"name": "ml/serving", "imageScanningConfiguration": {"scanOnPush": True}, "tags": {"a": "b"}},
        {"imageTagMutability": "IMMUTABLE", "imageScanningConfiguration": {"scanOnPush": False}, "tags": {"c": "d"}},
        {"name": "ml/training"},
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Sample({"policy": untagged(14)}, {}, {"policy": untagged(7)}, repository),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Sample(
        {"policy": pull("ecr:BatchGetImage")}, {"policy": pull("ecr:GetDownloadUrlForLayer")}, {}, repository
    ),
    "aws:sqs/queue:Queue": Sample(
        {"name": "jobs", "visibilityTimeoutSeconds": 60, "tags": {"a": "b"}},
        {"messageRetentionSeconds": 3600, "tags": {"c": "d"}, "policy": policy("sqs:SendMessage", Principal={"AWS": ROOT})},
        {"name": "others"},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Sample(
        {"policy": policy("sqs:SendMessage", Principal={"AWS": ROOT})},
        {"policy": policy("sqs:ReceiveMessage", Principal={"AWS": ROOT})},
        {},
        queue,
    ),
    "aws:cloudwatch/logGroup:LogGroup": Sample(
        {"name": "/mlgate/digits", "retentionInDays": 14, "tags": {"a": "b"}},
        {"retentionInDays": 0, "tags": {"c": "d"}},
        {"name": "/mlgate/others"},
    ),
    "aws:budgets/budget:Budget": Sample(
        {
            "name": "prod",
            "budgetType": "COST",
            "timeUnit": "MONTHLY",
            "limitAmount": "100",
            "limitUnit": "USD",
            "filterExpression": {"ands": [{"tags": {"key": key, "values": ["prod"]}} for key in ("environment", "owner")]},
            "metrics": "UnblendedCost",
            "notifications": [spent(80.0, emails=["a@example.com"])],
            "tags": {"a": "b"},
        },
        {"limitAmount": "200", "notifications": [spent(90.0, topics=["arn:aws:sns:eu-central-1:123456789012:alarms"])], "tags": {"c": "d"}},
        {"name": "others"},
    ),
    "aws:cloudtrail/trail:Trail": Sample(
        {"name": "audit", "advancedEventSelectors": [MANAGEMENT, OBJECTS], "enableLogFileValidation": True, "tags": {"a": "b"}},
        {"advancedEventSelectors": [MANAGEMENT], "enableLogging": False, "isMultiRegionTrail": True, "tags": {"c": "d"}},
        {"name": "other-audit"},
        watched,
    ),
    "aws:cloudwatch/eventRule:EventRule": Sample(
        {"name": "interruptions", "eventPattern": json.dumps({"source": ["aws.ec2"]}), "tags": {"a": "b"}},
        {"eventPattern": json.dumps({"source": ["aws.health"]}), "description": "of machines", "state": "DISABLED", "tags": {"c": "d"}},
        {"name": "others"},
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Sample({"targetId": "queue"}, {"inputPath": "$.detail"}, {"targetId": "other"}, rule),
    "aws:secretsmanager/secret:Secret": Sample(
        {"name": "endpoint-token", "description": "of digits", "tags": {"a": "b"}},
        {"description": "of all", "tags": {"c": "d"}},
        {"name": "others"},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Sample({"secretString": "hunter2"}, {}, {"secretString": "hunter3"}, secret),
    "aws:ssm/parameter:Parameter": Sample(
        {"name": "/mlgate/threshold", "type": "String", "value": "0.94", "tags": {"a": "b"}},
        {"value": "0.95", "tags": {"c": "d"}},
        {"name": "/mlgate/other"},
    ),
    "aws:sns/topic:Topic": Sample(
        {"name": "alarms", "displayName": "Alarms", "tags": {"a": "b"}},
        {"displayName": "All alarms", "tags": {"c": "d"}, "policy": policy("sns:Publish", Principal={"AWS": ROOT})},
        {"name": "others"},
    ),
    "aws:rds/subnetGroup:SubnetGroup": Sample(
        {"name": "databases", "tags": {"a": "b"}},
        {"description": "of features", "tags": {"c": "d"}},
        {"name": "others"},
        zones,
    ),
    "aws:rds/instance:Instance": Sample(
        {**DATABASE, "identifier": "features", "skipFinalSnapshot": True, "tags": {"a": "b"}},
        {"allocatedStorage": 50, "backupRetentionPeriod": 7, "password": "hunter2-hunter3", "tags": {"c": "d"}},
        {"storageEncrypted": False},
    ),
}
