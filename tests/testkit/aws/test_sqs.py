"""Queues and topics."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import ROOT, policy, queue

POLICY = "aws:sqs/queuePolicy:QueuePolicy"
QUEUE = "aws:sqs/queue:Queue"
TOPIC = "aws:sns/topic:Topic"


def test_a_fifo_queue_is_called_so(cloud: Cloud) -> None:
    assert cloud.up(QUEUE, "jobs", fifoQueue=True, contentBasedDeduplication=True).outputs["name"].endswith(".fifo")
    (plain,) = cloud.check(QUEUE, name="jobs", fifoQueue=True)
    assert "ends with .fifo" in plain.reason
    (named,) = cloud.check(QUEUE, name="jobs.fifo")
    assert "no other's does" in named.reason
    (deduplicates,) = cloud.check(QUEUE, contentBasedDeduplication=True)
    assert deduplicates.reason == "contentBasedDeduplication can only be set for FIFO queue"


def test_a_fifo_topic_is_called_so(cloud: Cloud) -> None:
    assert cloud.up(TOPIC, "alarms", fifoTopic=True).outputs["arn"].endswith(".fifo")
    assert cloud.check(TOPIC, name="alarms", fifoTopic=True)
    assert cloud.check(TOPIC, contentBasedDeduplication=True)


def test_a_queue_has_the_address_that_aws_would_give_it(cloud: Cloud) -> None:
    state = cloud.up(QUEUE, name="jobs")
    assert state.id == state.outputs["url"] == "https://sqs.eu-central-1.amazonaws.com/123456789012/jobs"
    assert state.outputs["arn"] == "arn:aws:sqs:eu-central-1:123456789012:jobs"


def test_a_timeout_changed_by_hand_is_seen(cloud: Cloud) -> None:
    state, sqs = cloud.up(QUEUE, name="jobs"), cloud.boto("sqs")
    sqs.set_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"], Attributes={"VisibilityTimeout": "5"})
    found = cloud.refresh(QUEUE, state)
    assert found
    assert found.inputs["visibilityTimeoutSeconds"] == 5


@pytest.mark.parametrize("token", [QUEUE, TOPIC])
def test_a_malformed_policy_is_refused(cloud: Cloud, token: str) -> None:
    with pytest.raises(ProviderError, match=r"Syntax errors in policy\."):
        cloud.up(token, name="it", policy='{"Statement": [{"Effects": "Allow"}]}')


@pytest.mark.parametrize(("argument", "value"), [("delaySeconds", 901), ("visibilityTimeoutSeconds", -1), ("maxMessageSize", 1)])
def test_numbers_have_their_ranges(cloud: Cloud, argument: str, value: int) -> None:
    (failure,) = cloud.check(QUEUE, **{argument: value})  # type: ignore[arg-type]
    assert failure.property == argument


def test_a_queue_policy_needs_its_queue_and_its_principals(cloud: Cloud) -> None:
    allowed = policy("sqs:SendMessage", Principal={"AWS": ROOT})
    with pytest.raises(ProviderError, match="NonExistentQueue"):
        cloud.up(POLICY, queueUrl="https://sqs.eu-central-1.amazonaws.com/123456789012/jobs", policy=allowed)
    nobody = policy("sqs:SendMessage", Principal={"AWS": "arn:aws:iam::123456789012:role/nobody"})
    with pytest.raises(ProviderError, match=r"InvalidAttributeValue: Invalid value for the parameter Policy\."):
        cloud.up(POLICY, **queue(cloud), policy=nobody)
    with pytest.raises(ProviderError, match=r"Reason: Syntax errors in policy\."):
        cloud.up(POLICY, queueUrl="jobs", policy='{"Statement": [{"Effects": "Allow"}]}')


def test_a_queue_policy_is_the_queues_own(cloud: Cloud) -> None:
    made = cloud.up(QUEUE, name="jobs")
    own = cloud.up(POLICY, queueUrl=made.id, policy=policy("sqs:SendMessage", Principal={"AWS": ROOT}))
    seen = cloud.refresh(QUEUE, made)
    assert seen
    assert seen.inputs == made.inputs
    assert "SendMessage" in seen.outputs["policy"]
    cloud.delete(POLICY, own)
    assert "policy" not in (cloud.imported(QUEUE, made.id) or seen).outputs
    assert cloud.refresh(POLICY, own) is None
