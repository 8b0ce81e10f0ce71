"""What IAM calls what the platform makes: by Pulumi's type the ARNs of a resource, as in AWS's Service Authorization Reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlgate_testkit.record import Graph, Resource

ACCOUNT = "123456789012"
REGION = "eu-central-1"
HERE = f"{REGION}:{ACCOUNT}"


def _given(made: Resource) -> str:
    return str(made.outputs["arn"])


def _of_ec2(kind: str) -> Callable[[Resource], str]:
    return lambda made: f"arn:aws:ec2:{HERE}:{kind}/{made.id}"


def _of_eks(kind: str, name: Callable[[Resource], str]) -> Callable[[Resource], str]:
    return lambda made: f"arn:aws:eks:{HERE}:{kind}/{made.inputs['clusterName']}/{name(made)}"


def _entry(made: Resource) -> str:
    *_, account, whom = made.inputs["principalArn"].split(":")
    return f"{whom.replace('/', f'/{account}/', 1)}/{made.id}"


ARNS: dict[str, Callable[[Resource], str]] = {
    "aws:budgets/budget:Budget": lambda made: f"arn:aws:budgets::{ACCOUNT}:budget/{made.name}",
    "aws:cloudtrail/trail:Trail": lambda made: f"arn:aws:cloudtrail:{HERE}:trail/{made.name}",
    "aws:cloudwatch/eventRule:EventRule": lambda made: f"arn:aws:events:{HERE}:rule/{made.name}",
    "aws:cloudwatch/logGroup:LogGroup": _given,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _of_ec2("security-group"),
    "aws:ec2/eip:Eip": _of_ec2("elastic-ip"),
    "aws:ec2/flowLog:FlowLog": _of_ec2("vpc-flow-log"),
    "aws:ec2/internetGateway:InternetGateway": _of_ec2("internet-gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _of_ec2("launch-template"),
    "aws:ec2/natGateway:NatGateway": _of_ec2("natgateway"),
    "aws:ec2/routeTable:RouteTable": _of_ec2("route-table"),
    "aws:ec2/securityGroup:SecurityGroup": _of_ec2("security-group"),
    "aws:ec2/subnet:Subnet": _of_ec2("subnet"),
    "aws:ec2/vpc:Vpc": _of_ec2("vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _of_ec2("vpc-endpoint"),
    "aws:ecr/repository:Repository": _given,
    "aws:eks/accessEntry:AccessEntry": _of_eks("access-entry", _entry),
    "aws:eks/addon:Addon": _of_eks("addon", lambda made: f"{made.inputs['addonName']}/{made.id}"),
    "aws:eks/cluster:Cluster": _given,
    "aws:eks/nodeGroup:NodeGroup": _of_eks("nodegroup", lambda made: f"{made.name}/{made.id}"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _of_eks("podidentityassociation", lambda made: str(made.id)),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": _given,
    "aws:iam/role:Role": _given,
    "aws:kms/alias:Alias": lambda made: f"arn:aws:kms:{HERE}:alias/{made.name}",
    "aws:kms/key:Key": _given,
    "aws:s3/bucket:Bucket": _given,
    "aws:secretsmanager/secret:Secret": _given,
    "aws:sqs/queue:Queue": _given,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _of_ec2("security-group-rule"),
}
SETTINGS = (
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:s3/bucket",
    "aws:sqs/queuePolicy:QueuePolicy",
)
"""Types, or what they begin with, that IAM knows no resources of: they are settings of another."""


def arns(graph: Graph) -> Iterator[str]:
    """Of all that was made. Raises AssertionError for a type that is in neither table."""
    for made in graph.resources:
        if made.type in ARNS:
            yield ARNS[made.type](made)
        else:
            assert made.component or not made.type.startswith("aws:") or made.type.startswith(SETTINGS), made.type
