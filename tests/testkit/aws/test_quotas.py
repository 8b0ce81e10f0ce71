"""Every quota: beyond it the request is refused with AWS's code, within it the same request is carried out."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.aws.quotas import QUOTAS, Quota
from mlgate_testkit.provider.provider import ProviderError

from .all_samples import SAMPLES
from .cloud import Cloud

INSTANCE = "aws:ec2/instance:Instance"
SPOT = {"instanceMarketOptions": {"marketType": "spot"}}
COUNTED = {
    "General purpose buckets": "aws:s3/bucket:Bucket",
    "Roles per account": "aws:iam/role:Role",
    "Customer managed policies per account": "aws:iam/policy:Policy",
    "Managed policies per role": "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "Instance profiles per account": "aws:iam/instanceProfile:InstanceProfile",
    "OpenId Connect providers per account": "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
    "DB instances": "aws:rds/instance:Instance",
    "VPCs per Region": "aws:ec2/vpc:Vpc",
    "Subnets per VPC": "aws:ec2/subnet:Subnet",
    "Route tables per VPC": "aws:ec2/routeTable:RouteTable",
    "Internet gateways per Region": "aws:ec2/internetGateway:InternetGateway",
    "NAT gateways per Availability Zone": "aws:ec2/natGateway:NatGateway",
    "EC2-VPC Elastic IPs": "aws:ec2/eip:Eip",
    "Clusters": "aws:eks/cluster:Cluster",
}
# Of each family of machines one that AWS sells.
MACHINES: dict[str, dict[str, Any]] = {
    "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances": {"instanceType": "t3.micro"},
    "Running On-Demand G and VT instances": {"instanceType": "g6.xlarge"},
    "Running On-Demand P instances": {"instanceType": "p5.48xlarge"},
    "Running On-Demand Trn instances": {"instanceType": "trn1.2xlarge"},
    "Running On-Demand Inf instances": {"instanceType": "inf2.xlarge"},
    "Running On-Demand DL instances": {"instanceType": "dl2q.24xlarge"},
    "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests": {"instanceType": "t3.micro", **SPOT},
    "All G and VT Spot Instance Requests": {"instanceType": "g6.xlarge", **SPOT},
    "All P4, P3 and P2 Spot Instance Requests": {"instanceType": "p4d.24xlarge", **SPOT},
    "All Trn Spot Instance Requests": {"instanceType": "trn1.2xlarge", **SPOT},
    "All Inf Spot Instance Requests": {"instanceType": "inf2.xlarge", **SPOT},
}


@pytest.mark.parametrize("quota", QUOTAS, ids=lambda quota: quota.name)
def test_beyond_a_quota_nothing_is_made_and_within_it_the_same_is(cloud: Cloud, quota: Quota) -> None:
    token = COUNTED.get(quota.name, INSTANCE)
    sample = SAMPLES[token]
    arguments = {**sample.first(cloud), **sample.arguments, **MACHINES.get(quota.name, {})}
    cloud.package.quota(quota.name, 0)
    with pytest.raises(ProviderError, match=f"api error {quota.refusal}: .*quota {quota.code or quota.name}"):
        cloud.up(token, **arguments)
    cloud.package.quota(quota.name, 1_000)
    assert cloud.up(token, **arguments).id


def test_every_quota_is_of_something_that_can_be_made() -> None:
    assert {quota.name for quota in QUOTAS} == {*COUNTED, *MACHINES}
