"""What can be reached from anywhere: ports, the API server, and the credentials of a machine from inside it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any

from mlgate.addresses import WIDEST
from mlgate_policies.resource import Resource, at, known, listed_at
from mlgate_policies.rule import EVERYWHERE, Rule

__all__ = ["RULES"]

_GROUPS = frozenset({"aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"})
_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_CLUSTER = "aws:eks/cluster:Cluster"
_MACHINES = frozenset(
    {
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/instance:Instance",
        "aws:ec2/launchConfiguration:LaunchConfiguration",
        "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
    }
)
_NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"


def _open_ports(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    if resource.type == _RULE and resource.at("type") != "ingress":
        return
    rules = listed_at(resource.properties, "ingress") if resource.type in _GROUPS else [resource.properties]
    for rule in rules:
        ranges = [each for key in ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6") for each in listed_at(rule, key)]
        for anywhere in filter(_wide, ranges):
            yield f"{anywhere} may reach {_ports(rule)}"


def _wide(addresses: Any) -> bool:
    try:
        network = ipaddress.ip_network(str(addresses), strict=False)
    except ValueError:  # the engine or AWS says that this is no range
        return False
    return network.prefixlen < WIDEST[network.version]


def _ports(rule: Any) -> str:
    low, high = at(rule, "fromPort"), at(rule, "toPort")
    protocol = at(rule, "protocol") or at(rule, "ipProtocol")
    if protocol in {"-1", "all"} or not isinstance(low, int | float) or not isinstance(high, int | float):
        return "all ports"
    return f"port {low:.0f}" if low == high else f"ports {low:.0f} to {high:.0f}"


def _old_metadata(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    own = resource.type == _NODE_CLASS
    options = resource.at("spec", "metadataOptions") if own else resource.at("metadataOptions")
    # Karpenter asks for tokens where nothing is said (CRD of EC2NodeClass, v1.14.1); EC2 does as the image or the account says.
    accepted = ("required", None) if own else ("required",)
    if at(options, "httpEndpoint") != "disabled" and known(at(options, "httpTokens"), *accepted):
        yield f"httpTokens is {at(options, 'httpTokens') or 'not said'}"


def _open_api(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    access = resource.at("vpcConfig")
    # The provider's default is a public one, open to 0.0.0.0/0.
    if not known(at(access, "endpointPublicAccess"), False):
        return
    allowed = at(access, "publicAccessCidrs")
    if not allowed:
        yield "its API server is public, and no publicAccessCidrs say for whom"
    for anywhere in filter(_wide, listed_at(allowed)):
        yield f"its API server is public for {anywhere}"


RULES = (
    Rule(
        name="open-security-group",
        why="what listens on an address of the internet is found and tried within minutes",
        remedy="name the ranges or the security group that may come in; let strangers come by a load balancer",
        levels=EVERYWHERE,
        types=_GROUPS | {_RULE, _INGRESS},
        check=_open_ports,
    ),
    Rule(
        name="imdsv1",
        why="whoever makes a server fetch a URL gets the machine's credentials, unless its metadata asks for a token",
        remedy="set httpTokens to required (and httpPutResponseHopLimit to 1, so that pods do not get them either)",
        levels=EVERYWHERE,
        types=_MACHINES | {_NODE_CLASS},
        check=_old_metadata,
    ),
    Rule(
        name="public-api-server",
        why="a public API server is one stolen credential away from the cluster",
        remedy="set endpointPublicAccess to false, or name the ranges of operators in publicAccessCidrs",
        levels=EVERYWHERE,
        types=frozenset({_CLUSTER}),
        check=_open_api,
    ),
)
