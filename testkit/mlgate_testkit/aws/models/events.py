"""EventBridge: rules on a bus that is there already, and what they send events to. Nothing happens here, so nothing is sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import enumerated
from mlgate_testkit.aws.rules import conflicting, holds, json_text, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_DEFAULT_BUS = "default"
_LONGEST_PATTERN = 4096
_RULE = {
    "description": "Description",
    "eventPattern": "EventPattern",
    "roleArn": "RoleArn",
    "scheduleExpression": "ScheduleExpression",
    "state": "State",
}
_TARGET = {"arn": "Arn", "input": "Input", "inputPath": "InputPath", "roleArn": "RoleArn"}
_KINDS_OF_TARGET = frozenset(
    {
        "appsyncTarget",
        "batchTarget",
        "deadLetterConfig",
        "ecsTarget",
        "httpTarget",
        "inputTransformer",
        "kinesisTarget",
        "redshiftTarget",
        "retryPolicy",
        "runCommandTargets",
        "sagemakerPipelineTarget",
        "sqsTarget",
    }
)


def _id(bus: str, *names: str) -> str:
    """The default bus goes without saying in the id of a rule, and not in that of a target."""
    return "/".join((bus, *names)) if bus != _DEFAULT_BUS else "/".join(names)


def _rule_of(rule_id: str) -> dict[str, str]:
    bus, _, name = rule_id.rpartition("/")
    return {"EventBusName": bus or _DEFAULT_BUS, "Name": name}


def _put_rule(aws: Aws, name: str, inputs: Inputs) -> None:
    asked = {attribute: inputs[argument] for argument, attribute in _RULE.items() if inputs.get(argument)}
    if "state" not in inputs and inputs.get("isEnabled") is not None:
        asked["State"] = "ENABLED" if inputs["isEnabled"] else "DISABLED"
    aws.client("events").put_rule(Name=name, EventBusName=inputs["eventBusName"], **asked)


def _create_rule(aws: Aws, inputs: Inputs) -> str:
    name = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    _put_rule(aws, name, inputs)
    return _id(inputs["eventBusName"], name)


def _settle_rule(aws: Aws, rule_id: str, inputs: Inputs) -> None:
    if inputs["tags"]:
        arn = aws.client("events").describe_rule(**_rule_of(rule_id))["Arn"]
        aws.client("events").tag_resource(ResourceARN=arn, Tags=tag_list(inputs["tags"]))


def _read_rule(aws: Aws, rule_id: str, _known: Inputs) -> Outputs | None:
    events, named = aws.client("events"), _rule_of(rule_id)
    found = events.describe_rule(**named)
    return {
        "name": named["Name"],
        "namePrefix": None,
        "eventBusName": named["EventBusName"],
        "arn": found["Arn"],
        **{argument: found.get(attribute) or None for argument, attribute in _RULE.items()},
        "isEnabled": found["State"] != "DISABLED",
        "tags": tags_of(events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]),
    }


def _update_rule(aws: Aws, rule_id: str, olds: Inputs, news: Inputs) -> None:
    _put_rule(aws, _rule_of(rule_id)["Name"], news)
    events = aws.client("events")
    arn = events.describe_rule(**_rule_of(rule_id))["Arn"]
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        events.untag_resource(ResourceARN=arn, TagKeys=removed)
    _settle_rule(aws, rule_id, news)


def _delete_rule(aws: Aws, rule_id: str, inputs: Inputs) -> None:
    events, named = aws.client("events"), _rule_of(rule_id)
    if events.list_targets_by_rule(Rule=named["Name"], EventBusName=named["EventBusName"])["Targets"]:
        raise refusal("ValidationException", "Rule can't be deleted since it has targets.", "DeleteRule")
    events.delete_rule(**named, Force=bool(inputs.get("forceDestroy")))


def _target_of(target_id: str) -> tuple[str, str, str]:
    """Bus, rule and target."""
    *bus, rule, target = target_id.split("/")
    return "/".join(bus) or _DEFAULT_BUS, rule, target


def _put_target(aws: Aws, target: str, inputs: Inputs) -> None:
    asked = {attribute: inputs[argument] for argument, attribute in _TARGET.items() if inputs.get(argument)}
    aws.client("events").put_targets(Rule=inputs["rule"], EventBusName=inputs["eventBusName"], Targets=[{"Id": target, **asked}])


def _create_target(aws: Aws, inputs: Inputs) -> str:
    target = inputs.get("targetId") or f"terraform-{aws.unique()}"
    _put_target(aws, target, inputs)
    return _id(inputs["eventBusName"], inputs["rule"], target)


def _read_target(aws: Aws, target_id: str, _known: Inputs) -> Outputs | None:
    bus, rule, target = _target_of(target_id)
    targets = aws.client("events").list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    found: dict[str, Any] | None = next((each for each in targets if each["Id"] == target), None)
    if found is None:
        return None
    said = {argument: found.get(attribute) for argument, attribute in _TARGET.items()}
    return {"rule": rule, "eventBusName": bus, "targetId": target, **said}


def _update_target(aws: Aws, target_id: str, _olds: Inputs, news: Inputs) -> None:
    _put_target(aws, _target_of(target_id)[2], news)


def _delete_target(aws: Aws, target_id: str, _inputs: Inputs) -> None:
    bus, rule, target = _target_of(target_id)
    aws.client("events").remove_targets(Rule=rule, EventBusName=bus, Ids=[target])


def _pattern(pattern: Any) -> str:
    length = len(json.dumps(json.loads(pattern), separators=(",", ":")))
    return f"cannot be longer than {_LONGEST_PATTERN} characters, has {length}" if length > _LONGEST_PATTERN else ""


def _pattern_or_schedule(inputs: Inputs) -> Iterator[Failure]:
    if inputs.get("eventPattern") is None and inputs.get("scheduleExpression") is None:
        yield Failure("eventPattern", "one of `eventPattern,scheduleExpression` must be specified")


MODELS = (
    ResourceModel(
        type="aws:cloudwatch/eventRule:EventRule",
        noun="EventBridge Rule",
        create=_create_rule,
        settle=_settle_rule,
        read=_read_rule,
        update=_update_rule,
        delete=_delete_rule,
        name=AutoName("name", 64, instead=("namePrefix",)),
        defaults={"eventBusName": _DEFAULT_BUS, "forceDestroy": False},
        forces_new=frozenset({"name", "eventBusName"}),
        computed=frozenset({"state", "isEnabled"}),
        state_only=frozenset({"forceDestroy"}),
        json=frozenset({"eventPattern"}),
        rules=(
            conflicting("name", "namePrefix"),
            conflicting("isEnabled", "state"),
            text("name", r"[0-9A-Za-z_.-]+", "must have letters, digits, _ . and - only", at_most=64),
            enumerated("state", "events", "RuleState"),
            json_text("eventPattern"),
            holds("eventPattern", _pattern),
            _pattern_or_schedule,
        ),
        behaviours=(
            Behaviour(
                "a rule is by events or by time, and its name has 64 characters at most",
                "terraform-provider-aws, internal/service/events/rule.go",
                "test_events.py::test_a_rule_is_by_events_or_by_time",
            ),
            Behaviour(
                "a rule that has targets is not deleted",
                "EventBridge API reference, DeleteRule; message: terraform-provider-aws, internal/service/events/rule.go",
                "test_events.py::test_a_rule_with_targets_stays",
            ),
        ),
    ),
    ResourceModel(
        type="aws:cloudwatch/eventTarget:EventTarget",
        noun="EventBridge Target",
        create=_create_target,
        read=_read_target,
        update=_update_target,
        delete=_delete_target,
        defaults={"eventBusName": _DEFAULT_BUS, "forceDestroy": False},
        forces_new=frozenset({"rule", "eventBusName", "targetId"}),
        computed=frozenset({"targetId"}),
        state_only=_KINDS_OF_TARGET | {"forceDestroy"},
        rules=(
            conflicting("input", "inputPath", "inputTransformer"),
            text("targetId", r"[0-9A-Za-z_.-]+", "must have letters, digits, _ . and - only", at_most=64),
            json_text("input"),
        ),
        behaviours=(
            Behaviour(
                "a target is of a rule that is there; without an id it gets one, which stays",
                "EventBridge API reference, PutTargets; terraform-provider-aws, internal/service/events/target.go",
                "test_events.py::test_a_target_is_of_a_rule_that_is_there",
            ),
        ),
    ),
)
