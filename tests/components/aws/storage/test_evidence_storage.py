"""`EvidenceStorage`, recorded: the lock, the key that signs, and what it refuses before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.storage.evidence_storage import EvidenceStorage, EvidenceStorageArgs
from mlgate_evidence.trust import Trust
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import Graph, record

from .stores import ANSWERS, GATE, KEY, LOCK, PEM, REPLICA, ROOT, TAGS, key_policy

LOCKED = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
OUTPUTS = ("bucket_name", "bucket_arn", "key_arn", "signing_key_arn", "signing_public_key", "trust")
USUAL: dict[str, Any] = {"tags": TAGS, "lock": LOCK, "gate_role_arn": GATE}


def program(args: dict[str, Any]) -> Callable[[], None]:
    def evidence() -> None:
        import pulumi

        from mlgate_components.aws.storage.evidence_storage import EvidenceStorage

        made = EvidenceStorage("evidence", EvidenceStorageArgs(**args))
        for output in OUTPUTS:
            pulumi.export(output, getattr(made, output))

    return evidence


def recorded(**args: Any) -> Graph:
    return record(program({**USUAL, **args}), invokes=ANSWERS)


def test_evidence_is_locked_by_mode_and_days_and_older_versions_go_when_that_is_over() -> None:
    graph = recorded()
    assert graph.one("aws:s3/bucket:Bucket", "evidence").inputs["objectLockEnabled"] is True
    assert graph.one(LOCKED).inputs["rule"] == {"defaultRetention": {"mode": "COMPLIANCE", "days": 400}}
    lifecycle = graph.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "evidence").inputs["rules"][0]
    assert lifecycle["noncurrentVersionExpiration"] == {"noncurrentDays": 400}
    assert "expiration" not in lifecycle, "evidence that counts never goes by itself"
    assert_clean(graph)


def test_the_gate_alone_signs_and_the_account_can_only_administer_and_verify() -> None:
    graph = recorded()
    signing = graph.one("aws:kms/key:Key", "evidence-signing")
    assert (signing.inputs["keyUsage"], signing.inputs["customerMasterKeySpec"]) == ("SIGN_VERIFY", "ECC_NIST_P256")
    assert signing.inputs["enableKeyRotation"] is False, "KMS rotates no key that signs"
    assert signing.protect
    policy = key_policy(graph, "evidence-signing")
    who = {action: each["Principal"]["AWS"] for each in policy.values() for action in listed(each["Action"])}
    assert who["kms:Sign"] == GATE
    assert who["kms:Verify"] == ROOT
    assert "kms:CreateGrant" not in who, "nobody lends it"
    assert (policy["Know"]["Principal"], policy["Know"]["Action"]) == ({"AWS": GATE}, ["kms:DescribeKey", "kms:GetPublicKey"])
    assert policy["Sign"]["Condition"] == {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256"}}


def listed(actions: Any) -> list[str]:
    return actions if isinstance(actions, list) else [actions]


def test_the_public_key_is_told_in_pem_and_as_a_trust_file_for_this_environment(tmp_path: Path) -> None:
    outputs = recorded().outputs
    assert set(outputs) == set(OUTPUTS)
    assert outputs["signing_public_key"] == PEM
    path = tmp_path / "trust.yaml"
    path.write_text(outputs["trust"])
    (trusted,) = Trust.read(path).keys
    assert (trusted.name, trusted.environments, trusted.public) == ("dev-gate", ("dev",), PEM)


def test_copies_keep_their_locks() -> None:
    graph = recorded(replica=REPLICA)
    policy = graph.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"]
    assert "s3:GetObjectRetention" in policy
    assert "s3:GetObjectLegalHold" in policy


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"lock": {"mode": "COMPLIANCE", "days": 0}}, "lock.days", "1 to 36500 days"),
        ({"lock": None}, "lock", "give it"),
        ({"gate_role_arn": "gate"}, "gate_role_arn", "arn:aws:iam::123456789012:role/trainer"),
        ({"gate_role_arn": ROOT}, "gate_role_arn", "arn:aws:iam::123456789012:role/trainer"),
        ({"tags": {**TAGS, "environment": "Prod EU"}}, "tags.environment", "lower-case letters"),
        ({"replica": {**REPLICA, "bucket_arn": ""}}, "replica.bucket_arn", "arn:aws:s3:::models"),
        ({"log_days": -1}, "log_days", "1 to 36500 days"),
        ({"deletion_days": 60}, "deletion_days", "7 to 30 days"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


def test_a_bucket_is_not_copied_into_itself() -> None:
    there = {"aws:s3/bucket:Bucket": {"arn": REPLICA["bucket_arn"]}}
    with pytest.raises(ArgumentsError, match=r"EvidenceStorage 'evidence'.*\n.*replica\.bucket_arn"):
        record(program({**USUAL, "replica": REPLICA}), invokes=ANSWERS, resources=there)


def test_a_store_that_is_there_already_is_taken_as_it_is() -> None:
    theirs = EvidenceStorage.existing("evidence", "arn:aws:s3:::evidence", KEY, KEY, PEM, "apiVersion: mlgate/v1")
    assert [getattr(theirs, output) for output in OUTPUTS] == ["evidence", "arn:aws:s3:::evidence", KEY, KEY, PEM, "apiVersion: mlgate/v1"]
