"""Roles, permissions, images and secrets with the real engine on simulated AWS."""

from __future__ import annotations

import json

import pytest

from tests.components.aws.changes.previewed import done_to, row
from tests.testkit.aws.cloud import by_hand

pytestmark = pytest.mark.engine
REGION = {"aws:region": "eu-central-1"}
TRUST = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def platform() -> None:
    import json

    import pulumi
    import pulumi_aws as aws

    from mlgate_components.aws.access.access import Access
    from mlgate_components.aws.access.identity import ServiceIdentity
    from mlgate_components.aws.access.permissions import Permissions, reads, reads_secret
    from mlgate_components.aws.storage.keys import Key
    from mlgate_components.aws.storage.model_storage import ModelStorage
    from mlgate_components.aws.storage.repository import ImageRepository
    from mlgate_components.aws.storage.secrets import Secret

    config = pulumi.Config()
    tags = {"environment": "dev", "owner": "platform"}
    vpc = aws.ec2.Vpc("ml", cidr_block="10.0.0.0/16")
    subnets = [
        aws.ec2.Subnet(f"ml-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{number}.0/24", availability_zone=f"eu-central-1{zone}").id
        for number, zone in enumerate("ab")
    ]
    trusted = {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    control = aws.iam.Role("ml", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trusted]}))
    cluster = aws.eks.Cluster("ml", name="ml", role_arn=control.arn, vpc_config={"subnet_ids": subnets})
    pipeline = {"host": "github", "repository": "acme/digits", "environment": config.require("pipeline")}
    access = Access(
        "access",
        {
            "who": {
                "ci": {"pipelines": [pipeline]},
                "deployer": {"principals": ["arn:aws:iam::123456789012:role/engineers"]},
                "gate": {"pipelines": [{**pipeline, "environment": "gate"}]},
            },
            "tags": tags,
        },
    )
    key = Key("images", {"description": "images and secrets", "services": ["ecr", "secretsmanager"], "tags": tags}).key_arn
    models = ModelStorage.existing("models", "arn:aws:s3:::models", key)
    digits = ServiceIdentity(
        "digits",
        {
            "cluster": {"cluster_name": cluster.name, "cluster_arn": cluster.arn},
            "namespace": "vision",
            "service_account": "digits",
            "tags": tags,
            "flows": [reads(models, config.require("prefix"))],
        },
    )
    ImageRepository("digits", {"key_arn": key, "pushers": [access.roles["ci"]], "pullers": [access.roles["gate"]], "tags": tags})
    token = Secret("token", {"description": config.require("token"), "key_arn": key, "readers": [digits.role_arn], "tags": tags})
    others = [reads(models, "others/")] if config.get_bool("others") else []
    Permissions("digits-token", {"role_arn": digits.role_arn, "flows": [reads_secret(token), *others]})
    pulumi.export("roles", access.roles)
    pulumi.export("digits", digits.role_arn)
    pulumi.export("token", token.secret_arn)


def test_it_goes_up_rests_sees_drift_holds_no_secret_and_leaves_images_secrets_and_keys(stack, simulated_aws):
    iam = by_hand(simulated_aws.endpoint(), "iam")
    iam.create_role(RoleName="engineers", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]}))
    dev = stack("dev", program=platform, config={**REGION, "prefix": "digits/", "pipeline": "dev", "token": "the feature store"})
    dev.up()
    assert dev.preview().nothing()
    assert set(dev.outputs["roles"]) == {"ci", "deployer", "gate"}

    role = dev.outputs["digits"].rsplit("/", 1)[1]
    wider = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    (policy, *_) = sorted(iam.list_role_policies(RoleName=role)["PolicyNames"])
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [wider]}))
    secrets = by_hand(simulated_aws.endpoint(), "secretsmanager")
    secrets.put_secret_value(SecretId=dev.outputs["token"], SecretString="a value put by hand")
    assert len(dev.refresh().updated("aws:iam/rolePolicy:RolePolicy")) == 1, "the wider policy, and nothing of the secret's value"
    assert len(dev.up().updated()) == 1
    assert "a value put by hand" not in json.dumps(dev.export(show_secrets=True))

    dev.change(config={"prefix": "digits/new/", "pipeline": "staging"})
    changes = dev.up()
    assert {step.name for step in changes.updated()} == {"digits", "access-ci"}
    assert not changes.replaced()

    dev.change(config={"token": "the other store", "others": "true"})
    changes = dev.preview()
    assert done_to(changes, "Secret") == row("Secret", "description")
    assert done_to(changes, "Permissions") == row("Permissions", "flows")

    dev.unprotect()
    dev.destroy()
    assert sorted((made.type.split(":")[-1], made.name) for made in simulated_aws.alive()) == [
        ("Alias", "images"),
        ("Key", "images"),
        ("LifecyclePolicy", "digits"),
        ("Repository", "digits"),
        ("RepositoryPolicy", "digits"),
        ("Secret", "token"),
    ]
