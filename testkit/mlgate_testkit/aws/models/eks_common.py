"""What the models of EKS share: two-part ids, tags by ARN, times, and roles that may not be seen yet."""

from __future__ import annotations

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.principals import require_role
from mlgate_testkit.provider.provider import Inputs

__all__ = ["parts", "retag_arn", "seen_role"]


def parts(resource_id: str, separator: str = ":") -> tuple[str, str]:
    """Cluster and name of an id such as "cluster:name"."""
    cluster, _, name = resource_id.partition(separator)
    return cluster, name


def retag_arn(aws: Aws, arn: str, olds: Inputs, news: Inputs) -> None:
    """Makes the tags of something in EKS those of `news`."""
    eks, before, after = aws.client("eks"), olds.get("tags") or {}, news.get("tags") or {}
    if gone := [key for key in before if key not in after]:
        eks.untag_resource(resourceArn=arn, tagKeys=gone)
    if changed := {key: value for key, value in after.items() if before.get(key) != value}:
        eks.tag_resource(resourceArn=arn, tags=changed)


def seen_role(aws: Aws, arn: str, message: str) -> None:
    """Waits, as the real provider does, until a role of this account is seen. Raises InvalidParameterException with that message."""
    if arn.startswith(f"arn:{aws.partition}:iam::{aws.account_id}:role/"):
        require_role(aws, arn.rsplit("/", 1)[-1], refusal("InvalidParameterException", message, "EKS"))
