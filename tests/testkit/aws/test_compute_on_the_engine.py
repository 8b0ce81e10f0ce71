"""A network, a cluster and its GPU nodes on simulated AWS behind the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.engine import UpdateError

from .cloud import by_hand

pytestmark = pytest.mark.engine

CONFIG = {"aws:region": "eu-central-1", "version": "1.33"}
CLUSTER = "aws:eks/cluster:Cluster"
NODES = "aws:eks/nodeGroup:NodeGroup"


def gpu_platform() -> None:
    """Two public and two private subnets, a cluster whose API is private, one pool of L4s, add-ons and who may look."""
    import json

    import pulumi
    import pulumi_aws as aws

    config = pulumi.Config()
    vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16", enable_dns_hostnames=True)
    gateway = aws.ec2.InternetGateway("main", vpc_id=vpc.id)
    zones = aws.get_availability_zones(state="available").names[:2]
    public = [
        aws.ec2.Subnet(f"public-{index}", vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone=zone)
        for index, zone in enumerate(zones)
    ]
    private = [
        aws.ec2.Subnet(f"private-{index}", vpc_id=vpc.id, cidr_block=f"10.0.{16 * (index + 1)}.0/20", availability_zone=zone)
        for index, zone in enumerate(zones)
    ]
    address = aws.ec2.Eip("nat", domain="vpc", opts=pulumi.ResourceOptions(depends_on=[gateway]))
    nat = aws.ec2.NatGateway("nat", subnet_id=public[0].id, allocation_id=address.id, opts=pulumi.ResourceOptions(depends_on=[gateway]))
    table = aws.ec2.RouteTable("private", vpc_id=vpc.id)
    aws.ec2.Route("private", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)
    for index, subnet in enumerate(private):
        aws.ec2.RouteTableAssociation(f"private-{index}", route_table_id=table.id, subnet_id=subnet.id)

    def role(name: str, service: str) -> aws.iam.Role:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}
        return aws.iam.Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))

    cluster = aws.eks.Cluster(
        "models",
        role_arn=role("cluster", "eks.amazonaws.com").arn,
        version=config.require("version"),
        vpc_config={"subnet_ids": [subnet.id for subnet in private], "endpoint_private_access": True, "endpoint_public_access": False},
        access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
    )
    aws.vpc.SecurityGroupIngressRule(
        "api",
        security_group_id=cluster.vpc_config.cluster_security_group_id,
        ip_protocol="tcp",
        from_port=443,
        to_port=443,
        cidr_ipv4=vpc.cidr_block,
    )
    nodes = aws.eks.NodeGroup(
        "gpu",
        cluster_name=cluster.name,
        node_role_arn=role("nodes", "ec2.amazonaws.com").arn,
        subnet_ids=[subnet.id for subnet in private],
        instance_types=[config.get("machine") or "g6.xlarge"],
        ami_type="AL2023_x86_64_NVIDIA",
        scaling_config={"min_size": 0, "desired_size": 1, "max_size": 4},
    )
    aws.eks.Addon("vpc-cni", cluster_name=cluster.name, addon_name="vpc-cni")
    viewer = role("viewer", "ec2.amazonaws.com")
    entry = aws.eks.AccessEntry("viewer", cluster_name=cluster.name, principal_arn=viewer.arn)
    aws.eks.AccessPolicyAssociation(
        "viewer",
        cluster_name=cluster.name,
        principal_arn=entry.principal_arn,
        policy_arn="arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
        access_scope={"type": "cluster"},
    )
    pulumi.export("cluster", cluster.name)
    pulumi.export("nodes", nodes.node_group_name)
    pulumi.export("endpoint", cluster.endpoint)


def test_a_gpu_platform_comes_up_rests_is_upgraded_and_goes(stack: Any, simulated_aws: Any) -> None:
    prod = stack("prod", program=gpu_platform, config=CONFIG)
    assert prod.up().created(NODES)
    assert prod.preview().nothing()
    assert prod.refresh().nothing()
    prod.change(config={"version": "1.35"})
    with pytest.raises(UpdateError, match=r"Unsupported Kubernetes minor version update from 1.33 to 1.35"):
        prod.up()
    prod.change(config={"version": "1.34"})
    assert [step.type for step in prod.up().updated()] == [CLUSTER]
    prod.change(config={"machine": "g6.2xlarge"})
    assert [step.type for step in prod.up().replaced()] == [NODES]
    eks = by_hand(simulated_aws.endpoint(), "eks")
    eks.delete_addon(clusterName=prod.outputs["cluster"], addonName="vpc-cni")
    prod.refresh()
    assert [step.name for step in prod.preview().created("aws:eks/addon:Addon")] == ["vpc-cni"]
    prod.destroy()
    assert eks.list_clusters()["clusters"] == []
    ec2 = by_hand(simulated_aws.endpoint(), "ec2")
    assert [vpc["IsDefault"] for vpc in ec2.describe_vpcs()["Vpcs"]] == [True]


def test_gpu_nodes_beyond_the_quota_stop_the_update_at_the_node_group(stack: Any, simulated_aws: Any) -> None:
    simulated_aws.quota(name="L-DB2E81BA", value=0)
    prod = stack("prod", program=gpu_platform, config=CONFIG)
    with pytest.raises(UpdateError, match="VcpuLimitExceeded"):
        prod.up()
    assert by_hand(simulated_aws.endpoint(), "eks").list_clusters()["clusters"]
    simulated_aws.quota(name="L-DB2E81BA", value=4)
    assert NODES in {step.type for step in prod.up().created()}
    assert prod.preview().nothing()
