"""The bill of a stack against the budget that it declares."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate.prices import price_book
from mlgate_policies.resource import UNKNOWN

from .asking import objections, resource

BUDGET = "aws:budgets/budget:Budget"
REGION = "us-east-1"
MONTHLY = {"timeUnit": "MONTHLY", "limitUnit": "USD", "budgetType": "COST"}
CLUSTER = resource("aws:eks/cluster:Cluster", {"version": "1.35"}, region=REGION)
NAT = resource("aws:ec2/natGateway:NatGateway", {}, region=REGION)


def hour(item: str) -> float:
    found = price_book().price(item, REGION)
    assert found
    return float(found.amount)


def test_a_month_that_costs_more_than_the_limit_is_told_with_both() -> None:
    month = 730 * hour("eks-cluster")
    component = resource("mlgate:index:Cluster", {})
    assert objections("budget-breach", resource(BUDGET, {**MONTHLY, "limitAmount": "10"}, region=REGION), component, CLUSTER) == [
        f"a month is expected to cost {month:,.2f} USD, and its limit is 10.00"
    ]


def test_the_bill_is_of_what_the_properties_say_in_the_region_of_each() -> None:
    properties = {"vpcEndpointType": "Interface", "subnetIds": ["a", "b", "c"]}
    asked = resource("aws:ec2/vpcEndpoint:VpcEndpoint", properties, region="eu-central-1")
    found = price_book().price("interface-endpoint", "eu-central-1")
    assert found
    assert float(found.amount) != hour("interface-endpoint")
    (said,) = objections("budget-breach", resource(BUDGET, {**MONTHLY, "limitAmount": "1"}, region=REGION), asked)
    assert f"{3 * 730 * float(found.amount):,.2f} USD" in said


def test_a_limit_that_is_just_met_is_not_broken() -> None:
    limit = f"{730 * hour('eks-cluster'):.2f}"
    assert objections("budget-breach", resource(BUDGET, {**MONTHLY, "limitAmount": limit}, region=REGION), CLUSTER) == []


def test_a_sum_that_leaves_something_out_is_told_as_the_least() -> None:
    (found,) = objections("budget-breach", resource(BUDGET, {**MONTHLY, "limitAmount": "10"}, region=REGION), CLUSTER, NAT)
    assert found.startswith("a month is expected to cost at least ")


@pytest.mark.parametrize(
    "budget",
    [
        {**MONTHLY, "limitAmount": "100000"},
        {**MONTHLY, "limitAmount": UNKNOWN},
        {**MONTHLY, "timeUnit": "DAILY", "limitAmount": "1"},
        {**MONTHLY, "limitUnit": "EUR", "limitAmount": "1"},
        MONTHLY,
    ],
)
def test_a_budget_that_is_kept_or_of_something_else_is_left_alone(budget: dict[str, Any]) -> None:
    assert objections("budget-breach", resource(BUDGET, budget, region=REGION), CLUSTER, NAT) == []


@pytest.mark.parametrize("region", [None, "xx-nowhere-1"])
def test_where_no_price_is_known_nothing_is_said(region: str | None) -> None:
    assert objections("budget-breach", resource(BUDGET, {**MONTHLY, "limitAmount": "1"}, region=region), CLUSTER) == []
