"""What the policy of a bucket says to S3 itself, where moto misreads it."""

from __future__ import annotations

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from mlgate_testkit.aws.documents import statements
from mlgate_testkit.aws.grants import granted

__all__ = ["install", "permission", "takes_logs"]


def install() -> None:
    """Puts these in the places of moto's."""
    FakeBucket._log_permissions_enabled_policy = takes_logs  # type: ignore[method-assign,assignment]
    FakeBucket.get_permission = permission  # type: ignore[method-assign,assignment]


def takes_logs(source: FakeBucket, target_bucket: FakeBucket, target_prefix: str | None) -> bool:
    """Whether a bucket takes the access logs of `source` (S3 user guide, "Permissions for log delivery"), of which moto knows one form."""
    policy = target_bucket.policy
    return policy is not None and granted(
        policy.decode(),
        service="logging.s3.amazonaws.com",
        action="s3:PutObject",
        resource=f"{target_bucket.arn}/{target_prefix or ''}2026-01-01-00-00-00-0",
        source=source.arn,
        account=source.account_id,
    )


def permission(bucket: FakeBucket, action: str, resource: str) -> Any:
    """By the statements without a condition: whatever else one says, moto takes a condition that does not hold for a refusal."""
    if bucket.policy is None:
        return PermissionResult.NEUTRAL
    plain = [statement for statement in statements(bucket.policy.decode()) if not statement.get("Condition")]
    return IAMPolicy(json.dumps({"Statement": plain})).is_action_permitted(action, resource)
