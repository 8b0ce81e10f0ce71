"""What must be there before the first `pulumi up` of an environment on AWS: the bucket of its state and the key of its secrets.

Every part is looked at first and made or put right only where it differs, so a second run, or one after a kill, changes nothing that is
as it should be. Nothing is ever removed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

from mlgate.errors import StackError
from mlgate_delivery.account import session_of
from mlgate_delivery.remote_state import RemoteState
from mlgate_tools.tool import Progress

__all__ = ["bootstrap"]

_BLOCKED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}
_OWNED = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
# Pulumi writes a checkpoint and its history at every update: old versions are for going back after a mishap, not for ever.
_OLD_VERSIONS_DAYS = 90
_UNFINISHED_DAYS = 7


def bootstrap(state: RemoteState, progress: Progress) -> None:
    """Makes what is missing of the environment's state, and puts right what differs.

    Raises as `session_of` for credentials, and StackError with AWS's words for what it refuses.
    """
    session = session_of(state)
    with _in_words(f"key {state.alias}"):
        key = _ensure_key(session, state, progress)
    with _in_words(f"bucket {state.bucket}"):
        _ensure_bucket(session.client("s3"), state, key, progress)


def _ensure_key(session: boto3.Session, state: RemoteState, progress: Progress) -> str:
    """The ARN of the key."""
    kms = session.client("kms")
    try:
        key = kms.describe_key(KeyId=state.alias)["KeyMetadata"]
    except kms.exceptions.NotFoundException:
        key = _unnamed_key(session, kms, state)
        if key is None:
            tags = [{"TagKey": name, "TagValue": value} for name, value in _tags(state).items()]
            key = kms.create_key(Description=f"Pulumi state and secrets of {state.name}", Tags=tags)["KeyMetadata"]
        kms.create_alias(AliasName=state.alias, TargetKeyId=key["KeyId"])
        progress(f"key {state.alias}: made")
    if key["KeyState"] != "Enabled":
        raise StackError(
            f"the key is {key['KeyState']}, so neither state nor secrets can be read",
            where=state.alias,
            remedy=f"aws kms cancel-key-deletion --key-id {key['KeyId']} && aws kms enable-key --key-id {key['KeyId']}",
        )
    if not kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]:
        kms.enable_key_rotation(KeyId=key["KeyId"])
        progress(f"key {state.alias}: rotates every year")
    return str(key["Arn"])


def _unnamed_key(session: boto3.Session, kms: Any, state: RemoteState) -> Any:
    """The key of a run that was killed before it could name it, found by its tags; None where there is none."""
    filters = [{"Key": name, "Values": [_tags(state)[name]]} for name in ("Name", "managed-by")]
    found = session.client("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["kms:key"], TagFilters=filters)
    keys = (kms.describe_key(KeyId=each["ResourceARN"])["KeyMetadata"] for each in found["ResourceTagMappingList"])
    return next((key for key in keys if key["KeyState"] == "Enabled"), None)


def _ensure_bucket(s3: Any, state: RemoteState, key: str, progress: Progress) -> None:
    bucket = {"Bucket": state.bucket, "ExpectedBucketOwner": state.platform.account}
    try:
        s3.head_bucket(**bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        region = state.platform.region
        # S3 API reference, CreateBucket: us-east-1 is named by leaving it out.
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=state.bucket, ObjectOwnership="BucketOwnerEnforced", **where)
        progress(f"bucket {state.bucket}: made")

    def ensure(what: str, found: Callable[[], Any], wanted: Any, put: Callable[[], Any]) -> None:
        if _or_none(found) != wanted:
            put()
            progress(f"bucket {state.bucket}: {what}")

    def asked(name: str) -> dict[str, Any]:
        return dict(getattr(s3, f"get_{name}")(**bucket))

    encryption = {
        "Rules": [
            {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}, "BucketKeyEnabled": True},
        ]
    }
    tags = [{"Key": name, "Value": value} for name, value in _tags(state).items()]
    policy, lifecycle = _tls_only(state.bucket), _lifecycle()
    ensure(
        "closed to the public",
        lambda: asked("public_access_block")["PublicAccessBlockConfiguration"],
        _BLOCKED,
        lambda: s3.put_public_access_block(**bucket, PublicAccessBlockConfiguration=_BLOCKED),
    )
    ensure(
        "its objects are its owner's",
        lambda: asked("bucket_ownership_controls")["OwnershipControls"],
        _OWNED,
        lambda: s3.put_bucket_ownership_controls(**bucket, OwnershipControls=_OWNED),
    )
    ensure(
        "keeps versions",
        lambda: asked("bucket_versioning").get("Status"),
        "Enabled",
        lambda: s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"}),
    )
    ensure(
        "encrypted under its key",
        lambda: _without_extras(asked("bucket_encryption")["ServerSideEncryptionConfiguration"]),
        encryption,
        lambda: s3.put_bucket_encryption(**bucket, ServerSideEncryptionConfiguration=encryption),
    )
    ensure(
        "reached by TLS alone",
        lambda: json.loads(asked("bucket_policy")["Policy"]),
        policy,
        lambda: s3.put_bucket_policy(**bucket, Policy=json.dumps(policy)),
    )
    ensure(
        "lets old versions go",
        lambda: asked("bucket_lifecycle_configuration")["Rules"],
        lifecycle,
        lambda: s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": lifecycle}),
    )
    ensure(
        "tagged",
        lambda: sorted(asked("bucket_tagging")["TagSet"], key=lambda tag: str(tag["Key"])),
        sorted(tags, key=lambda tag: tag["Key"]),
        lambda: s3.put_bucket_tagging(**bucket, Tagging={"TagSet": tags}),
    )


def _or_none(found: Callable[[], Any]) -> Any:
    """What is configured; None where S3 says that nothing is."""
    try:
        return found()
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return None


def _without_extras(encryption: dict[str, Any]) -> dict[str, Any]:
    """What we set of it: S3 adds settings of its own, such as the types of encryption that it blocks."""
    ours = ("ApplyServerSideEncryptionByDefault", "BucketKeyEnabled")
    return {"Rules": [{name: rule.get(name) for name in ours} for rule in encryption["Rules"]]}


def _tags(state: RemoteState) -> dict[str, str]:
    paid = {"cost-center": state.platform.cost_center} if state.platform.cost_center else {}
    return {"Name": state.bucket, "environment": state.name, "owner": state.platform.owner, **paid, "managed-by": "mlgate"}


def _tls_only(bucket: str) -> dict[str, Any]:
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _lifecycle() -> list[dict[str, Any]]:
    return [
        {
            "ID": "old-versions",
            "Filter": {"Prefix": ""},
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": _OLD_VERSIONS_DAYS},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UNFINISHED_DAYS},
        }
    ]


@contextmanager
def _in_words(where: str) -> Iterator[None]:
    """What AWS refuses, in its words and without a traceback."""
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise StackError(
            f"AWS refuses {error.operation_name}: {said.get('Message') or said['Code']}",
            where=where,
            remedy="let these credentials do that, and run the same command again: it goes on from here",
        ) from None
    except BotoCoreError as error:
        raise StackError(f"cannot be reached: {error}", where=where, remedy="check region, network and AWS_ENDPOINT_URL") from None
