"""A component that is called otherwise, with Pulumi's `aliases`, on the real engine: its parts are those that were there, by any name."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.engine


def platform() -> None:
    """Everything but what stands in a cluster, each called `it` or, later, after what it is."""
    import json

    import pulumi
    import pulumi_aws as aws

    from mlgate_components.aws import (
        Access,
        AuditTrail,
        Budget,
        EvidenceStorage,
        ImageRepository,
        InterruptionQueue,
        Key,
        ModelStorage,
        Network,
        Secret,
        ServiceIdentity,
        reads,
    )

    renamed = pulumi.Config().require_bool("renamed")

    def named(old: str) -> tuple[str, pulumi.ResourceOptions | None]:
        return (f"our-{old}", pulumi.ResourceOptions(aliases=[pulumi.Alias(name=old)])) if renamed else (old, None)

    def make(component, old, args):
        name, opts = named(old)
        return component(name, args, opts)

    tags = {"environment": "dev", "owner": "platform"}
    lock = {"mode": "GOVERNANCE", "days": 30}
    pipeline = {"host": "github", "repository": "acme/digits", "environment": "gate"}
    network = make(Network, "core", {"cidr": "10.0.0.0/16", "zones": ["eu-central-1a", "eu-central-1b"], "nat": "single", "tags": tags})
    roles = make(Access, "access", {"who": {"gate": {"pipelines": [pipeline]}}, "tags": tags}).roles
    key = make(Key, "images", {"description": "images", "services": ["ecr", "secretsmanager"], "tags": tags}).key_arn
    models = make(ModelStorage, "models", {"tags": tags})
    evidence = make(EvidenceStorage, "evidence", {"tags": tags, "lock": lock, "gate_role_arn": roles["gate"]})
    make(AuditTrail, "audit", {"tags": tags, "bucket_arns": [models.bucket_arn, evidence.bucket_arn], "lock": lock})
    trusted = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    control = aws.iam.Role("ml", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trusted]}))
    ml = aws.eks.Cluster("ml", name="ml", role_arn=control.arn, vpc_config={"subnet_ids": network.intra_subnet_ids})
    cluster = {"cluster_name": ml.name, "cluster_arn": ml.arn}
    pods = {"namespace": "vision", "service_account": "digits"}
    digits = make(ServiceIdentity, "digits", {"cluster": cluster, **pods, "flows": [reads(models, "digits/")], "tags": tags})
    make(ImageRepository, "digits-images", {"key_arn": key, "pushers": [roles["gate"]], "pullers": [], "tags": tags})
    make(Secret, "token", {"description": "the store's", "key_arn": key, "readers": [digits.role_arn], "tags": tags})
    make(InterruptionQueue, "queue", {"tags": tags})
    make(Budget, "month", {"monthly_limit": 10.0, "emails": ["ml@example.com"], "tags": tags})


def test_nothing_is_made_anew_and_nothing_is_left_behind(stack, simulated_aws):
    dev = stack("dev", program=platform, config={"aws:region": "eu-central-1", "renamed": "false"})
    dev.up()
    dev.change(config={"renamed": "true"})
    changes = dev.up()
    assert [(step.type, step.name) for step in (*changes.created(), *changes.replaced(), *changes.deleted())] == []
    assert dev.preview().nothing()
