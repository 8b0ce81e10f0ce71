"""Budgets."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import spent

BUDGET = "aws:budgets/budget:Budget"
USUAL: dict[str, Any] = {"name": "prod", "budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "100", "limitUnit": "USD"}
OF_PROD = {"filterExpression": {"tags": {"key": "environment", "values": ["prod"]}}, "metrics": "UnblendedCost"}


def test_a_filter_and_a_metric_come_together(cloud: Cloud) -> None:
    for argument, value in OF_PROD.items():
        assert [failure.property for failure in cloud.check(BUDGET, **USUAL, **{argument: value})] == [argument]
    made = cloud.up(BUDGET, **USUAL, **OF_PROD)
    assert cloud.refresh(BUDGET, made) == made
    assert made.outputs.get("costTypes") is None
    assert cloud.up(BUDGET, "other", **{**USUAL, "name": "all"}).outputs["costTypes"]["includeTax"]


def test_a_budget_has_a_limit_and_a_name_of_its_own(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="please provide one of the followings: Budget Limit"):
        cloud.up(BUDGET, name="prod", budgetType="COST", timeUnit="MONTHLY")
    cloud.up(BUDGET, **USUAL)
    with pytest.raises(ProviderError, match=r"DuplicateRecordException.*prod - the budget already exists"):
        cloud.up(BUDGET, "other", **USUAL)
    assert [failure.property for failure in cloud.check(BUDGET, **{**USUAL, "name": "prod:2"})] == ["name"]
    assert [failure.property for failure in cloud.check(BUDGET, **USUAL, timePeriodEnd="2030")] == ["timePeriodEnd"]


def test_notifications_are_a_set_of_ten_at_most_that_reach_somebody(cloud: Cloud) -> None:
    ten = [spent(10.0 + each, emails=["a@example.com", "b@example.com"]) for each in range(10)]
    made = cloud.up(BUDGET, **USUAL, notifications=ten)
    turned = [{**each, "subscriberEmailAddresses": ["b@example.com", "a@example.com"]} for each in reversed(ten)]
    assert cloud.diff(BUDGET, made, **USUAL, notifications=turned).changed == {}
    changed = cloud.change(BUDGET, made, **USUAL, notifications=ten[:1])
    assert changed.outputs["notifications"] == ten[:1]
    with pytest.raises(ProviderError, match="a budget has 10 at most"):
        cloud.change(BUDGET, changed, **USUAL, notifications=[*ten, spent(90.0, emails=["a@example.com"])])
    with pytest.raises(ProviderError, match="Subscribers"):
        cloud.up(BUDGET, "unheard", **{**USUAL, "name": "unheard"}, notifications=[spent(90.0)])


def test_an_amount_is_the_same_however_it_is_written(cloud: Cloud) -> None:
    made = cloud.up(BUDGET, **USUAL)
    assert cloud.diff(BUDGET, made, **{**USUAL, "limitAmount": "100.00"}).changed == {}
    assert cloud.diff(BUDGET, made, **{**USUAL, "limitAmount": "100.01"}).changed


def test_what_was_raised_by_hand_is_seen(cloud: Cloud) -> None:
    made = cloud.up(BUDGET, **USUAL, **OF_PROD, notifications=[spent(80.0, emails=["a@example.com"])])
    by_hand = cloud.boto("budgets")
    found = by_hand.describe_budget(AccountId="123456789012", BudgetName="prod", ShowFilterExpression=True)["Budget"]
    assert found["FilterExpression"] == {"Tags": {"Key": "environment", "Values": ["prod"]}}
    by_hand.update_budget(AccountId="123456789012", NewBudget={**found, "BudgetLimit": {"Amount": "1000", "Unit": "USD"}})
    (told,) = by_hand.describe_notifications_for_budget(AccountId="123456789012", BudgetName="prod")["Notifications"]
    by_hand.delete_notification(AccountId="123456789012", BudgetName="prod", Notification=told)
    seen = cloud.refresh(BUDGET, made)
    assert seen
    assert (seen.inputs["limitAmount"], seen.inputs["notifications"]) == ("1000", [])
    by_hand.delete_budget(AccountId="123456789012", BudgetName="prod")
    assert cloud.refresh(BUDGET, made) is None
