"""A network, a cluster and a group of nodes, after `aws-py-eks` of github.com/pulumi/examples, rebuilt in a folder of its own."""

import json
from pathlib import Path

import network
import pulumi
from pulumi_aws import eks, iam

config = pulumi.Config()


def role(name: str, service: str, policies: list[str]) -> iam.Role:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    made = iam.Role(name, assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    for policy in policies:
        iam.RolePolicyAttachment(
            f"{name}-{policy}", role=made.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}", opts=pulumi.ResourceOptions(parent=made)
        )
    return made


vpc, subnets = network.make("cluster", "10.0.0.0/16", 2)
cluster = eks.Cluster(
    "cluster",
    role_arn=role("cluster", "eks.amazonaws.com", ["AmazonEKSClusterPolicy"]).arn,
    vpc_config={"subnet_ids": [subnet.id for subnet in subnets], "public_access_cidrs": ["0.0.0.0/0"]},
)
eks.NodeGroup(
    "nodes",
    cluster_name=cluster.name,
    node_role_arn=role("nodes", "ec2.amazonaws.com", ["AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy"]).arn,
    subnet_ids=[subnet.id for subnet in subnets],
    scaling_config=eks.NodeGroupScalingConfigArgs(desired_size=config.require_int("nodes"), min_size=1, max_size=4),
)
pulumi.export("endpoint", cluster.endpoint)
pulumi.export("token", config.get_secret("token"))
pulumi.export("folder", Path.cwd().name)
pulumi.export("root", Path(pulumi.get_root_directory() or "").name)  # language hosts before 3.80 do not say it
