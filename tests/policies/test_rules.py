"""The rules together: their table, their levels, rules of a project's own, and programs as they are recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import pytest

from mlgate import UsageError
from mlgate_policies import traffic
from mlgate_policies.exceptions import PolicyExceptions
from mlgate_policies.judge import Judge
from mlgate_policies.resource import Resource
from mlgate_policies.rule import ENVIRONMENTS, EVERYTHING, Level, Levels, Rule
from mlgate_policies.rules import OWN_FILE, RULES, rules_of
from mlgate_testkit.record import record

from .asking import resource, resources
from .programs import EVERY_RULE_OF_AWS, IDENTITY, REGION, careful, careless

ORDER = list(Level)
NO_EXCEPTIONS = PolicyExceptions(apiVersion="mlgate/v1", kind="PolicyExceptions", exceptions=())
OWN = """\
from mlgate_policies.rule import Level, Levels, Rule

def check(resource, others):
    if resource.at("engine") == "mysql":
        yield "its engine is mysql"

RULES = (
    Rule(
        name="{name}",
        why="we know PostgreSQL",
        remedy="take PostgreSQL",
        levels=Levels(dev=Level.ADVISORY, staging=Level.ADVISORY, prod=Level.ADVISORY),
        types=frozenset({{"aws:rds/instance:Instance"}}),
        check=check,
    ),
)
"""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_environment_is_held_to_less_than_the_one_before_it(rule: Rule) -> None:
    levels = [ORDER.index(rule.levels.of(environment)) for environment in ENVIRONMENTS]
    assert levels == sorted(levels)
    assert rule.levels.prod is Level.MANDATORY


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_why_and_what_to_do(rule: Rule) -> None:
    assert rule.why
    assert rule.remedy
    assert rule.types
    assert not rule.why.endswith(".")


# Dynamic resources of our own, and Karpenter's objects, whose SDK is their definition.
OF_NO_SDK = {
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass",
    "pulumi-python:dynamic/mlgate:EndpointProcess",
    "pulumi-python:dynamic/mlgate:StableUrl",
}


def test_what_rules_look_at_is_registered_by_the_installed_sdks() -> None:
    known = "".join(Path(str(find_spec(sdk).origin)).read_text(encoding="utf-8") for sdk in ("pulumi_aws", "pulumi_kubernetes"))  # type: ignore[union-attr]
    looked_at = frozenset[str]().union(*(rule.types | rule.beside for rule in RULES)) - EVERYTHING
    assert {token for token in looked_at if f'"{token}"' not in known} == OF_NO_SDK


def test_names_are_names_of_one_rule_each() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_two_programs_and_the_platform_are_asked_about_every_rule_but_those_of_traffic() -> None:
    assert {rule.name for rule in RULES} == EVERY_RULE_OF_AWS | {rule.name for rule in traffic.RULES}


@pytest.mark.parametrize(("stack", "level"), [("dev", "disabled"), ("staging", "advisory"), ("prod", "mandatory"), ("acme", "mandatory")])
def test_a_stack_of_another_name_is_judged_as_prod(stack: str, level: str) -> None:
    assert Levels(dev=Level.DISABLED, staging=Level.ADVISORY, prod=Level.MANDATORY).of(stack) == level


def judged(program: Callable[[], None], stack: str) -> list[tuple[str, str, Level]]:
    graph = record(program, stack=stack, config=REGION, invokes=IDENTITY)
    judge = Judge(stack, NO_EXCEPTIONS, date(2026, 12, 31))
    found = [
        violation
        for at_end in (False, True)
        for violation in judge.all([rule for rule in RULES if rule.at_end is at_end], resources(graph, at_end=at_end))
    ]
    return [(each.rule.name, each.resource.name, each.level) for each in found]


@pytest.mark.parametrize("stack", ENVIRONMENTS)
def test_a_careful_program_breaks_no_rule(stack: str) -> None:
    assert judged(careful, stack) == []


def test_a_careless_program_breaks_all_of_them_in_prod() -> None:
    found = judged(careless, "prod")
    assert {name for name, _, _ in found} == EVERY_RULE_OF_AWS
    assert {level for _, _, level in found} == {Level.MANDATORY}


def test_in_dev_it_may_lose_what_it_has() -> None:
    found = judged(careless, "dev")
    assert {name for name, _, _ in found} == EVERY_RULE_OF_AWS - {"missing-backup", "missing-retention"}
    assert {name for name, _, level in found if level is Level.ADVISORY} == {"missing-owner", "budget-breach"}


def test_a_project_adds_rules_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\n", encoding="utf-8")
    assert rules_of(tmp_path) == RULES
    (tmp_path / OWN_FILE).write_text(OWN.format(name="no-mysql"), encoding="utf-8")
    *ours, own = rules_of(tmp_path / "stacks")
    assert tuple(ours) == RULES
    assert own.name == "no-mysql"
    assert own.check.__module__ == "policy_rules"


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        (OWN.format(name="plain-disk"), "there are two rules plain-disk", "give yours names of their own"),
        (
            OWN.format(name="imdsv1") + OWN.format(name="plain-disk").replace("RULES =", "RULES +="),
            "there are two rules imdsv1, plain-disk",
            "give yours names of their own",
        ),
        ("RULES = 'no-mysql'", "RULES is 'no-mysql'", "assign a tuple of mlgate_policies.rule.Rule to RULES"),
        ("RULES = ['no-mysql']", r"RULES is \['no-mysql'\]", "assign a tuple of mlgate_policies.rule.Rule to RULES"),
        ("", "RULES is None", "assign a tuple of mlgate_policies.rule.Rule to RULES"),
    ],
)
def test_a_file_without_rules_is_named(tmp_path: Path, text: str, said: str, remedy: str) -> None:
    (tmp_path / OWN_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as failure:
        rules_of(tmp_path)
    assert (failure.value.where, failure.value.remedy) == (str(tmp_path / OWN_FILE), remedy)


@pytest.mark.parametrize("at_end", [False, True])
def test_a_rule_is_shown_what_stands_beside_it_and_before_it_or_at_the_end_all_of_it(at_end: bool) -> None:
    shown: list[list[str]] = []

    def check(_asked: Resource, others: Sequence[Resource]) -> list[str]:
        shown.append([other.name for other in others])
        return []

    levels = Levels(dev=Level.DISABLED, staging=Level.ADVISORY, prod=Level.MANDATORY)
    types, beside = frozenset({"a"}), frozenset({"a", "b"})
    rule = Rule(name="r", why="", remedy="", levels=levels, types=types, beside=beside, check=check, at_end=at_end)
    named = {"a1": "a", "b1": "b", "c1": "c", "a2": "a", "b2": "b"}
    stack = [resource(token, name=name) for name, token in named.items()]
    Judge("prod", NO_EXCEPTIONS, date(2026, 12, 31)).all([rule], stack)
    assert shown == ([["b1", "a2", "b2"], ["a1", "b1", "b2"]] if at_end else [[], ["a1", "b1"]])
    Judge("dev", NO_EXCEPTIONS, date(2026, 12, 31)).all([rule], stack)
    assert len(shown) == 2


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])  # at any time one of them has another day
def test_a_judge_goes_by_the_day_in_utc_wherever_it_runs(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = datetime.now(UTC).date()
    with monkeypatch.context() as there:
        there.setenv("TZ", zone)
        time.tzset()
        judge = Judge.now("prod", NO_EXCEPTIONS)
    time.tzset()
    assert (judge.stack, judge.exceptions) == ("prod", NO_EXCEPTIONS)
    assert before <= judge.today <= datetime.now(UTC).date()
