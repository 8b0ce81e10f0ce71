"""`InterruptionQueue`, recorded: what Karpenter hears of, and who may tell it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_testkit.record import Graph, record

TAGS = {"environment": "dev", "owner": "platform"}
RULE, TARGET = "aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"


def recorded(name: str = "interruptions", **args: Any) -> Graph:
    def program() -> None:
        import pulumi

        from mlgate_components.aws.gpu.interruption_queue import InterruptionQueue

        made = InterruptionQueue(name, {"tags": TAGS, **args})  # type: ignore[typeddict-item]
        for output in ("queue_name", "queue_arn", "queue_url"):
            pulumi.export(output, getattr(made, output))

    return record(program)


def test_every_event_that_takes_machines_away_goes_to_the_queue() -> None:
    graph = recorded()
    patterns = [json.loads(rule.inputs["eventPattern"]) for rule in graph.all(RULE)]
    events = {(pattern["source"][0], pattern["detail-type"][0]) for pattern in patterns}
    assert events == {
        ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
        ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
        ("aws.ec2", "EC2 Instance State-change Notification"),
        ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
        ("aws.health", "AWS Health Event"),
    }
    assert {target.inputs["rule"] for target in graph.all(TARGET)} == {f"<name of EventRule {rule.name}>" for rule in graph.all(RULE)}
    assert {target.inputs["arn"] for target in graph.all(TARGET)} == {"<arn of Queue interruptions>"}


def test_its_rules_alone_may_send_and_nobody_in_clear() -> None:
    graph = recorded()
    policy = graph.one("aws:sqs/queuePolicy:QueuePolicy")
    send, clear = json.loads(policy.inputs["policy"])["Statement"]
    assert (send["Principal"], send["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    assert send["Condition"]["ArnEquals"]["aws:SourceArn"] == [f"<arn of EventRule {rule.name}>" for rule in graph.all(RULE)]
    assert (clear["Effect"], clear["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert all(target.needs(policy) for target in graph.all(TARGET)), "an event that is refused is lost"


def test_its_messages_are_encrypted_and_not_kept_for_long() -> None:
    queue = recorded().one("aws:sqs/queue:Queue").inputs
    assert (queue["sqsManagedSseEnabled"], queue["messageRetentionSeconds"]) == (True, 300)
    assert queue["tags"]["owner"] == "platform"
    assert recorded().outputs["queue_name"] == "<name of Queue interruptions>"


def test_a_misspelt_argument_is_refused() -> None:
    with pytest.raises(ArgumentsError, match="queues: is no argument"):
        recorded(queues=2)


@pytest.mark.parametrize(("name", "said"), [("", "lower-case letters"), ("q" * 45, "44 at most")])
def test_a_name_that_its_rules_could_not_have_is_refused(name: str, said: str) -> None:
    with pytest.raises(ArgumentsError, match=said):
        recorded(name)
