"""Stores, their keys and the trail that watches them, with the real engine on simulated AWS."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from securesystemslib.signer import Signature

from mlgate_evidence.trust import Trust
from mlgate_testkit.engine import Simulated
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


def test_stores_from_their_first_day_to_a_destroy_that_leaves_them_as_they_were(stack, simulated_aws, tmp_path):
    dev = stack("dev", program=storage, config=REGION)
    dev.up()
    assert dev.preview().nothing()
    s3, bucket = by_hand(simulated_aws.endpoint(), "s3"), dev.outputs["evidence"]
    opened = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), False)
    s3.put_public_access_block(Bucket=dev.outputs["models"], PublicAccessBlockConfiguration=opened)
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    by_hand(simulated_aws.endpoint(), "cloudtrail").stop_logging(Name=dev.outputs["trail"])
    seen = {(step.type.rpartition(":")[2], step.name) for step in dev.refresh().updated()}
    assert seen == {("BucketPublicAccessBlock", "models"), ("BucketObjectLockConfiguration", "evidence"), ("Trail", "audit")}

    dev.change(config={"days": "60", "replica": "true"})
    changes = dev.up()
    assert {(step.type.rpartition(":")[2], step.name) for step in changes.updated()} >= seen, "what was changed by hand is put right"
    assert not changes.replaced(), "another lock and copies replace nothing"
    assert [step.name for step in changes.created("aws:s3/bucketReplicationConfig:BucketReplicationConfig")] == ["models"]
    assert dev.preview().nothing()
    assert believed(dev.outputs["trust"], dev.outputs["signing"], simulated_aws, tmp_path / "trust.yaml")

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
    assert 59 <= (until - datetime.now(UTC)).days <= 60


def believed(trust: str, key: str, aws: Simulated, file: Path) -> bool:
    """Whether what KMS signs is believed by the trust file. Raises where it is not."""
    file.write_text(trust)
    (trusted,) = Trust.read(file).keys
    signed = by_hand(aws.endpoint(), "kms").sign(KeyId=key, Message=b"evidence", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    trusted.key.verify_signature(Signature(trusted.keyid, signed.hex()), b"evidence")
    return True


def alive(simulated_aws) -> set[tuple[str, str]]:
    return {(made.type.rpartition(":")[2], made.name) for made in simulated_aws.alive()}
