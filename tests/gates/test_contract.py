"""The contract: what is sent, what answer is documented, and that one wrong answer is enough."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlgate import Service, Verdict
from mlgate.interface import Interface, Output, Tensor
from mlgate_gates.contract_cases import UNKNOWN_FIELD, contract_names, contract_requests, example_case
from mlgate_gates.plan import Plan
from mlgate_gates.result import Finding, GateResult

Judge = Callable[..., GateResult]

Judged = Callable[..., Finding]

ranges = {"uint8": (0, 255), "bool": (0, 1)}
dtypes = st.sampled_from(["float32", "float64", "int32", "int64", "uint8", "bool"])
shapes = st.lists(st.integers(1, 3), max_size=3).map(lambda sides: (-1, *sides))


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Tensors whose bounds leave room for at least one whole number of their type."""
    dtype = draw(dtypes)
    bounds = st.one_of(st.none(), st.floats(*ranges.get(dtype, (-1e6, 1e6))))
    low, high = draw(bounds), draw(bounds)
    if low is not None and high is not None and low > high:
        low, high = high, low
    if low is not None and high is not None:
        high = max(high, math.ceil(low))
    return Tensor(dtype=dtype, shape=draw(shapes), at_least=low, at_most=high)


interfaces = st.builds(
    Interface,
    protocol=st.sampled_from(["torchserve", "open-inference"]),
    input=st.dictionaries(st.sampled_from(["image", "x", "age"]), tensors(), min_size=1),
    output=st.just(Output(field="scores", shape=(-1, 3), answer="argmax")),
)


@pytest.fixture
def contract(judge: Judge, plan: Plan, rows: Any) -> Judged:
    """The finding on a contract phase with these columns."""
    return lambda **columns: judge(plan, rows.copy().contract(**columns).table(), ended=False).finding("contract")


@pytest.fixture
def interface(service_from: Callable[..., Service]) -> Interface:
    """The interface of the declaration: one bounded image."""
    return service_from().interface


def test_everything_that_the_interface_declares_is_tried(interface: Interface) -> None:
    assert contract_names(interface) == (
        "valid",
        "missing:image",
        "unknown-field",
        "wrong-shape:image",
        "wrong-type:image",
        "below-bounds:image",
        "above-bounds:image",
        "nan:image",
        "not-json",
        "unknown-model",
    )


def test_each_request_is_what_its_name_says(interface: Interface) -> None:
    asked = {prepared.case_id: prepared for prepared in contract_requests(interface, "digits")}
    image = {name: json.loads(prepared.request.body).get("image") for name, prepared in asked.items() if name != "not-json"}
    assert np.shape(image["valid"]) == (8, 8)
    assert image["missing:image"] is None
    assert UNKNOWN_FIELD in json.loads(asked["unknown-field"].request.body)
    assert np.shape(image["wrong-shape:image"]) == (2, 8, 8)
    assert isinstance(image["wrong-type:image"], str)
    assert np.max(image["below-bounds:image"]) < 0
    assert np.min(image["above-bounds:image"]) > 16
    assert np.isnan(image["nan:image"]).all()
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(asked["not-json"].request.body)
    assert asked["unknown-model"].request.path != asked["valid"].request.path
    assert {prepared.request.path for name, prepared in asked.items() if name != "unknown-model"} == {"/predictions/digits"}


def test_the_documented_answers(interface: Interface) -> None:
    expected = {
        prepared.case_id: (prepared.expectation.status, prepared.expectation.mentions)
        for prepared in contract_requests(interface, "digits")
    }
    refused = (400, 499)
    assert expected == {
        "valid": ((200, 299), None),
        "missing:image": (refused, "image"),
        "unknown-field": (refused, UNKNOWN_FIELD),
        "wrong-shape:image": (refused, "image"),
        "wrong-type:image": (refused, "image"),
        "below-bounds:image": (refused, "image"),
        "above-bounds:image": (refused, "image"),
        "nan:image": (refused, "image"),
        "not-json": (refused, None),
        "unknown-model": ((404, 404), None),
    }


def test_all_go_to_the_candidate_in_the_phase_of_the_contract(interface: Interface) -> None:
    asked = contract_requests(interface, "digits")
    assert {(prepared.arm, prepared.check) for prepared in asked} == {("candidate", "contract")}
    assert tuple(prepared.case_id for prepared in asked) == contract_names(interface)


@settings(deadline=None)
@given(interfaces)
def test_the_right_request_keeps_every_declared_bound(interface: Interface) -> None:
    for name, value in example_case(interface).items():
        tensor, array = interface.input[name], np.asarray(value)
        assert array.shape == tensor.row_shape
        if tensor.dtype != "bool":
            assert tensor.at_least is None or (array >= tensor.at_least).all()
            assert tensor.at_most is None or (array <= tensor.at_most).all()
        assert array.dtype.kind == {"f": "f", "b": "b"}.get(np.dtype(tensor.dtype).kind, "i")


@settings(deadline=None)
@given(interfaces)
def test_every_wrong_request_is_wrong_in_the_field_it_names(interface: Interface) -> None:
    asked = {prepared.case_id: prepared for prepared in contract_requests(interface, "model")}
    assert len(asked) == len(contract_names(interface))
    right = asked["valid"].request.body
    for name, prepared in asked.items():
        if name not in ("valid", "unknown-model"):
            assert prepared.request.body != right
        if ":" in name:
            assert prepared.expectation.mentions == name.split(":", 1)[1]


@settings(deadline=None)
@given(tensors().filter(lambda tensor: tensor.dtype != "bool"))
def test_what_is_out_of_bounds_is_out_of_them_in_every_element(tensor: Tensor) -> None:
    interface = Interface(protocol="torchserve", input={"x": tensor}, output=Output(field="y", shape=(-1, 2), answer="argmax"))
    asked = {prepared.case_id: prepared for prepared in contract_requests(interface, "model")}
    for name, bound, beyond in (("below-bounds:x", tensor.at_least, np.less), ("above-bounds:x", tensor.at_most, np.greater)):
        assert (name in asked) == (bound is not None)
        if bound is not None:
            assert beyond(json.loads(asked[name].request.body)["x"], bound).all()


def test_documented_answers_pass(contract: Judged) -> None:
    found = contract()
    assert (found.verdict, found.estimate, found.requests) == (Verdict.PASS, 1.0, 10)


def test_one_wrong_answer_fails_and_is_named(contract: Judged) -> None:
    score = [1.0] * 10
    score[7] = 0.0
    found = contract(score=score, status=[200] + [400] * 6 + [200] + [400, 404], error=[None] * 10)
    assert (found.verdict, found.numbers["k"]) == (Verdict.FAIL, 9)
    assert found.reason == "1 of 10 were answered otherwise: nan:image (status 200)"


def test_a_right_request_answered_off_the_schema_fails(contract: Judged) -> None:
    errors = ["schema: probabilities has shape [3]"] + ["status: 400"] * 8 + ["status: 404"]
    found = contract(error=errors)
    assert found.verdict is Verdict.FAIL
    assert "valid (schema: probabilities has shape [3])" in found.reason


def test_an_endpoint_that_does_not_answer_a_bad_row_fails(contract: Judged) -> None:
    found = contract(status=[200, 0] + [400] * 7 + [404], score=[1.0, 0.0] + [1.0] * 8, error=[None, "timeout"] + ["status: 400"] * 8)
    assert found.verdict is Verdict.FAIL
    assert "missing:image (timeout)" in found.reason


def test_many_wrong_answers_are_counted_and_the_first_named(contract: Judged) -> None:
    found = contract(score=[1.0] + [0.0] * 9, error=None)
    assert found.reason.startswith("9 of 10 were answered otherwise: missing:image (status 400)")
    assert found.reason.endswith("and 4 more")


def test_an_answer_without_a_score_is_not_right(contract: Judged) -> None:
    assert contract(score=[None] + [1.0] * 9).verdict is Verdict.FAIL


def test_a_lost_answer_is_void_until_it_is_asked_again(judge: Judge, plan: Plan, rows: Any) -> None:
    lost = {"status": [200, 0] + [400] * 7 + [404], "error": [None, "lost: killed"] + ["status: 400"] * 8}
    rows.contract(**lost, score=[1.0, None] + [1.0] * 8)
    found = judge(plan, rows.table(), ended=False).finding("contract")
    assert (found.verdict, found.reason) == (Verdict.VOID, "no answer on record to missing:image")
    rows.add("contract", case_id=["missing:image"], status=[400], error=["status: 400"])
    assert judge(plan, rows.table(), ended=False).finding("contract").verdict is Verdict.PASS


def test_a_request_answered_twice_is_void(judge: Judge, plan: Plan, rows: Any) -> None:
    table = rows.contract().add("contract", case_id=["valid"]).table()
    found = judge(plan, table, ended=False).finding("contract")
    assert (found.verdict, found.reason) == (Verdict.VOID, "rows of requests that were not planned: valid")


def test_a_request_that_was_not_planned_is_void(contract: Judged) -> None:
    names = ["valid", "something-else"] + [f"other-{place}" for place in range(8)]
    assert contract(case_id=names).verdict is Verdict.VOID


def test_a_wrong_answer_counts_even_while_others_are_missing(judge: Judge, plan: Plan, rows: Any) -> None:
    table = rows.add("contract", case_id=["valid", "nan:image"], score=[1.0, 0.0], status=[200, 200]).table()
    assert judge(plan, table, ended=False).finding("contract").verdict is Verdict.FAIL
