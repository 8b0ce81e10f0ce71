"""`InterruptionQueue`: where Karpenter hears that machines will be taken away, in time to start others."""

import json
from typing import TypedDict

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.names import AUTOMATIC, check_name
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.tags import Tags

__all__ = ["InterruptionQueue", "InterruptionQueueArgs"]

TYPE = "mlgate:index:InterruptionQueue"
_RULE_NAME = 64  # EventBridge API reference, PutRule
_KEPT_S = 300  # an event that is older than that says nothing any more
# What Karpenter 1.15.1 understands: pkg/controllers/interruption/messages/*/parser.go, Source and DetailType.
_EVENTS = {
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
    "reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
    "health": ("aws.health", "AWS Health Event"),
}


class InterruptionQueueArgs(TypedDict):
    """What a queue of interruptions is made of."""

    tags: Tags
    """What every resource of it carries."""


class InterruptionQueue(pulumi.ComponentResource):
    """A queue of EC2's and AWS Health's events about machines: one for each cluster, of which Karpenter is told by its name."""

    queue_name: pulumi.Output[str]
    """The queue, as Karpenter's setting interruptionQueue takes it."""
    queue_arn: pulumi.Output[str]
    """The queue, as the policy of Karpenter's role names it."""
    queue_url: pulumi.Output[str]
    """The queue's address."""

    def __init__(self, name: str, args: InterruptionQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        wrong = Wrong("InterruptionQueue", name)
        check(InterruptionQueueArgs, args, wrong)
        check_name(name, wrong, at_most=_RULE_NAME - AUTOMATIC - len("-reservation"))
        wrong.stop()
        super().__init__(TYPE, name, None, opts)
        parts = Parts(name, args["tags"], self)
        queue = aws.sqs.Queue(
            parts.called(),
            message_retention_seconds=_KEPT_S,
            sqs_managed_sse_enabled=True,
            tags=parts.tagged(),
            opts=parts.opts(),
        )
        rules = {what: self._create_rule(parts, what, *event) for what, event in _EVENTS.items()}
        allowed = aws.sqs.QueuePolicy(
            parts.called(),
            queue_url=queue.url,
            policy=pulumi.Output.all(queue.arn, *(rule.arn for rule in rules.values())).apply(_sent_by),
            opts=parts.opts(),
        )
        for what, rule in rules.items():
            aws.cloudwatch.EventTarget(parts.called(what), rule=rule.name, arn=queue.arn, opts=parts.opts(allowed))
        self.queue_name, self.queue_arn, self.queue_url = queue.name, queue.arn, queue.url
        register_declared(self)

    def _create_rule(self, parts: Parts, what: str, source: str, event: str) -> "aws.cloudwatch.EventRule":
        return aws.cloudwatch.EventRule(
            parts.called(what),
            description=event,
            event_pattern=json.dumps({"source": [source], "detail-type": [event]}),
            tags=parts.tagged(what),
            opts=parts.opts(),
        )


def _sent_by(arns: list[str]) -> str:
    """The rules alone may send, and nobody otherwise than encrypted."""
    queue, *rules = arns
    send = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rules}},
    }
    plain = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": queue,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [send, plain]})
