"""The engine's log becomes events; what is not of the known shape is an error that says so, and never a wrong answer."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import StackError, UsageError
from mlgate_testkit.engine import SECRET, UNKNOWN, EventLog
from mlgate_testkit.engine.events import Heard, plain_values

from . import logs

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def heard(*objects: Any) -> Heard:
    """What the log says."""
    found = Heard("3.259.0")
    for told in objects:
        found.hear(told)
    return found


def intervals(*names: str) -> EventLog:
    """Each name in turn opens an operation, and closes it the next time it comes."""
    told, open_ = [], set()
    for name in names:
        told.append(logs.event("ended" if name in open_ else "begun", "create", name))
        open_ ^= {name}
    return EventLog(heard(*told).events)


def test_an_event_says_phase_operation_and_resource():
    (found,) = heard(logs.event("failed", "create", "a")).events
    assert (found.number, found.phase, found.operation, found.type, found.name) == (1, "failed", "create", "box:index:Box", "a")
    assert str(found) == "event 1: create of box:index:Box a failed"


def test_the_type_of_a_child_is_its_own_and_a_name_may_hold_colons():
    (found,) = heard(logs.event("begun", "create", "a::b")).events
    assert found.name == "a::b"


def test_secrets_and_unknowns_are_marked_and_pickled_classes_left_out():
    values = plain_values({"a": [logs.SECRET], "b": {"c": logs.UNKNOWN}, "__provider": "gASV", "d": "x"})
    assert values == {"a": [SECRET], "b": {"c": UNKNOWN}, "d": "x"}


def test_a_detailed_diff_says_kind_and_whether_it_replaces():
    detail = {"tags.a": {"diffKind": "add", "inputDiff": True}, "name": {"diffKind": "update-replace", "inputDiff": True}}
    (found,) = heard(logs.event("begun", "update", "a", detailedDiff=detail, keys=["name"])).events
    assert [(change.path, change.kind, change.replaces) for change in found.diff] == [("name", "update", True), ("tags.a", "add", False)]
    assert found.replace_reasons == ("name",)


def test_the_providers_that_the_engine_makes_are_left_out_and_declared_ones_stay():
    kind = "pulumi:providers:aws"
    made = ("default", "default_7_51_1", "mine")
    assert [event.name for event in heard(*(logs.event("ended", "create", name, kind) for name in made)).events] == ["mine"]


def test_diagnostics_keep_severity_and_resource_and_debug_is_left_out():
    found = heard(logs.said("boom", about=logs.urn("a")), logs.said("x", "debug"), logs.said("careful\n", "warning")).diagnostics
    assert [str(diagnostic) for diagnostic in found] == ["box:index:Box a: boom", "careful"]


def test_a_policy_violation_is_a_diagnostic():
    told = {"policyName": "no-public-bucket", "message": "it is public", "enforcementLevel": "mandatory", "resourceUrn": logs.urn("a")}
    (found,) = heard({"sequence": 1, "policyEvent": told}).diagnostics
    assert (found.severity, found.resource) == ("error", "box:index:Box a")


@pytest.mark.parametrize(
    "strange",
    [
        None,
        [],
        {},
        {"sequence": 1, "resourcePreEvent": {}},
        {"sequence": 1, "resourcePreEvent": {"metadata": {"op": "create"}}},
        {"sequence": 1, "diagnosticEvent": {}},
        {"sequence": 1, "summaryEvent": {}},
    ],
)
def test_a_line_of_another_shape_names_the_engine_the_line_and_the_remedy(strange):
    with pytest.raises(StackError, match=r"the events of Pulumi 3\.259\.0 .*line 2") as failure:
        heard(logs.event("begun", "create", "a"), strange)
    assert "update mlgate" in failure.value.remedy


@given(st.one_of(JSON, st.fixed_dictionaries({"sequence": st.integers(), "resourcePreEvent": st.fixed_dictionaries({"metadata": JSON})})))
def test_whatever_a_line_holds_it_is_read_or_refused(told):
    with suppress(StackError):
        heard(told)


def test_an_error_of_whoever_listens_is_theirs():
    def broken(_event):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        Heard("3.259.0", broken).hear(logs.event("begun", "create", "a"))


def test_an_event_of_an_unknown_kind_is_passed_over():
    assert heard({"sequence": 7, "progressEvent": {"type": "plugin-download"}}).lines == 1


def test_before_compares_the_last_end_with_the_first_beginning():
    log = intervals("a", "a", "b", "b")
    assert log.before("a", "b")
    assert not log.before("b", "a")
    assert repr(log.before("b", "a")) == "create of b ended as event 4, and not before create of a began as event 1"
    overlap = intervals("a", "b", "a", "b")
    assert not overlap.before("a", "b")
    assert not overlap.before("b", "a")


def test_what_never_ended_is_before_nothing():
    assert not intervals("a", "b").before("a", "b")


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=24))
def test_before_is_a_strict_order(names):
    log = intervals(*names)
    there = sorted(set(names))
    for one in there:
        for other in there:
            assert not (log.before(one, other) and log.before(other, one))
            begun = min(event.number for event in log if event.name == other)
            mine = [event for event in log if event.name == one]
            assert bool(log.before(one, other)) == (mine[-1].phase == "ended" and mine[-1].number < begun)


def test_an_order_of_what_is_not_there_is_an_error_that_names_the_nearest():
    log = intervals("database", "database", "network", "network")
    with pytest.raises(UsageError, match="did you mean 'database'"):
        log.before("databse", "network")
    with pytest.raises(UsageError, match="had no delete"):
        log.before("database", "network", operation="delete")


def test_a_name_of_two_resources_asks_for_an_urn():
    log = EventLog(heard(logs.event("ended", "create", "a"), logs.event("ended", "create", "a", "box:index:Lid")).events)
    with pytest.raises(UsageError, match="names 2 resources"):
        log.before("a", "a")
    assert log.before(logs.urn("a"), logs.urn("a", "box:index:Lid"))


def test_the_delete_of_a_replacement_is_a_delete():
    told = [logs.event("ended", "delete-replaced", "a"), logs.event("begun", "create-replacement", "b")]
    log = EventLog(heard(*told).events)
    assert "delete-replaced of a ended" in repr(log.before("a", "b"))
    assert log.before("a", "a", operation="delete") is not None
