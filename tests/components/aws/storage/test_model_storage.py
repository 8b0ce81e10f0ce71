"""`ModelStorage`, recorded: what an argument changes, and what it refuses before anything is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.storage.model_storage import ModelStorage, ModelStorageArgs
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import Graph, record

from .stores import ANSWERS, KEY, REPLICA, ROOT, TAGS, key_policy

LOCKED = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
COPIED = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"


def program(args: dict[str, Any]) -> Callable[[], None]:
    def models() -> None:
        import pulumi

        from mlgate_components.aws.storage.model_storage import ModelStorage

        made = ModelStorage("models", ModelStorageArgs(**{"tags": TAGS, **args}))
        for output in ("bucket_name", "bucket_arn", "key_arn"):
            pulumi.export(output, getattr(made, output))

    return models


def recorded(**args: Any) -> Graph:
    return record(program(args), invokes=ANSWERS)


def test_it_tells_its_bucket_and_its_key() -> None:
    outputs = {"bucket_name": "<bucket of Bucket models>", "bucket_arn": "<arn of Bucket models>", "key_arn": "<arn of Key models>"}
    assert recorded().outputs == outputs


def test_its_key_is_used_through_s3_alone_by_whom_the_accounts_policies_let() -> None:
    policy = key_policy(recorded(), "models")
    assert set(policy) == {"Administration", "UseThroughServices", "UseThroughServicesLent"}
    assert policy["UseThroughServices"]["Condition"] == {"StringLike": {"kms:ViaService": ["s3.*.amazonaws.com"]}}
    assert policy["UseThroughServices"]["Principal"] == {"AWS": ROOT}


def test_a_lock_is_set_changed_and_taken_away_on_the_bucket_that_is_there() -> None:
    without, locked = recorded(), recorded(lock={"mode": "GOVERNANCE", "days": 30})
    assert without.one("aws:s3/bucket:Bucket", "models").inputs == locked.one("aws:s3/bucket:Bucket", "models").inputs
    assert "rule" not in without.one(LOCKED).inputs
    assert locked.one(LOCKED).inputs["rule"] == {"defaultRetention": {"mode": "GOVERNANCE", "days": 30}}
    assert locked.one(LOCKED).needs(locked.one("aws:s3/bucketVersioning:BucketVersioning", "models"))


def test_days_are_those_that_are_given() -> None:
    graph = recorded(noncurrent_days=7, log_days=30, deletion_days=14)
    rules = {each.name: each.inputs["rules"][0] for each in graph.all("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")}
    assert rules["models"]["noncurrentVersionExpiration"] == {"noncurrentDays": 7}
    assert rules["models-logs"]["expiration"] == {"days": 30}
    assert graph.one("aws:kms/key:Key").inputs["deletionWindowInDays"] == 14


def test_copies_are_made_under_the_other_key_by_a_role_that_reads_here_and_writes_there() -> None:
    graph = recorded(replica=REPLICA)
    copied = graph.one(COPIED)
    (rule,) = copied.inputs["rules"]
    assert (rule["status"], rule["filter"]) == ("Enabled", {"prefix": ""}), "everything"
    assert rule["destination"] == {"bucket": REPLICA["bucket_arn"], "encryptionConfiguration": {"replicaKmsKeyId": KEY}}
    assert rule["sourceSelectionCriteria"] == {"sseKmsEncryptedObjects": {"status": "Enabled"}}
    assert rule["deleteMarkerReplication"] == {"status": "Disabled"}, "what is deleted here stays there"
    assert copied.inputs["role"] == "<arn of Role models-replication>"
    assert copied.needs(graph.one("aws:iam/rolePolicy:RolePolicy"))
    assert copied.needs(graph.one("aws:s3/bucketVersioning:BucketVersioning", "models"))
    trusted = json.loads(graph.one("aws:iam/role:Role").inputs["assumeRolePolicy"])["Statement"]
    assert trusted == [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    allowed = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"]
    assert {each["Effect"] for each in allowed} == {"Allow"}
    written = {each["Resource"] for each in allowed if any("Replicate" in action or action == "kms:Encrypt" for action in each["Action"])}
    assert written == {f"{REPLICA['bucket_arn']}/*", KEY}
    assert {each["Resource"] for each in allowed} - written == {"<arn of Bucket models>", "<arn of Bucket models>/*", "<arn of Key models>"}
    actions = {each["Resource"]: each["Action"] for each in allowed}
    assert actions["<arn of Bucket models>"] == ["s3:GetReplicationConfiguration", "s3:ListBucket"]
    assert actions[f"{REPLICA['bucket_arn']}/*"] == ["s3:ReplicateObject", "s3:ReplicateTags"]
    used = [each for each in allowed if each["Action"][0].startswith("kms:")]
    assert [each["Condition"] for each in used] == [{"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}] * 2
    assert not recorded().all(COPIED)
    assert_clean(graph)


def test_a_replica_is_not_kept_since_whoever_takes_the_argument_away_wants_no_more_copies() -> None:
    copied = recorded(replica=REPLICA).one(COPIED)
    assert not copied.protect
    assert not copied.retain_on_delete


def test_a_bucket_is_not_copied_into_itself() -> None:
    there = {"aws:s3/bucket:Bucket": {"arn": REPLICA["bucket_arn"]}}
    with pytest.raises(ArgumentsError) as refused:
        record(program({"replica": REPLICA}), invokes=ANSWERS, resources=there)
    (problem,) = refused.value.problems
    assert (problem.where, problem.expected) == ("replica.bucket_arn", "another bucket: this is the one that is copied")


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"lock": {"mode": "GOVERNANCE", "days": 0}}, "lock.days", "1 to 36500 days"),
        ({"lock": {"mode": "GOVERNANCE", "days": 36501}}, "lock.days", "1 to 36500 days"),
        ({"lock": {"mode": "LEGAL", "days": 1}}, "lock.mode", "one of GOVERNANCE, COMPLIANCE"),
        ({"lock": {"days": 1}}, "lock.mode", "give it"),
        ({"noncurrent_days": 0}, "noncurrent_days", "1 to 36500 days"),
        ({"log_days": 0}, "log_days", "1 to 36500 days"),
        ({"log_days": 40000}, "log_days", "1 to 36500 days"),
        ({"deletion_days": 3}, "deletion_days", "7 to 30 days"),
        ({"replica": {**REPLICA, "bucket_arn": "models-copy"}}, "replica.bucket_arn", "arn:aws:s3:::models"),
        ({"replica": {**REPLICA, "key_arn": "alias/copy"}}, "replica.key_arn", ":key/1234abcd-"),
        ({"replica": {"bucket_arn": "arn:aws:s3:::models-copy"}}, "replica.key_arn", "give it"),
        ({"retention": 3}, "retention", "there are tags, lock"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


@pytest.mark.parametrize("name", ["", "Models", "models.eu", "m" * 51])
def test_a_name_that_its_buckets_could_not_have_is_refused(name: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        ModelStorage(name, ModelStorageArgs(tags=TAGS))
    assert [problem.where for problem in refused.value.problems] == ["name"]


def test_with_a_replica_a_name_leaves_room_for_the_role_that_copies() -> None:
    def named(name: str) -> Graph:
        def program() -> None:
            from mlgate_components.aws.storage.model_storage import ModelStorage

            ModelStorage(name, ModelStorageArgs(tags=TAGS, replica=REPLICA))

        return record(program, invokes=ANSWERS)

    assert len(f"{named('m' * 44).one('aws:iam/role:Role').name}-1234567") == 64, "IAM takes no longer one"
    with pytest.raises(ArgumentsError) as refused:
        named("m" * 45)
    assert [(problem.where, "44 at most" in problem.expected) for problem in refused.value.problems] == [("name", True)]


def test_a_store_that_is_there_already_is_taken_as_it_is() -> None:
    theirs = ModelStorage.existing("models", "arn:aws:s3:::models", KEY)
    assert (theirs.bucket_name, theirs.bucket_arn, theirs.key_arn) == ("models", "arn:aws:s3:::models", KEY)
