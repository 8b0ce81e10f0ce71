"""Open Inference Protocol v2: what goes out is what the protocol says, and whatever comes back is read without an exception."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlgate.interface import Interface
from mlgate_serving.clients import client_for, predict
from mlgate_serving.clients.open_inference import DATATYPES

X = np.array([[0.5, 1, 2], [3, 4, 5]], np.float32)


def case(**changes: Any) -> dict[str, Any]:
    return {"x": X, "n": np.int64(20), "flag": np.array([True]), **changes}


def test_a_real_exchange_gives_the_class_the_outputs_and_the_digest(sums, v2_url):
    response = predict(client_for(sums, "sums"), case(), v2_url)
    assert response.error is None
    assert response.outputs == {"scores": [15.5, 20.0]}
    assert response.answer == 1.0
    assert response.served_digest == "sha256:" + "b" * 64
    assert predict(client_for(sums, "sums"), case(flag=np.array([False])), v2_url).answer == 0.0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"x": X[:, :2]}, "x is FP32 [1, 2, 2], not FP32 [1, 2, 3]"),
        ({"x": "text"}, "x is FP32 [1], not"),
        ({"x": [[1.0], [2.0, 3.0]]}, "x has the wrong elements"),
        ({"n": 1.5}, "n has the wrong elements"),
        ({"stranger": 1.0}, "'stranger'"),
    ],
)
def test_wrong_cases_go_out_as_they_are_and_come_back_refused(sums, v2_url, changes, reason):
    response = predict(client_for(sums, "sums"), case(**changes), v2_url)
    assert response.error is not None
    assert response.error.startswith("status: 400 bad request: ")
    assert reason in response.error
    assert response.answer is None


def test_an_unknown_model_is_the_servers_404(sums, v2_url):
    assert predict(client_for(sums, "a/b c"), case(), v2_url).error == "status: 404 no model at /v2/models/a%2Fb%20c/infer"


def parse(body: bytes) -> dict[str, np.ndarray]:
    """An independent reading of a request."""
    names = {datatype: dtype for dtype, datatype in DATATYPES.items()}
    tensors = json.loads(body)["inputs"]
    return {one["name"]: np.array(one["data"], names[one["datatype"]]).reshape(one["shape"]) for one in tensors}


@given(st.data(), st.sampled_from(sorted(DATATYPES)), hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4))
def test_what_is_encoded_is_parsed_back_equal(data, dtype, shape):
    values = data.draw(hnp.arrays(dtype, shape, elements=hnp.from_dtype(np.dtype(dtype), allow_nan=False, allow_infinity=False)))
    interface = Interface.model_validate(
        {
            "protocol": "open-inference",
            "input": {"x": {"dtype": dtype, "shape": [-1, *shape]}},
            "output": {"field": "y", "shape": [-1, 1]},
        }
    )
    parsed = parse(client_for(interface, "m").encode({"x": values}).body)["x"]
    assert parsed.shape == (1, *shape)
    np.testing.assert_array_equal(parsed[0], values)


def answer(**changes: Any) -> bytes:
    return json.dumps({"outputs": [{"name": "scores", "shape": [1, 2], "datatype": "FP32", "data": [0.25, 0.5], **changes}]}).encode()


def test_flat_and_nested_data_mean_the_same(sums):
    client = client_for(sums, "sums")
    assert client.decode(200, {}, answer()) == client.decode(200, {}, answer(data=[[0.25, 0.5]]))
    assert client.decode(200, {}, answer()).answer == 1.0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (answer(shape=[2, 2], data=[1, 2, 3, 4]), "scores is a batch of 2, not of one"),
        (answer(shape=[1, 3], data=[1, 2, 3]), "scores has shape [3], declared is [2]"),
        (answer(shape=[1, 2], data=[1, 2, 3]), "scores says shape [1, 2] and holds 3 elements in [3]"),
        (answer(shape=[1, 2], data=[[1], [2]]), "scores says shape [1, 2] and holds 2 elements in [2, 1]"),
        (answer(shape="2"), "scores has no valid shape"),
        (answer(shape=[]), "scores has no valid shape"),
        (answer(shape=[True, 2]), "scores has no valid shape"),
        (answer(shape=[1, -2]), "scores has no valid shape"),
        (answer(data=None), "scores has no data in JSON"),
        (answer(data=["a", "b"]), "scores is not made of numbers"),
        (answer(data=[True, False]), "scores is not made of numbers"),
        (answer(data=[0.5, float("nan")]), "scores holds NaN or infinity"),
        (answer(data=[[1, 2], [3]]), "scores is ragged"),
        (answer(name="other"), "the answer has 0 outputs named scores, not one"),
        (b'{"outputs": 3}', "the answer has 0 outputs named scores, not one"),
        (b"[]", "the answer has 0 outputs named scores, not one"),
        (b"", "the answer is not JSON"),
    ],
)
def test_an_answer_off_the_protocol_says_how(sums, body, error):
    response = client_for(sums, "sums").decode(200, {}, body)
    assert response.error is not None
    assert response.error.startswith(f"schema: {error}")
    assert response.answer is None
    assert response.outputs is None


def test_only_the_declared_output_is_asked_for_and_read(sums):
    client = client_for(sums, "sums")
    assert json.loads(client.encode(case()).body)["outputs"] == [{"name": "scores"}]
    two = {"outputs": [{"name": "other", "shape": [1], "data": [9]}, *json.loads(answer())["outputs"]]}
    assert client.decode(200, {}, json.dumps(two).encode()).answer == 1.0
