"""Rules over what can be reached: each fires, and leaves alone what is right or not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_policies.network import TOKENS
from mlgate_policies.resource import UNKNOWN

from .asking import objections, resource, stated

GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
NOTEBOOK, VERSION = "aws:sagemaker/notebookInstance:NotebookInstance", "minimumInstanceMetadataServiceVersion"
DEFAULTS = "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults"
SPOT_FLEET = "aws:ec2/spotFleetRequest:SpotFleetRequest"
CLUSTER = "aws:eks/cluster:Cluster"
SSH = {"protocol": "tcp", "fromPort": 22.0, "toPort": 22.0}


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (GROUP, {"ingress": [{**SSH, "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}]}, ["0.0.0.0/0 may reach port 22"]),
        (GROUP, {"ingress": [{**SSH, "ipv6CidrBlocks": ["::/0"]}]}, ["::/0 may reach port 22"]),
        (
            GROUP,
            {"ingress": [{**SSH, "toPort": 80, "cidrBlocks": ["0.0.0.0/1", "128.0.0.0/1"]}]},
            ["0.0.0.0/1 may reach ports 22 to 80", "128.0.0.0/1 may reach ports 22 to 80"],
        ),
        (
            "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
            {"ingress": [{**SSH, "cidrBlocks": ["0.0.0.0/0"]}]},
            ["0.0.0.0/0 may reach port 22"],
        ),
        (GROUP, {"ingress": [{**SSH, "cidrBlocks": ["198.51.100.7/0"]}]}, ["198.51.100.7/0 may reach port 22"]),
        (
            GROUP,
            {"ingress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]},
            ["0.0.0.0/0 may reach all ports"],
        ),
        (
            GROUP,
            {"ingress": [{"protocol": "all", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}]},
            ["0.0.0.0/0 may reach all ports"],
        ),
        (INGRESS, {"ipProtocol": "-1", "fromPort": 0, "toPort": 0, "cidrIpv4": "0.0.0.0/0"}, ["0.0.0.0/0 may reach all ports"]),
        (INGRESS, {"fromPort": 22, "toPort": UNKNOWN, "cidrIpv4": "0.0.0.0/0"}, ["0.0.0.0/0 may reach all ports"]),
        (RULE, {"type": "ingress", **SSH, "cidrBlocks": ["0.0.0.0/0"]}, ["0.0.0.0/0 may reach port 22"]),
        (INGRESS, {"ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}, ["0.0.0.0/0 may reach all ports"]),
        (INGRESS, {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv6": "::/0"}, ["::/0 may reach port 443"]),
        (
            INGRESS,
            {"fromPort": UNKNOWN, "toPort": UNKNOWN, "cidrIpv4": "0.0.0.0/0"},
            ["0.0.0.0/0 may reach all ports"],
        ),
    ],
)
def test_a_port_that_is_open_to_the_internet_is_named(kind: str, properties: dict[str, Any], expected: list[str]) -> None:
    assert objections("open-security-group", resource(kind, properties)) == expected


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (GROUP, {"ingress": [{**SSH, "cidrBlocks": ["10.0.0.0/8", "198.51.100.0/24"], "ipv6CidrBlocks": ["2001:db8::/32"]}]}),
        (GROUP, {"ingress": [{**SSH, "securityGroups": ["sg-1"]}], "egress": [{**SSH, "cidrBlocks": ["0.0.0.0/0"]}]}),
        (GROUP, {"ingress": UNKNOWN}),
        (GROUP, {"ingress": [UNKNOWN, {**SSH, "cidrBlocks": UNKNOWN}]}),
        (GROUP, {"ingress": [{**SSH, "cidrBlocks": ["<cidrBlock of Vpc net>"]}]}),
        (GROUP, {}),
        (RULE, {"type": "egress", **SSH, "cidrBlocks": ["0.0.0.0/0"]}),
        (INGRESS, {"ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/16"}),
    ],
)
def test_ranges_and_groups_that_are_named_may_come_in(kind: str, properties: dict[str, Any]) -> None:
    assert objections("open-security-group", resource(kind, properties)) == []


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (TEMPLATE, {}, ["httpTokens is not said"]),
        (TEMPLATE, {"metadataOptions": {"httpPutResponseHopLimit": 1}}, ["httpTokens is not said"]),
        ("aws:ec2/instance:Instance", {"metadataOptions": {"httpTokens": "optional"}}, ["httpTokens is optional"]),
        ("aws:ec2/launchConfiguration:LaunchConfiguration", {}, ["httpTokens is not said"]),
        ("aws:ec2/spotInstanceRequest:SpotInstanceRequest", {}, ["httpTokens is not said"]),
        (NODE_CLASS, {"spec": {"metadataOptions": {"httpTokens": "optional"}}}, ["httpTokens is optional"]),
        ("aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration", {}, ["httpTokens is not said"]),
        (NOTEBOOK, {}, ["minimumInstanceMetadataServiceVersion is not said"]),
        (NOTEBOOK, {"instanceMetadataServiceConfiguration": {VERSION: "1"}}, ["minimumInstanceMetadataServiceVersion is 1"]),
        (NOTEBOOK, {"instanceMetadataServiceConfiguration": {VERSION: "2"}}, []),
        (NOTEBOOK, {"instanceMetadataServiceConfiguration": UNKNOWN}, []),
        (DEFAULTS, {"httpTokens": "optional"}, ["httpTokens is optional"]),
        (DEFAULTS, {"httpTokens": "no-preference"}, []),
        (DEFAULTS, {"httpPutResponseHopLimit": 1}, []),
        (SPOT_FLEET, {"launchSpecifications": [{"ami": "ami-1"}]}, ["its launchSpecifications cannot ask for tokens"]),
        (SPOT_FLEET, {"launchSpecifications": UNKNOWN}, []),
        (SPOT_FLEET, {"launchTemplateConfigs": [{}]}, []),
        (TEMPLATE, {"metadataOptions": {"httpTokens": "required"}}, []),
        (TEMPLATE, {"metadataOptions": {"httpEndpoint": "disabled"}}, []),
        (TEMPLATE, {"metadataOptions": UNKNOWN}, []),
        (NODE_CLASS, {"spec": {"metadataOptions": {"httpTokens": "required"}}}, []),
        (NODE_CLASS, {"spec": {}}, []),  # Karpenter asks for tokens by itself
    ],
)
def test_metadata_asks_for_a_token(kind: str, properties: dict[str, Any], expected: list[str]) -> None:
    assert objections("imdsv1", resource(kind, properties)) == expected


@pytest.mark.parametrize("kind", TOKENS)
def test_every_machine_that_says_so_asks_for_tokens(kind: str) -> None:
    path, _ = TOKENS[kind]

    def saying(value: Any) -> list[str]:
        return objections("imdsv1", resource(kind, stated(path, value)))

    assert saying("optional") == [f"{path.rpartition('.')[2]} is optional"]
    assert saying("2" if kind == NOTEBOOK else "required") == saying(UNKNOWN) == []


NOBODY_NAMED = ["its API server is public, and no publicAccessCidrs say for whom"]


@pytest.mark.parametrize(
    ("access", "expected"),
    [
        (None, NOBODY_NAMED),
        ({}, NOBODY_NAMED),
        ({"endpointPublicAccess": True, "publicAccessCidrs": []}, NOBODY_NAMED),
        (
            {"endpointPublicAccess": True, "publicAccessCidrs": ["198.51.100.0/24", "0.0.0.0/0"]},
            ["its API server is public for 0.0.0.0/0"],
        ),
        ({"endpointPublicAccess": True, "publicAccessCidrs": ["198.51.100.0/24"]}, []),
        ({"endpointPublicAccess": True, "publicAccessCidrs": UNKNOWN}, []),
        ({"endpointPublicAccess": False}, []),
        ({"endpointPublicAccess": UNKNOWN}, []),
        (UNKNOWN, []),
    ],
)
def test_a_public_api_server_says_for_whom(access: Any, expected: list[str]) -> None:
    assert objections("public-api-server", resource(CLUSTER, {"vpcConfig": access})) == expected
