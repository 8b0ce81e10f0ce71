"""Where a bucket's objects are copied to. Nothing is copied here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.s3.models import s3_backends

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import Behaviour
from mlgate_testkit.aws.models.ec2_common import enumerated
from mlgate_testkit.aws.models.s3_setting import setting
from mlgate_testkit.aws.rules import choice
from mlgate_testkit.aws.spelling import lower, to_api
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_NAMES = {"id": "ID", "replicaKmsKeyId": "ReplicaKmsKeyID"}
_BACK = {name: key for key, name in _NAMES.items()}
_NUMBERS = {"Priority", "Minutes"}
_STATUSES = (
    "rules",
    "rules.deleteMarkerReplication",
    "rules.destination.metrics",
    "rules.destination.replicationTime",
    "rules.existingObjectReplication",
    "rules.sourceSelectionCriteria.replicaModifications",
    "rules.sourceSelectionCriteria.sseKmsEncryptedObjects",
)


def _ours(value: Any, name: str = "") -> Any:
    """What moto keeps, XML as it came, in Pulumi's spelling."""
    if isinstance(value, dict):
        made = {_BACK.get(key, lower(key)): _ours(member, key) for key, member in value.items()}
        if name == "And" and "Tag" in value:
            del made["tag"]
            made["tags"] = tags_of(value["Tag"] if isinstance(value["Tag"], list) else [value["Tag"]])
        return made
    return "" if value is None else int(value) if name in _NUMBERS else value


def _put(aws: Aws, bucket: str, inputs: Inputs) -> None:
    s3 = aws.client("s3")
    rules = [to_api(rule, _NAMES) for rule in inputs["rules"]]
    for rule in rules:
        if "Prefix" not in rule:
            rule.setdefault("Filter", {"Prefix": ""})
        target = rule["Destination"]["Bucket"].rpartition(":")[2]
        try:
            versioning = s3.get_bucket_versioning(Bucket=target)
        except s3.exceptions.ClientError as missing:
            raise refusal("InvalidRequest", "Destination bucket must exist.", "PutBucketReplication") from missing
        if versioning.get("Status") != "Enabled":
            raise refusal("InvalidRequest", "Destination bucket must have versioning enabled.", "PutBucketReplication")
    s3.put_bucket_replication(Bucket=bucket, ReplicationConfiguration={"Role": inputs["role"], "Rules": rules})


def _get(s3: Any, bucket: str) -> Outputs:
    return {"role": s3.get_bucket_replication(Bucket=bucket)["ReplicationConfiguration"]["Role"]}


def _rules(aws: Aws, bucket: str) -> Outputs:
    """Asked of moto itself, which tells of a rule no filter and no criteria."""
    kept = s3_backends[aws.account_id][aws.partition].get_bucket_replication(bucket)
    return {"rules": [_ours(rule) for rule in (kept or {"Rule": []})["Rule"]]}


def _delete(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").delete_bucket_replication(Bucket=bucket)


def _some(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("rules") == []:
        yield Failure("rules", "Attribute rules requires 1 item minimum, but config has only 0 declared")


MODELS = (
    setting(
        "BucketReplicationConfig",
        "S3 Bucket Replication Configuration",
        _put,
        _get,
        _delete,
        also=_rules,
        computed=frozenset({"rules.id", "rules.priority"}),
        state_only=frozenset({"token"}),
        rules=(
            _some,
            *(choice(f"{place}.status", "Enabled", "Disabled") for place in _STATUSES),
            choice("rules.destination.accessControlTranslation.owner", "Destination"),
            enumerated("rules.destination.storageClass", "s3", "StorageClass"),
        ),
        behaviours=(
            Behaviour(
                "source and destination are there, and both have versioning",
                "S3 user guide, Requirements and considerations for replication; moto; messages: "
                "nozaq/terraform-aws-remote-state-s3-backend#107",
                "test_s3_replication.py::test_both_buckets_of_a_replication_keep_versions",
            ),
        ),
    ),
)
