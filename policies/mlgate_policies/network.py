"""What can be reached from anywhere: ports, the API server, and the credentials of a machine from inside it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlgate.addresses import WIDEST
from mlgate_policies.resource import Resource, at, known, listed_at
from mlgate_policies.rule import EVERYWHERE, Rule

__all__ = ["RULES", "TOKENS"]

_GROUPS = frozenset({"aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"})
_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_CLUSTER = "aws:eks/cluster:Cluster"
_SPOT_FLEET = "aws:ec2/spotFleetRequest:SpotFleetRequest"

TOKENS: Mapping[str, tuple[str, Sequence[str | None]]] = {
    "aws:ec2/instance:Instance": ("metadataOptions.httpTokens", ["required"]),
    # The default of a region of the account: what is not preferred is left to the image, as without it.
    "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults": ("httpTokens", ["required", "no-preference", None]),
    "aws:ec2/launchConfiguration:LaunchConfiguration": ("metadataOptions.httpTokens", ["required"]),
    "aws:ec2/launchTemplate:LaunchTemplate": ("metadataOptions.httpTokens", ["required"]),
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": ("metadataOptions.httpTokens", ["required"]),
    "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration": ("instanceMetadataOptions.httpTokens", ["required"]),
    "aws:sagemaker/notebookInstance:NotebookInstance": (
        "instanceMetadataServiceConfiguration.minimumInstanceMetadataServiceVersion",
        ["2"],
    ),
    # Karpenter asks for tokens where nothing is said (CRD of EC2NodeClass, v1.14.1); EC2 does as the image or the account says.
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass": ("spec.metadataOptions.httpTokens", ["required", None]),
}
"""The path of what says whether the metadata of a machine asks for tokens, and the values that do not let it answer without; None is one
that is not given. tests/policies/table_inputs.py holds the table to pulumi_aws.
"""


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
    if resource.type == _SPOT_FLEET:
        if [*listed_at(resource.properties, "launchSpecifications")]:
            yield "its launchSpecifications cannot ask for tokens"
        return
    path, accepted = TOKENS[resource.type]
    *above, last = path.split(".")
    options = resource.at(*above)
    if at(options, "httpEndpoint") != "disabled" and known(at(options, last), *accepted):
        yield f"{last} is {at(options, last) or 'not said'}"


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
        remedy=(
            "set httpTokens to required (and httpPutResponseHopLimit to 1, so that pods do not get them either), of a notebook "
            "minimumInstanceMetadataServiceVersion to 2; give a spot fleet launch templates that do"
        ),
        levels=EVERYWHERE,
        types=frozenset({*TOKENS, _SPOT_FLEET}),
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
