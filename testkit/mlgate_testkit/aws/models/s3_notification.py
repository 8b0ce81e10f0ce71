"""Where a bucket tells of what happens in it: queues, topics, functions and EventBridge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, NamedTuple

from moto.s3.models import s3_backends

from mlgate_testkit.aws.account import Aws, ClientError, refusal
from mlgate_testkit.aws.grants import granted
from mlgate_testkit.aws.model import Behaviour, same_set
from mlgate_testkit.aws.models.s3_setting import setting
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


class _Target(NamedTuple):
    """One kind: the API's name of its list, the field with the ARN in both spellings, the ARN's service, and its part of a made-up id."""

    members: str
    field: str
    name: str
    service: str
    kind: str


_TARGETS = {
    "queues": _Target("QueueConfigurations", "queueArn", "QueueArn", "sqs", "queue"),
    "topics": _Target("TopicConfigurations", "topicArn", "TopicArn", "sns", "topic"),
    "lambdaFunctions": _Target("LambdaFunctionConfigurations", "lambdaFunctionArn", "LambdaFunctionArn", "lambda", "lambda"),
}
_FILTERS = {"filterPrefix": "prefix", "filterSuffix": "suffix"}


def _put(aws: Aws, bucket: str, inputs: Inputs) -> None:
    s3 = aws.client("s3")
    there, region = _get(s3, bucket), s3.head_bucket(Bucket=bucket)["BucketRegion"]
    wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if inputs["eventbridge"] else {}
    for argument, kind in _TARGETS.items():
        ids = [each["id"] for each in there[argument] or ()]
        made = [
            _asked(target, kind, ids[at] if at < len(ids) else f"tf-s3-{kind.kind}-{aws.unique()}")
            for at, target in enumerate(inputs.get(argument) or ())
        ]
        for target in made:
            _require_reachable(aws, bucket, region, kind, target[kind.name])
        if made:
            wanted[kind.members] = made
    _refuse_overlaps([target for argument in _TARGETS for target in inputs.get(argument) or ()])
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)


def _asked(target: Mapping[str, Any], kind: _Target, otherwise: str) -> dict[str, Any]:
    """A target as the API takes it, under the id that the program gives or `otherwise`."""
    arn = target.get(kind.field) or ""
    if arn.count(":") < 5 or arn.split(":")[2] != kind.service:
        raise _invalid("The ARN is not well formed")
    rules = [{"Name": rule, "Value": target[key]} for key, rule in _FILTERS.items() if target.get(key)]
    request = {"Id": target.get("id") or otherwise, kind.name: arn, "Events": target["events"]}
    return request | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


def _get(s3: Any, bucket: str) -> Outputs:
    """A bucket always has a configuration; an empty one has nothing in it."""
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    return {argument: [_told(each, kind) for each in found.get(kind.members, ())] or None for argument, kind in _TARGETS.items()}


def _told(target: Mapping[str, Any], kind: _Target) -> dict[str, Any]:
    rules = {rule["Name"].lower(): rule["Value"] for rule in target.get("Filter", {}).get("Key", {}).get("FilterRules", ())}
    filters = {key: rules.get(rule, "") for key, rule in _FILTERS.items()}  # "" says that there is none, so that a refresh sees one go
    return {"id": target["Id"], kind.field: target[kind.name], "events": target["Events"], **filters}


def _bridged(aws: Aws, bucket: str) -> Outputs:
    """moto keeps this and tells it to nobody."""
    held = s3_backends[aws.account_id][aws.partition].get_bucket(bucket).notification_configuration
    return {"eventbridge": held is not None and held.event_bridge is not None}


def _delete(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})


def _require_reachable(aws: Aws, bucket: str, region: str, kind: _Target, arn: str) -> None:
    """Raises S3's refusal unless the target is where the bucket is, no FIFO one, and there, with a policy that lets S3 send to it for this
    bucket. Functions are not simulated: any will do."""
    if arn.split(":")[3] != region:
        raise _invalid("The notification destination service region is not valid for the bucket location constraint")
    if kind.service == "lambda":
        return
    if kind.service == "sqs" and arn.endswith(".fifo"):
        raise _invalid("FIFO SQS queues are not supported.")
    try:
        policy = _queue_policy(aws, arn) if kind.service == "sqs" else _topic_policy(aws, arn)
    except ClientError:
        policy = "{}"
    action = "sqs:SendMessage" if kind.service == "sqs" else "sns:Publish"
    source = f"arn:{aws.partition}:s3:::{bucket}"
    sends = granted(policy, service="s3.amazonaws.com", action=action, resource=arn, source=source, account=aws.account_id)
    if arn.endswith(".fifo") or not sends:
        raise _invalid(f"Unable to validate the following destination configurations ({arn})")


def _queue_policy(aws: Aws, arn: str) -> str:
    """Nothing allows S3 a queue of another account, even where one here has its name: moto tells of an account's own only."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn", "Policy"])["Attributes"]
    return str(found.get("Policy") or "{}") if found["QueueArn"] == arn else "{}"


def _topic_policy(aws: Aws, arn: str) -> str:
    return str(aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy") or "{}")


def _refuse_overlaps(targets: Iterable[Mapping[str, Any]]) -> None:
    """One event of one object goes to one target at most."""
    for one, other in combinations(targets, 2):
        ends = (one.get("filterSuffix") or "", other.get("filterSuffix") or "")
        starts = (one.get("filterPrefix") or "", other.get("filterPrefix") or "")
        objects = max(starts, key=len).startswith(min(starts, key=len)) and max(ends, key=len).endswith(min(ends, key=len))
        if objects and any(_same_event(mine, theirs) for mine in one["events"] for theirs in other["events"]):
            raise _invalid("Configurations overlap. Configurations on the same bucket cannot share a common event type.")


def _same_event(one: str, other: str) -> bool:
    return one == other or any(
        general.endswith("*") and special.startswith(general[:-1]) for general, special in ((one, other), (other, one))
    )


def _invalid(message: str) -> ClientError:
    return refusal("InvalidArgument", message, "PutBucketNotificationConfiguration")


def _same_targets(before: Any, after: Any) -> bool:
    """Events of a target are a set, and a target that says no id keeps the one that it has."""
    if not isinstance(before, list) or not isinstance(after, list) or len(before) != len(after):
        return bool(before == after)
    return all(_same_target(old, new) for old, new in zip(before, after, strict=True))


def _same_target(before: Any, after: Any) -> bool:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return bool(before == after)
    kept = {"id": before["id"]} if "id" in before and "id" not in after else {}
    return same_set(before.get("events"), after.get("events")) and _said(before) == _said({**after, **kept})


def _said(target: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in target.items() if key != "events" and value not in (None, "")}


MODELS = (
    setting(
        "BucketNotification",
        "S3 Bucket Notification",
        _put,
        _get,
        _delete,
        also=_bridged,
        defaults={"eventbridge": False},
        computed=frozenset(f"{argument}.id" for argument in _TARGETS),
        equivalent=dict.fromkeys(_TARGETS, _same_targets) | {f"{argument}.events": same_set for argument in _TARGETS},
        behaviours=(
            Behaviour(
                "a queue or topic must be there, with a policy that lets s3.amazonaws.com send to it for this bucket",
                "S3 user guide, Granting permissions to publish event notification messages to a destination",
                "test_s3_notification.py::test_a_queue_must_let_s3_send_to_it_first",
            ),
            Behaviour(
                "a target is in the bucket's region, and no FIFO queue or topic; a refused change leaves what was there",
                "S3 user guide, Supported event destinations; cloud-custodian#1720 (text for the region); "
                "treeverse/terminus (text for FIFO queues)",
                "test_s3_notification.py::test_a_target_is_a_standard_one_of_the_buckets_region",
            ),
            Behaviour(
                "two targets do not share an event of objects that both filters let through",
                "S3 user guide, Configuring event notifications using object key name filtering",
                "test_s3_notification.py::test_two_targets_do_not_share_an_event",
            ),
            Behaviour(
                "a target without an id gets one, which stays",
                "aws_s3_bucket_notification, id: Optional and Computed",
                "test_s3_notification.py::test_a_target_without_an_id_keeps_the_one_that_it_got",
            ),
        ),
    ),
)
