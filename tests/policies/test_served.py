"""What serves the rules, asked as the engine asks it: in its own environment, over its own protocol, with no engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as said

from mlgate_policies.rule import Level
from mlgate_policies.rules import OWN_FILE, RULES

from .serving import ALL_OF_S3, ALLOWS_ALL, POLICY, REGION, Serve, after, asked, before, made, serving

UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_LIST = "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}
SHOWN = """\
import json
from dataclasses import asdict

from mlgate_policies.rule import Level, Levels, Rule


def show(resource, others):
    whole = {**asdict(resource), "others": [other.name for other in others]}
    yield json.dumps(whole, default=lambda value: value.name)


def rule(name, at_end):
    levels = Levels(dev=Level.DISABLED, staging=Level.ADVISORY, prod=Level.MANDATORY)
    types, beside = frozenset({"acme:index:Asked"}), frozenset({"acme:index:Asked", "acme:index:Beside"})
    return Rule(name=name, why="to see", remedy="look", levels=levels, types=types, beside=beside, check=show, at_end=at_end)


RULES = (rule("shown-before", False), rule("shown-after", True))
"""


def shown(diagnostic: Any) -> dict[str, Any]:
    """What the rule of the test was shown."""
    why, told, remedy = diagnostic.message.split("\n")
    assert (why, remedy) == ("to see", "  -> look")
    return dict(json.loads(told))


def level_of(level: Level) -> int:
    return int(said.EnforcementLevel.Value(level.name))


def test_each_rule_is_offered_with_why_remedy_and_the_level_of_the_stack_that_is_named(policy_pack: str, tmp_path: Path) -> None:
    def levels(policies: Any, stack: str) -> list[tuple[str, int]]:
        assert policies[-1].name == "bill"
        assert policies[-1].enforcementLevel == said.ADVISORY
        return [(rule.name, level_of(rule.levels.of(stack))) for rule in RULES]

    with serving(policy_pack, tmp_path) as pack:
        info = pack.GetAnalyzerInfo(empty_pb2.Empty())
        assert info.name == "mlgate"
        *ours, bill = info.policies
        assert bill.description == "who changes a stack sees what a month of it costs"
        assert [each.description for each in ours] == [rule.why for rule in RULES]
        assert [each.remediation_steps for each in ours] == [rule.remedy for rule in RULES]
        assert [(each.name, each.enforcementLevel) for each in ours] == levels(info.policies, "prod")
        for stack in ("dev", "staging", "prod", "acme"):
            pack.ConfigureStack(said.AnalyzerStackConfigureRequest(stack=stack))
            info = pack.GetAnalyzerInfo(empty_pb2.Empty())
            assert [(each.name, each.enforcementLevel) for each in info.policies][:-1] == levels(info.policies, stack)


def test_a_resource_that_breaks_a_rule_is_refused_by_name_and_the_others_are_left_alone(serve: Serve) -> None:
    (rule,) = [each for each in RULES if each.name == "wildcard-action"]
    with serve() as pack:
        (found,) = before(pack, asked(POLICY, {"policy": ALL_OF_S3}))
        assert (found.policyName, found.policyPackName, found.enforcementLevel) == (rule.name, "mlgate", said.MANDATORY)
        assert found.message == f"{rule.why}\n{ALLOWS_ALL}\n  -> {rule.remedy}"
        assert before(pack, asked(POLICY, {"policy": "{}"})) == []
        assert before(pack, asked("acme:index:Policy", {"policy": ALL_OF_S3})) == []


def test_a_rule_is_shown_a_resource_whole_and_what_was_registered_before_it(serve: Serve) -> None:
    properties = {
        "text": "a",
        "hidden": UNKNOWN_STRING,
        "members": UNKNOWN_LIST,
        "nested": {"list": ["b", UNKNOWN_STRING, {"deep": UNKNOWN_STRING}], "number": 2, "true": True},
        "secret": SECRET,
    }
    provider = {**REGION, "defaultTags": json.dumps({"tags": {"owner": "ml"}})}
    with serve("staging", **{OWN_FILE: SHOWN}) as pack:
        assert before(pack, asked("acme:index:Beside", name="first")) == []
        assert before(pack, asked("acme:index:Other", name="other")) == []
        (found,) = before(pack, asked("acme:index:Asked", properties, provider=provider, protect=True))
        assert found.enforcementLevel == said.ADVISORY
        assert shown(found) == {
            "type": "acme:index:Asked",
            "name": "it",
            "urn": "urn:pulumi:prod::p::acme:index:Asked::it",
            "properties": {
                "text": "a",
                "hidden": "UNKNOWN",
                "members": "UNKNOWN",
                "nested": {"list": ["b", "UNKNOWN", {"deep": "UNKNOWN"}], "number": 2, "true": True},
                "secret": "hush",
            },
            "protect": True,
            "made_from": {},
            "default_tags": {"owner": "ml"},
            "region": "eu-central-1",
            "others": ["first"],
        }
        assert [shown(each)["others"] for each in before(pack, asked("acme:index:Asked", name="next"))] == [["first", "it"]]
        assert [shown(each)["others"] for each in before(pack, asked("acme:index:Asked", name="it"))] == [["first", "next"]]


@pytest.mark.parametrize(
    ("provider", "tags", "region"),
    [
        (None, {}, None),
        ({"defaultTags": UNKNOWN_STRING, "region": UNKNOWN_STRING}, "UNKNOWN", None),
        ({"defaultTags": {"tags": {"owner": "ml"}}}, {"owner": "ml"}, None),
        ({"defaultTags": "{}", **REGION}, {}, "eu-central-1"),
    ],
)
def test_tags_and_region_are_those_of_the_provider_as_far_as_they_are_known(
    serve: Serve, provider: Mapping[str, Any] | None, tags: Any, region: str | None
) -> None:
    with serve(**{OWN_FILE: SHOWN}) as pack:
        (found,) = before(pack, asked("acme:index:Asked", provider=provider))
        assert (shown(found)["default_tags"], shown(found)["region"], shown(found)["protect"]) == (tags, region, False)


def test_when_the_program_has_ended_a_rule_is_shown_all_that_stands_beside_and_what_came_from_what(serve: Serve) -> None:
    first = made("acme:index:Beside", name="first")
    with serve(**{OWN_FILE: SHOWN}) as pack:
        (found,) = after(
            pack,
            first,
            made("acme:index:Other", name="other"),
            made("acme:index:Asked", {"of": UNKNOWN_STRING}, made_from={"of": [first.urn, "urn:of:nobody"]}),
            made("acme:index:Beside", name="last"),
        )
        assert (found.policyName, found.enforcementLevel, found.urn) == (
            "shown-after",
            said.MANDATORY,
            "urn:pulumi:prod::p::acme:index:Asked::it",
        )
        assert shown(found)["made_from"] == {"of": [first.urn]}
        assert shown(found)["others"] == ["first", "last"]
        assert after(pack, first) == []
