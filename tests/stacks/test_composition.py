"""What a platform leaves out where its environment says nothing of it, and what it adds where it does."""

from __future__ import annotations

from functools import cache

from mlgate_cli.answers import Answers
from mlgate_testkit.record import Graph, record
from tests.stacks.platforms import PROJECT, values


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
