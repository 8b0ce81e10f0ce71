"""Whether a bucket takes the access logs of another one: by its policy as IAM reads it, where moto knows one form of a statement only."""

from __future__ import annotations

from moto.s3.models import FakeBucket

from mlgate_testkit.aws.grants import granted

__all__ = ["takes_logs"]


def takes_logs(source: FakeBucket, target_bucket: FakeBucket, target_prefix: str | None) -> bool:
    """S3 user guide, "Permissions for log delivery". In the place of a method of moto's `source`."""
    return bool(target_bucket.policy) and granted(
        target_bucket.policy.decode(),
        service="logging.s3.amazonaws.com",
        action="s3:PutObject",
        resource=f"{target_bucket.arn}/{target_prefix or ''}2026-01-01-00-00-00-0",
        source=source.arn,
        account=source.account_id,
    )
