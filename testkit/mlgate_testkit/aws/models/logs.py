"""CloudWatch log groups."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.rules import Rule, choice, conflicting, holds, text
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]

_DAYS = (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def _create(aws: Aws, inputs: Inputs) -> str:
    name: str = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    request: dict[str, Any] = {"logGroupName": name, "tags": inputs["tags"]} if inputs["tags"] else {"logGroupName": name}
    if inputs.get("kmsKeyId"):
        request["kmsKeyId"] = inputs["kmsKeyId"]
    if inputs.get("logGroupClass"):
        request["logGroupClass"] = inputs["logGroupClass"]
    aws.client("logs").create_log_group(**request)
    return name


def _settle(aws: Aws, name: str, inputs: Inputs) -> None:
    if days := int(inputs["retentionInDays"]):
        aws.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)


def _read(aws: Aws, name: str, known: Inputs) -> Outputs | None:
    logs = aws.client("logs")
    groups = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    group = next((each for each in groups if each["logGroupName"] == name), None)
    if group is None:
        return None
    arn = aws.arn("logs", f"log-group:{name}")
    return {
        "name": name,
        "arn": arn,
        "retentionInDays": group.get("retentionInDays", 0),
        "kmsKeyId": group.get("kmsKeyId"),
        "logGroupClass": known.get("logGroupClass") or "STANDARD",  # moto keeps none
        "tags": logs.list_tags_for_resource(resourceArn=arn)["tags"],
    }


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    logs, arn = aws.client("logs"), aws.arn("logs", f"log-group:{name}")
    if not int(news["retentionInDays"]):
        logs.delete_retention_policy(logGroupName=name)
    _settle(aws, name, news)
    if news.get("kmsKeyId") and news["kmsKeyId"] != olds.get("kmsKeyId"):
        logs.associate_kms_key(logGroupName=name, kmsKeyId=news["kmsKeyId"])
    elif olds.get("kmsKeyId") and not news.get("kmsKeyId"):
        logs.disassociate_kms_key(logGroupName=name)
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        logs.untag_resource(resourceArn=arn, tagKeys=removed)
    if news["tags"]:
        logs.tag_resource(resourceArn=arn, tags=news["tags"])


def _delete(aws: Aws, name: str, inputs: Inputs) -> None:
    if not inputs.get("skipDestroy"):
        aws.client("logs").delete_log_group(logGroupName=name)


def _retention() -> Rule:
    listed = " ".join(map(str, _DAYS))
    return holds(
        "retentionInDays", lambda days: "" if int(days) in _DAYS else f"expected retention_in_days to be one of [{listed}], got {days}"
    )


MODELS = (
    ResourceModel(
        type="aws:cloudwatch/logGroup:LogGroup",
        noun="CloudWatch Logs Log Group",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 512, instead=("namePrefix",)),
        defaults={"retentionInDays": 0, "skipDestroy": False},
        forces_new=frozenset({"name", "logGroupClass"}),
        computed=frozenset({"logGroupClass"}),
        state_only=frozenset({"skipDestroy", "deletionProtectionEnabled"}),
        rules=(
            conflicting("name", "namePrefix"),
            text(
                "name",
                r"[a-zA-Z0-9_./#-]+",
                "isn't a valid log group name (alphanumeric characters, underscores, hyphens, slashes, hash signs and dots)",
                at_most=512,
            ),
            choice("logGroupClass", "STANDARD", "INFREQUENT_ACCESS", "DELIVERY"),
            _retention(),
        ),
        behaviours=(
            Behaviour(
                "only the days that CloudWatch knows are taken for retention; 0 is for ever",
                "CloudWatch Logs API reference, PutRetentionPolicy",
                "test_logs.py::test_retention_takes_only_days_that_cloudwatch_knows",
            ),
        ),
    ),
)
