"""A bucket that nobody reaches from outside: its versions, its key, its lock, and the record of who reads it."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

import pulumi
import pulumi_aws as aws  # lazy: an annotation that is read at import would load its parts

from mlgate_components.arguments import Wrong
from mlgate_components.aws.names import AUTOMATIC, check_days, check_name
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.storage.bucket_policies import Writer, bucket_policy

__all__ = [
    "LOGS_KEPT_DAYS",
    "MOST_DAYS",
    "Lock",
    "LockMode",
    "Store",
    "check_lock",
    "check_log_days",
    "check_store_name",
    "create_store",
    "retired",
]

LOGS_KEPT_DAYS = 365
"""How long the record of accesses is kept, unless said."""
MOST_DAYS = 36_500
"""S3 API reference, DefaultRetention: a hundred years. Lifecycles that would last longer are none."""
_LOGS = "logs"
_LONGEST = 63 - AUTOMATIC - len(f"-{_LOGS}")  # S3 user guide, "Bucket naming rules"
_RESERVED = ("amzn-s3-demo-", "sthree-")  # there too
_UPLOAD_DAYS = 7  # what is left of an upload that broke off is paid for, and no list of objects shows it
_ACCESS_LOGS = "logging.s3.amazonaws.com"


class LockMode(enum.Enum):
    """Who can delete a locked version: whoever may bypass governance, or nobody at all, the account's root included."""

    GOVERNANCE = "GOVERNANCE"
    COMPLIANCE = "COMPLIANCE"


class Lock(TypedDict):
    """How long every version that is written stays, whatever anybody does."""

    mode: LockMode
    """Who can delete it before. What is written under COMPLIANCE can be neither deleted nor unlocked early."""
    days: int
    """Days from its writing, 1 to 36,500. Another number holds for what is written from then on."""


@dataclass(frozen=True, slots=True)
class Store:
    """A bucket, with what must be there before it is written to, and before it is copied."""

    bucket: "aws.s3.Bucket"
    policy: "aws.s3.BucketPolicy"
    versioning: "aws.s3.BucketVersioning"


def create_store(
    parts: Parts,
    key: "aws.kms.Key",
    root: pulumi.Input[str],
    *,
    lifecycle: Mapping[str, Any],
    lock: Lock | None,
    log_days: int,
    writer: Writer | None = None,
) -> Store:
    """A bucket under that key, written to by `writer` alone if there is one, and a second one for the record of its accesses. All kept.

    `root`: the account, as a principal. Object lock is on without a default as well: a bucket that has none could get it only as a new one.
    """
    store = _create(parts, "", key, writer, lifecycle)
    retention = {"mode": LockMode(lock["mode"]).value, "days": lock["days"]} if lock else None
    aws.s3.BucketObjectLockConfiguration(
        parts.called(),
        bucket=store.bucket.id,
        rule={"default_retention": retention} if retention else None,
        opts=parts.opts(store.versioning, kept=True),
    )
    account = pulumi.Output.from_input(root).apply(lambda arn: arn.split(":")[4])
    asked = {"ArnEquals": {"aws:SourceArn": store.bucket.arn}, "StringEquals": {"aws:SourceAccount": account}}
    logs = _create(parts, _LOGS, None, Writer(_ACCESS_LOGS, "*", asked), {"expiration": {"days": log_days}, **retired(1)})
    aws.s3.BucketLogging(
        parts.called(), bucket=store.bucket.id, target_bucket=logs.bucket.id, target_prefix="", opts=parts.opts(logs.policy, kept=True)
    )
    return store


def retired(days: int) -> dict[str, Any]:
    """The lifecycle of versions that are no longer the newest, which go so many days after that."""
    return {"noncurrent_version_expiration": {"noncurrent_days": days}}


def _create(parts: Parts, what: str, key: "aws.kms.Key | None", writer: Writer | None, lifecycle: Mapping[str, Any]) -> Store:
    """Without a key it is encrypted by S3's own and cannot be locked, as S3 wants a bucket for access logs."""
    name, kept = parts.called(what), parts.opts(kept=True)
    bucket = aws.s3.Bucket(name, object_lock_enabled=key is not None, tags=parts.tagged(what), opts=kept)
    block = aws.s3.BucketPublicAccessBlock(
        name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=kept,
    )
    aws.s3.BucketOwnershipControls(name, bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=kept)
    versioning = aws.s3.BucketVersioning(name, bucket=bucket.id, versioning_configuration={"status": "Enabled"}, opts=kept)
    algorithm = {"sse_algorithm": "aws:kms", "kms_master_key_id": key.arn} if key else {"sse_algorithm": "AES256"}
    aws.s3.BucketServerSideEncryptionConfiguration(
        name,
        bucket=bucket.id,
        rules=[{"apply_server_side_encryption_by_default": algorithm, "bucket_key_enabled": key is not None}],
        opts=kept,
    )
    aws.s3.BucketLifecycleConfiguration(
        name,
        bucket=bucket.id,
        rules=[
            _rule("versions", **lifecycle),
            _rule("uploads", abort_incomplete_multipart_upload={"days_after_initiation": _UPLOAD_DAYS}),
        ],
        opts=parts.opts(versioning, kept=True),
    )
    policy = aws.s3.BucketPolicy(
        name, bucket=bucket.id, policy=bucket_policy(bucket.arn, key.arn if key else None, writer), opts=parts.opts(block, kept=True)
    )
    return Store(bucket, policy, versioning)


def _rule(name: str, **actions: Any) -> dict[str, Any]:
    return {"id": name, "status": "Enabled", "filter": {"prefix": ""}, **actions}


def check_store_name(name: str, wrong: Wrong) -> None:
    """The name of a component with a bucket and one for its logs."""
    check_name(name, wrong, at_most=_LONGEST)
    if name.startswith(_RESERVED):
        wrong.add("name", f"is {name!r}", f"another beginning than {' or '.join(_RESERVED)}, which S3 keeps for itself")


def check_lock(lock: Lock | None, wrong: Wrong, path: str) -> None:
    """The days of a lock, if there is one."""
    if lock:
        check_days(lock["days"], wrong, f"{path}.days", most=MOST_DAYS)


def check_log_days(args: Mapping[str, Any], wrong: Wrong) -> int:
    """The days of `log_days`."""
    days: int = args.get("log_days", LOGS_KEPT_DAYS)
    check_days(days, wrong, "log_days", most=MOST_DAYS)
    return days
