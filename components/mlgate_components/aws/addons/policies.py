"""What the controllers of a cluster may do in its account: their policies, by the cluster's name, group and zones where AWS lets one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from mlgate_components.aws.policies import Statement

__all__ = ["Place", "external_dns", "karpenter", "load_balancers", "place_of"]

_CLUSTER = re.compile(r"arn:aws[a-z-]*:eks:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):cluster/(?P<name>.+)")


class Place(NamedTuple):
    """Where a cluster is, and what it is called there."""

    region: str
    account: str
    cluster: str

    def arn(self, service: str, rest: str) -> str:
        """Of something of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


def place_of(cluster_arn: str) -> Place:
    """Raises ValueError for what is no ARN of a cluster."""
    found = _CLUSTER.fullmatch(cluster_arn)
    if found is None:
        raise ValueError(f"{cluster_arn!r} is no ARN of a cluster, such as arn:aws:eks:eu-central-1:123456789012:cluster/ml")
    return Place(found["region"], found["account"], found["name"])


def karpenter(place: Place, node_role_arn: str, queue_arn: str) -> Sequence[Statement]:
    """Machines, launch templates and instance profiles of this cluster's node pools.

    Source: cloudformation.yaml of Karpenter's guide "Getting Started with Karpenter", aws/karpenter-provider-aws at 1d927085, 2026-08-21;
    what is launched is of this account here, where the source has any.
    """
    owned, pool = {f"kubernetes.io/cluster/{place.cluster}": "owned"}, {"karpenter.sh/nodepool": "*"}
    asked = {**owned, "eks:eks-cluster-name": place.cluster}
    made = [place.arn("ec2", f"{kind}/*") for kind in _LAUNCHED]
    taken = [f"arn:aws:ec2:{place.region}::{kind}/*" for kind in ("image", "snapshot")]
    # Of whatever account: a network that is shared with this one belongs to another.
    taken += [f"arn:aws:ec2:{place.region}:*:{kind}/*" for kind in ("security-group", "subnet", "capacity-reservation", "placement-group")]
    profile, in_region = f"arn:aws:iam::{place.account}:instance-profile/*", {"topology.kubernetes.io/region": place.region}
    node_class = {"karpenter.k8s.aws/ec2nodeclass": "*"}
    launch = ["ec2:RunInstances", "ec2:CreateFleet"]
    creation = {"ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]}
    names = {"aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]}
    tags = {
        "StringEquals": _tagged("Resource", owned),
        "StringLike": _tagged("Resource", pool),
        "StringEqualsIfExists": _tagged("Request", {"eks:eks-cluster-name": place.cluster}),
        "ForAllValues:StringEquals": names,
    }
    both = {
        "StringEquals": {**_tagged("Resource", {**owned, **in_region}), **_tagged("Request", {**asked, **in_region})},
        "StringLike": {**_tagged("Resource", node_class), **_tagged("Request", node_class)},
    }
    return [
        _allow(launch, taken),
        _allow(launch, place.arn("ec2", "launch-template/*"), _where("Resource", owned, pool)),
        _allow([*launch, "ec2:CreateLaunchTemplate"], made, _where("Request", asked, pool)),
        _allow("ec2:CreateTags", made, {**_where("Request", asked, pool), "StringEquals": {**_tagged("Request", asked), **creation}}),
        _allow("ec2:CreateTags", place.arn("ec2", "instance/*"), tags),
        _allow(
            ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
            [place.arn("ec2", "instance/*"), place.arn("ec2", "launch-template/*")],
            _where("Resource", owned, pool),
        ),
        _allow("iam:PassRole", node_role_arn, {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
        _allow("iam:CreateInstanceProfile", profile, _where("Request", {**asked, **in_region}, node_class)),
        _allow("iam:TagInstanceProfile", profile, both),
        _allow(
            ["iam:AddRoleToInstanceProfile", "iam:RemoveRoleFromInstanceProfile", "iam:DeleteInstanceProfile"],
            profile,
            _where("Resource", {**owned, **in_region}, node_class),
        ),
        _allow("iam:GetInstanceProfile", profile),
        _allow("eks:DescribeCluster", place.arn("eks", f"cluster/{place.cluster}")),
        _allow(["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"], queue_arn),
        _allow("ssm:GetParameter", f"arn:aws:ssm:{place.region}::parameter/aws/service/*"),
        # AWS has these for no resource in particular.
        _allow([f"ec2:Describe{what}" for what in _DESCRIBED], "*", {"StringEquals": {"aws:RequestedRegion": place.region}}),
        _allow(["pricing:GetProducts", "iam:ListInstanceProfiles"], "*"),
    ]


def load_balancers(place: Place, vpc_id: str, security_group_id: str) -> Sequence[Statement]:
    """Load balancers, target groups and security groups that carry this cluster's name; rules in the cluster's own group.

    Source: docs/install/iam_policy.json, kubernetes-sigs/aws-load-balancer-controller at 225f4456, 2026-08-17. Here the name of the cluster
    stands where the source asks for any, and what needs web ACLs, Shield, Cognito, Outposts and IPAM is left out.
    """
    mark = {"elbv2.k8s.aws/cluster": place.cluster}
    mine, asked = {"StringEquals": _tagged("Resource", mark)}, {"StringEquals": _tagged("Request", mark)}
    group = place.arn("ec2", "security-group/*")
    balancing = [place.arn("elasticloadbalancing", f"{kind}/*") for kind in ("loadbalancer/app", "loadbalancer/net", "targetgroup")]
    listening = [place.arn("elasticloadbalancing", f"{kind}/{of}/*") for kind in ("listener", "listener-rule") for of in ("app", "net")]
    rules = ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"]
    return [
        _allow(
            "iam:CreateServiceLinkedRole",
            f"arn:aws:iam::{place.account}:role/aws-service-role/elasticloadbalancing.amazonaws.com/*",
            {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
        _allow("ec2:CreateSecurityGroup", place.arn("ec2", f"vpc/{vpc_id}")),
        _allow("ec2:CreateSecurityGroup", group, asked),
        _allow("ec2:CreateTags", group, {"StringEquals": {**_tagged("Request", mark), "ec2:CreateAction": "CreateSecurityGroup"}}),
        _allow(["ec2:CreateTags", "ec2:DeleteTags"], group, mine),
        _allow([*rules, "ec2:DeleteSecurityGroup"], group, mine),
        _allow(rules, place.arn("ec2", f"security-group/{security_group_id}")),
        _allow([f"elasticloadbalancing:{what}" for what in _MADE[:2]], balancing, asked),
        # While they are made alone: whoever could mark what is there could make it his own.
        _allow(
            "elasticloadbalancing:AddTags",
            [*balancing, *listening],
            {"StringEquals": {**_tagged("Request", mark), "elasticloadbalancing:CreateAction": list(_MADE)}},
        ),
        _allow([f"elasticloadbalancing:{what}" for what in _BALANCED], balancing, mine),
        _allow([f"elasticloadbalancing:{what}" for what in _LISTENED], listening, mine),
        # AWS has these for no resource in particular.
        _allow(
            [
                *(f"elasticloadbalancing:Describe{what}" for what in _BALANCERS_DESCRIBED),
                *(f"ec2:Describe{what}" for what in _NETWORK_DESCRIBED),
                *("ec2:GetSecurityGroupsForVpc", "acm:ListCertificates", "acm:DescribeCertificate"),
            ],
            "*",
        ),
    ]


def external_dns(zone_ids: Sequence[str]) -> Sequence[Statement]:
    """Records of these hosted zones.

    Source: external-dns, "Setting up ExternalDNS for Services on AWS", IAM policy; scoped to the zones here.
    """
    zones = [f"arn:aws:route53:::hostedzone/{zone}" for zone in zone_ids]
    return [
        _allow([f"route53:{what}" for what in ("ChangeResourceRecordSets", "ListResourceRecordSets", "ListTagsForResources")], zones),
        _allow("route53:ListHostedZones", "*"),
    ]


_LAUNCHED = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
_DESCRIBED = (
    *("CapacityReservations", "Images", "Instances", "InstanceStatus", "InstanceTypeOfferings", "InstanceTypes", "LaunchTemplates"),
    *("PlacementGroups", "SecurityGroups", "SpotPriceHistory", "Subnets"),
)
_MADE = ("CreateLoadBalancer", "CreateTargetGroup", "CreateListener", "CreateRule")
_BALANCED = (
    *("CreateListener", "RemoveTags", "AddTags", "RegisterTargets", "DeregisterTargets", "ModifyLoadBalancerAttributes"),
    *("SetIpAddressType", "SetSecurityGroups", "SetSubnets", "DeleteLoadBalancer", "ModifyTargetGroup", "ModifyTargetGroupAttributes"),
    "DeleteTargetGroup",
)
_LISTENED = (
    *("CreateRule", "DeleteListener", "DeleteRule", "RemoveTags", "AddTags", "ModifyListener", "ModifyListenerAttributes"),
    *("AddListenerCertificates", "RemoveListenerCertificates", "ModifyRule", "SetRulePriorities"),
)
_BALANCERS_DESCRIBED = (
    *("LoadBalancers", "LoadBalancerAttributes", "Listeners", "ListenerCertificates", "ListenerAttributes", "SSLPolicies", "Rules"),
    *("TargetGroups", "TargetGroupAttributes", "TargetHealth", "Tags", "TrustStores", "CapacityReservation"),
)
_NETWORK_DESCRIBED = (
    *("AccountAttributes", "Addresses", "AvailabilityZones", "InternetGateways", "Vpcs", "VpcPeeringConnections", "Subnets"),
    *("SecurityGroups", "Instances", "NetworkInterfaces", "Tags", "RouteTables"),
)


def _allow(action: str | list[str], resource: Any, condition: dict[str, Any] | None = None) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}


def _where(of: str, exactly: dict[str, str], like: dict[str, str]) -> dict[str, Any]:
    return {"StringEquals": _tagged(of, exactly), "StringLike": _tagged(of, like)}


def _tagged(of: str, tags: dict[str, str]) -> dict[str, str]:
    """Of "Resource", or of "Request" that makes or tags it."""
    return {f"aws:{of}Tag/{key}": value for key, value in tags.items()}
