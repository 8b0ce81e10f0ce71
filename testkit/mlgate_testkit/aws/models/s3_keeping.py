"""How a bucket keeps what is in it: versions, encryption, the record of its accesses, and lock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import Behaviour
from mlgate_testkit.aws.models.s3_setting import setting
from mlgate_testkit.aws.rules import Rule, between, choice, conflicting, holds, values_at
from mlgate_testkit.aws.spelling import upper
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]


def _put_versioning(aws: Aws, bucket: str, inputs: Inputs) -> None:
    s3, wanted = aws.client("s3"), inputs["versioningConfiguration"]
    now = s3.get_bucket_versioning(Bucket=bucket).get("Status")
    if wanted["status"] == "Disabled":
        if now:
            raise refusal("InvalidArgument", f"versioning_configuration.status cannot be updated from '{now}' to 'Disabled'", "")
        return
    if wanted["status"] == "Suspended" and _lock(s3, bucket):
        message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        raise refusal("InvalidBucketState", message, "PutBucketVersioning")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": wanted["status"]})


def _get_versioning(s3: Any, bucket: str) -> Outputs:
    found = s3.get_bucket_versioning(Bucket=bucket)
    return {"versioningConfiguration": {"status": found.get("Status", "Disabled")}}


def _delete_versioning(aws: Aws, bucket: str, inputs: Inputs) -> None:
    s3 = aws.client("s3")
    if inputs["versioningConfiguration"]["status"] != "Disabled" and not _lock(s3, bucket):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def _put_encryption(aws: Aws, bucket: str, inputs: Inputs) -> None:
    rules = []
    for rule in inputs["rules"]:
        default = rule.get("applyServerSideEncryptionByDefault") or {}
        made: dict[str, Any] = {"BucketKeyEnabled": bool(rule.get("bucketKeyEnabled"))}
        if default:
            made["ApplyServerSideEncryptionByDefault"] = {"SSEAlgorithm": default["sseAlgorithm"]}
            if key := default.get("kmsMasterKeyId"):
                made["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] = key
        rules.append(made)
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": rules})


def _get_encryption(s3: Any, bucket: str) -> Outputs:
    rules = []
    for rule in s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]:
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        made = {"sseAlgorithm": default.get("SSEAlgorithm"), "kmsMasterKeyId": default.get("KMSMasterKeyID")}
        keyed = {"bucketKeyEnabled": True} if rule.get("BucketKeyEnabled") else {}
        rules.append({"applyServerSideEncryptionByDefault": {key: value for key, value in made.items() if value}, **keyed})
    return {"rules": rules}


def _delete_encryption(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").delete_bucket_encryption(Bucket=bucket)


def _one_rule(inputs: Inputs) -> Iterator[Failure]:
    rules = inputs.get("rules")
    if isinstance(rules, list) and len(rules) != 1:
        yield Failure("rules", f"{len(rules)} rules; a bucket has one for its encryption")


def _key_without_kms(inputs: Inputs) -> Iterator[Failure]:
    for place, default in values_at(inputs, "rules.applyServerSideEncryptionByDefault"):
        if default.get("sseAlgorithm") == "AES256" and default.get("kmsMasterKeyId"):
            reason = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"
            yield Failure(f"{place}.kmsMasterKeyId", reason)


def _put_logging(aws: Aws, bucket: str, inputs: Inputs) -> None:
    enabled: dict[str, Any] = {"TargetBucket": inputs["targetBucket"], "TargetPrefix": inputs["targetPrefix"]}
    if form := inputs.get("targetObjectKeyFormat"):
        dates = form.get("partitionedPrefix")
        wanted = {"PartitionedPrefix": {"PartitionDateSource": dates["partitionDateSource"]}} if dates else {"SimplePrefix": {}}
        enabled["TargetObjectKeyFormat"] = wanted
    aws.client("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": enabled})


def _get_logging(s3: Any, bucket: str) -> Outputs | None:
    found = s3.get_bucket_logging(Bucket=bucket).get("LoggingEnabled")
    return {"targetBucket": found["TargetBucket"], "targetPrefix": found.get("TargetPrefix", "")} if found else None


def _delete_logging(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})


def _put_lock(aws: Aws, bucket: str, inputs: Inputs) -> None:
    s3 = aws.client("s3")
    if s3.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
        message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise refusal("InvalidBucketState", message, "PutObjectLockConfiguration")
    configuration: dict[str, Any] = {"ObjectLockEnabled": "Enabled"}
    if rule := inputs.get("rule"):
        kept = {upper(key): int(value) if key != "mode" else value for key, value in rule["defaultRetention"].items() if value is not None}
        configuration["Rule"] = {"DefaultRetention": kept}
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)


def _lock(s3: Any, bucket: str) -> dict[str, Any] | None:
    try:
        found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "ObjectLockConfigurationNotFoundError":
            raise
        return None
    return found if found.get("ObjectLockEnabled") == "Enabled" else None


def _get_lock(s3: Any, bucket: str) -> Outputs | None:
    found = _lock(s3, bucket)
    if found is None:
        return None
    kept = found.get("Rule", {}).get("DefaultRetention", {})
    rule = {name: kept[upper(name)] for name in ("mode", "days", "years") if kept.get(upper(name))}
    return {"objectLockEnabled": "Enabled", "rule": {"defaultRetention": rule} if rule else None}


def _delete_lock(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    s3 = aws.client("s3")
    if _lock(s3, bucket):
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})


def _retention() -> Rule:
    def wrong(kept: dict[str, Any]) -> str:
        return "" if (kept.get("days") is None) != (kept.get("years") is None) else "one of `days,years` must be specified, and only one"

    return holds("rule.defaultRetention", wrong)


MODELS = (
    setting(
        "BucketVersioning",
        "S3 Bucket Versioning",
        _put_versioning,
        _get_versioning,
        _delete_versioning,
        state_only=frozenset({"mfa", "expectedBucketOwner"}),
        rules=(
            choice("versioningConfiguration.status", "Enabled", "Suspended", "Disabled"),
            choice("versioningConfiguration.mfaDelete", "Enabled", "Disabled"),
        ),
        behaviours=(
            Behaviour(
                "versioning that was on can be suspended, never disabled",
                "S3 user guide, Using versioning",
                "test_s3_settings.py::test_versioning_cannot_be_disabled_again",
            ),
            Behaviour(
                "deleting the resource suspends versioning",
                "aws_s3_bucket_versioning",
                "test_s3_settings.py::test_deleting_versioning_suspends_it",
            ),
        ),
    ),
    setting(
        "BucketServerSideEncryptionConfiguration",
        "S3 Bucket Server-side Encryption Configuration",
        _put_encryption,
        _get_encryption,
        _delete_encryption,
        state_only=frozenset({"expectedBucketOwner"}),
        rules=(
            choice("rules.applyServerSideEncryptionByDefault.sseAlgorithm", "AES256", "aws:kms", "aws:kms:dsse"),
            _key_without_kms,
            _one_rule,
        ),
        behaviours=(
            Behaviour(
                "a KMS key needs a KMS algorithm",
                "S3 API reference, ServerSideEncryptionByDefault",
                "test_s3_settings.py::test_a_key_without_kms_is_refused",
            ),
        ),
    ),
    setting(
        "BucketLogging",
        "S3 Bucket Logging",
        _put_logging,
        _get_logging,
        _delete_logging,
        state_only=frozenset({"targetGrants", "targetObjectKeyFormat", "expectedBucketOwner"}),
        rules=(conflicting("partitionedPrefix", "simplePrefix", inside="targetObjectKeyFormat"),),
        behaviours=(
            Behaviour(
                "the target bucket must let the logging service write for this bucket",
                "S3 user guide, Enabling server access logging: permissions for log delivery; moto",
                "test_s3_settings.py::test_logs_need_a_target_that_lets_the_service_write",
            ),
        ),
    ),
    setting(
        "BucketObjectLockConfiguration",
        "S3 Bucket Object Lock Configuration",
        _put_lock,
        _get_lock,
        _delete_lock,
        defaults={"objectLockEnabled": "Enabled"},
        forces_new=frozenset({"objectLockEnabled"}),
        state_only=frozenset({"token", "expectedBucketOwner"}),
        rules=(
            choice("objectLockEnabled", "Enabled"),
            choice("rule.defaultRetention.mode", "GOVERNANCE", "COMPLIANCE"),
            between("rule.defaultRetention.days", 1, 36500),
            between("rule.defaultRetention.years", 1, 100),
            _retention(),
        ),
        behaviours=(
            Behaviour(
                "a lock needs versioning",
                "S3 user guide, Object Lock prerequisites",
                "test_s3_settings.py::test_a_lock_needs_versioning",
            ),
        ),
    ),
)
