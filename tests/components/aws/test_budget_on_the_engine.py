"""`Budget` with the real engine on simulated AWS."""

from __future__ import annotations

import pytest

from tests.testkit.aws.cloud import by_hand

pytestmark = pytest.mark.engine


def budget() -> None:
    import pulumi

    from mlgate_components.aws.budget import Budget

    made = Budget(
        "prod",
        {
            "monthly_limit": pulumi.Config().require_float("limit"),
            "tags": {"environment": "prod", "owner": "ml-platform"},
            "emails": ["ml-platform@example.com"],
        },
    )
    pulumi.export("name", made.budget_name)


def test_it_goes_up_rests_sees_what_was_raised_by_hand_and_leaves_nothing(stack, simulated_aws):
    prod = stack("prod", program=budget, config={"aws:region": "eu-central-1", "limit": "30000"})
    prod.up()
    assert prod.preview().nothing()
    budgets, name = by_hand(simulated_aws.endpoint(), "budgets"), prod.outputs["name"]
    found = budgets.describe_budget(AccountId="123456789012", BudgetName=name, ShowFilterExpression=True)["Budget"]
    assert [each["Tags"]["Key"] for each in found["FilterExpression"]["And"]] == ["environment", "owner"]
    budgets.update_budget(AccountId="123456789012", NewBudget={**found, "BudgetLimit": {"Amount": "90000", "Unit": "USD"}})
    assert [step.name for step in prod.refresh().updated()] == ["prod"]
    prod.change(config={"limit": "40000"})
    changes = prod.up()
    assert [step.name for step in changes.updated("aws:budgets/budget:Budget")] == ["prod"]
    assert not changes.replaced()
    assert budgets.describe_budget(AccountId="123456789012", BudgetName=name)["Budget"]["BudgetLimit"]["Amount"] == "40000"
    prod.destroy()
    assert simulated_aws.alive() == []
