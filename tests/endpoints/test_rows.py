"""Rows against the interface: whatever a caller sends is either the declared array or a 400 that says where it is not."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlgate_serving.rows import PROTOCOLS, BadRow, Field, Interface, leaves

FIELD = Field.of("image", {"dtype": "float32", "shape": [-1, 2, 3], "at_least": 0, "at_most": 16})
INTERFACE = Interface("digits", "torchserve", (FIELD, Field.of("kind", {"dtype": "int64", "shape": [-1]})), "p", (2,))
READ = PROTOCOLS["torchserve"][0]
GOOD: dict[str, Any] = {"image": [[0, 1, 2], [3, 4, 16]], "kind": 3}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=20,
)


def accept(field: Field, value: Any) -> np.ndarray:
    """The array of a value, as the handler reads it from a body; raises BadRow."""
    row = READ({"body": json.dumps({field.name: value})}, Interface("m", "torchserve", (field,), "p", ()))
    batch, refused = field.stack(row.arrays)
    if refused:
        raise refused[0]
    return batch[0]


@given(hnp.arrays(np.float32, (2, 3), elements=st.floats(0, 16, width=32)))
def test_what_keeps_the_interface_arrives_unchanged(array: np.ndarray) -> None:
    np.testing.assert_array_equal(accept(FIELD, array.tolist()), array)
    assert accept(FIELD, array.tolist()).dtype == np.float32


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
@given(data=st.data())
def test_whole_numbers_arrive_unchanged_up_to_the_ends_of_their_type(dtype: str, data: st.DataObject) -> None:
    limits = np.iinfo(dtype)
    value = data.draw(st.integers(int(limits.min), int(limits.max)))
    field = Field.of("n", {"dtype": dtype, "shape": [-1]})
    assert int(accept(field, value)) == value
    for beyond in (int(limits.min) - 1, int(limits.max) + 1):
        with pytest.raises(BadRow):
            accept(field, beyond)


@given(json_values)
def test_whatever_is_sent_is_an_array_of_the_declared_kind_or_a_bad_row(value: Any) -> None:
    refused = ""
    try:
        array = accept(FIELD, value)
    except BadRow as bad:
        refused = str(bad)
    if refused:
        assert refused.startswith("image: expected ")
        return
    assert array.shape == (2, 3)
    assert all(type(leaf) in (int, float) for leaf in leaves(value))
    assert np.isfinite(array).all()
    assert array.min() >= 0
    assert array.max() <= 16


@pytest.mark.parametrize(
    ("value", "expected", "found"),
    [
        ([[1, 2], [3, 4]], "shape [2, 3]", "shape [2, 2]"),
        (7, "shape [2, 3]", "shape []"),
        ([[1, 2, 3], [4, 5]], "shape [2, 3]", "lists of unequal length"),
        ([["1", 2, 3], [4, 5, 6]], "float32", "text"),
        ([[None, 2, 3], [4, 5, 6]], "float32", "null"),
        ([[True, 2, 3], [4, 5, 6]], "float32", "bool"),
        ([[{"a": 1}, 2, 3], [4, 5, 6]], "float32", "an object"),
        ([[1, 2, 3], [4, 5, 17]], "finite float32 of at least 0 and at most 16", "17 at [1, 2]"),
        ([[1, 2, 3], [4, -0.5, 6]], "finite float32 of at least 0 and at most 16", "-0.5 at [1, 1]"),
        ([[float("nan"), 2, 3], [4, 5, 6]], "finite float32", "nan at [0, 0]"),
        ([[float("inf"), 2, 3], [4, 5, 6]], "finite float32", "inf at [0, 0]"),
        ([[10**400, 2, 3], [4, 5, 6]], "finite float32", "too large"),
    ],
)
def test_a_bad_value_says_what_was_expected_and_what_was_found(value: Any, expected: str, found: str) -> None:
    with pytest.raises(BadRow) as caught:
        accept(FIELD, value)
    assert caught.value.field == "image"
    assert expected in caught.value.expected
    assert found in caught.value.found


def test_bounds_are_kept_in_the_declared_element_type() -> None:
    field = Field.of("x", {"dtype": "float32", "shape": [-1], "at_most": 0.1})
    assert float(accept(field, float(np.float32(0.1)))) == np.float32(0.1)  # as float64 it is over 0.1
    with pytest.raises(BadRow):
        accept(field, 0.11)


def test_numbers_that_the_element_type_cannot_hold_are_refused() -> None:
    with pytest.raises(BadRow, match="1e\\+300"):
        accept(Field.of("x", {"dtype": "float32", "shape": [-1]}), 1e300)
    assert float(accept(Field.of("x", {"dtype": "float64", "shape": [-1]}), 2**70)) == 2.0**70


def test_decimal_numbers_are_no_whole_numbers_and_neither_are_booleans() -> None:
    field = Field.of("n", {"dtype": "int64", "shape": [-1, 2]})
    for value in ([1.0, 2], [True, 2]):
        with pytest.raises(BadRow):
            accept(field, value)
    assert accept(Field.of("b", {"dtype": "bool", "shape": [-1, 2]}), [True, False]).tolist() == [True, False]
    with pytest.raises(BadRow):
        accept(Field.of("b", {"dtype": "bool", "shape": [-1, 2]}), [1, 0])


def test_one_long_text_among_many_short_ones_takes_no_memory_for_each() -> None:
    # numpy would take 10,000 x 100,000 x 4 bytes
    with pytest.raises(BadRow, match="text"):
        accept(FIELD, ["a" * 100_000, *["b"] * 10_000])


@pytest.mark.parametrize(
    ("body", "field", "found"),
    [
        (b"", "body", "no body"),
        (None, "body", "no body"),
        (b"{", "body", "something else"),
        (b"\xff\xfe", "body", "something else"),
        (b"[1, 2]", "body", "a list"),
        (b"[" * 100_000, "body", "nested too deeply"),
        (b'{"image": ' + b"[" * 900 + b"]" * 900 + b', "kind": 1}', "image", "shape"),
        (b"1" * 5000, "body", "something else"),
        (json.dumps(GOOD).encode("utf-16"), "body", "something else"),  # RFC 8259: UTF-8
        (json.dumps({**GOOD, "image": [[True, 1, 2], [3, 4, 5]]}).encode("utf-16-le"), "body", "something else"),
        (json.dumps({**GOOD, "image": [[True, 1, 2], [3, 4, 5]]}).encode("utf-8-sig"), "image", "bool"),
        (json.dumps({**GOOD, "extra": 1}).encode(), "extra", "unknown"),
        (json.dumps({"image": GOOD["image"]}).encode(), "kind", "no such field"),
    ],
)
def test_a_body_that_is_no_row_says_so(body: bytes | None, field: str, found: str) -> None:
    with pytest.raises(BadRow) as caught:
        READ({"body": body}, INTERFACE)
    assert caught.value.field == field
    assert found in str(caught.value)


@pytest.mark.parametrize(
    "body", [json.dumps(GOOD), json.dumps(GOOD).encode(), bytearray(json.dumps(GOOD).encode()), json.dumps(GOOD).encode("utf-8-sig"), GOOD]
)
@pytest.mark.parametrize("key", ["body", "data"])
def test_a_row_may_come_as_bytes_text_or_parsed_and_under_either_name(body: Any, key: str) -> None:
    row = READ({key: body}, INTERFACE)
    assert [array.tolist() for array in row.arrays] == [GOOD["image"], GOOD["kind"]]


@given(st.lists(st.floats(-4, 20, width=32), min_size=1, max_size=12))
def test_bounds_of_a_batch_refuse_the_rows_that_alone_would_be_refused(values: list[float]) -> None:
    field = Field.of("x", {"dtype": "float32", "shape": [-1, 1], "at_least": 0, "at_most": 16})
    batch, refused = field.stack([np.array([value]) for value in values])
    assert set(refused) == {row for row, value in enumerate(values) if not 0 <= value <= 16}
    assert all(batch[row, 0] == np.float32(value) for row, value in enumerate(values) if row not in refused)


def test_elements_come_in_order_however_deep_the_lists_are() -> None:
    assert list(leaves([[1, [2]], 3, []])) == [1, 2, 3]
    deep: Any = 5
    for _ in range(5000):
        deep = [deep]
    assert list(leaves(deep)) == [5]
