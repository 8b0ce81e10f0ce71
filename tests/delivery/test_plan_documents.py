"""What the plan guard cannot judge it refuses: documents cut short, of something else, or with one value altered."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_delivery.plan import Effect, UnreadableError, read_plan
from mlgate_delivery.plan_guard import Finding, Kind, judge

from .plans import (
    BUCKET,
    HELD,
    INNER,
    NEIGHBOUR,
    NOW,
    PROCESS,
    PROMOTION,
    ROOT,
    SCOPE,
    altered,
    document,
    judged,
    mine,
    replacement,
    step,
    written,
)

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


def test_what_is_new_has_no_id_and_what_lies_at_the_root_no_parent():
    root, *_, new = read_plan(written(document(step("create", mine("toy-1")))), "local", "mlgate")
    assert (root.parents, new.id) == (frozenset({""}), "")
