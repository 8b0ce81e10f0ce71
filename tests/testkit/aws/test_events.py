"""EventBridge's rules and their targets."""

from __future__ import annotations

import json

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import JOBS, queue

RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
PATTERN = json.dumps({"source": ["aws.ec2"], "detail-type": ["EC2 Spot Instance Interruption Warning"]})


def test_a_rule_is_by_events_or_by_time(cloud: Cloud) -> None:
    (neither,) = cloud.check(RULE, name="interruptions")
    assert "must be specified" in neither.reason
    assert cloud.check(RULE, name="nightly", scheduleExpression="rate(1 day)") == []
    (long,) = cloud.check(RULE, name="i" * 65, eventPattern=PATTERN)
    assert long.property == "name"
    (wordy,) = cloud.check(RULE, name="interruptions", eventPattern=json.dumps({"source": ["x" * 4096]}))
    assert "cannot be longer than 4096" in wordy.reason
    assert [failure.property for failure in cloud.check(RULE, name="interruptions", eventPattern="{")] == ["eventPattern"]


def test_a_rule_is_on_unless_said(cloud: Cloud) -> None:
    assert cloud.up(RULE, "on", eventPattern=PATTERN).outputs["state"] == "ENABLED"
    off = cloud.up(RULE, "off", eventPattern=PATTERN, isEnabled=False)
    assert (off.outputs["state"], off.outputs["isEnabled"]) == ("DISABLED", False)
    assert cloud.change(RULE, off, "off", eventPattern=PATTERN, state="ENABLED").outputs["isEnabled"]


def test_a_rule_with_targets_stays(cloud: Cloud) -> None:
    queue(cloud)
    rule = cloud.up(RULE, name="interruptions", eventPattern=PATTERN)
    target = cloud.up(TARGET, rule="interruptions", arn=JOBS)
    with pytest.raises(ProviderError, match="Rule can't be deleted since it has targets"):
        cloud.delete(RULE, rule)
    cloud.delete(TARGET, target)
    cloud.delete(RULE, rule)
    assert cloud.refresh(RULE, rule) is None


def test_a_target_is_of_a_rule_that_is_there(cloud: Cloud) -> None:
    queue(cloud)
    with pytest.raises(ProviderError, match="does not exist"):
        cloud.up(TARGET, rule="interruptions", arn=JOBS)
    cloud.up(RULE, name="interruptions", eventPattern=PATTERN)
    state = cloud.up(TARGET, rule="interruptions", arn=JOBS)
    assert state.outputs["targetId"].startswith("terraform-")
    assert cloud.refresh(TARGET, state) == state
    cloud.boto("events").remove_targets(Rule="interruptions", Ids=[state.outputs["targetId"]])
    assert cloud.refresh(TARGET, state) is None
