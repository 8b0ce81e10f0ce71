"""How what a lost create made is found, for all that the platform makes and that a second create would make twice, or be refused for.

Types that are not here need no search: a second create of a bucket's settings, a resource's policy or an attachment is the same one again.
Ids are as Pulumi keeps them: each resource's documentation, under "Import".
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

__all__ = ["BY_TAGS", "Kind", "Where", "ids_of_inputs", "is_object", "kind_of"]

_RELEASE = "kubernetes:helm.sh/v3:Release"


class Kind(NamedTuple):
    """A type, what its things are called where they are listed by tags (the group is Pulumi's id), and what deletes one."""

    type: str
    called: str
    delete: str


class Where(NamedTuple):
    """An account and region, with boto3's client of each service there."""

    account: str
    region: str
    client: Callable[[str], Any]


def _ec2(token: str, prefix: str, delete: str) -> Kind:
    return Kind(f"aws:ec2/{token[:1].lower()}{token[1:]}:{token}", rf"({prefix}-\w+)", f"aws ec2 {delete} {{id}}")


def _arn(service: str) -> str:
    return rf"arn:[\w-]+:{service}:[\w-]*:\d*:"


BY_TAGS: Final = (
    _ec2("Eip", "eipalloc", "release-address --allocation-id"),
    _ec2("FlowLog", "fl", "delete-flow-logs --flow-log-ids"),
    _ec2("InternetGateway", "igw", "delete-internet-gateway --internet-gateway-id"),
    _ec2("LaunchTemplate", "lt", "delete-launch-template --launch-template-id"),
    _ec2("NatGateway", "nat", "delete-nat-gateway --nat-gateway-id"),
    _ec2("RouteTable", "rtb", "delete-route-table --route-table-id"),
    _ec2("SecurityGroup", "sg", "delete-security-group --group-id"),
    _ec2("Subnet", "subnet", "delete-subnet --subnet-id"),
    _ec2("Vpc", "vpc", "delete-vpc --vpc-id"),
    _ec2("VpcEndpoint", "vpce", "delete-vpc-endpoints --vpc-endpoint-ids"),
    Kind(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        r"(sgr-\w+)",
        "aws ec2 revoke-security-group-ingress --group-id GROUP --security-group-rule-ids {id}",
    ),
    Kind("aws:kms/key:Key", rf"{_arn('kms')}key/(.+)", "aws kms schedule-key-deletion --key-id {id}"),
    Kind("aws:secretsmanager/secret:Secret", rf"({_arn('secretsmanager')}secret:.+)", "aws secretsmanager delete-secret --secret-id {id}"),
    Kind("aws:s3/bucket:Bucket", rf"{_arn('s3')}(.+)", "aws s3 rb s3://{id}"),
    Kind("aws:cloudwatch/logGroup:LogGroup", rf"{_arn('logs')}log-group:([^:]+)", "aws logs delete-log-group --log-group-name {id}"),
)

Inputs = Mapping[str, Any]
_BY_INPUTS: Final[Mapping[str, str | Callable[[Inputs, Where], Sequence[str]]]] = {
    "aws:budgets/budget:Budget": "{account}:{name}",
    "aws:cloudtrail/trail:Trail": "arn:aws:cloudtrail:{region}:{account}:trail/{name}",
    "aws:cloudwatch/eventRule:EventRule": "{name}",
    "aws:cloudwatch/eventTarget:EventTarget": lambda given, where: [
        f"{given['rule']}/{target['Id']}"
        for target in where.client("events").list_targets_by_rule(Rule=given["rule"])["Targets"]
        if target["Arn"] == given["arn"]
    ],
    "aws:cloudwatch/logGroup:LogGroup": "{name}",
    # It is there with its network, and Pulumi's once it has its tags.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": lambda given, where: [
        found["GroupId"]
        for found in where.client("ec2").describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [given["vpcId"]]}])[
            "SecurityGroups"
        ]
        if found["GroupName"] == "default" and given["tags"].items() <= {tag["Key"]: tag["Value"] for tag in found["Tags"]}.items()
    ],
    "aws:ec2/route:Route": lambda given, _where: [f"r-{given['routeTableId']}{zlib.crc32(given['destinationCidrBlock'].encode())}"],
    "aws:ec2/routeTableAssociation:RouteTableAssociation": lambda given, where: [
        found["RouteTableAssociationId"]
        for table in where.client("ec2").describe_route_tables(RouteTableIds=[given["routeTableId"]])["RouteTables"]
        for found in table["Associations"]
        if found.get("SubnetId") == given["subnetId"]
    ],
    "aws:ecr/repository:Repository": "{name}",
    "aws:eks/accessEntry:AccessEntry": "{clusterName}:{principalArn}",
    "aws:eks/addon:Addon": "{clusterName}:{addonName}",
    "aws:eks/cluster:Cluster": "{name}",
    "aws:eks/nodeGroup:NodeGroup": "{clusterName}:{nodeGroupName}",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": lambda given, where: [
        found["associationId"]
        for found in where.client("eks").list_pod_identity_associations(
            clusterName=given["clusterName"], namespace=given["namespace"], serviceAccount=given["serviceAccount"]
        )["associations"]
    ],
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": lambda given, where: [
        f"arn:aws:iam::{where.account}:oidc-provider/{given['url'].removeprefix('https://')}"
    ],
    "aws:iam/role:Role": "{name}",
    "aws:iam/rolePolicy:RolePolicy": "{role}:{name}",
    "aws:kms/alias:Alias": "{name}",
    "aws:s3/bucket:Bucket": "{bucket}",
    "aws:sqs/queue:Queue": lambda given, where: [f"https://sqs.{where.region}.amazonaws.com/{where.account}/{given['name']}"],
    _RELEASE: "{namespace}/{name}",
}


def ids_of_inputs(token: str, inputs: Inputs, where: Where) -> Sequence[str] | None:
    """The ids that a thing of that type with those inputs has if it was made; None where they do not tell.

    Raises botocore's errors for what these credentials may not ask.
    """
    rule = _object if is_object(token) else _BY_INPUTS.get(token)
    if rule is None:
        return None
    try:
        return [rule.format_map({**inputs, **where._asdict()})] if isinstance(rule, str) else rule(inputs, where)
    except KeyError:  # named by a prefix, or to another kind of destination
        return None


def is_object(token: str) -> bool:
    """Whether it is an object of Kubernetes, which is refused where one of its name exists; the patch of one is not."""
    return token.startswith("kubernetes:") and token != _RELEASE and not token.endswith("Patch")


def _object(given: Inputs, _where: Where) -> Sequence[str]:
    about = given["metadata"]
    return ["/".join(filter(None, (about.get("namespace"), about["name"])))]


def kind_of(called: str) -> tuple[Kind, str] | None:
    """The type, and Pulumi's id, of what is called so where things are listed by tags; None for one of which the platform makes none."""
    return next(((kind, found[1]) for kind in BY_TAGS if (found := re.fullmatch(kind.called, called))), None)
