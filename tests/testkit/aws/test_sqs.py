"""Queues and topics."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError, Unhealthy

from .cloud import Cloud
from .samples import ROOT, policy, queue, trust

POLICY = "aws:sqs/queuePolicy:QueuePolicy"
QUEUE = "aws:sqs/queue:Queue"
ROLE = "aws:iam/role:Role"
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


NOBODY = policy("sqs:SendMessage", Principal={"AWS": "arn:aws:iam::123456789012:role/trainer"})
UNSEEN = {
    QUEUE: r"InvalidAttributeValue: Invalid value for the parameter Policy\.",
    TOPIC: "InvalidParameter: Invalid parameter: Policy Error: PrincipalNotFound",
}


@pytest.mark.parametrize("token", UNSEEN)
def test_a_policy_names_principals_that_exist(cloud: Cloud, token: str) -> None:
    with pytest.raises((ProviderError, Unhealthy), match=UNSEEN[token]):
        cloud.up(token, "born with it", name="born", policy=NOBODY)
    made = cloud.up(token, name="it")
    with pytest.raises(ProviderError, match=UNSEEN[token]):
        cloud.change(token, made, name="it", policy=NOBODY)
    cloud.up(ROLE, name="trainer", assumeRolePolicy=trust())
    after = cloud.change(token, made, name="it", policy=NOBODY)
    assert "role/trainer" in after.outputs["policy"]
    cloud.boto("iam").delete_role(RoleName="trainer")
    assert "policy" not in cloud.change(token, after, name="it").inputs


def test_a_role_is_waited_for_by_policies_of_their_own_and_topics_and_not_by_queues(cloud: Cloud) -> None:
    of_queue = queue(cloud)
    cloud.package.lag(60, ROLE)
    cloud.up(ROLE, name="trainer", assumeRolePolicy=trust())
    with pytest.raises(ProviderError, match=UNSEEN[QUEUE]):
        cloud.up(QUEUE, "asks once", name="it", policy=NOBODY)  # 1 of 60
    with pytest.raises(ProviderError, match=UNSEEN[QUEUE]):
        cloud.up(POLICY, **of_queue, policy=NOBODY)  # 25
    with pytest.raises(Unhealthy, match=UNSEEN[TOPIC]):
        cloud.up(TOPIC, "asks long", name="it", policy=NOBODY)  # 49
    assert cloud.up(POLICY, **of_queue, policy=NOBODY)


@pytest.mark.parametrize("action", ["sqs:Frobnicate", "SQS:SendMessageBatch"])
def test_a_policy_allows_what_sqs_can_do(cloud: Cloud, action: str) -> None:
    wrong = policy(action, Principal={"AWS": ROOT})
    refused = f"InvalidParameterValue: Value SQS:{action[4:]} for parameter ActionName is invalid"
    with pytest.raises(ProviderError, match=refused):
        cloud.up(POLICY, **queue(cloud), policy=wrong)
    with pytest.raises(ProviderError, match=refused):
        cloud.up(QUEUE, "other", policy=wrong)
    for right in ("sqs:sendmessage", "sqs:Send*", "sqs:*"):
        assert cloud.up(POLICY, queueUrl="jobs", policy=policy(right, Principal={"AWS": ROOT}))


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
