"""Stores, their keys and the trail that watches them, with the real engine on simulated AWS."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from securesystemslib.signer import Signature

from mlgate_evidence.trust import Trust
from mlgate_testkit.engine.errors import UpdateError
from tests.testkit.aws.cloud import by_hand

pytestmark = pytest.mark.engine
REGION = {"aws:region": "eu-central-1"}


def storage() -> None:
    import json

    import pulumi
    import pulumi_aws as aws

    from mlgate_components.aws.storage.audit_trail import AuditTrail
    from mlgate_components.aws.storage.buckets import LockMode
    from mlgate_components.aws.storage.evidence_storage import EvidenceStorage
    from mlgate_components.aws.storage.keys import Key
    from mlgate_components.aws.storage.model_storage import ModelStorage

    config = pulumi.Config()
    tags = {"environment": "dev", "owner": "platform"}
    lock = {"mode": LockMode.GOVERNANCE, "days": config.get_int("days") or 30}
    trusted = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    gate = aws.iam.Role("gate", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trusted]}))
    Key("queues", {"description": "messages", "tags": tags, "users": [gate.arn], "services": ["sqs"]})
    copies = ModelStorage("copies", {"tags": tags})
    replica = {"replica": {"bucket_arn": copies.bucket_arn, "key_arn": copies.key_arn}} if config.get_bool("replica") else {}
    models = ModelStorage("models", {"tags": tags, **replica})
    evidence = EvidenceStorage("evidence", {"tags": tags, "lock": lock, "gate_role_arn": gate.arn})
    trail = AuditTrail("audit", {"tags": tags, "bucket_arns": [models.bucket_arn, evidence.bucket_arn], "lock": lock})
    pulumi.export("models", models.bucket_name)
    pulumi.export("evidence", evidence.bucket_name)
    pulumi.export("signing", evidence.signing_key_arn)
    pulumi.export("trust", evidence.trust)
    pulumi.export("trail", trail.trail_arn)


def test_it_goes_up_rests_and_sees_what_was_changed_by_hand(stack, simulated_aws):
    dev = stack("dev", program=storage, config=REGION)
    dev.up()
    assert dev.preview().nothing()
    s3 = by_hand(simulated_aws.endpoint(), "s3")
    opened = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), False)
    s3.put_public_access_block(Bucket=dev.outputs["models"], PublicAccessBlockConfiguration=opened)
    s3.put_object_lock_configuration(Bucket=dev.outputs["evidence"], ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    by_hand(simulated_aws.endpoint(), "cloudtrail").stop_logging(Name=dev.outputs["trail"])
    seen = {(step.type.rpartition(":")[2], step.name) for step in dev.refresh().updated()}
    assert seen == {("BucketPublicAccessBlock", "models"), ("BucketObjectLockConfiguration", "evidence"), ("Trail", "audit")}
    assert {(step.type.rpartition(":")[2], step.name) for step in dev.up().updated()} == seen


def test_another_lock_and_copies_replace_nothing_and_what_kms_signs_is_believed_by_the_trust_file(stack, simulated_aws, tmp_path):
    dev = stack("dev", program=storage, config=REGION)
    dev.up()
    dev.change(config={"days": "60", "replica": "true"})
    changes = dev.up()
    assert not changes.replaced()
    assert [step.name for step in changes.created("aws:s3/bucketReplicationConfig:BucketReplicationConfig")] == ["models"]
    assert dev.preview().nothing()
    trust = tmp_path / "trust.yaml"
    trust.write_text(dev.outputs["trust"])
    (trusted,) = Trust.read(trust).keys
    kms = by_hand(simulated_aws.endpoint(), "kms")
    signed = kms.sign(KeyId=dev.outputs["signing"], Message=b"evidence", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    trusted.key.verify_signature(Signature(trusted.keyid, signed.hex()), b"evidence")


def test_a_destroy_stops_at_the_stores_and_even_without_protection_leaves_them_as_they_were(stack, simulated_aws):
    dev = stack("dev", program=storage, config={**REGION, "replica": "true"})
    dev.up()
    bucket = dev.outputs["evidence"]
    s3 = by_hand(simulated_aws.endpoint(), "s3")
    written = s3.put_object(Bucket=bucket, Key="a1/evidence.json", Body=b"{}")
    with pytest.raises(UpdateError, match="protect"):
        dev.destroy()
    assert {kind for kind, name in alive(simulated_aws) if "replication" in name} == set()
    again = dev.up()
    assert {step.name for step in again.created()} == {"models", "models-replication"}, "a store that stayed in the state is found there"
    dev.unprotect()
    dev.destroy()
    left, stores = alive(simulated_aws), {"models", "copies", "evidence", "audit"}
    assert {name for kind, name in left if kind == "Bucket"} == {*stores, *(f"{name}-logs" for name in stores)}
    assert {name for kind, name in left if kind == "Key"} == {*stores, "evidence-signing", "queues"}
    assert {name for kind, name in left if kind == "BucketObjectLockConfiguration"} == stores, "nor does a bucket lose what protects it"
    assert ("Trail", "audit") in left, "and what happens to it is still recorded"
    assert not {kind for kind, _ in left} & {"Role", "RolePolicy", "BucketReplicationConfig"}
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="a1/evidence.json", VersionId=written["VersionId"])
    until = s3.head_object(Bucket=bucket, Key="a1/evidence.json")["ObjectLockRetainUntilDate"]
    assert 29 <= (until - datetime.now(UTC)).days <= 30


def alive(simulated_aws) -> set[tuple[str, str]]:
    return {(made.type.rpartition(":")[2], made.name) for made in simulated_aws.alive()}
