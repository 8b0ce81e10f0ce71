"""A component that is called otherwise, with Pulumi's `aliases`, on the real engine: its parts are those that were there, by any name."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.timeout(600)]  # two runs of a whole platform: not the last to begin
CLASS, POOL = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass", "kubernetes:karpenter.sh/v1:NodePool"


def platform() -> None:
    """A component of each kind, called after what it is or, later, with `our-` before that."""
    import pulumi

    from mlgate_components.aws import (
        Access,
        AuditTrail,
        Budget,
        Cluster,
        ClusterAddons,
        EvidenceStorage,
        GpuNodePool,
        ImageRepository,
        InterruptionQueue,
        Key,
        ModelStorage,
        Network,
        Permissions,
        Secret,
        ServiceIdentity,
        reads,
        reads_secret,
    )

    config = pulumi.Config()
    renamed = config.require_bool("renamed")

    def make(component, old, args, **opts):
        name = f"our-{old}" if renamed else old
        return component(name, args, pulumi.ResourceOptions(aliases=[pulumi.Alias(name=old)] if renamed else None, **opts))

    tags = {"environment": "dev", "owner": "platform"}
    lock = {"mode": "GOVERNANCE", "days": 30}
    who = {each: {"pipelines": [{"host": "github", "repository": "acme/digits", "environment": each}]} for each in ("deployer", "gate")}
    zones = ["eu-central-1a", "eu-central-1b"]
    network = make(Network, "core", {"cidr": "10.0.0.0/16", "zones": zones, "nat": "single", "tags": tags})
    roles = make(Access, "access", {"who": who, "tags": tags}).roles
    key = make(Key, "images", {"description": "images", "services": ["ecr", "secretsmanager"], "tags": tags}).key_arn
    models = make(ModelStorage, "models", {"tags": tags})
    evidence = make(EvidenceStorage, "evidence", {"tags": tags, "lock": lock, "gate_role_arn": roles["gate"]})
    make(AuditTrail, "audit", {"tags": tags, "bucket_arns": [models.bucket_arn, evidence.bucket_arn], "lock": lock})
    ml = make(
        Cluster,
        "ml",
        {
            "cluster_name": "ml",
            "version": "1.35",
            "network": {"private_subnet_ids": network.private_subnet_ids, "intra_subnet_ids": network.intra_subnet_ids},
            "nodes": {"instance_types": ["m7i.large"]},
            "admins": {"deployer": roles["deployer"]},
            "kubeconfig": config.require_secret("kubeconfig"),
            "tags": tags,
        },
    )
    cluster = {"cluster_name": ml.cluster_name, "cluster_arn": ml.cluster_arn}
    nodes = {"version": ml.version, "security_group_id": ml.security_group_id, "node_role_arn": ml.node_role_arn}
    addons = make(
        ClusterAddons,
        "ml",
        {"cluster": {**cluster, **nodes}, "vpc_id": network.vpc_id, "dns_zone_ids": ["Z0123456789ABCDEFGHIJ"], "tags": tags},
        providers=[ml.kubernetes],
    )
    found = {"cluster_name": ml.cluster_name, "endpoint": ml.endpoint, "certificate_authority": ml.certificate_authority}
    make(
        GpuNodePool,
        "gpu",
        {
            "accelerator": "l4",
            "replicas": 2,
            "cluster": {**found, **nodes, "node_role_name": ml.node_role_name},
            "network": {"zones": zones, "private_subnet_ids": network.private_subnet_ids},
            "capacity": [{"buy": "on-demand"}],
            "ami": {"family": "bottlerocket", "version": "1.46.0"},
            "tags": tags,
        },
        providers=[ml.kubernetes],
        depends_on=[addons],
    )
    pods = {"namespace": "vision", "service_account": "digits"}
    digits = make(ServiceIdentity, "digits", {"cluster": cluster, **pods, "flows": [reads(models, "digits/")], "tags": tags})
    make(ImageRepository, "digits-images", {"key_arn": key, "pushers": [roles["gate"]], "pullers": [], "tags": tags})
    token = make(Secret, "token", {"description": "the store's", "key_arn": key, "readers": [digits.role_arn], "tags": tags})
    make(Permissions, "digits-token", {"role_arn": digits.role_arn, "flows": [reads_secret(token)]})
    make(InterruptionQueue, "queue", {"tags": tags})
    make(Budget, "month", {"monthly_limit": 10.0, "emails": ["ml@example.com"], "tags": tags})


def test_nothing_is_made_anew_and_nothing_is_left_behind_but_pools_whose_objects_are_called_so(
    stack, simulated_aws, kubernetes_standin, kubernetes_cluster
):
    access = {"kubeconfig": kubernetes_cluster.kubeconfig.read_text(encoding="utf-8")}
    dev = stack("dev", program=platform, config={"aws:region": "eu-central-1", "renamed": "false"}, secrets=access)
    dev.up()
    dev.change(config={"renamed": "true"})
    changes = dev.up()
    anew = {(step.type, step.name) for step in (*changes.created(), *changes.replaced(), *changes.deleted())}
    assert anew == {(kind, name) for kind in (CLASS, POOL) for name in ("gpu", "our-gpu")}, "objects of a pool are called as it is"
    new, old = (changes.of(name, type=POOL).urn for name in ("our-gpu", "gpu"))
    assert changes.events.before(new, old), "so that pods have somewhere to go"
    assert [pool["metadata"]["name"] for pool in kubernetes_cluster.objects.list("NodePool")] == ["our-gpu"]
    assert dev.preview().nothing()
