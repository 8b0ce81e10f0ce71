"""Which steps the plan guard takes for those of the endpoint, and which for some outside of it; nothing runs here."""

import pytest

from mlgate_components.local.endpoint import TYPE
from mlgate_delivery.plan import Effect, read_plan
from mlgate_delivery.plan_guard import Kind

from .plans import (
    BUCKET,
    ENDPOINT,
    HELD,
    INNER,
    NEIGHBOUR,
    PROMOTION,
    ROOT,
    SCOPE,
    TOY,
    document,
    judged,
    mine,
    replacement,
    step,
    urn,
    written,
)


def test_the_endpoint_is_what_the_component_registers_itself_as():
    assert SCOPE.endpoint == f"urn:pulumi:local::mlgate::{TYPE}::toy" == TOY


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(PROMOTION, id="a promotion"),
        pytest.param(document(), id="nothing"),
        pytest.param(
            document(step("create", ROOT, ""), step("create", TOY, ROOT), step("create", mine("toy-1")), step("same", NEIGHBOUR, ROOT)),
            id="the first of a stack",
        ),
        pytest.param(document(step("update", ROOT, "")), id="another output of the stack"),
        pytest.param(document(step("same", INNER), step("create", HELD, INNER)), id="below a component of the endpoint"),
        pytest.param(document(step("create", HELD, INNER), step("create", INNER)), id="told before its parent"),
        pytest.param(document(*replacement(mine("toy-1"))), id="a process is made anew"),
        pytest.param(document(step("create", mine("a::b"))), id="a name like a part of a URN"),
        pytest.param(document(step("read", urn("vpc", "aws:ec2/vpc:Vpc"), ROOT)), id="somebody's network is read"),
        pytest.param(document(diagnostics=[{"severity": "warning", "message": "careful"}]), id="a warning"),
    ],
)
def test_what_lies_in_the_endpoint_may_be_done(said):
    assert judged(said) == []


@pytest.mark.parametrize(
    ("strange", "operation"),
    [
        pytest.param([step("update", mine("neighbour-1"), NEIGHBOUR)], "update", id="a neighbour's server"),
        pytest.param([step("create", mine("toy-3"), NEIGHBOUR)], "create", id="a neighbour's with a name like ours"),
        pytest.param([step("delete", mine("neighbour-1"), NEIGHBOUR)], "delete", id="a neighbour's goes"),
        pytest.param([step("import", mine("neighbour-1"), NEIGHBOUR)], "import", id="a neighbour's is imported"),
        pytest.param(replacement(mine("neighbour-1"), NEIGHBOUR), "replace", id="a neighbour's is replaced, said once"),
        pytest.param([step("create", urn("queue", "aws:sqs/queue:Queue"), ROOT)], "create", id="something of the program"),
        pytest.param([step("create", urn("queue", "aws:sqs/queue:Queue"), "")], "create", id="something without a parent"),
        pytest.param([step("create", mine("x"), urn("nobody", ENDPOINT))], "create", id="something under what is not there"),
        pytest.param([step("update", urn("own", "pulumi:providers:aws"), ROOT)], "update", id="a provider"),
        pytest.param([step("update", NEIGHBOUR, ROOT)], "update", id="another endpoint"),
    ],
)
def test_a_step_outside_of_the_endpoint_is_refused_by_name(strange, operation):
    (finding,) = judged(document(*PROMOTION["steps"][3:6], *strange))
    assert (finding.kind, finding.urn, finding.operation) == (Kind.OUTSIDE, strange[0]["urn"], operation)
    assert str(finding) == f"{operation} {finding.urn}: no part of the endpoint of toy"


def test_the_stack_itself_must_not_go():
    (finding,) = judged(document(step("delete", ROOT, "")))
    assert (finding.kind, finding.urn, finding.operation) == (Kind.OUTSIDE, ROOT, "delete")


def test_where_the_stack_has_no_endpoint_of_the_service_every_step_is_outside():
    said = document(step("update", mine("neighbour-1"), NEIGHBOUR))
    said["steps"] = [each for each in said["steps"] if each["urn"] != TOY]
    said["changeSummary"]["same"] -= 1
    assert [finding.kind for finding in judged(said)] == [Kind.OUTSIDE]


def test_what_is_moved_into_the_endpoint_or_out_of_it_is_not_all_its_own():
    for old, new in ((TOY, NEIGHBOUR), (NEIGHBOUR, TOY)):
        moved = step("update", mine("toy-1"), old)
        moved["newState"]["parent"] = new
        assert [finding.kind for finding in judged(document(moved))] == [Kind.OUTSIDE]


def test_what_is_moved_and_stays_as_it_is_otherwise_is_a_step_though_the_engine_says_same():
    for old, new in ((TOY, NEIGHBOUR), (NEIGHBOUR, TOY)):
        moved = step("same", mine("toy-1"), old)
        moved["newState"]["parent"] = new
        (finding,) = judged(document(moved))
        assert (finding.kind, finding.operation) == (Kind.OUTSIDE, "same")
    within = step("same", mine("toy-1"), INNER)
    within["newState"]["parent"] = TOY
    assert judged(document(step("same", INNER), within)) == []


def test_an_endpoint_that_is_moved_is_not_all_of_the_service():
    moved = step("same", TOY, ROOT)
    moved["newState"]["parent"] = NEIGHBOUR
    assert {finding.urn for finding in judged(document(moved, step("update", mine("toy-1"))))} == {TOY, mine("toy-1")}


def test_of_a_replacement_every_step_counts():
    for place in range(3):
        steps = replacement(mine("toy-1"))
        steps[place]["oldState"]["parent"] = NEIGHBOUR
        assert [finding.kind for finding in judged(document(*steps))] == [Kind.OUTSIDE]


def test_what_hangs_on_itself_hangs_on_no_endpoint():
    left, right = mine("left"), mine("right")
    found = judged(document(step("create", left, right), step("create", right, left), step("create", mine("self"), mine("self"))))
    assert [finding.urn for finding in found] == [left, right, mine("self")]


@pytest.mark.parametrize("operation", ["same", "read"])
@pytest.mark.parametrize("state", ["oldState", "newState"])
@pytest.mark.parametrize("flag", ["protect", "retainOnDelete"])
def test_a_neighbour_whose_protection_is_changed_is_a_step_though_the_engine_says_that_it_stays(operation, state, flag):
    said = step("same", mine("neighbour-1"), NEIGHBOUR) | {"op": operation}
    said[state][flag] = True
    (finding,) = judged(document(said))
    assert (finding.kind, finding.operation) == (Kind.OUTSIDE, operation)
    assert finding.problem == "its protection or its parent is changed, and it is no part of the endpoint of toy"
    assert read_plan(written(document(said)), "local", "mlgate")[-1].effect is Effect.CHANGE


def test_a_neighbour_that_stays_as_it_was_protected_or_not_is_no_step():
    assert judged(document(step("same", mine("neighbour-1"), NEIGHBOUR, protect=True, retainOnDelete=True))) == []
    said = step("same", mine("neighbour-1"), NEIGHBOUR)
    said["newState"] |= {"protect": False, "retainOnDelete": False}  # what the engine leaves out where it is false
    assert judged(document(said)) == []


def test_every_reason_is_said_at_once():
    found = judged(
        document(
            step("update", mine("neighbour-1"), NEIGHBOUR), step("delete", mine("theirs", BUCKET), NEIGHBOUR), step("create", mine("x"))
        )
    )
    assert [(finding.kind, finding.urn) for finding in found] == [
        (Kind.OUTSIDE, mine("neighbour-1")),
        (Kind.OUTSIDE, mine("theirs", BUCKET)),
        (Kind.STATEFUL, mine("theirs", BUCKET)),
    ]
