"""What the AWS rules know: which names have which limits. Each entry with its source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["LIMITS", "Limit"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What a name may be. `api`: the operation and member of botocore's service model that says so, or the page of AWS's documentation."""

    longest: int
    api: str
    shortest: int = 1
    pattern: str | None = None
    characters: str = ""

    def fits(self, name: str) -> bool:
        return self.pattern is None or re.fullmatch(self.pattern, name) is not None


_WORDS = "letters, digits and +=,.@_-"
_DASHED = "letters, digits and -, not at either end"
_ELB = "docs: ELB API CreateLoadBalancer and CreateTargetGroup, Name"

LIMITS: Final = {
    "aws:cloudwatch/eventRule:EventRule": Limit(
        64, "events PutRule.Name", pattern=r"[\.\-_A-Za-z0-9]+", characters="letters, digits and .-_"
    ),
    "aws:cloudwatch/logGroup:LogGroup": Limit(
        512, "logs CreateLogGroup.logGroupName", pattern=r"[\.\-_/#A-Za-z0-9]+", characters="letters, digits and .-_/#"
    ),
    "aws:dynamodb/table:Table": Limit(
        255, "docs: DynamoDB naming rules", shortest=3, pattern=r"[a-zA-Z0-9_.-]+", characters="letters, digits and _.-"
    ),
    "aws:ecr/repository:Repository": Limit(
        256,
        "ecr CreateRepository.repositoryName",
        shortest=2,
        pattern=r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
        characters="a to z, 0 to 9 and ._-/ between them",
    ),
    "aws:eks/cluster:Cluster": Limit(
        100,
        "eks CreateCluster.name",
        pattern=r"[0-9A-Za-z][A-Za-z0-9\-_]*",
        characters="letters, digits and -_, beginning with a letter or digit",
    ),
    "aws:eks/nodeGroup:NodeGroup": Limit(63, "docs: EKS API CreateNodegroup, nodegroupName"),
    "aws:iam/group:Group": Limit(128, "iam CreateGroup.GroupName", pattern=r"[\w+=,.@-]+", characters=_WORDS),
    "aws:iam/instanceProfile:InstanceProfile": Limit(
        128, "iam CreateInstanceProfile.InstanceProfileName", pattern=r"[\w+=,.@-]+", characters=_WORDS
    ),
    "aws:iam/policy:Policy": Limit(128, "iam CreatePolicy.PolicyName", pattern=r"[\w+=,.@-]+", characters=_WORDS),
    "aws:iam/role:Role": Limit(64, "iam CreateRole.RoleName", pattern=r"[\w+=,.@-]+", characters=_WORDS),
    "aws:iam/user:User": Limit(64, "iam CreateUser.UserName", pattern=r"[\w+=,.@-]+", characters=_WORDS),
    "aws:kinesis/stream:Stream": Limit(
        128, "kinesis CreateStream.StreamName", pattern=r"[a-zA-Z0-9_.-]+", characters="letters, digits and _.-"
    ),
    "aws:kms/alias:Alias": Limit(256, "kms CreateAlias.AliasName", pattern=r"[a-zA-Z0-9:/_-]+", characters="letters, digits and :/_-"),
    "aws:lambda/function:Function": Limit(
        64, "docs: Lambda API CreateFunction, FunctionName", pattern=r"[a-zA-Z0-9-_]+", characters="letters, digits and -_"
    ),
    "aws:lb/loadBalancer:LoadBalancer": Limit(32, _ELB, pattern=r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", characters=_DASHED),
    "aws:lb/targetGroup:TargetGroup": Limit(32, _ELB, pattern=r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", characters=_DASHED),
    "aws:opensearch/domain:Domain": Limit(
        28,
        "opensearch CreateDomain.DomainName",
        shortest=3,
        pattern=r"[a-z][a-z0-9\-]+",
        characters="a to z, 0 to 9 and -, beginning with a letter",
    ),
    "aws:rds/cluster:Cluster": Limit(
        63,
        "docs: RDS API CreateDBCluster",
        pattern=r"[A-Za-z](-?[A-Za-z0-9])*",
        characters="letters, digits and single -, beginning with a letter",
    ),
    "aws:rds/instance:Instance": Limit(
        63,
        "docs: RDS API CreateDBInstance",
        pattern=r"[A-Za-z](-?[A-Za-z0-9])*",
        characters="letters, digits and single -, beginning with a letter",
    ),
    "aws:s3/bucket:Bucket": Limit(
        63,
        "docs: S3 bucket naming rules",
        shortest=3,
        pattern=r"[a-z0-9][a-z0-9.-]*[a-z0-9]",
        characters="a to z, 0 to 9, . and -, beginning and ending with a letter or digit",
    ),
    "aws:sagemaker/endpoint:Endpoint": Limit(
        63, "sagemaker CreateEndpoint.EndpointName", pattern=r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", characters=_DASHED
    ),
    "aws:sagemaker/model:Model": Limit(
        63, "sagemaker CreateModel.ModelName", pattern=r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?", characters=_DASHED
    ),
    "aws:secretsmanager/secret:Secret": Limit(512, "secretsmanager CreateSecret.Name"),
    "aws:sfn/stateMachine:StateMachine": Limit(80, "stepfunctions CreateStateMachine.name"),
    "aws:sns/topic:Topic": Limit(
        256, "docs: SNS API CreateTopic, Name", pattern=r"[A-Za-z0-9_-]+(\.fifo)?", characters="letters, digits and _-"
    ),
    "aws:sqs/queue:Queue": Limit(
        80, "docs: SQS API CreateQueue, QueueName", pattern=r"[A-Za-z0-9_-]+(\.fifo)?", characters="letters, digits and _-"
    ),
}
"""Names that the provider makes from the resource's own, where the program gives none, are eight characters longer."""
