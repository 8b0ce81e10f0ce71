"""TorchServe's REST predictions: one case out, one judged answer back, and no bytes that raise."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mlgate.interface import Interface
from mlgate_serving.clients import client_for


def interface(answer: str = "argmax", shape: tuple[int, ...] = (3,), protocol: str = "torchserve") -> Interface:
    return Interface.model_validate(
        {
            "protocol": protocol,
            "input": {"image": {"dtype": "float32", "shape": [-1, 2, 2]}},
            "output": {"field": "scores", "shape": [-1, *shape], "answer": answer},
        }
    )


CLIENT = client_for(interface(), "digits")


def body(value: object) -> bytes:
    return json.dumps({"scores": value}).encode()


def test_one_case_goes_out_without_a_batch_dimension():
    request = CLIENT.encode({"image": np.array([[0, 1], [2, 3.5]], np.float32)})
    assert (request.method, request.path) == ("POST", "/predictions/digits")
    assert dict(request.headers)["content-type"] == "application/json"
    assert json.loads(request.body) == {"image": [[0, 1], [2, 3.5]]}


def test_a_model_name_cannot_change_the_path():
    assert client_for(interface(), "../a b?c").encode({}).path == "/predictions/..%2Fa%20b%3Fc"


def test_wrong_cases_go_out_as_they_are():
    case = {"image": [[float("nan"), None], "text"], "other": np.float32(0.5)}
    assert CLIENT.encode(case).body == b'{"image":[[NaN,null],"text"],"other":0.5}'


@given(hnp.arrays(np.float32, (2, 2), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_float32_survives_the_wire_bit_by_bit(image):
    sent = json.loads(CLIENT.encode({"image": image}).body)["image"]
    np.testing.assert_array_equal(np.array(sent, np.float32), image)


def test_the_largest_elements_index_is_the_class_and_the_lowest_among_equals():
    assert CLIENT.decode(200, {}, body([0.1, 0.7, 0.2])).answer == 1.0
    assert CLIENT.decode(200, {}, body([0.5, 0.5, 0.0])).answer == 0.0
    nested = client_for(interface(shape=(2, 2)), "m").decode(200, {}, body([[0, 1], [5, 2]]))
    assert nested.answer == 2.0
    assert nested.outputs == {"scores": [[0, 1], [5, 2]]}


def test_without_argmax_the_number_is_the_answer():
    assert client_for(interface("none", (1,)), "m").decode(200, {}, body([2.5])).answer == 2.5
    assert client_for(interface("none", ()), "m").decode(200, {}, body(-3)).answer == -3.0


def test_the_served_digest_is_read_on_errors_too():
    headers = {"x-mlgate-release": "sha256:abc"}
    for status, content in [(200, body([1, 2, 3])), (200, b"?"), (503, b"")]:
        assert CLIENT.decode(status, headers, content).served_digest == "sha256:abc"
    assert CLIENT.decode(200, {}, body([1, 2, 3])).served_digest is None


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "the answer is not JSON"),
        (b"\xff\xfe\x00", "the answer is not JSON"),
        (b"[" * 100_000, "the answer is not JSON: nested too deeply"),
        (b"[0.1, 0.2, 0.7]", "the answer is not an object with the field scores"),
        (b'{"probabilities": [0.1, 0.2, 0.7]}', "the answer is not an object with the field scores"),
        (body([1, 2]), "scores has shape [2], declared is [3]"),
        (body([[1, 2, 3]]), "scores has shape [1, 3], declared is [3]"),
        (body([1, [2], 3]), "scores is ragged"),
        (body(["a", "b", "c"]), "scores is not made of numbers"),
        (body([None, 1, 2]), "scores is not made of numbers"),
        (body([True, False, True]), "scores is not made of numbers"),
        (body({"a": 1}), "scores is not made of numbers"),
        (body([10**400, 1, 2]), "scores is not made of numbers"),
        (body([float("nan"), 1, 2]), "scores holds NaN or infinity"),
        (b'{"scores": [1e999, 1, 2]}', "scores holds NaN or infinity"),
    ],
)
def test_a_2xx_off_the_schema_says_how(content, error):
    response = CLIENT.decode(200, {}, content)
    assert response.error is not None
    assert response.error.startswith(f"schema: {error}")
    assert (response.answer, response.outputs) == (None, None)


@pytest.mark.parametrize(
    ("status", "content", "error"),
    [
        (
            503,
            b'{"code": 503, "type": "InternalServerException", "message": "Prediction failed"}',
            "status: 503 InternalServerException: Prediction failed",
        ),
        (400, b'{"message": "image has\\n  NaN"}', "status: 400 image has NaN"),
        (502, b"<html>Bad Gateway</html>", "status: 502 <html>Bad Gateway</html>"),
        (500, b"", "status: 500"),
        (301, b"", "status: 301"),
        (404, b'{"message": 3}', 'status: 404 {"message": 3}'),
    ],
)
def test_a_refusal_keeps_its_reason_on_one_line(status, content, error):
    assert CLIENT.decode(status, {}, content).error == error


def test_a_long_reason_is_cut_to_120_characters():
    error = CLIENT.decode(500, {}, b"x" * 5000).error
    assert error == "status: 500 " + "x" * 120


ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["scores", "outputs", "name", "shape", "data", "error"]), inner, max_size=5)
    ),
    max_leaves=12,
)
CONTENTS = st.binary(max_size=200) | ANSWERS.map(lambda value: json.dumps(value).encode()) | ANSWERS.map(body)


@pytest.mark.parametrize("protocol", ["torchserve", "open-inference"])
@given(status=st.integers(0, 999), headers=st.dictionaries(st.text(max_size=20), st.text(max_size=20)), content=CONTENTS)
@example(status=200, headers={}, content=b'{"scores": ' + b"9" * 5000 + b"}")
@example(status=200, headers={}, content=b'{"outputs": [{"name": "scores", "shape": [1, 3], "data": [[[[]]]]}]}')
@example(status=200, headers={}, content=b'{"outputs": [{"name": "scores", "shape": [1, 16777216, 16777216], "data": []}]}')
@example(status=200, headers={}, content=b'{"scores": "\\ud800"}')
@example(status=500, headers={}, content=b'{"message": "\\ud800", "error": "\\ud800"}')
def test_decoding_is_total(protocol, status, headers, content):
    response = client_for(interface(protocol=protocol), "m").decode(status, headers, content)
    assert (response.error is None) == (response.answer is not None) == (response.outputs is not None)
    if response.error is not None:
        assert response.error.startswith(("status: ", "schema: "))
        assert len(response.error) <= 140
        assert response.error.isprintable()
