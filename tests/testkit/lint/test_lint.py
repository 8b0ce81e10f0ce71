"""State that wants to be kept, required tags, and what holds for every rule; exceptions need a reason, and go when their cause does."""

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

from mlgate.errors import UsageError
from mlgate.stateful import STATEFUL
from mlgate_testkit.engine import Changes
from mlgate_testkit.lint import RULES, assert_clean, assert_expected, lint, required_tags
from mlgate_testkit.record import Graph, Secret, record
from mlgate_testkit.record.sdk import class_of

from .found import deployed, found
from .shop import PASSWORD, shop


@pytest.mark.parametrize("token", sorted(STATEFUL))
def test_every_stateful_type_exists_and_wants_to_be_kept(token):
    assert class_of(token) is not None
    told = lint(Graph.from_state(deployed(token, {})), rules=[rule for rule in RULES if rule.name == "unprotected-state"])
    assert {finding.property for finding in told} == {"protect", "retain_on_delete"}


def test_a_table_of_types_that_hold_data_wants_both_options():
    def program() -> None:
        aws.ecr.Repository("half", opts=pulumi.ResourceOptions(protect=True))
        aws.ecr.Repository("kept", opts=pulumi.ResourceOptions(protect=True, retain_on_delete=True))
        k8s.core.v1.PersistentVolumeClaim("data")

    told = [(finding.path, finding.property) for finding in found(program, "unprotected-state")]
    assert told == [("half", "retain_on_delete"), ("data", "protect"), ("data", "retain_on_delete")]


def test_required_tags_may_come_from_the_provider():
    def program() -> None:
        west = aws.Provider("west", default_tags={"tags": {"Owner": "ml"}})
        aws.sqs.Queue("whole", tags={"Service": "shop"}, opts=pulumi.ResourceOptions(provider=west))
        aws.sqs.Queue("half", tags={"Service": "shop"})
        aws.sqs.QueuePolicy("no tags at all", queue_url="q", policy="{}")

    rule = required_tags("Owner", "Service")
    (finding,) = lint(record(program), rules=[rule])
    assert (finding.path, finding.problem, finding.remedy) == ("half", "Owner missing", "add tags={'Owner': ...}")
    tagged = {"config": {"aws:defaultTags": {"tags": {"Owner": "ml"}}}}
    assert [finding.problem for finding in lint(record(program, **tagged), rules=[rule])] == []
    assert [finding.path for finding in found(lambda: aws.sqs.Queue("bare") and None, "tags")] == ["bare"]


def test_a_state_export_is_linted_like_a_recording():
    graph = Graph.from_state(deployed("aws:rds/instance:Instance", {"tags": {"Owner": "shop"}, "password": "hunter22"}, protect=True))
    rules = {(finding.rule, finding.property) for finding in lint(graph)}
    assert rules == {("unprotected-state", "retain_on_delete"), ("secret-in-clear", "password"), ("outside-component", "parent")}
    marked = Graph.from_state(deployed("aws:rds/instance:Instance", {"password": Secret("hunter22").value}))
    assert "hunter22" not in str(lint(marked))


def test_an_exception_needs_a_reason_a_rule_and_a_cause():
    graph = record(shop(), secrets={"password": PASSWORD})
    with pytest.raises(UsageError, match="allowed for no reason"):
        lint(graph, allow={"public-bucket": " "})
    with pytest.raises(UsageError, match="names no rule"):
        lint(graph, allow={"public-buckets:x": "website"})
    with pytest.raises(UsageError, match=r"allow is .*, and it takes a reason for each exception"):
        lint(graph, allow=["public-bucket"])
    with pytest.raises(UsageError) as refused:
        assert_expected(Changes("preview", [], []), allow=["drift"])
    assert str(refused.value).startswith("allow=...: ")
    assert refused.value.remedy.startswith('allow={"delete-order": '), "a rule that is known there"
    (stale,) = lint(graph, allow={"public-bucket:*": "there was a website once"})
    assert (stale.rule, stale.property) == ("stale-allow", "public-bucket:*")


def test_the_table_names_everything_in_columns():
    graph = record(lambda: aws.sqs.Queue("q") and None, project="shop", stack="prod")
    with pytest.raises(AssertionError) as caught:
        assert_clean(graph, allow={"outside-component": "a test"})
    head, columns, row, problem, remedy = str(caught.value).splitlines()
    assert head == "1 finding in shop/prod"
    assert columns.split() == ["rule", "resource", "property", "made", "by"]
    assert row.split() == ["tags", "aws:sqs/queue:Queue", "q", "tags", graph.resources[0].made_by]
    assert (problem, remedy) == ("    it has none", "    -> give it tags, or its provider default_tags")
