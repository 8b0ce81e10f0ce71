"""Lifecycle rules of a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour
from mlgate_testkit.aws.models.s3_setting import setting
from mlgate_testkit.aws.rules import choice, holds, text, values_at
from mlgate_testkit.aws.spelling import from_api, to_api
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs
from mlgate_testkit.provider.values import UNKNOWN

__all__ = ["MODELS"]

_ACTIONS = ("abortIncompleteMultipartUpload", "expiration", "noncurrentVersionExpiration", "noncurrentVersionTransitions", "transitions")
_CLASSES = ("GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR")
_NAMES, _BACK = {"id": "ID"}, {"ID": "id"}


def _put(aws: Aws, bucket: str, inputs: Inputs) -> None:
    rules = [to_api(rule, _NAMES) for rule in inputs["rules"]]
    for rule in rules:
        if "Prefix" not in rule:
            rule.setdefault("Filter", {"Prefix": ""})
            if not rule["Filter"]:
                rule["Filter"] = {"Prefix": ""}
    size = {"TransitionDefaultMinimumObjectSize": inputs.get("transitionDefaultMinimumObjectSize") or "all_storage_classes_128K"}
    aws.client("s3").put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules}, **size)


def _get(s3: Any, bucket: str) -> Outputs:
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]  # of the smallest size, moto says the default whatever it is
    rules = [{key: value for key, value in rule.items() if (key, value) != ("Filter", {"Prefix": ""})} for rule in found]
    return {"rules": [from_api(rule, _BACK) for rule in rules]}


def _delete(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").delete_bucket_lifecycle(Bucket=bucket)


def _no_date(value: Any) -> str:
    """Why a value is no date as in RFC 3339 ("2030-01-01", or with a time of day), or ""."""
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return f"{value!r} is no date as in RFC 3339: write it as 2030-01-01"
    return ""


def _rules(inputs: Inputs) -> Iterator[Failure]:
    """What S3 refuses (API reference, PutBucketLifecycleConfiguration; user guide, "Lifecycle configuration elements")."""
    seen: set[str] = set()
    for place, rule in values_at(inputs, "rules"):
        if rule["id"] in seen:
            yield Failure(f"{place}.id", f"Rule ID must be unique. Found same ID for more than one rule: {rule['id']}")
        if rule["id"] is not UNKNOWN:
            seen.add(rule["id"])
        if not any(rule.get(action) for action in _ACTIONS):
            yield Failure(place, f"At least one action needs to be specified in a rule: one of {', '.join(_ACTIONS)}")
    for place, move in values_at(inputs, "rules.transitions"):
        days = move.get("days")
        if move.get("storageClass") in {"STANDARD_IA", "ONEZONE_IA"} and isinstance(days, int) and days < 30:
            reason = f"'Days' in Transition action must be greater than or equal to 30 for storageClass '{move['storageClass']}'"
            yield Failure(f"{place}.days", reason)


MODELS = (
    setting(
        "BucketLifecycleConfiguration",
        "S3 Bucket Lifecycle Configuration",
        _put,
        _get,
        _delete,
        computed=frozenset({"transitionDefaultMinimumObjectSize"}),
        state_only=frozenset({"timeouts", "expectedBucketOwner", "transitionDefaultMinimumObjectSize"}),
        rules=(
            choice("rules.status", "Enabled", "Disabled"),
            choice("transitionDefaultMinimumObjectSize", "all_storage_classes_128K", "varies_by_storage_class"),
            choice("rules.transitions.storageClass", *_CLASSES),
            choice("rules.noncurrentVersionTransitions.storageClass", *_CLASSES),
            text("rules.id", r".+", "is no rule ID", at_most=255),
            holds("rules.expiration.date", _no_date),
            holds("rules.transitions.date", _no_date),
            _rules,
        ),
        behaviours=(
            Behaviour(
                "a rule without an action, two rules of one id, and infrequent access before day 30 are refused",
                "S3 API reference, PutBucketLifecycleConfiguration",
                "test_s3_settings.py::test_lifecycle_rules_that_s3_refuses_are_named",
            ),
        ),
    ),
)
