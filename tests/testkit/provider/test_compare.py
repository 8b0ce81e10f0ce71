"""What differs between two sets of inputs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_testkit.provider.provider import Kind, compare
from mlgate_testkit.provider.values import UNKNOWN

leaves = st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
inputs = st.dictionaries(
    st.text("ab.", min_size=1, max_size=2),
    st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1), inner), max_leaves=6),
    max_size=4,
)


@given(inputs)
def test_nothing_differs_from_itself(values: dict[str, Any]) -> None:
    assert compare(values, values) == {}


@given(inputs, inputs)
def test_different_inputs_differ_somewhere_and_back_again(olds: dict[str, Any], news: dict[str, Any]) -> None:
    there, back = compare(olds, news), compare(news, olds)
    assert set(there) == set(back)
    turned = {Kind.ADD: Kind.DELETE, Kind.DELETE: Kind.ADD, Kind.UPDATE: Kind.UPDATE}
    assert {path: turned[kind] for path, kind in there.items()} == back
    assert bool(there) == (json.dumps(olds, sort_keys=True) != json.dumps(news, sort_keys=True))


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"a": 1}, {"a": 2}, {"a": Kind.UPDATE}),
        ({"a": 1}, {"a": True}, {"a": Kind.UPDATE}),
        ({"a": 1}, {"a": UNKNOWN}, {"a": Kind.UPDATE}),
        ({"a": UNKNOWN}, {"a": UNKNOWN}, {"a": Kind.UPDATE}),
        ({"a": None}, {}, {}),
        ({}, {"a": None}, {}),
        ({"a": 1}, {"a": None}, {"a": Kind.DELETE}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, {"a.c": Kind.ADD}),
        ({"a": [1, 2]}, {"a": [1]}, {"a[1]": Kind.DELETE}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}, {"a[0].b": Kind.UPDATE}),
        ({"a": {'x.y"z': 1}}, {"a": {}}, {'a["x.y\\"z"]': Kind.DELETE}),
    ],
)
def test_each_change_is_named_by_its_path(old: dict[str, Any], new: dict[str, Any], changes: dict[str, Kind]) -> None:
    assert compare(old, new) == changes
