"""`Cluster` with the real engine: on simulated AWS, and what it puts into the cluster on a real API server."""

from __future__ import annotations

import pytest

from mlgate_testkit.engine import UpdateError
from tests.testkit.aws.cloud import by_hand

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
REGION = {"aws:region": "eu-central-1"}
ADDON, CLUSTER, NODES = "aws:eks/addon:Addon", "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"


def platform() -> None:
    import json

    import pulumi
    import pulumi_aws as aws

    from mlgate_components.aws.cluster import Cluster

    config = pulumi.Config()
    vpc = aws.ec2.Vpc("ml", cidr_block="10.0.0.0/16")
    subnets = [
        aws.ec2.Subnet(f"ml-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{number}.0/24", availability_zone=f"eu-central-1{zone}")
        for number, zone in enumerate("ab")
    ]
    ids = [subnet.id for subnet in subnets]
    trust = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
    deployer = aws.iam.Role("deployer", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
    made = Cluster(
        "ml",
        {
            "cluster_name": "ml",
            "version": config.require("version"),
            "network": {"private_subnet_ids": ids, "intra_subnet_ids": ids},
            "nodes": {"instance_types": ["m7i.large"]},
            "admins": {"deployer": deployer.arn},
            "deletion_protection": config.require_bool("protected"),
            "kubeconfig": config.require_secret("kubeconfig"),
            "tags": {"environment": "dev", "owner": "platform"},
        },
    )
    pulumi.export("cluster", made.cluster_name)


def test_it_goes_up_rests_sees_drift_upgrades_by_one_minor_and_goes(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    access = {"kubeconfig": kubernetes_cluster.kubeconfig.read_text()}
    dev = stack("dev", program=platform, config={**REGION, "version": "1.33", "protected": "false"}, secrets=access)
    dev.up()
    assert dev.preview().nothing()
    assert kubernetes_cluster.objects.find("StorageClass", "gp3")["parameters"] == {"type": "gp3", "encrypted": "true"}
    eks = by_hand(simulated_aws.endpoint(), "eks")
    assert len(eks.list_access_entries(clusterName="ml")["accessEntries"]) == 1, "who made it is no admin"

    eks.update_addon(clusterName="ml", addonName="vpc-cni", configurationValues='{"enableNetworkPolicy": "false"}')
    assert [step.name for step in dev.refresh().updated()] == ["ml-vpc-cni"]
    assert [step.name for step in dev.up().updated()] == ["ml-vpc-cni"]

    dev.change(config={"version": "1.35"})
    with pytest.raises(UpdateError, match=r"(?s)version: is 1\.35, and the cluster has 1\.33.*1\.34 first") as refused:
        dev.preview()
    assert not refused.value.changes.updated()
    dev.change(config={"version": "1.32"})
    with pytest.raises(UpdateError, match="EKS takes no version back"):
        dev.preview()

    dev.change(config={"version": "1.34"})
    changes = dev.up()
    assert not changes.replaced()
    control_plane, nodes = changes.of("ml", type=CLUSTER).urn, changes.of("ml-system", type=NODES).urn
    everywhere = changes.of("ml-kube-proxy", type=ADDON).urn
    assert changes.events.before(control_plane, everywhere)
    assert changes.events.before(everywhere, nodes)
    assert dev.preview().nothing()

    dev.destroy()
    assert simulated_aws.alive() == []


def test_a_protected_cluster_is_not_deleted(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    access = {"kubeconfig": kubernetes_cluster.kubeconfig.read_text()}
    prod = stack("prod", program=platform, config={**REGION, "version": "1.34", "protected": "true"}, secrets=access)
    prod.up()
    with pytest.raises(UpdateError, match="deletion protection"):
        prod.destroy()
