"""Values cross the wire unchanged."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from mlgate_testkit.provider.values import UNKNOWN, Archive, Asset, ResourceReference, Secret, from_struct, has_unknown, plain, to_struct

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | texts
    | st.just(UNKNOWN)
    | st.builds(Asset, text=texts)
    | st.builds(Asset, path=texts, hash=texts)
    | st.builds(Archive, path=texts)
    | st.builds(ResourceReference, texts, st.none() | st.just(UNKNOWN) | texts.filter(bool))
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3) | st.builds(Secret, inner),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, max_size=4))
def test_every_value_comes_back_as_it_went(sent: dict[str, Any]) -> None:
    assert from_struct(to_struct(sent)) == sent


@given(
    st.dictionaries(texts, st.recursive(st.booleans() | texts | st.integers(-9, 9), lambda inner: st.lists(inner, max_size=3)), max_size=4)
)
def test_the_sdk_reads_what_is_written(sent: dict[str, Any]) -> None:
    assert rpc.deserialize_properties(to_struct(sent)) == sent


@pytest.mark.parametrize("signature", ["is a secret", "d0e6a833031e9bbcd3f4e8bde6ca49a4"])
def test_a_value_of_an_unknown_kind_says_to_update(signature: str) -> None:
    struct = struct_pb2.Struct()
    struct.update({"it": {"4dabf18193072939515e22adb298388d": signature, "value": 1}})
    if signature.startswith("d0"):
        assert from_struct(struct) == {"it": 1}
    else:
        with pytest.raises(ValueError, match="update mlgate"):
            from_struct(struct)


@pytest.mark.parametrize(
    ("output", "value"),
    [({}, UNKNOWN), ({"value": 3}, 3), ({"value": "x", "secret": True}, Secret("x")), ({"secret": True}, Secret(UNKNOWN))],
)
def test_an_output_is_its_value_marked_as_it_is(output: dict[str, Any], value: Any) -> None:
    struct = struct_pb2.Struct()
    struct.update({"it": {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4", **output}})
    assert from_struct(struct) == {"it": value}


@pytest.mark.parametrize(
    "text",
    [
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    ],
)
def test_every_kind_of_unknown_is_unknown(text: str) -> None:
    struct = struct_pb2.Struct()
    struct.update({"it": text})
    assert from_struct(struct) == {"it": UNKNOWN}


def test_a_secret_is_masked_wherever_it_is_printed() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})


def test_opening_secrets_reaches_every_depth() -> None:
    assert plain({"a": [Secret({"b": Secret("c")})]}) == {"a": [{"b": "c"}]}


@pytest.mark.parametrize("value", [[UNKNOWN], {"a": Secret(UNKNOWN)}, Archive(assets={"a": UNKNOWN})])
def test_an_unknown_is_found_at_every_depth(value: Any) -> None:
    assert has_unknown(value)
    assert not has_unknown(["a", {"b": Secret(1)}, Archive(path="x")])


@pytest.mark.parametrize(("value", "place"), [({"a": [1, {2}]}, r"a\[1\]: set"), ({"a": {"b": {1: 2}}}, "a.b: the key 1")])
def test_what_pulumi_has_no_form_for_is_named_by_place(value: dict[str, Any], place: str) -> None:
    with pytest.raises(TypeError, match=place):
        to_struct(value)
