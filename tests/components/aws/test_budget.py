"""`Budget`, recorded: whose costs count, who hears when, and what it refuses before anything is made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.budget import Spending
from mlgate_testkit.lint import RULES, lint, required_tags
from mlgate_testkit.record import Graph, record

BUDGET = "aws:budgets/budget:Budget"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:budgets"
USUAL: dict[str, Any] = {
    "monthly_limit": 30000.0,
    "tags": {"environment": "prod", "owner": "ml-platform"},
    "emails": ["ml-platform@example.com"],
}


def recorded(name: str = "prod", **args: Any) -> Graph:
    def program() -> None:
        import pulumi

        from mlgate_components.aws.budget import Budget

        made = Budget(name, {key: value for key, value in {**USUAL, **args}.items() if value is not None})
        pulumi.export("budget_name", made.budget_name)
        pulumi.export("budget_arn", made.budget_arn)

    return record(program)


def alerts(graph: Graph) -> list[tuple[float, str]]:
    return [(each["threshold"], each["notificationType"]) for each in graph.one(BUDGET).inputs["notifications"]]


def test_the_costs_of_this_environment_and_this_owner_count_and_no_others() -> None:
    graph = recorded()
    inputs = graph.one(BUDGET).inputs
    assert (inputs["budgetType"], inputs["timeUnit"], inputs["limitAmount"], inputs["limitUnit"]) == ("COST", "MONTHLY", "30000", "USD")
    assert inputs["filterExpression"] == {
        "ands": [{"tags": {"key": "environment", "values": ["prod"]}}, {"tags": {"key": "owner", "values": ["ml-platform"]}}]
    }
    assert inputs["metrics"] == "UnblendedCost"
    assert inputs["tags"]["managed-by"] == "mlgate"
    assert graph.outputs == {"budget_name": "<name of Budget prod>", "budget_arn": "<arn of Budget prod>"}


def test_somebody_hears_before_it_is_spent_once_it_is_and_when_it_will_be() -> None:
    graph = recorded(topic_arn=TOPIC)
    assert alerts(graph) == [(80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED")]
    for told in graph.one(BUDGET).inputs["notifications"]:
        assert told["subscriberEmailAddresses"] == ["ml-platform@example.com"]
        assert told["subscriberSnsTopicArns"] == [TOPIC]
        assert (told["comparisonOperator"], told["thresholdType"]) == ("GREATER_THAN", "PERCENTAGE")


def test_alerts_may_be_said_by_percent_and_by_what_is_compared() -> None:
    graph = recorded(alerts=[{"percent": 50.0}, {"percent": 120.0, "of": Spending.FORECAST}, {"percent": 90, "of": "forecast"}])
    assert alerts(graph) == [(50, "ACTUAL"), (120, "FORECASTED"), (90, "FORECASTED")]


def test_a_topic_alone_will_do_and_may_be_made_by_the_same_program() -> None:
    def program() -> None:
        import pulumi_aws as aws

        from mlgate_components.aws.budget import Budget

        topic = aws.sns.Topic("money")
        Budget("prod", {"monthly_limit": 10, "tags": USUAL["tags"], "topic_arn": topic.arn})

    graph = record(program)
    assert graph.one(BUDGET).inputs["notifications"][0]["subscriberSnsTopicArns"] == ["<arn of Topic money>"]
    assert graph.one(BUDGET).needs(graph.one("aws:sns/topic:Topic"))


def test_it_keeps_the_rules_of_the_linter() -> None:
    assert lint(recorded(), rules=[*RULES, required_tags("owner", "environment")]) == []


@settings(max_examples=20, deadline=None)
@given(st.decimals("0.01", "99999999", places=2))
def test_the_limit_is_passed_on_as_it_was_written(limit: Any) -> None:
    from decimal import Decimal

    assert Decimal(recorded(monthly_limit=float(limit)).one(BUDGET).inputs["limitAmount"]) == limit


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"monthly_limit": 0.0}, "monthly_limit", "more than 0"),
        ({"monthly_limit": -5.0}, "monthly_limit", "more than 0"),
        ({"monthly_limit": float("nan")}, "monthly_limit", "more than 0"),
        ({"monthly_limit": float("inf")}, "monthly_limit", "more than 0"),
        ({"monthly_limit": "30000"}, "monthly_limit", "input should be a valid number"),
        ({"monthly_limit": None}, "monthly_limit", "give it"),
        ({"limit": 3.0}, "limit", "there are monthly_limit"),
        ({"currency": "dollars"}, "currency", "its three letters"),
        ({"alerts": []}, "alerts", "1 to 10"),
        ({"alerts": [{"percent": 10.0 + each} for each in range(11)]}, "alerts", "1 to 10"),
        ({"alerts": [{"percent": 0.0}]}, "alerts[0].percent", "more than 0 percent"),
        ({"alerts": [{"percent": 80.0}, {"percent": 80, "of": "actual"}]}, "alerts[1]", "each once"),
        ({"alerts": [{"percent": 80.0, "of": "spent"}]}, "alerts[0].of", "one of actual, forecast"),
        ({"emails": ["ml-platform"]}, "emails[0]", "an address such as"),
        ({"emails": ["a@b.c", "a@b.c"]}, "emails[1]", "each once"),
        ({"emails": [f"{each}@example.com" for each in range(11)]}, "emails", "10 at most"),
        ({"emails": None}, "emails", "nobody would hear"),
        ({"topic_arn": "budgets"}, "topic_arn", "an ARN such as arn:aws:sns:"),
        ({"name": "Prod"}, "name", "lower-case letters"),
        ({"name": "p" * 93}, "name", "92 at most"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(monthly_limit=0.0, currency="usd", emails=["nobody"], topic_arn="x", alerts=[{"percent": -1.0}])
    assert {problem.where for problem in refused.value.problems} == {
        *("monthly_limit", "currency", "emails[0]", "topic_arn", "alerts[0].percent"),
    }
