"""Where a bucket tells of what happens in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_testkit.aws.grants import granted
from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import UNKNOWN

from .cloud import Cloud
from .samples import JOBS, ROOT, bucket, policy, queue, told_queue

NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
POLICY = "aws:sqs/queuePolicy:QueuePolicy"
CREATED = ["s3:ObjectCreated:*"]
S3 = {"Service": "s3.amazonaws.com"}


def to_jobs(**more: Any) -> dict[str, Any]:
    return {"queues": [{"queueArn": JOBS, "events": CREATED, **more}]}


def test_what_a_program_uploads_is_told_to_its_queue(cloud: Cloud) -> None:
    cloud.up(NOTIFICATION, **told_queue(cloud), **to_jobs(filterPrefix="runs/"))
    for key in ("runs/1.json", "notes.txt"):
        cloud.boto("s3").put_object(Bucket="models", Key=key, Body=b"{}")
    sqs = cloud.boto("sqs")
    came = sqs.receive_message(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"], MaxNumberOfMessages=10)["Messages"]
    bodies = [json.loads(message["Body"]) for message in came]
    assert [body["Records"][0]["s3"]["object"]["key"] for body in bodies if "Records" in body] == ["runs%2F1.json"]


def test_a_queue_must_let_s3_send_to_it_first(cloud: Cloud) -> None:
    arguments = {**bucket(cloud), **to_jobs()}
    refused = rf"InvalidArgument: Unable to validate the following destination configurations \({JOBS}\)"
    with pytest.raises(ProviderError, match=refused):
        cloud.up(NOTIFICATION, **arguments)
    url = queue(cloud)
    with pytest.raises(ProviderError, match=refused):
        cloud.up(NOTIFICATION, **arguments)
    elsewhere = {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::others"}}
    state = cloud.up(POLICY, **url, policy=policy("sqs:SendMessage", JOBS, Principal=S3, Condition=elsewhere))
    with pytest.raises(ProviderError, match=refused):
        cloud.up(NOTIFICATION, **arguments)
    cloud.change(POLICY, state, **url, policy=policy("SQS:*", JOBS, Principal=S3))
    assert cloud.up(NOTIFICATION, **arguments).id == "models"


def test_a_topic_must_let_s3_publish_to_it_first(cloud: Cloud) -> None:
    arguments = {**bucket(cloud), "topics": [{"topicArn": "arn:aws:sns:eu-central-1:123456789012:alarms", "events": CREATED}]}
    topic = cloud.up("aws:sns/topic:Topic", name="alarms")
    with pytest.raises(ProviderError, match="Unable to validate the following destination configurations"):
        cloud.up(NOTIFICATION, **arguments)
    cloud.change("aws:sns/topic:Topic", topic, name="alarms", policy=policy("sns:Publish", Principal=S3))
    assert cloud.up(NOTIFICATION, **arguments).outputs["topics"][0]["events"] == CREATED


@pytest.mark.parametrize("arn", ["jobs", "arn:aws:sns:eu-central-1:123456789012:jobs"])
def test_a_queue_has_the_arn_of_one(cloud: Cloud, arn: str) -> None:
    with pytest.raises(ProviderError, match="The ARN is not well formed"):
        cloud.up(NOTIFICATION, **told_queue(cloud), queues=[{"queueArn": arn, "events": CREATED}])


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"queueArn": "arn:aws:sqs:us-east-1:123456789012:jobs"}, "service region is not valid for the bucket location constraint"),
        ({"topicArn": "arn:aws:sns:us-east-1:123456789012:alarms"}, "service region is not valid for the bucket location constraint"),
        ({"lambdaFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:f"}, "region is not valid for the bucket location"),
        ({"queueArn": "arn:aws:sqs:eu-central-1:210987654321:jobs"}, "Unable to validate the following destination configurations"),
        ({"queueArn": "arn:aws:sqs:eu-central-1:123456789012:first.fifo"}, r"FIFO SQS queues are not supported\."),
        ({"topicArn": "arn:aws:sns:eu-central-1:123456789012:first.fifo"}, "Unable to validate the following destination configurations"),
    ],
)
def test_a_target_is_a_standard_one_of_the_buckets_region(cloud: Cloud, target: dict[str, str], said: str) -> None:
    allowed = {"Principal": S3, "Condition": {"StringLike": {"aws:SourceArn": "*"}}}
    place = told_queue(cloud)
    cloud.up("aws:sqs/queue:Queue", "fifo", name="first.fifo", fifoQueue=True, policy=policy("sqs:SendMessage", **allowed))
    cloud.up("aws:sns/topic:Topic", "fifo", name="first.fifo", fifoTopic=True, policy=policy("sns:Publish", **allowed))
    made = cloud.up(NOTIFICATION, **place, **to_jobs())
    (field,) = target
    targets = {f"{field.removesuffix('Arn')}s": [{**target, "events": ["s3:ObjectRemoved:*"]}]}
    with pytest.raises(ProviderError, match=f"InvalidArgument: .*{said}"):
        cloud.change(NOTIFICATION, made, **place, **targets)
    assert cloud.refresh(NOTIFICATION, made) == made


def test_a_function_is_taken_by_its_arn_alone(cloud: Cloud) -> None:
    place, arn = bucket(cloud), "arn:aws:lambda:eu-central-1:123456789012:function:score"
    with pytest.raises(ProviderError, match="The ARN is not well formed"):
        cloud.up(NOTIFICATION, **place, lambdaFunctions=[{"events": CREATED}])
    made = cloud.up(NOTIFICATION, **place, lambdaFunctions=[{"lambdaFunctionArn": arn, "events": CREATED}])
    assert made.outputs["lambdaFunctions"][0]["lambdaFunctionArn"] == arn


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({}, True),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": ROOT}}, False),
        ({"Effect": "Deny"}, False),
        ({"Action": ["sqs:ReceiveMessage", "sqs:Send*"]}, True),
        ({"Action": "sqs:ReceiveMessage"}, False),
        ({"Resource": "arn:aws:sqs:*:*:other"}, False),
        ({"Condition": {"ArnEquals": {"AWS:SourceArn": ["arn:aws:s3:*:*:mod*"]}}}, True),
        ({"Condition": {"ArnNotLike": {"aws:SourceArn": "arn:aws:s3:::oth*"}}}, True),
        ({"Condition": {"ArnNotEquals": {"aws:SourceArn": ["arn:aws:s3:::oth*", "arn:aws:s3:::mod*"]}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:s3:::mod*"}}}, False),
        ({"Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:s3:::models"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceArn": "arn:aws:s3:::Models"}}}, False),
        ({"Condition": {"StringEqualsIgnoreCase": {"aws:SourceArn": "arn:aws:s3:::Models"}}}, True),
        ({"Condition": {"StringLike": {"aws:SourceArn": "arn:aws:s3:::mod*"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}}, False),
        ({"Condition": {"StringNotEquals": {"aws:SourceAccount": "210987654321"}}}, True),
        ({"Condition": {"ForAnyValue:StringEqualsIfExists": {"aws:SourceAccount": "123456789012"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceOwner": "123456789012"}}}, False),
        ({"Condition": {"StringNotEquals": {"aws:SourceOwner": "123456789012"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"aws:SourceOwner": "123456789012"}}}, True),
        ({"Condition": {"Null": {"aws:SourceArn": "false"}}}, True),
        ({"Condition": {"Null": {"aws:SourceArn": "true"}}}, False),
        ({"Condition": {"Null": {"aws:SourceOwner": True}}}, True),
        ({"Condition": {"Bool": {"aws:SecureTransport": "true"}}}, True),
    ],
)
def test_a_policy_lets_a_service_act_for_a_source(statement: dict[str, Any], allowed: bool) -> None:
    document = json.dumps({"Statement": {"Effect": "Allow", "Principal": S3, "Action": "sqs:SendMessage", "Resource": JOBS, **statement}})
    asked = {"service": "s3.amazonaws.com", "action": "sqs:SendMessage", "resource": JOBS}
    assert granted(document, **asked, source="arn:aws:s3:::models", account="123456789012") is allowed


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        ({"events": CREATED}, True),
        ({"events": ["s3:ObjectCreated:Put"], "filterPrefix": "runs/1/"}, True),
        ({"events": ["s3:ObjectRemoved:*"]}, False),
        ({"events": CREATED, "filterPrefix": "notes/"}, False),
        ({"events": CREATED, "filterPrefix": "runs/", "filterSuffix": ".txt"}, False),
    ],
)
def test_two_targets_do_not_share_an_event(cloud: Cloud, other: dict[str, Any], overlap: bool) -> None:
    (first,) = to_jobs(filterPrefix="runs/", filterSuffix=".json")["queues"]
    arguments = {**told_queue(cloud), "queues": [first, {"queueArn": JOBS, **other}]}
    if overlap:
        with pytest.raises(ProviderError, match=r"InvalidArgument: Configurations overlap\."):
            cloud.up(NOTIFICATION, **arguments)
    else:
        assert cloud.up(NOTIFICATION, **arguments)


def test_a_target_without_an_id_keeps_the_one_that_it_got(cloud: Cloud) -> None:
    place = told_queue(cloud)
    assert cloud.preview(NOTIFICATION, **place, **to_jobs())["queues"][0]["id"] is UNKNOWN
    made = cloud.up(NOTIFICATION, **place, **to_jobs())
    (target,) = made.outputs["queues"]
    assert target["id"].startswith("tf-s3-queue-")
    changed = cloud.change(NOTIFICATION, made, **place, **to_jobs(filterPrefix="runs/"))
    assert changed.outputs["queues"][0]["id"] == target["id"]
    assert cloud.diff(NOTIFICATION, changed, **place, **to_jobs(filterPrefix="runs/", id="runs")).changed
    named = cloud.change(NOTIFICATION, changed, **place, **to_jobs(filterPrefix="runs/", id="runs"))
    assert named.outputs["queues"][0]["id"] == "runs"


def test_events_are_a_set(cloud: Cloud) -> None:
    place, events = told_queue(cloud), ["s3:ObjectRemoved:*", *CREATED]
    made = cloud.up(NOTIFICATION, **place, **to_jobs(events=events))
    assert cloud.diff(NOTIFICATION, made, **place, **to_jobs(events=events[::-1])).changed == {}
    assert cloud.diff(NOTIFICATION, made, **place, **to_jobs()).changed


def test_a_filter_taken_off_by_hand_is_seen(cloud: Cloud) -> None:
    place, wanted = told_queue(cloud), to_jobs(filterPrefix="runs/")
    made = cloud.up(NOTIFICATION, **place, **wanted)
    without = {"Id": made.outputs["queues"][0]["id"], "QueueArn": JOBS, "Events": CREATED}
    cloud.boto("s3").put_bucket_notification_configuration(Bucket="models", NotificationConfiguration={"QueueConfigurations": [without]})
    seen = cloud.refresh(NOTIFICATION, made)
    assert seen
    assert set(cloud.diff(NOTIFICATION, seen, **place, **wanted).changed) == {"queues[0].filterPrefix"}
    assert cloud.diff(NOTIFICATION, seen, **place, **to_jobs()).changed == {}


def test_what_was_notified_by_hand_is_seen(cloud: Cloud) -> None:
    made = cloud.up(NOTIFICATION, **told_queue(cloud), **to_jobs())
    cloud.boto("s3").put_bucket_notification_configuration(Bucket="models", NotificationConfiguration={"EventBridgeConfiguration": {}})
    seen = cloud.refresh(NOTIFICATION, made)
    assert seen
    assert seen.inputs == {"bucket": "models", "eventbridge": True}
