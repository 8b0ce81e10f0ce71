"""The bill of a stack against the budget that it declares."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mlgate.prices import Price, PriceBook, price_book
from mlgate_policies.cost import month_of, month_told, told
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


def test_a_budget_in_no_region_is_left_alone() -> None:
    assert objections("budget-breach", resource(BUDGET, {**MONTHLY, "limitAmount": "1"}), CLUSTER) == []


def test_where_no_price_is_known_a_budget_is_held_against_nothing_and_the_bill_says_so_and_what_to_do() -> None:
    region = "xx-nowhere-1"
    budget = resource(BUDGET, {**MONTHLY, "limitAmount": "1"}, region=region)
    cluster = resource("aws:eks/cluster:Cluster", region=region)
    assert objections("budget-breach", budget, cluster) == []
    problem, remedy = month_told([budget, cluster], price_book(), TODAY).split("\n")
    assert problem == "what a month costs is not known, and held against no budget: region: there is no price of region 'xx-nowhere-1'"
    assert remedy.startswith("  -> there are ")
    assert remedy.endswith("; or give prices of your own in prices.yaml")


def test_a_price_of_the_project_is_all_that_such_a_region_needs() -> None:
    price = Price("eks-cluster", Decimal(1), "USD", "hour", "xx-nowhere-1", "our contract", "2026-11-20")
    book = PriceBook(price_book().data, {(price.item, price.region): price})
    said = month_told([resource("aws:eks/cluster:Cluster", region="xx-nowhere-1")], book, TODAY)
    assert said.startswith("a month costs, in USD: min 730.00, expected 730.00, max 730.00; prices of 2026-11-20\n")


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


def test_a_stack_that_is_in_no_region_has_no_bill() -> None:
    assert said() is None
    assert said(resource("mlgate:index:Cluster")) is None
    assert month_told([resource("mlgate:index:Cluster")], price_book(), TODAY) == ""


def lines(*resources: Resource) -> list[str]:
    """What a preview is told between the sums and what to do."""
    sums, *between, remedy = month_told(resources, price_book(), TODAY).split("\n")
    assert sums == said(*resources)
    assert remedy == "  -> `mlgate cost` says where each price is from, and with --deployed what changes"
    assert all(line.startswith("  ") for line in between)
    return [line[2:] for line in between]


def test_a_preview_is_told_each_thing_that_costs_by_its_resource_and_nothing_of_what_is_free() -> None:
    free = resource("aws:ec2/vpc:Vpc", region=REGION)
    old = resource("aws:eks/cluster:Cluster", {"version": "1.33"}, name="old", region=REGION)
    assert lines(free) == []
    assert lines(free, CLUSTER, old) == [
        f"Cluster it: control plane: {730 * hour('eks-cluster'):,.2f} "
        "(standard support of 1.35 ends on 2027-03-27, extended support costs more)",
        f"Cluster old: control plane, extended support: {730 * hour('eks-cluster-extended-support'):,.2f} "
        "(standard support of 1.33 ended on 2026-07-29)",
    ]


def nodes(*types: str, least: int = 1, **more: Any) -> Resource:
    sizes = {"minSize": least, "desiredSize": 2, "maxSize": 3}
    properties = {"instanceTypes": [*types], "scalingConfig": sizes, **more}
    return resource("aws:eks/nodeGroup:NodeGroup", properties, name="nodes", region=REGION)


def test_the_three_amounts_are_told_where_they_are_not_one_and_of_many_types_the_first() -> None:
    month = [730 * hour("instance m5.large") * count for count in (1, 2, 3)]
    amounts = "min {:,.2f}, expected {:,.2f}, max {:,.2f}".format(*month)
    unsaid = "not known: NodeGroup nodes: disks (the disks of its nodes are not said)"
    assert lines(nodes("m5.large")) == [f"NodeGroup nodes: machines, m5.large: {amounts}", unsaid]
    two, _ = lines(nodes("m5.large", "m5.xlarge"))
    assert two.startswith("NodeGroup nodes: machines, m5.large, m5.xlarge: min ")
    three, _ = lines(nodes("m5.large", "m5.xlarge", "m5.2xlarge"))
    assert three.startswith("NodeGroup nodes: machines, m5.large and 2 more: min ")


def test_what_is_not_known_is_told_by_what_it_is_and_why_and_what_is_known_of_it_as_well() -> None:
    cost, unknown, _ = lines(nodes("m5.large", capacityType="SPOT"))
    assert cost == f"NodeGroup nodes: machines, m5.large: min unknown, expected unknown, max {3 * 730 * hour('instance m5.large'):,.2f}"
    assert unknown == "not known: NodeGroup nodes: machines, m5.large (spot or reserved: at most the price on demand)"


@pytest.mark.parametrize(("count", "named"), [(1, "a"), (2, "a, Queue b"), (3, "a and 2 more")])
def test_what_is_not_known_for_one_reason_is_one_line(count: int, named: str) -> None:
    queues = [resource("aws:sqs/queue:Queue", name=name, region=REGION) for name in "abc"[:count]]
    why = "depends on use: declare sqs-requests in million requests"
    assert lines(*queues) == [f"not known: Queue {named}: calls ({why})"]
    assert lines(*queues, NAT)[-1] == "not known: NatGateway it: data through it (depends on use: declare nat-gateway-data in GiB)"


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
