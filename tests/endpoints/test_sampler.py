"""Random cases keep the interface they are made for."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.interface import Interface
from mlgate_serving.sampler import sample_batch, sample_case

tensors = st.one_of(
    st.fixed_dictionaries(
        {"dtype": st.sampled_from(["float32", "float64"]), "shape": st.just((-1, 2, 3))},
        optional={"at_least": st.floats(-1e6, 0), "at_most": st.floats(0, 1e6)},
    ),
    st.fixed_dictionaries(
        {"dtype": st.sampled_from(["int32", "int64", "uint8"]), "shape": st.just((-1, 4))},
        optional={"at_least": st.integers(-5, 3).map(float), "at_most": st.integers(3, 900).map(float)},
    ),
    st.just({"dtype": "bool", "shape": (-1,)}),
)


@given(tensor=tensors, rows=st.integers(1, 4), seed=st.integers(0, 100))
def test_a_sample_keeps_type_shape_and_bounds(tensor: dict[str, object], rows: int, seed: int) -> None:
    interface = Interface.model_validate({"protocol": "torchserve", "input": {"x": tensor}, "output": {"field": "y", "shape": (-1, 1)}})
    declared, batch = interface.input["x"], sample_batch(interface, rows, seed)["x"]
    assert batch.shape == (rows, *declared.row_shape)
    assert batch.dtype == np.dtype(declared.dtype)
    assert declared.at_least is None or (batch >= declared.at_least).all()
    assert declared.at_most is None or (batch <= declared.at_most).all()


def test_the_same_seed_gives_the_same_case(read_service: Callable[..., object]) -> None:
    interface = read_service().interface  # type: ignore[attr-defined]
    np.testing.assert_array_equal(sample_case(interface, 5)["image"], sample_case(interface, 5)["image"])
    with pytest.raises(AssertionError):
        np.testing.assert_array_equal(sample_case(interface, 5)["image"], sample_case(interface, 6)["image"])
