"""Steps of a run and questions about them, without an engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import StackError, UsageError
from mlgate_testkit.engine import Changes

from . import logs
from .test_events import heard

BOX, LID, STACK = "box:index:Box", "box:index:Lid", "pulumi:pulumi:Stack"
PLAIN = ["create", "update", "delete", "same", "read", "import"]


def changes(*objects: dict[str, Any]) -> Changes:
    """The changes of a log."""
    found = heard(*objects)
    return Changes("up", found.events, found.diagnostics)


def done(operation: str, name: str, token: str = BOX, **metadata: Any) -> list[dict[str, Any]]:
    """The events of an operation that goes well; a replacement makes the new one first, or deletes the old one first."""
    if operation == "replace":
        order = ["create-replacement", "replace", "delete-replaced"]
    elif operation == "replace, delete first":
        order = ["delete-replaced", "replace", "create-replacement"]
    else:
        order = [operation]
    return [logs.event(phase, one, name, token, **metadata) for one in order for phase in ("begun", "ended")]


def test_each_resource_is_asked_for_by_what_happened_to_it():
    found = changes(*(event for operation in [*PLAIN, "replace"] for event in done(operation, operation)))
    queries = [found.created, found.updated, found.deleted, found.same, found.read, found.imported, found.replaced]
    assert [step.name for query in queries for step in query()] == [*PLAIN, "replace"]
    assert found.of("update").operation == "update"


@given(st.dictionaries(st.text("abcd:$", min_size=1), st.sampled_from([*PLAIN, "replace", "replace, delete first"]), max_size=8))
def test_every_resource_has_one_step_and_every_step_one_answer(operations):
    found = changes(*(event for name, operation in operations.items() for event in done(operation, name)))
    queries = [found.created, found.updated, found.deleted, found.same, found.read, found.imported, found.replaced]
    answers = [step for query in queries for step in query()]
    assert sorted(step.urn for step in answers) == sorted(step.urn for step in found) == sorted(logs.urn(name) for name in operations)
    assert found.nothing() == all(operation in {"same", "read"} for operation in operations.values())
    for name, operation in operations.items():
        assert found.of(name).operation == operation.split(",")[0]
        assert found.of(name).phase == "ended"


@given(st.permutations([event for name in ("a", "b") for event in done("replace", name)]))
def test_a_replacement_is_one_step_however_others_run_beside_it(events):
    found = changes(*events)
    assert {step.operation for step in found} == {"replace"}
    assert len(found) == 2


def test_a_replacement_has_the_old_state_and_the_new_one_in_either_order():
    for operation in ("replace", "replace, delete first"):
        step = changes(*done(operation, "a", keys=["label"])).of("a")
        assert step.old
        assert step.new
        assert step.replace_reasons == ("label",)


def test_the_stack_itself_is_no_step():
    assert not changes(*done("create", "shop-dev", STACK)).steps


def test_a_type_that_is_not_there_is_an_error_that_names_what_is():
    found = changes(*done("create", "a"), *done("create", "b", LID))
    with pytest.raises(UsageError, match="did you mean 'box:index:Box'"):
        found.created("box:index:Bx")
    with pytest.raises(UsageError, match="none at all"):
        changes().deleted(BOX)
    assert found.deleted(BOX) == ()
    assert "box:index:Hinge" not in found.types


def test_a_name_that_is_not_there_or_there_twice_is_an_error():
    found = changes(*done("create", "logs"), *done("same", "logs", LID), *done("same", "main"))
    with pytest.raises(UsageError, match="did you mean 'main'"):
        found.of("mian")
    with pytest.raises(UsageError, match="2 resources are called 'logs'"):
        found.of("logs")
    assert found.of("logs", type=LID).operation == "same"


def test_what_failed_and_what_never_ended_are_told_apart():
    told = [
        logs.event("begun", "create", "a"),
        logs.event("failed", "create", "a"),
        logs.event("begun", "create", "b"),
        *done("create", "c"),
    ]
    found = changes(*told, logs.said("no room", about=logs.urn("a")))
    assert [(step.name, step.phase) for step in found] == [("a", "failed"), ("b", "begun"), ("c", "ended")]
    assert [step.name for step in found.failed()] == ["a"]
    assert found.of("a").diagnostics[0].message == "no room"


def test_a_component_is_compared_by_its_inputs():
    old, new = logs.state("a", size=1, tags={"x": 1}), logs.state("a", size=2, tags={})
    step = changes(logs.event("ended", "update", "a", old=old, new=new)).of("a")
    assert [(change.path, change.kind) for change in step.diff] == [("size", "update"), ("tags.x", "delete")]


def test_the_text_of_changes_is_short_and_says_what_moved():
    found = changes(*done("create", "a"), *done("same", "b"), *done("replace", "c", keys=["label"]))
    assert repr(found) == "<up: 1 create, 1 replace, 1 same: create box:index:Box a; replace box:index:Box c [label]>"


def test_an_operation_of_a_later_engine_is_named():
    with pytest.raises(StackError, match="the engine did 'transmute' to a, which this version of mlgate does not know"):
        changes(*done("transmute", "a"))
