"""`Cluster` with the real engine: on simulated AWS, and what it puts into the cluster on a real API server."""

from __future__ import annotations

import itertools

import pytest

from mlgate_testkit.engine import UpdateError
from tests.testkit.aws.cloud import by_hand

pytestmark = [pytest.mark.engine, pytest.mark.cluster]
REGION = {"aws:region": "eu-central-1"}
ANYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}'
RELEASE = "kubernetes:helm.sh/v3:Release"
ADDON, CLUSTER, NODES = "aws:eks/addon:Addon", "aws:eks/cluster:Cluster", "aws:eks/nodeGroup:NodeGroup"


def platform() -> None:
    import json

    import pulumi
    import pulumi_aws as aws
    import pulumi_kubernetes as kubernetes

    from mlgate_components.aws.addons.cluster_addons import ClusterAddons
    from mlgate_components.aws.cluster.cluster import Cluster

    config = pulumi.Config()
    vpc = aws.ec2.Vpc("ml", cidr_block="10.0.0.0/16")
    subnets = [
        aws.ec2.Subnet(f"ml-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{number}.0/24", availability_zone=f"eu-central-1{zone}")
        for number, zone in enumerate("ab")
    ]
    ids = [subnet.id for subnet in subnets]
    trust = {"Effect": "Allow", "Principal": {"Service": "codebuild.amazonaws.com"}, "Action": "sts:AssumeRole"}
    by_tunnel = {} if config.get_bool("by_endpoint") else {"kubeconfig": config.require_secret("kubeconfig")}
    public_from = config.get_object("public_from")
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
            "tags": {"environment": "dev", "owner": "platform"},
            **by_tunnel,
            **({"public_from": public_from} if public_from else {}),
        },
    )
    if config.get_bool("addons"):
        addons = ClusterAddons(
            "ml",
            {
                "cluster": {
                    "cluster_name": made.cluster_name,
                    "cluster_arn": made.cluster_arn,
                    "version": made.version,
                    "security_group_id": made.security_group_id,
                    "node_role_arn": made.node_role_arn,
                },
                "vpc_id": vpc.id,
                "dns_zone_ids": ["Z0123456789ABCDEFGHIJ"],
                "deletion_protection": config.require_bool("protected"),
                "tags": {"environment": "dev", "owner": "platform"},
            },
            pulumi.ResourceOptions(providers=[made.kubernetes]),
        )
        after = pulumi.ResourceOptions(provider=made.kubernetes, depends_on=[addons.controllers["karpenter"]])
        kubernetes.core.v1.ConfigMap("stands-for-a-pool", metadata={"name": "pool"}, opts=after)


def test_a_cluster_and_its_addons_from_their_first_day_to_their_last(stack, simulated_aws, kubernetes_standin, kubernetes_cluster):
    access = {"kubeconfig": kubernetes_cluster.kubeconfig.read_text()}
    config = {**REGION, "version": "1.32", "protected": "true", "addons": "true"}
    prod = stack("prod", program=platform, config=config, secrets=access)
    prod.up()
    assert prod.preview().nothing()
    disks = kubernetes_cluster.objects.find("StorageClass", "gp3")["parameters"]
    assert (disks["type"], disks["encrypted"]) == ("gp3", "true")
    eks, iam = (by_hand(simulated_aws.endpoint(), service) for service in ("eks", "iam"))
    assert len(eks.list_access_entries(clusterName="ml")["accessEntries"]) == 1, "who made it is no admin"
    assert {"metrics-server", "cert-manager", "external-dns"} <= set(eks.list_addons(clusterName="ml")["addons"])
    released = kubernetes_cluster.objects.list("Secret", "keda")
    assert [secret["metadata"]["name"] for secret in released] == ["mlgate-testkit-release.keda"]

    eks.update_addon(clusterName="ml", addonName="vpc-cni", configurationValues='{"enableNetworkPolicy": "false"}')
    (role,) = [each["RoleName"] for each in iam.list_roles()["Roles"] if each["RoleName"].startswith("ml-karpenter-")]
    iam.put_role_policy(RoleName=role, PolicyName=f"{iam.list_role_policies(RoleName=role)['PolicyNames'][0]}", PolicyDocument=ANYTHING)
    assert {step.name for step in prod.refresh().updated()} == {"ml-vpc-cni", "ml-karpenter"}

    for version, accepted in (("1.34", "1.33 first"), ("1.31", "1.32 or 1.33: EKS takes no version back")):
        prod.change(config={"version": version})
        with pytest.raises(UpdateError, match=rf"(?s)version: is {version}, and the cluster has 1\.32.*{accepted}"):
            prod.preview()
    prod.change(config={"version": "1.33"})
    changes = prod.up()
    assert not changes.replaced()
    assert eks.describe_addon(clusterName="ml", addonName="vpc-cni")["addon"]["configurationValues"] == '{"enableNetworkPolicy": "true"}'
    assert "ml-karpenter" in {step.name for step in changes.updated("aws:iam/rolePolicy:RolePolicy")}
    control_plane, nodes = changes.of("ml", type=CLUSTER).urn, changes.of("ml-system", type=NODES).urn
    everywhere, somewhere = (
        [changes.of(f"ml-{addon}", type=ADDON).urn for addon in addons]
        for addons in (("eks-pod-identity-agent", "vpc-cni", "kube-proxy"), ("coredns", "aws-ebs-csi-driver"))
    )
    for earlier, later in itertools.pairwise(([control_plane], everywhere, [nodes], somewhere)):
        assert all(changes.events.before(first, then) for first, then in itertools.product(earlier, later))

    with pytest.raises(UpdateError, match=r"(?s)Cluster ml: .*because it is protected"):
        prod.destroy()
    assert eks.list_clusters()["clusters"] == ["ml"]
    assert kubernetes_cluster.objects.list("StorageClass") == [], "nothing in it was forgotten"

    prod.change(config={"protected": "false"})
    prod.up()
    before = len(kubernetes_standin.calls("delete", RELEASE))
    changes = prod.destroy()
    pool, karpenter = changes.of("stands-for-a-pool").urn, changes.of("ml-karpenter", type=RELEASE).urn
    assert changes.events.before(pool, karpenter, operation="delete")
    taken_out = {call.name for call in kubernetes_standin.calls("delete", RELEASE)[before:]}
    assert taken_out == {"ml-karpenter", "ml-aws-load-balancer-controller", "ml-gateway"}, "the others own nothing outside of the cluster"
    assert simulated_aws.alive() == []


@pytest.fixture
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but the network itself says whether an address is reached."""
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.usefixtures("_no_proxy")
def test_an_api_server_that_is_not_reached_ends_the_first_update_before_its_objects_and_each_preview_after(
    stack, simulated_aws, kubernetes_standin, kubernetes_cluster
):
    access = {"kubeconfig": kubernetes_cluster.kubeconfig.read_text()}
    config = {**REGION, "version": "1.33", "protected": "false", "by_endpoint": "true"}
    dev = stack("dev", program=platform, config=config, secrets=access)
    (told,) = [said for said in dev.preview().diagnostics if said.severity == "warning"]
    assert "the endpoint will be private" in told.message
    assert "public_from" in told.message
    unreached = r"(?s)kubeconfig: is not given, and https://\w+\.gr7\.eu-central-1\.eks\.amazonaws\.com is not reached: .*inside the VPC"
    with pytest.raises(UpdateError, match=unreached):
        dev.up()
    eks = by_hand(simulated_aws.endpoint(), "eks")
    assert len(eks.list_nodegroups(clusterName="ml")["nodegroups"]) == 1, "which a tunnel goes through"
    assert kubernetes_standin.calls("create") == []
    with pytest.raises(UpdateError, match=unreached):
        dev.preview()
    dev.change(config={"public_from": ["198.51.100.0/24"]})
    assert [step.name for step in dev.preview().updated(CLUSTER)] == ["ml"], "who opens the endpoint is let pass"

    dev.change(config={"public_from": None, "by_endpoint": "false"})
    assert [step.name for step in dev.up().created()] == ["ml-gp3"], "what the first update ended before"
    dev.change(config={"by_endpoint": "true", "version": "1.34"})
    with pytest.raises(UpdateError, match=unreached) as refused:
        dev.preview()
    assert "Traceback" not in str(refused.value)
