"""SQS queues."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.documents import listed, malformed, statements
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.principals import require_principals
from mlgate_testkit.aws.rules import between, choice, conflicting, text
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_NUMBERS = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
_TEXTS = {
    "deduplicationScope": "DeduplicationScope",
    "fifoThroughputLimit": "FifoThroughputLimit",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
}
_BOOLS = {"contentBasedDeduplication": "ContentBasedDeduplication", "sqsManagedSseEnabled": "SqsManagedSseEnabled"}


def _attributes(inputs: Inputs) -> dict[str, str]:
    found = {name: str(int(inputs[argument])) for argument, name in _NUMBERS.items() if inputs.get(argument) is not None}
    found |= {name: inputs[argument] for argument, name in _TEXTS.items() if inputs.get(argument)}
    found |= {
        name: str(bool(inputs[argument])).lower()
        for argument, name in _BOOLS.items()
        if inputs.get(argument) is not None and (argument != "contentBasedDeduplication" or inputs["fifoQueue"])
    }
    return found


def _require_policy(aws: Aws, policy: str, operation: str, *, patience_s: int = 5) -> None:
    """Raises SQS's refusal of a policy. Of a queue the real provider asks once, about a queue policy for two minutes: `patience_s`."""
    told = "Invalid value for the parameter Policy."
    if problem := malformed(policy, "resource"):
        raise refusal("InvalidAttributeValue", f"{told} Reason: {problem}", operation)
    if unknown := next(_unknown_actions(aws, policy), ""):
        reason = "Reason: Please refer to the appropriate WSDL for a list of valid actions."
        message = f"Value SQS:{unknown} for parameter ActionName is invalid. {reason}"
        raise refusal("InvalidParameterValue", message, operation)
    require_principals(aws, policy, refusal("InvalidAttributeValue", told, operation), patience_s=patience_s)


def _unknown_actions(aws: Aws, policy: str) -> Iterator[str]:
    """SQS's own only, written out: the operations of its API, but for batches, which their single forms allow."""
    known = {name.lower() for name in aws.client("sqs").meta.service_model.operation_names if not name.endswith("Batch")}
    for statement in statements(policy):
        for action in listed(statement.get("Action", statement.get("NotAction"))):
            service, _, name = action.partition(":")
            if service.lower() == "sqs" and not set(name) & set("*?") and name.lower() not in known:
                yield name


def _here(sqs: Any, url: str) -> str:
    """moto's address of the queue that has this one on AWS."""
    return str(sqs.get_queue_url(QueueName=url.rsplit("/", 1)[-1])["QueueUrl"])


def _create(aws: Aws, inputs: Inputs) -> str:
    name = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}{_fifo(inputs)}"
    attributes = _attributes(inputs) | ({"FifoQueue": "true"} if inputs["fifoQueue"] else {})
    if inputs.get("policy"):
        _require_policy(aws, inputs["policy"], "CreateQueue")
    made = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes, tags=inputs["tags"])
    return _url(aws, made["QueueUrl"].rsplit("/", 1)[-1])


def _url(aws: Aws, name: str) -> str:
    return f"https://sqs.{aws.region}.{aws.suffix}/{aws.account_id}/{name}"


def _read(aws: Aws, url: str, known: Inputs) -> Outputs | None:
    sqs, name = aws.client("sqs"), url.rsplit("/", 1)[-1]
    here = _here(sqs, url)
    found = sqs.get_queue_attributes(QueueUrl=here, AttributeNames=["All"])["Attributes"]
    return {
        "name": name,
        "url": url,
        "arn": found["QueueArn"],
        "fifoQueue": found.get("FifoQueue") == "true",
        **{argument: int(found.get(attribute) or known.get(argument) or 300) for argument, attribute in _NUMBERS.items()},
        **{argument: found.get(attribute) for argument, attribute in _TEXTS.items()},
        **{argument: found.get(attribute) == "true" for argument, attribute in _BOOLS.items()},
        "tags": sqs.list_queue_tags(QueueUrl=here).get("Tags", {}),
    }


def _update(aws: Aws, url: str, olds: Inputs, news: Inputs) -> None:
    sqs = aws.client("sqs")
    here = _here(sqs, url)
    before, after = _attributes(olds), _attributes(news)
    if news.get("policy") and news["policy"] != olds.get("policy"):
        _require_policy(aws, news["policy"], "SetQueueAttributes")
    lost = {attribute: "" for argument, attribute in _TEXTS.items() if attribute in before and attribute not in after}
    off = {attribute: "false" for attribute in _BOOLS.values() if attribute in before and attribute not in after}
    sqs.set_queue_attributes(QueueUrl=here, Attributes={**after, **lost, **off})
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        sqs.untag_queue(QueueUrl=here, TagKeys=removed)
    if news["tags"]:
        sqs.tag_queue(QueueUrl=here, Tags=news["tags"])


def _delete(aws: Aws, url: str, _inputs: Inputs) -> None:
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=_here(sqs, url))


# -- a queue's policy as a resource of its own


def _put_policy(aws: Aws, url: str, policy: str) -> None:
    _require_policy(aws, policy, "SetQueueAttributes", patience_s=120)
    sqs = aws.client("sqs")
    sqs.set_queue_attributes(QueueUrl=_here(sqs, url), Attributes={"Policy": policy})


def _create_policy(aws: Aws, inputs: Inputs) -> str:
    _put_policy(aws, inputs["queueUrl"], inputs["policy"])
    return str(inputs["queueUrl"])


def _read_policy(aws: Aws, url: str, _known: Inputs) -> Outputs | None:
    sqs = aws.client("sqs")
    policy = sqs.get_queue_attributes(QueueUrl=_here(sqs, url), AttributeNames=["Policy"]).get("Attributes", {}).get("Policy")
    return {"queueUrl": url, "policy": policy} if policy else None


def _update_policy(aws: Aws, url: str, _olds: Inputs, news: Inputs) -> None:
    _put_policy(aws, url, news["policy"])


def _delete_policy(aws: Aws, url: str, _inputs: Inputs) -> None:
    sqs = aws.client("sqs")
    sqs.set_queue_attributes(QueueUrl=_here(sqs, url), Attributes={"Policy": ""})


def _fifo(inputs: Inputs) -> str:
    return ".fifo" if inputs.get("fifoQueue") else ""


def _fifo_rules(inputs: Inputs) -> Iterator[Failure]:
    name, fifo = inputs.get("name"), bool(inputs.get("fifoQueue"))
    if isinstance(name, str) and fifo != name.endswith(".fifo"):
        yield Failure("name", f"invalid queue name: {name}: a FIFO queue's name ends with .fifo, and no other's does")
    if not fifo:
        for argument in ("contentBasedDeduplication", "deduplicationScope", "fifoThroughputLimit"):
            if inputs.get(argument):
                yield Failure(argument, f"{argument} can only be set for FIFO queue")


MODELS = (
    ResourceModel(
        type="aws:sqs/queue:Queue",
        noun="SQS Queue",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 80, suffix=_fifo, instead=("namePrefix",)),
        defaults={
            "contentBasedDeduplication": False,
            "delaySeconds": 0,
            "fifoQueue": False,
            "maxMessageSize": 262_144,
            "messageRetentionSeconds": 345_600,
            "receiveWaitTimeSeconds": 0,
            "visibilityTimeoutSeconds": 30,
        },
        forces_new=frozenset({"name", "fifoQueue"}),
        computed=frozenset(
            {
                "deduplicationScope",
                "fifoThroughputLimit",
                "kmsDataKeyReusePeriodSeconds",
                "policy",
                "redriveAllowPolicy",
                "redrivePolicy",
                "sqsManagedSseEnabled",
            }
        ),
        json=frozenset({"policy", "redriveAllowPolicy", "redrivePolicy"}),
        rules=(
            conflicting("name", "namePrefix"),
            conflicting("kmsMasterKeyId", "sqsManagedSseEnabled"),
            text("name", r"[a-zA-Z0-9_-]+(\.fifo)?", "must have letters, digits, _ and - only", at_most=80),
            between("delaySeconds", 0, 900),
            between("maxMessageSize", 1024, 1_048_576),
            between("messageRetentionSeconds", 60, 1_209_600),
            between("receiveWaitTimeSeconds", 0, 20),
            between("visibilityTimeoutSeconds", 0, 43_200),
            between("kmsDataKeyReusePeriodSeconds", 60, 86_400),
            choice("deduplicationScope", "messageGroup", "queue"),
            choice("fifoThroughputLimit", "perQueue", "perMessageGroupId"),
            _fifo_rules,
        ),
        behaviours=(
            Behaviour(
                "a FIFO queue's name ends with .fifo, automatic ones too, and only it deduplicates",
                "SQS API reference, CreateQueue; aws_sqs_queue",
                "test_sqs.py::test_a_fifo_queue_is_called_so",
            ),
            Behaviour(
                "a policy that names a principal that does not exist, or is not seen yet, is refused at once",
                "terraform-provider-aws, internal/service/sqs/queue.go (asks again only for a queue deleted recently)",
                "test_sqs.py::test_a_policy_names_principals_that_exist",
                ("test_sqs.py::test_a_role_is_waited_for_by_policies_of_their_own_and_topics_and_not_by_queues",),
            ),
        ),
    ),
    ResourceModel(
        type="aws:sqs/queuePolicy:QueuePolicy",
        noun="SQS Queue Policy",
        create=_create_policy,
        read=_read_policy,
        update=_update_policy,
        delete=_delete_policy,
        forces_new=frozenset({"queueUrl"}),
        json=frozenset({"policy"}),
        behaviours=(
            Behaviour(
                "a principal that does not exist is refused, and a queue that does not",
                "SQS API reference, SetQueueAttributes; terraform-provider-aws, internal/service/sqs/attribute_funcs.go",
                "test_sqs.py::test_a_queue_policy_needs_its_queue_and_its_principals",
            ),
            Behaviour(
                "an action that SQS has not is refused, and so is a batch: its single form allows it",
                "SQS developer guide, Amazon SQS API permissions; message: cloudtools/awacs#34",
                "test_sqs.py::test_a_policy_allows_what_sqs_can_do",
            ),
            Behaviour(
                "it is the queue's own policy: deleting it leaves the queue without one",
                "aws_sqs_queue_policy; terraform-provider-aws, internal/service/sqs/attribute_funcs.go",
                "test_sqs.py::test_a_queue_policy_is_the_queues_own",
            ),
        ),
    ),
)
