"""Every quota: beyond it the request is refused with AWS's code, within it the same request is carried out."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.aws.models.ec2_vcpus import vcpus
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
    "All P5 Spot Instance Requests": {"instanceType": "p5.48xlarge", **SPOT},
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


AT_ONCE = 3
# What tells several of a type apart where no automatic name does.
APART: dict[str, Callable[[Cloud, int], dict[str, Any]]] = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": lambda _, at: {"policyArn": f"arn:aws:iam::aws:policy/{MANAGED[at]}"},
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": lambda _, at: {"url": f"https://{at}.example.com"},
    "aws:rds/instance:Instance": lambda _, at: {"identifier": f"features{at}"},
    "aws:ec2/internetGateway:InternetGateway": lambda _cloud, _at: {"vpcId": None},  # a VPC has one
    "aws:ec2/subnet:Subnet": lambda _, at: {"cidrBlock": f"10.0.{100 + at}.0/24"},
    "aws:ec2/natGateway:NatGateway": lambda cloud, at: {"allocationId": cloud.up("aws:ec2/eip:Eip", f"address{at}", domain="vpc").id},
}
MANAGED = ("AmazonS3ReadOnlyAccess", "AmazonS3FullAccess", "AmazonSQSFullAccess", "AmazonSNSFullAccess")


@pytest.mark.parametrize("quota", QUOTAS, ids=lambda quota: quota.name)
def test_a_quota_holds_however_many_are_made_at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, quota: Quota) -> None:
    """The engine makes what does not depend on each other side by side."""
    token = COUNTED.get(quota.name, INSTANCE)
    sample, name, orders = SAMPLES[token], MODELS[token].name, cloud.package.account.orders
    arguments = {**sample.first(cloud), **sample.arguments, **MACHINES.get(quota.name, {})}
    if name:
        arguments.pop(name.argument, None)
    each = [arguments | (APART[token](cloud, at) if token in APART else {}) for at in range(AT_ONCE + 1)]

    def made(at: int) -> bool:
        try:
            return bool(cloud.up(token, f"it{at}", seed=bytes([at]) * 32, **each[at]).id)
        except ProviderError as refused:
            if quota.refusal not in str(refused):
                raise
            return False

    def slowly(asked: str) -> int:
        time.sleep(0.05)  # between counting and making, so that whoever does not wait for the others gets in between
        return allowed(asked)

    one = vcpus(each[0]["instanceType"]) if quota.name in MACHINES else 1
    fits = next(value for value in itertools.count(one) if not cloud.package.quota(quota.name, value) and made(AT_ONCE))
    cloud.package.quota(quota.name, fits + one)
    allowed = orders.quota
    monkeypatch.setattr(orders, "quota", slowly)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        assert sum(threads.map(made, range(AT_ONCE))) == 1
