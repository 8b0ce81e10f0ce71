"""The bill of a stack against the budget that it declares."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mlgate.prices import price_book
from mlgate_policies.cost import month_of, told
from mlgate_policies.resource import UNKNOWN, Resource
from mlgate_policies.rules import rules_of

from .asking import objections, resource

BUDGET = "aws:budgets/budget:Budget"
REGION = "us-east-1"
TODAY = date(2026, 11, 27)
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


def said(*resources: Resource) -> str | None:
    bill = month_of(resources, price_book(), TODAY)
    return bill and told(bill)


def test_a_preview_is_told_the_three_sums_what_they_leave_out_and_how_old_the_prices_are() -> None:
    month = f"{730 * hour('eks-cluster'):,.2f}"
    assert said(CLUSTER) == f"a month costs, in USD: min {month}, expected {month}, max {month}; prices of 2024-04-01"
    assert str(said(CLUSTER, NAT)).startswith("a month costs, in USD: min at least ")
    assert str(said(CLUSTER, NAT)).endswith("; prices of 2024-04-01 to 2026-09-20")
    assert said(resource("aws:ec2/vpc:Vpc", region=REGION)) == "a month costs, in USD: min 0.00, expected 0.00, max 0.00"


def test_what_an_object_on_the_cluster_may_bring_is_left_out_of_the_sum_and_said() -> None:
    assert "expected at least " in str(said(CLUSTER, resource("kubernetes:networking.k8s.io/v1:Ingress")))


def test_a_stack_that_is_in_no_region_with_prices_has_no_bill() -> None:
    assert said() is None
    assert said(resource("mlgate:index:Cluster")) is None
    assert said(resource("aws:eks/cluster:Cluster", region="xx-nowhere-1")) is None


def test_the_disks_of_a_node_group_are_those_of_the_template_that_it_was_made_from() -> None:
    disk = {"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3", "volumeSize": 100}}
    template = resource("aws:ec2/launchTemplate:LaunchTemplate", {"blockDeviceMappings": [disk]}, name="nodes", region=REGION)
    sizes = {"minSize": 1, "desiredSize": 1, "maxSize": 1}
    made = {"instanceTypes": ["m5.large"], "scalingConfig": sizes, "launchTemplate": {"id": UNKNOWN, "version": UNKNOWN}}
    from_it = {"launchTemplate": ["urn:pulumi:prod::p::mlgate:index:Cluster::ml", template.urn]}
    group = resource("aws:eks/nodeGroup:NodeGroup", made, region=REGION, made_from=from_it)
    bill = month_of([template, group], price_book(), TODAY)
    assert bill
    assert ("it", "disks, 100 GiB gp3") in [(line.name, line.what) for line in bill.lines if line.known]
    bill = month_of([template, resource("aws:eks/nodeGroup:NodeGroup", made, region=REGION)], price_book(), TODAY)
    assert bill
    assert "disks, 100 GiB gp3" not in [line.what for line in bill.lines]


def test_prices_of_the_project_count_for_its_budget(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\n", encoding="utf-8")
    (tmp_path / "prices.yaml").write_text(
        "apiVersion: mlgate/v1\nkind: Prices\nsource: our contract\ndate: 2026-11-20\ncurrency: USD\n"
        f"prices: [{{item: eks-cluster, region: {REGION}, amount: 1, unit: hour}}]\n",
        encoding="utf-8",
    )
    (rule,) = [each for each in rules_of(tmp_path) if each.name == "budget-breach"]
    budget = resource(BUDGET, {**MONTHLY, "limitAmount": "100"}, region=REGION)
    assert list(rule.check(budget, [CLUSTER])) == ["a month is expected to cost 730.00 USD, and its limit is 100.00"]
    assert objections("budget-breach", budget, CLUSTER) == []
