"""What the plan guard says to documents of the engine; nothing runs here."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.stateful import CONTAINERS, STATEFUL, why_stateful
from mlgate_components.local.endpoint import TYPE
from mlgate_delivery.approval import Approval
from mlgate_delivery.plan import Effect, UnreadableError, read_plan
from mlgate_delivery.plan_guard import Finding, Kind, Scope, judge

from .plans import (
    BUCKET,
    ENDPOINT,
    NEIGHBOUR,
    PROCESS,
    ROOT,
    TOY,
    altered,
    document,
    mine,
    replacement,
    step,
    urn,
    written,
)

NOW = 10**18
SCOPE = Scope("local", "mlgate", "toy")
PROMOTION = document(
    step("update", mine("toy", "pulumi-python:dynamic/mlgate:StableUrl")),
    step("same", mine("toy-2")),
    step("delete", mine("toy-1")),
    step("same", mine("neighbour-1"), NEIGHBOUR),
)
INNER = urn("inner", "acme:index:Inner", ENDPOINT)
HELD = urn("held", BUCKET, ENDPOINT, "acme:index:Inner")


def approval(of=HELD, operation="delete", **other):
    said = {"stack": "local", "id": "1", "reason": "it is empty", "by": "ada", "signed_ns": NOW - 1, "expires_ns": NOW + 1, "keyid": "0"}
    return Approval(urn=of, operation=operation, **{**said, **other})


def judged(said, approvals=(), now_ns=NOW):
    return judge(written(said), SCOPE, approvals, now_ns)


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


def test_what_is_new_has_no_id_and_what_lies_at_the_root_no_parent():
    root, *_, new = read_plan(written(document(step("create", mine("toy-1")))), "local", "mlgate")
    assert (root.parents, new.id) == (frozenset({""}), "")


@pytest.mark.parametrize(
    ("type_", "flags", "why"),
    [
        (BUCKET, {}, "it holds objects, and nothing brings that back"),
        (BUCKET, {"protect": True}, "it holds objects, and nothing brings that back"),
        ("acme:index:Thing", {"protect": True}, "protected or retained: whoever declared it wants it kept"),
        ("acme:index:Thing", {"retainOnDelete": True}, "protected or retained: whoever declared it wants it kept"),
        ("random:index/randomPassword:RandomPassword", {}, "what it holds is not known here"),
        ("pulumi-python:dynamic:Resource", {}, "what it holds is not known here"),
    ],
)
@pytest.mark.parametrize("operation", ["replace", "delete"])
def test_what_nobody_can_make_again_is_not_lost_without_an_approval(type_, flags, why, operation):
    of = mine("held", type_)
    steps = replacement(of, **flags) if operation == "replace" else [step("delete", of, **flags)]
    (finding,) = judged(document(*steps))
    assert finding == Finding(Kind.STATEFUL, f"{why}; nobody has approved that", of, operation, "1")
    assert judged(document(*steps), [approval(of, operation)]) == []


@pytest.mark.parametrize("state", ["oldState", "newState"])
def test_a_replacement_that_takes_the_protection_away_as_it_goes_is_one_of_a_protected_resource(state):
    steps = replacement(mine("held", "aws:sqs/queue:Queue"))
    steps[1][state]["protect"] = True
    assert [finding.kind for finding in judged(document(*steps))] == [Kind.STATEFUL]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"stack": "prod"}, "nobody has approved that"),
        ({"of": mine("another", BUCKET)}, "nobody has approved that"),
        ({"operation": "replace"}, "nobody has approved that"),
        ({"expires_ns": NOW}, "the approval by ada has expired"),
        ({"id": "0"}, "the approval by ada is of 0, and this is 1"),
        ({"id": ""}, "the approval by ada is of one without id, and this is 1"),
        ({"signed_ns": NOW + 6 * 60 * 10**9, "expires_ns": 2 * NOW}, "the approval by ada was signed in the future: one clock is wrong"),
    ],
)
def test_an_approval_of_something_else_or_of_another_time_approves_nothing(other, said):
    lost = document(step("same", INNER), step("delete", HELD, INNER))
    (finding,) = judged(lost, [approval(**other)])
    assert finding.problem == f"it holds objects, and nothing brings that back; {said}"
    assert judged(lost, [approval(**other), approval()]) == []


def test_of_approvals_that_do_not_hold_each_is_said():
    early = approval(by="bob", signed_ns=NOW + 6 * 60 * 10**9, expires_ns=2 * NOW)
    (finding,) = judged(document(step("same", INNER), step("delete", HELD, INNER)), [approval(expires_ns=NOW), early])
    assert "; the approval by ada has expired, the approval by bob was signed in the future" in finding.problem


def test_of_two_clocks_one_may_be_a_little_ahead():
    lost = document(step("same", INNER), step("delete", HELD, INNER))
    assert judged(lost, [approval(signed_ns=NOW + 5 * 60 * 10**9, expires_ns=2 * NOW)]) == []


def test_an_approval_is_spent_with_what_it_was_for():
    lost = step("delete", HELD, INNER)
    assert judged(document(step("same", INNER), lost), [approval()]) == []
    lost["oldState"]["id"] = "2"  # made since, under the same URN
    (finding,) = judged(document(step("same", INNER), lost), [approval()])
    assert (finding.kind, finding.id) == (Kind.STATEFUL, "2")
    assert finding.problem.endswith("; the approval by ada is of 1, and this is 2")


def test_a_component_has_no_id_and_holds_nothing_itself_and_one_that_is_protected_is_approved_by_none():
    lost = step("delete", mine("held", "acme:index:Thing"))
    lost["oldState"] |= {"custom": False}
    del lost["oldState"]["id"]
    assert judged(document(lost)) == []
    lost["oldState"]["protect"] = True
    assert [finding.id for finding in judged(document(lost))] == [""]
    assert judged(document(lost), [approval(mine("held", "acme:index:Thing"), id="")]) == []
    (finding,) = judged(document(lost), [approval(mine("held", "acme:index:Thing"))])
    assert finding.problem.endswith("; the approval by ada is of 1, and this is one without id")


def test_an_approval_is_no_yes_to_a_step_outside():
    found = judged(document(step("delete", mine("theirs", BUCKET), NEIGHBOUR)), [approval(mine("theirs", BUCKET))])
    assert [finding.kind for finding in found] == [Kind.OUTSIDE]


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


CUT_SHORT = {"severity": "error", "message": 'error: unable to replace resource "x"\nas it is currently marked for protection.\n'}


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"", "the document is cut short or no JSON: "),
        (b"\xff", "the document is cut short or no JSON: "),
        (b"[" * 10**5, "the document is cut short or no JSON: "),
        (b"[]", "the document is cut short or no JSON: "),
        (b"{}", "steps: Field required"),
        (written({**document(), "steps": []}), "the stack itself is not in it exactly once"),
        (written({**PROMOTION, "changeSummary": {"same": 1}}), "its steps are 1 delete, 5 same, 1 update, and its summary says 1 same"),
        (written({**document(), "steps": document()["steps"][:1]}), "its steps are 1 same, and its summary says 3 same"),
        (written({**document(), "changeSummary": {}}), "its steps are 3 same, and its summary says none"),
        (written({"steps": PROMOTION["steps"]}), "changeSummary: Field required"),
        (written({**document(), "changeSummary": {"same": -1}}), "changeSummary.same: Input should be greater than or equal to 0"),
        (written(document({"op": "same", "urn": 1})), "steps.3.urn: Input should be a valid string"),
        (written({**document(), "changeSummary": {"same": "3"}}), "changeSummary.same: Input should be a valid integer"),
        (written(document(maybeCorrupt="no")), "maybeCorrupt: Input should be a valid boolean"),
        (written(document(maybeCorrupt=True)), "the engine says that the stack's state may be corrupt"),
        (
            written(document(*replacement(HELD, INNER, protect=True), diagnostics=[CUT_SHORT])),
            'the preview failed: error: unable to replace resource "x"\nas it is currently marked for protection.',
        ),
        (written(document(step("refresh", mine("toy-1")))), f"{mine('toy-1')}: this version does not know the operation 'refresh'"),
        (written(document({"op": "same", "urn": mine("toy-1")})), f"{mine('toy-1')}: same without oldState"),
        (written(document(step("create", mine("x")) | {"newState": None})), f"{mine('x')}: create without newState"),
        (
            written(document(step("delete", mine("x")) | {"newState": step("create", mine("x"))["newState"]})),
            f"{mine('x')}: delete with newState",
        ),
        (
            written(document(step("create", mine("x")) | {"oldState": step("delete", mine("x"))["oldState"]})),
            f"{mine('x')}: create with oldState",
        ),
        (
            written(document(step("same", mine("x")) | {"oldState": step("create", mine("x"))["newState"]})),
            f"{mine('x')}: oldState without id",
        ),
        (
            written(document(step("create", mine("x")) | {"urn": mine("y")})),
            f"{mine('y')}: its state is that of a {PROCESS}, {mine('x')}",
        ),
        (
            written(document(step("create", mine("x"), type="acme:index:X"))),
            f"{mine('x')}: its state is that of a acme:index:X, {mine('x')}",
        ),
        (
            written(document(step("create", "urn:pulumi:prod::mlgate::a:b:C::x"))),
            "urn:pulumi:prod::mlgate::a:b:C::x: not a resource of this stack, whose begin with urn:pulumi:local::mlgate::",
        ),
        (written({**document(), "steps": [*document()["steps"], step("same", ROOT, "")]}), "the stack itself is not in it exactly once"),
    ],
)
def test_what_cannot_be_judged_is_refused(said, problem):
    (finding,) = judge(said, SCOPE, [], NOW)
    assert finding == Finding(Kind.UNJUDGED, str(finding), urn="", operation="", id="")
    assert str(finding).startswith(problem)
    with pytest.raises(UnreadableError):
        read_plan(said, "local", "mlgate")


@pytest.mark.parametrize(
    ("operation", "effect", "old", "new"),
    [
        ("same", Effect.NONE, True, True),
        ("read", Effect.NONE, None, True),
        ("create", Effect.CHANGE, False, True),
        ("update", Effect.CHANGE, True, True),
        ("import", Effect.CHANGE, None, True),
        ("replace", Effect.REPLACE, True, True),
        ("create-replacement", Effect.REPLACE, True, True),
        ("delete-replaced", Effect.REPLACE, True, False),
        ("delete", Effect.DELETE, True, False),
    ],
)
def test_each_operation_has_its_effect_and_the_states_that_the_engine_gives_it(operation, effect, old, new):
    both = step("update", mine("x")) | {"op": operation}
    for states in ({"oldState": left, "newState": right} for left in (True, False) for right in (True, False)):
        said = {key: value for key, value in both.items() if states.get(key, True)}
        wrong = [name for name, expected in (("oldState", old), ("newState", new)) if expected not in (None, states[name])]
        if wrong:
            with pytest.raises(UnreadableError, match=rf"{operation} with(out)? {wrong[0]}"):
                read_plan(written(document(said)), "local", "mlgate")
        elif any(states.values()):
            assert read_plan(written(document(said)), "local", "mlgate")[-1].effect is effect


def test_a_document_of_another_project_or_stack_is_refused():
    for other in (replace(SCOPE, project="another"), replace(SCOPE, stack="prod"), replace(SCOPE, project="mlgat")):
        assert [finding.kind for finding in judge(written(PROMOTION), other, [], NOW)] == [Kind.UNJUDGED]


def test_a_document_that_ends_anywhere_before_its_end_is_refused():
    whole = written(PROMOTION)
    for end in range(len(whole)):
        assert [finding.kind for finding in judge(whole[:end], SCOPE, [], NOW)] == [Kind.UNJUDGED]


def done(said):
    """What an update by that plan would do to what."""
    return {(each.urn, each.effect) for each in read_plan(said, "local", "mlgate") if each.effect is not Effect.NONE}


def test_a_good_document_with_any_value_missing_or_another_is_refused_or_the_same():
    good = document(*PROMOTION["steps"][3:], *replacement(mine("toy-3")), step("same", INNER), step("read", HELD, INNER))
    assert judged(good) == []
    tried = list(altered(good))
    for where, other in tried:
        said = written(other)
        assert judge(said, SCOPE, [], NOW) or done(said) == done(written(good)), where
    assert len(tried) > 1000


@pytest.mark.parametrize(
    "strange",
    [
        [step("update", mine("neighbour-1"), NEIGHBOUR)],
        [step("delete", mine("neighbour-1"), NEIGHBOUR)],
        replacement(mine("neighbour-1"), NEIGHBOUR),
        [step("create", mine("neighbour-2"), NEIGHBOUR)],
        [step("delete", mine("toy-held", BUCKET))],
        replacement(mine("toy-held", BUCKET)),
        replacement(mine("toy-held", "acme:index:Thing"), protect=True),
    ],
    ids=["update", "delete", "replace", "create", "bucket deleted", "bucket replaced", "protected replaced"],
)
def test_a_bad_document_with_any_value_missing_or_another_is_never_let_through(strange):
    bad = document(*PROMOTION["steps"][3:], *strange)
    assert judged(bad)
    let_through = [where for where, other in altered(bad) if not judged(other)]
    assert let_through == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["steps", "changeSummary", "op", "urn"]), inner),
    max_leaves=10,
)


@given(VALUES)
def test_whatever_else_the_engine_says_is_refused(said):
    assert [finding.kind for finding in judged(said)] == [Kind.UNJUDGED]


@given(st.binary())
def test_so_is_what_is_no_text(said):
    assert [finding.kind for finding in judge(said, SCOPE, [], NOW)] == [Kind.UNJUDGED]


@given(VALUES, st.sampled_from(["steps", "changeSummary", "diagnostics", "maybeCorrupt"]))
def test_a_part_of_a_document_that_is_something_else_lets_no_neighbour_through(said, part):
    bad = document(step("update", mine("neighbour-1"), NEIGHBOUR))
    assert judged({**bad, part: said})


def test_a_newer_engine_may_say_more():
    said = json.loads(written(PROMOTION))
    said["novelty"] = [1]
    for each in said["steps"]:
        each["novelty"] = {"a": None}
    assert judged(said) == []


def test_the_tables_name_types_of_the_installed_sdks_each_once():
    import pulumi_aws
    import pulumi_kubernetes

    assert not STATEFUL.keys() & CONTAINERS.keys()
    for module in (pulumi_aws, pulumi_kubernetes):
        package, registered = module.__name__.removeprefix("pulumi_"), Path(module.__file__).read_text(encoding="utf-8")
        tokens = [token for token in [*STATEFUL, *CONTAINERS] if token.startswith(f"{package}:")]
        assert [token for token in tokens if f'"{token}"' not in registered] == []


@pytest.mark.parametrize("type_", CONTAINERS)
def test_what_others_put_into_a_container_is_asked_for_as_well(type_):
    assert why_stateful(type_, guarded=False) == f"it holds {CONTAINERS[type_]}, and nothing brings that back"


@pytest.mark.parametrize("type_", ["pulumi-python:dynamic/mlgate:StoredRelease", "aws:sqs/queue:Queue", "aws:iam/role:Role"])
def test_what_can_be_made_again_may_be_lost(type_):
    assert why_stateful(type_, guarded=False) is None
