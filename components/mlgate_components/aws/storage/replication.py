"""Copies of what a bucket holds in another one, made by S3 in a role that can do nothing else."""

from typing import Any, TypedDict

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong
from mlgate_components.aws.names import BUCKET, KMS_KEY, ROLE_NAME, check_arn
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, policy_text
from mlgate_components.aws.storage.buckets import Store

__all__ = ["Replica", "check_replica", "create_replication"]

_WHAT = "replication"
_LONGEST = ROLE_NAME - len(f"-{_WHAT}")


class Replica(TypedDict):
    """Where copies go: a bucket of this account with versioning and object lock, in any region, and the key that it is under."""

    bucket_arn: pulumi.Input[str]
    """The bucket."""
    key_arn: pulumi.Input[str]
    """The key that copies are encrypted with; its policy lets S3 use it for this account."""


def create_replication(parts: Parts, component: str, store: Store, key: "aws.kms.Key", replica: Replica) -> None:
    """Everything that is written from now on is copied, locks included, and what is deleted is deleted here alone.

    Raises ArgumentsError, as soon as the bucket's name is known, if it is to be copied into itself.
    """
    target = pulumi.Output.all(store.bucket.arn, replica["bucket_arn"]).apply(lambda arns: _elsewhere(component, parts.name, *arns))
    role = aws.iam.Role(
        parts.called(_WHAT),
        description=f"S3 copies what {parts.name} holds",
        assume_role_policy=policy_text({"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}),
        tags=parts.tagged(_WHAT),
        opts=parts.opts(),
    )
    allowed = aws.iam.RolePolicy(
        parts.called(_WHAT),
        role=role.id,
        policy=policy_text(*_copies(store.bucket.arn, key.arn, target, replica["key_arn"])),
        opts=parts.opts(),
    )
    aws.s3.BucketReplicationConfig(
        parts.called(),
        bucket=store.bucket.id,
        role=role.arn,
        rules=[
            {
                "id": "everything",
                "priority": 1,
                "status": "Enabled",
                "filter": {"prefix": ""},
                "delete_marker_replication": {"status": "Disabled"},
                "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
                "destination": {"bucket": target, "encryption_configuration": {"replica_kms_key_id": replica["key_arn"]}},
            }
        ],
        opts=parts.opts(allowed, store.versioning),
    )


def _copies(source: Any, key: Any, target: Any, target_key: Any) -> list[Statement]:
    """S3 user guide, "Setting up permissions for live replication" and "Replicating encrypted objects"."""
    through = {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}
    read = ("GetObjectLegalHold", "GetObjectRetention", "GetObjectVersionAcl", "GetObjectVersionForReplication", "GetObjectVersionTagging")
    return [
        _allowed(["s3:GetReplicationConfiguration", "s3:ListBucket"], source),
        _allowed([f"s3:{action}" for action in read], pulumi.Output.concat(source, "/*")),
        _allowed(["s3:ReplicateObject", "s3:ReplicateTags"], pulumi.Output.concat(target, "/*")),
        _allowed(["kms:Decrypt"], key) | {"Condition": through},
        _allowed(["kms:Encrypt", "kms:GenerateDataKey"], target_key) | {"Condition": through},
    ]


def _allowed(actions: list[str], resource: Any) -> Statement:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _elsewhere(component: str, name: str, own: str, target: str) -> str:
    """The bucket that copies go to."""
    wrong = Wrong(component, name)
    if own == target:
        wrong.add("replica.bucket_arn", f"is {target!r}", "another bucket: this is the one that is copied")
    wrong.stop()
    return target


def check_replica(replica: Replica | None, name: str, wrong: Wrong, path: str) -> None:
    """The replica of the store `name`, if there is one."""
    if replica:
        if len(name) > _LONGEST:
            wrong.add("name", f"is {name!r}, {len(name)} characters", f"{_LONGEST} at most with a replica, whose role is called after it")
        check_arn(replica["bucket_arn"], wrong, f"{path}.bucket_arn", BUCKET)
        check_arn(replica["key_arn"], wrong, f"{path}.key_arn", KMS_KEY)
