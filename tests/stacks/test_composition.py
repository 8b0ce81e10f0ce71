"""What a platform leaves out where its environment says nothing of it, and what it adds where it does."""

from __future__ import annotations

from functools import cache

import pytest

from mlgate_cli.answers import Answers
from mlgate_components.aws.addons.table import TABLE
from mlgate_testkit.record import Graph, record
from tests.stacks.platforms import ENVIRONMENTS, PROJECT, values

RELEASE = "kubernetes:helm.sh/v3:Release"


@cache
def composed() -> Graph:
    """The dev that comes with the project, with no service, a cost center, and a zone of names of its own."""
    platform = values("dev") | {"services": {}, "cost_center": "4711"}
    platform["network"]["dns_zone_ids"] = ["Z0123456789ABCDEFGHIJ"]
    return record(PROJECT, stack="dev", config={"platform": platform}, invokes=Answers(), preview=True)


def test_without_services_there_are_no_repositories_and_no_key_of_theirs() -> None:
    graph = composed()
    assert not graph.all("mlgate:index:ImageRepository")
    assert not graph.all("mlgate:index:ServiceIdentity")
    assert "images" not in [key.name for key in graph.all("mlgate:index:Key")]


def test_a_cost_center_is_on_all_that_can_have_tags() -> None:
    tagged = [found.inputs["tags"] for found in composed().resources if "tags" in found.inputs]
    assert tagged
    assert {tags["cost-center"] for tags in tagged} == {"4711"}


def test_names_are_written_by_external_dns_where_there_is_a_zone_for_them() -> None:
    assert "external-dns" in [found.inputs["addonName"] for found in composed().all("aws:eks/addon:Addon")]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_machines_go_before_karpenter_and_what_makes_things_outside_before_the_way_out(name: str) -> None:
    graph = record(PROJECT, stack=name, config={"platform": values(name)}, invokes=Answers(), preview=True)
    karpenter = graph.one(RELEASE, "addons-karpenter")
    pools = [found for found in graph.resources if found.type.startswith("kubernetes:karpenter")]
    assert {found.type.rpartition(":")[2] for found in pools} == {"NodePool", "EC2NodeClass"}
    assert all(found.needs(karpenter) for found in pools)
    out = [*graph.all("aws:ec2/natGateway:NatGateway"), *(way for way in graph.all("aws:ec2/route:Route") if "private" in way.name)]
    assert len(out) > 1
    makers = [graph.one(RELEASE, f"addons-{name}") for name, addon in TABLE.items() if addon.owns and addon.chart]
    assert [maker.name for maker in makers] == ["addons-karpenter", "addons-aws-load-balancer-controller", "addons-gateway"]
    assert all(maker.needs(way) for maker in makers for way in out)
