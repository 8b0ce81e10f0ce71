"""SNS topics."""

from __future__ import annotations

from collections.abc import Iterator

from mlgate_testkit.aws.account import Aws, ClientError, refusal
from mlgate_testkit.aws.documents import malformed
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.principals import require_principals
from mlgate_testkit.aws.rules import between, conflicting, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_ATTRIBUTES = {
    "deliveryPolicy": "DeliveryPolicy",
    "displayName": "DisplayName",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "policy": "Policy",
}
_UNREAD = frozenset(
    {
        *(
            f"{each}FeedbackRoleArn"
            for protocol in ("application", "firehose", "http", "lambda", "sqs")
            for each in (f"{protocol}Failure", f"{protocol}Success")
        ),
        *(f"{protocol}SuccessFeedbackSampleRate" for protocol in ("application", "firehose", "http", "lambda", "sqs")),
        "archivePolicy",
        "fifoThroughputScope",
        "maximumMessageSize",
        "signatureVersion",
        "tracingConfig",
    }
)


def _create(aws: Aws, inputs: Inputs) -> str:
    name = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}{_fifo(inputs)}"
    attributes = {"FifoTopic": "true"} if inputs["fifoTopic"] else {}
    if inputs["contentBasedDeduplication"]:
        attributes["ContentBasedDeduplication"] = "true"
    return str(aws.client("sns").create_topic(Name=name, Attributes=attributes, Tags=tag_list(inputs["tags"]))["TopicArn"])


def _settle(aws: Aws, arn: str, inputs: Inputs) -> None:
    if inputs.get("policy"):
        if problem := malformed(inputs["policy"], "resource"):
            raise _refused(problem)
        require_principals(aws, inputs["policy"], _refused("PrincipalNotFound"))
    for argument, attribute in _ATTRIBUTES.items():
        if inputs.get(argument):
            aws.client("sns").set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=inputs[argument])


def _refused(problem: str) -> ClientError:
    return refusal("InvalidParameter", f"Invalid parameter: Policy Error: {problem}", "SetTopicAttributes")


def _read(aws: Aws, arn: str, _known: Inputs) -> Outputs | None:
    sns = aws.client("sns")
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    return {
        "arn": arn,
        "name": arn.rsplit(":", 1)[-1],
        "owner": found["Owner"],
        "beginningArchiveTime": "",
        "fifoTopic": found.get("FifoTopic") == "true",
        "contentBasedDeduplication": found.get("ContentBasedDeduplication") == "true",
        **{argument: found.get(attribute) or None for argument, attribute in _ATTRIBUTES.items()},
        "tags": tags_of(sns.list_tags_for_resource(ResourceArn=arn)["Tags"]),
    }


def _update(aws: Aws, arn: str, olds: Inputs, news: Inputs) -> None:
    sns = aws.client("sns")
    for argument, attribute in _ATTRIBUTES.items():
        if olds.get(argument) and not news.get(argument) and argument != "policy":
            sns.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue="")
    if olds["contentBasedDeduplication"] != news["contentBasedDeduplication"]:
        value = str(bool(news["contentBasedDeduplication"])).lower()
        sns.set_topic_attributes(TopicArn=arn, AttributeName="ContentBasedDeduplication", AttributeValue=value)
    _settle(aws, arn, news)
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        sns.untag_resource(ResourceArn=arn, TagKeys=removed)
    if news["tags"]:
        sns.tag_resource(ResourceArn=arn, Tags=tag_list(news["tags"]))


def _delete(aws: Aws, arn: str, _inputs: Inputs) -> None:
    aws.client("sns").delete_topic(TopicArn=arn)


def _fifo(inputs: Inputs) -> str:
    return ".fifo" if inputs.get("fifoTopic") else ""


def _fifo_rules(inputs: Inputs) -> Iterator[Failure]:
    name, fifo = inputs.get("name"), bool(inputs.get("fifoTopic"))
    if isinstance(name, str) and fifo != name.endswith(".fifo"):
        yield Failure("name", f"invalid topic name: {name}: a FIFO topic's name ends with .fifo, and no other's does")
    if inputs.get("contentBasedDeduplication") and not fifo:
        yield Failure("contentBasedDeduplication", "content-based deduplication can only be set for FIFO topics")


MODELS = (
    ResourceModel(
        type="aws:sns/topic:Topic",
        noun="SNS Topic",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 256, suffix=_fifo, instead=("namePrefix",)),
        defaults={"contentBasedDeduplication": False, "fifoTopic": False},
        forces_new=frozenset({"name", "fifoTopic"}),
        computed=frozenset({"policy", "fifoThroughputScope", "signatureVersion", "tracingConfig"}),
        state_only=_UNREAD,
        json=frozenset({"policy", "deliveryPolicy", "archivePolicy"}),
        rules=(
            conflicting("name", "namePrefix"),
            text("name", r"[a-zA-Z0-9_-]+(\.fifo)?", "must have letters, digits, _ and - only", at_most=256),
            between("signatureVersion", 1, 2),
            _fifo_rules,
        ),
        behaviours=(
            Behaviour(
                "a FIFO topic's name ends with .fifo, and only it deduplicates",
                "SNS API reference, CreateTopic; aws_sns_topic",
                "test_sqs.py::test_a_fifo_topic_is_called_so",
            ),
            Behaviour(
                "a policy that names a principal that does not exist is refused, once two minutes have not shown it",
                "terraform-provider-aws#26041 (text) and internal/service/sns/topic.go, putTopicAttribute (how long it asks)",
                "test_sqs.py::test_a_policy_names_principals_that_exist",
                ("test_sqs.py::test_a_role_is_waited_for_by_policies_of_their_own_and_topics_and_not_by_queues",),
            ),
        ),
    ),
)
