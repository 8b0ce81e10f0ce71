"""`AuditTrail`: who read and wrote what in the stores, and what was signed, told by CloudTrail where nobody else can write."""

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws  # lazy: an annotation that is read at import would load its parts

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.names import BUCKET, check_arn, check_once
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, account_root
from mlgate_components.aws.storage.bucket_policies import Writer
from mlgate_components.aws.storage.buckets import Lock, check_lock, check_log_days, check_store_name, create_store, retired
from mlgate_components.aws.storage.keys import administered, check_deletion, create_key, used_through
from mlgate_components.aws.tags import Tags

__all__ = ["AuditTrail", "AuditTrailArgs"]

TYPE = "mlgate:index:AuditTrail"
_SERVICE = "cloudtrail.amazonaws.com"


class AuditTrailArgs(TypedDict):
    """What is recorded, and for how long."""

    tags: Tags
    """What every resource of it carries."""
    bucket_arns: list[pulumi.Input[str]]
    """The buckets whose objects' reads and writes are recorded: those of the stores."""
    lock: Lock
    """How long no record can be deleted; it is deleted once that is over."""
    log_days: NotRequired[int]
    """How long the record of who read the records stays, 1 to 36,500 days; 365 unless said."""
    deletion_days: NotRequired[int]
    """How long its key waits before it is deleted, 7 to 30 days; 30 unless said."""


class AuditTrail(pulumi.ComponentResource):
    """A trail of all regions, validated by its digests, in a locked bucket that only CloudTrail writes to. It stays when the stack goes."""

    trail_arn: pulumi.Output[str]
    """The trail."""
    bucket_name: pulumi.Output[str]
    """The bucket that records lie in."""
    bucket_arn: pulumi.Output[str]
    """The bucket, for policies."""
    key_arn: pulumi.Output[str]
    """The key that records are under."""

    def __init__(self, name: str, args: AuditTrailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts, root = Parts(name, args["tags"], self), account_root(self)
        asked = {"ArnLike": {"aws:SourceArn": root.apply(_trails)}}
        grants = [*used_through(["s3"], root), *_encrypted_by_the_trail(asked)]
        key = create_key(parts, "", f"records in {name}", [administered(root), *grants], plan["deletion_days"])
        writer = Writer(
            _SERVICE,
            root.apply(lambda arn: f"AWSLogs/{arn.split(':')[4]}/*"),
            asked,
            {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
            reads_acl=True,
        )
        lifecycle = {"expiration": {"days": args["lock"]["days"]}, **retired(1)}
        store = create_store(parts, key, root, lifecycle=lifecycle, lock=args["lock"], log_days=plan["log_days"], writer=writer)
        self.trail_arn = aws.cloudtrail.Trail(
            parts.called(),
            s3_bucket_name=store.bucket.bucket,
            kms_key_id=key.arn,
            enable_log_file_validation=True,
            include_global_service_events=True,
            is_multi_region_trail=True,
            advanced_event_selectors=_selected(args["bucket_arns"]),
            tags=parts.tagged(),
            opts=parts.opts(store.policy, kept=True),
        ).arn
        self.bucket_name, self.bucket_arn, self.key_arn = store.bucket.bucket, store.bucket.arn, key.arn
        register_declared(self)


def _trails(root: str) -> str:
    """Trails of this account. Its own name comes after bucket and key, and stays as it is when the component is called otherwise."""
    _, partition, _, _, account, _ = root.split(":", 5)
    return f"arn:{partition}:cloudtrail:*:{account}:trail/*"


def _encrypted_by_the_trail(asked: Mapping[str, Any]) -> list[Statement]:
    """CloudTrail user guide, "Configure AWS KMS key policies for CloudTrail": Decrypt is for a bucket that has a bucket key."""
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]
    return [{"Sid": "Trail", "Effect": "Allow", "Principal": {"Service": _SERVICE}, "Action": actions, "Resource": "*", "Condition": asked}]


def _selected(buckets: list[pulumi.Input[str]]) -> list[dict[str, Any]]:
    """All calls that manage something, KMS's Sign among them, which counts as reading; and every read and write of objects there."""
    objects = [pulumi.Output.concat(arn, "/") for arn in buckets]
    return [
        {"name": "management, signing included", "field_selectors": [{"field": "eventCategory", "equals": ["Management"]}]},
        {
            "name": "objects of the stores",
            "field_selectors": [
                {"field": "eventCategory", "equals": ["Data"]},
                {"field": "resources.type", "equals": ["AWS::S3::Object"]},
                {"field": "resources.ARN", "starts_withs": objects},
            ],
        },
    ]


def _planned(name: str, args: AuditTrailArgs) -> Mapping[str, int]:
    """The numbers of days. Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("AuditTrail", name)
    check(AuditTrailArgs, args, wrong)
    wrong.stop()
    check_store_name(name, wrong)
    check_lock(args["lock"], wrong, "lock")
    check_once(args["bucket_arns"], wrong, "bucket_arns")
    if not args["bucket_arns"]:
        wrong.add("bucket_arns", "is empty", "the stores whose objects are to be watched")
    for index, arn in enumerate(args["bucket_arns"]):
        check_arn(arn, wrong, f"bucket_arns[{index}]", BUCKET)
    days = {"log_days": check_log_days(args, wrong), "deletion_days": check_deletion(args, wrong)}
    wrong.stop()
    return days
