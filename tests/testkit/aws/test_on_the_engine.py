"""Simulated AWS behind the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.engine import UpdateError

from .cloud import by_hand

pytestmark = pytest.mark.engine

REGION = {"aws:region": "eu-central-1"}


def platform() -> None:
    """Twenty resources of what an ML platform needs around its endpoints."""
    import json

    import pulumi
    import pulumi_aws as aws

    config = pulumi.Config()
    tags = {"owner": config.get("owner") or "vision"}
    account = aws.get_caller_identity().account_id
    key = aws.kms.Key("models", enable_key_rotation=True, tags=tags)
    aws.kms.Alias("models", target_key_id=key.id)
    for name in ("models", "data"):
        bucket = aws.s3.Bucket(name, object_lock_enabled=config.get_bool("locked"), tags=tags)
        aws.s3.BucketPublicAccessBlock(name, bucket=bucket.id, block_public_policy=True, restrict_public_buckets=True)
        aws.s3.BucketVersioning(name, bucket=bucket.id, versioning_configuration={"status": "Enabled"})
        default = {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn}
        aws.s3.BucketServerSideEncryptionConfiguration(
            name, bucket=bucket.id, rules=[{"apply_server_side_encryption_by_default": default, "bucket_key_enabled": True}]
        )
    role = aws.iam.Role(
        "trainer",
        assume_role_policy=aws.iam.get_policy_document(
            statements=[{"actions": ["sts:AssumeRole"], "principals": [{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}]}]
        ).json,
        tags=tags,
    )
    readable = bucket.arn.apply(
        lambda arn: json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/*"}]}
        )
    )
    aws.iam.RolePolicy("read", role=role.name, policy=readable)
    aws.iam.RolePolicyAttachment("logs", role=role.name, policy_arn="arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy")
    aws.iam.InstanceProfile("trainer", role=role.name, tags=tags)
    repository = aws.ecr.Repository("serving", force_delete=True, tags=tags)
    aws.cloudwatch.LogGroup("serving", retention_in_days=14, tags=tags)
    aws.sqs.Queue("jobs", tags=tags)
    topic = aws.sns.Topic("alarms", tags=tags)
    aws.ssm.Parameter("threshold", type="String", value="0.94", tags=tags)
    secret = aws.secretsmanager.Secret("token", recovery_window_in_days=0, tags=tags)
    aws.secretsmanager.SecretVersion("token", secret_id=secret.id, secret_string=pulumi.Output.secret("hunter2"))
    pulumi.export("bucket", bucket.bucket)
    pulumi.export("account", account)
    pulumi.export("url", repository.repository_url)
    pulumi.export("topic", topic.arn)


def one_bucket() -> None:
    import pulumi
    import pulumi_aws as aws

    config = pulumi.Config()
    wrong = {"acl": config.get("acl")} if config.get("acl") else {}
    aws.s3.Bucket("models", opts=pulumi.ResourceOptions(import_=config.get("import")), bucket=config.get("bucket"), **wrong)


def a_warehouse() -> None:
    import pulumi_aws as aws

    aws.redshift.Cluster("warehouse", cluster_identifier="warehouse", node_type="ra3.xlplus")


def test_a_type_that_is_not_simulated_stops_the_preview_with_a_way_to_test_it_all_the_same(stack: Any, simulated_aws: Any) -> None:
    prod = stack("prod", program=a_warehouse, config=REGION)
    with pytest.raises(UpdateError, match=r"warehouse: .*aws:redshift/cluster:Cluster is not simulated; .*Test this part with `record`"):
        prod.preview()
    assert simulated_aws.alive() == []


def test_a_platform_comes_up_rests_changes_and_goes(stack: Any, simulated_aws: Any) -> None:
    prod = stack("prod", program=platform, config=REGION)
    planned = prod.preview()
    assert len(planned.created()) >= 20
    assert simulated_aws.alive() == []
    assert len(prod.up().created()) == len(planned.created())
    assert prod.outputs["account"] == "123456789012"
    assert prod.outputs["bucket"].startswith("data-")
    assert prod.preview().nothing()
    assert prod.refresh().nothing()
    assert "hunter2" not in str(prod.export())
    prod.change(config={"owner": "speech"})
    changes = prod.up()
    assert {step.name for step in changes.updated()} == {
        "models",
        "data",
        "trainer",
        "serving",
        "jobs",
        "alarms",
        "threshold",
        "token",
    }
    assert len(changes) == len(changes.updated()) + len(changes.same())
    assert prod.preview().nothing()
    prod.change(config={"locked": "true"})
    assert {step.name for step in prod.preview().replaced("aws:s3/bucket:Bucket")} == {"models", "data"}
    prod.destroy()
    assert simulated_aws.alive() == []


def test_what_was_changed_by_hand_is_seen_and_put_right(stack: Any, simulated_aws: Any) -> None:
    prod = stack("prod", program=platform, config=REGION)
    prod.up()
    s3 = by_hand(simulated_aws.endpoint(), "s3")
    s3.put_bucket_versioning(Bucket=prod.outputs["bucket"], VersioningConfiguration={"Status": "Suspended"})
    drifted = prod.refresh().updated()
    assert [(step.type, step.name) for step in drifted] == [("aws:s3/bucketVersioning:BucketVersioning", "data")]
    assert [step.name for step in prod.up().updated()] == ["data"]
    assert s3.get_bucket_versioning(Bucket=prod.outputs["bucket"])["Status"] == "Enabled"


def test_a_quota_and_throttling_are_told_at_the_resource(stack: Any, simulated_aws: Any) -> None:
    prod = stack("prod", program=one_bucket, config=REGION)
    simulated_aws.quota(name="L-DC2B2D3D", value=0)
    with pytest.raises(UpdateError, match=r"creating S3 Bucket \(models-[0-9a-f]{7}\): .*TooManyBuckets"):
        prod.up()
    simulated_aws.quota(name="L-DC2B2D3D", value=1)
    simulated_aws.throttle(service="s3", times=25)
    with pytest.raises(UpdateError, match="exceeded maximum number of attempts, 25"):
        prod.up()
    assert prod.up().created("aws:s3/bucket:Bucket")


def test_a_create_that_is_half_done_is_kept_and_finished_by_the_next_run(stack: Any, simulated_aws: Any) -> None:
    prod = stack("prod", program=one_bucket, config={**REGION, "bucket": "models", "acl": "public-read"})
    with pytest.raises(UpdateError, match="AccessControlListNotSupported: The bucket does not allow ACLs"):
        prod.up()
    assert len(simulated_aws.alive()) == 1
    prod.change(config={"acl": "private"})
    changes = prod.up()
    assert [step.operation for step in changes.updated("aws:s3/bucket:Bucket")] == ["update"]
    assert not changes.created("aws:s3/bucket:Bucket")


def test_a_bucket_made_by_hand_is_imported(stack: Any, simulated_aws: Any) -> None:
    s3 = by_hand(simulated_aws.endpoint(), "s3")
    s3.create_bucket(Bucket="old-models", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    prod = stack("prod", program=one_bucket, config={**REGION, "bucket": "old-models", "import": "old-models"})
    assert [step.name for step in prod.up().imported("aws:s3/bucket:Bucket")] == ["models"]
    assert prod.preview().nothing()
