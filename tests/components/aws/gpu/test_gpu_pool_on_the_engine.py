"""`GpuNodePool` with the real engine: on simulated AWS, and on a real API server with Karpenter and the definitions of its AWS provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster, ClusterError
from mlgate_testkit.cluster.extensions import Chosen
from mlgate_testkit.engine import UpdateError, recover
from mlgate_testkit.engine.events import Event
from mlgate_testkit.record import Graph
from tests.testkit.aws.cloud import by_hand
from tests.testkit.cluster.conftest import require_built

from .definitions import define
from .pools import AL2023, VIRGINIA, recorded

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
REGION = {"aws:region": "us-east-1"}
POOL, GROUP = "kubernetes:karpenter.sh/v1:NodePool", "aws:eks/nodeGroup:NodeGroup"
PODS: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "digits"},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "digits"}},
        "template": {
            "metadata": {"labels": {"app": "digits"}},
            "spec": {
                "containers": [{"name": "server", "image": "digits:1", "resources": {"limits": {"nvidia.com/gpu": 1}}}],
                "nodeSelector": {"mlgate/pool": "gpu"},
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
            },
        },
    },
}


@pytest.fixture(scope="module")
def kubernetes_cluster() -> Iterator[Cluster]:
    """One with Karpenter, for all tests."""
    require_built(Chosen(karpenter=True))
    with Cluster(karpenter=True) as cluster:
        define(cluster)
        yield cluster


def platform() -> None:
    import json

    import pulumi
    import pulumi_aws as aws
    import pulumi_kubernetes as kubernetes

    from mlgate_components.aws.gpu.pool import GpuNodePool
    from mlgate_testkit.cluster.karpenter import play

    def played(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        """With the one change that Karpenter's kwok provider needs."""
        pool = args.props.get("kind") == "NodePool"
        return pulumi.ResourceTransformResult(props=dict(play(args.props)[0]), opts=args.opts) if pool else None

    config = pulumi.Config()
    if config.get_bool("played"):
        pulumi.runtime.register_resource_transform(played)
    zones = ["us-east-1a", "us-east-1b"]
    vpc = aws.ec2.Vpc("ml", cidr_block="10.0.0.0/16")
    subnets = [aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.0.{at}.0/24", availability_zone=zone) for at, zone in enumerate(zones)]
    group = aws.ec2.SecurityGroup("nodes", vpc_id=vpc.id)
    roles = {
        name: aws.iam.Role(
            name,
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Principal": {"Service": f"{name}.amazonaws.com"}, "Action": "sts:AssumeRole"}],
                }
            ),
        )
        for name in ("eks", "ec2")
    }
    cluster = aws.eks.Cluster(
        "ml", name="ml", version="1.35", role_arn=roles["eks"].arn, vpc_config={"subnet_ids": [subnet.id for subnet in subnets]}
    )
    provider = kubernetes.Provider("ml", kubeconfig=config.require_secret("kubeconfig"))
    controller = kubernetes.core.v1.ConfigMap(
        "karpenter", metadata={"name": "karpenter"}, opts=pulumi.ResourceOptions(provider=provider, depends_on=[cluster])
    )
    floor = {"rate_per_s": 40.0, "replica_rate_per_s": 30.0, "node_start_s": 60.0, "image_pull_s": 90.0, "model_start_s": 40.0}
    made = GpuNodePool(
        "gpu",
        {
            "accelerator": "l4",
            "replicas": config.require_int("replicas"),
            "cluster": {
                "cluster_name": cluster.name,
                "endpoint": cluster.endpoint,
                "certificate_authority": cluster.certificate_authority.data,
                "version": cluster.version,
                "security_group_id": group.id,
                "node_role_name": roles["ec2"].name,
                "node_role_arn": roles["ec2"].arn,
            },
            "network": {"zones": zones, "private_subnet_ids": pulumi.Output.all(*(subnet.id for subnet in subnets))},
            "capacity": [{"buy": each} for each in config.require("buy").split(",")],
            "ami": {"family": "bottlerocket", "id": "ami-12345678"},
            "check_quota": True,
            "tags": {"environment": "dev", "owner": "platform"},
            **({"floor": floor} if config.get_bool("floor") else {}),
        },
        pulumi.ResourceOptions(providers=[provider], depends_on=[controller]),
    )
    pulumi.export("said", made.said)


RESERVED = [{"id": "cr-1a", "zone": "us-east-1b", "instance_type": "p5.48xlarge"}]
H100 = {"accelerator": "h100", "count": 8, "network": VIRGINIA}


def tried(cluster: Cluster, graph: Graph, folder: Path) -> str:
    """What the API server says to the objects of a recording, without keeping any."""
    objects = [made.inputs for made in graph.resources if made.inputs.get("kind") in {"EC2NodeClass", "NodePool"}]
    file = folder / "pool.json"
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", str(file))


@pytest.mark.parametrize(
    "args",
    [
        {"ami": AL2023, "image_disk_gib": 500, "disk_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/1", "labels": {"team": "vision"}},
        {**H100, "capacity": [{"buy": "block", "reservations": RESERVED}, {"buy": "spot"}, {"buy": "on-demand"}]},
        {**H100, "capacity": [{"buy": "on-demand"}, {"buy": "block", "reservations": RESERVED}]},
        {**H100, "efa": True, "placement": "cluster", "zones": ["us-east-1a"]},
        {"disruption": {"idle_s": 1, "move_pods": True, "nodes_at_once": 5, "expire_after_h": 1, "drain_s": 1}},
    ],
    ids=["AL2023", "block first", "block last", "EFA", "disruption"],
)
def test_every_kind_of_pool_is_taken_by_karpenters_definitions(kubernetes_cluster, tmp_path, args):
    graph = recorded(**args)
    taken = tried(kubernetes_cluster, graph, tmp_path)
    assert taken.count("created (server dry run)") == len(graph.outputs["node_pool_names"]) + 1


def test_karpenters_definitions_refuse_a_label_of_its_own(kubernetes_cluster, tmp_path):
    graph = recorded()
    graph.one(POOL).inputs["spec"]["template"]["metadata"]["labels"]["karpenter.k8s.aws/team"] = "vision"
    with pytest.raises(ClusterError, match=r"label domain \"karpenter.k8s.aws\" is restricted"):
        tried(kubernetes_cluster, graph, tmp_path)


def test_it_goes_up_rests_sees_what_was_changed_by_hand_and_leaves_nothing(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    access = {"kubeconfig": kubernetes_cluster.kubeconfig.read_text()}
    config = {**REGION, "replicas": "8", "buy": "on-demand,spot", "floor": "true"}
    dev = stack("dev", program=platform, config=config, secrets=access)
    dev.up()
    assert any("2 replicas = ceil(40/s / 30/s a replica)" in line for line in dev.outputs["said"])
    assert dev.preview().nothing()

    objects = kubernetes_cluster.objects
    terms = objects.find("EC2NodeClass", "gpu")["spec"]
    assert terms["metadataOptions"]["httpPutResponseHopLimit"] == 1
    assert len(terms["subnetSelectorTerms"]) == 2
    assert {pool["metadata"]["name"]: pool["spec"]["weight"] for pool in objects.list("NodePool")} == {"gpu-on-demand": 100, "gpu-spot": 90}

    objects.patch("NodePool", "gpu-spot", {"spec": {"limits": {"nvidia.com/gpu": "80"}}})
    assert [step.name for step in dev.refresh().updated()] == ["gpu-spot"]
    eks = by_hand(simulated_aws.endpoint(), "eks", "us-east-1")
    (name,) = eks.list_nodegroups(clusterName="ml")["nodegroups"]
    eks.update_nodegroup_config(clusterName="ml", nodegroupName=name, scalingConfig={"minSize": 1, "maxSize": 2, "desiredSize": 1})
    assert [step.name for step in dev.refresh().updated()] == ["gpu-floor"]

    dev.change(config={"buy": "spot,on-demand"})
    simulated_aws.quota(name="L-3819A6DF", value=8)
    with pytest.raises(UpdateError, match=r"need 24 vCPUs of All G and VT Spot Instance Requests \(L-3819A6DF\)[\s\S]*the quota is 8"):
        dev.preview()
    simulated_aws.quota(name="L-3819A6DF", value=24)
    objects.patch("NodePool", "gpu-spot", {"spec": {"limits": {"nvidia.com/gpu": "6"}}})
    dev.refresh()
    changes = dev.up()
    assert {step.name for step in changes.deleted(POOL)} == {"gpu-on-demand", "gpu-spot"}
    assert not changes.replaced(GROUP)

    dev.destroy()
    assert simulated_aws.alive() == []
    assert not objects.list("NodePool")
    assert not objects.list("EC2NodeClass")


def controller_goes(event: Event) -> bool:
    """Whether the deletion of what stands for Karpenter's controller begins."""
    return (event.phase, event.operation, event.type, event.name) == ("begun", "delete", "kubernetes:core/v1:ConfigMap", "karpenter")


def test_a_pool_takes_its_nodes_along_before_karpenter_goes(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    access = {"kubeconfig": kubernetes_cluster.kubeconfig.read_text()}
    dev = stack("dev", program=platform, config={**REGION, "replicas": "4", "buy": "spot,on-demand", "played": "true"}, secrets=access)
    dev.up()
    kubernetes_cluster.apply(PODS)
    kubernetes_cluster.wait_for(lambda: len(kubernetes_cluster.pods("default", labels="app=digits", ready=True)) == 2, "2 pods ready")
    claims = kubernetes_cluster.objects.list("NodeClaim")
    assert claims
    assert {node["metadata"]["labels"]["mlgate/accelerator"] for node in kubernetes_cluster.objects.list("Node")} == {"l4"}

    with pytest.raises(UpdateError) as killed:
        dev.destroy(kill_at=controller_goes)
    assert killed.value.killed_at
    assert not kubernetes_cluster.objects.list("NodeClaim"), "what Karpenter bought is paid for until it is gone"
    assert not kubernetes_cluster.objects.list("Node")
    recover(dev)
    dev.destroy()
    assert simulated_aws.alive() == []
