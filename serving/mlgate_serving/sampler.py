"""Random cases that keep an interface: what `pack` tries a model on, and what an endpoint must answer before it counts as ready."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlgate.interface import Interface, Tensor


def sample_batch(interface: Interface, rows: int, seed: int) -> dict[str, NDArray[Any]]:
    """Arrays [rows, ...] by name, in declared order and element type, within the declared bounds.

    Where a side has no bound, numbers lie within one of the other, or in [0, 1]: an index into a table must be small to be valid.
    """
    chance = np.random.default_rng(seed)
    return {name: _sample(tensor, rows, chance) for name, tensor in interface.input.items()}


def sample_case(interface: Interface, seed: int) -> dict[str, NDArray[Any]]:
    """One case, without the batch dimension."""
    return {name: batch[0] for name, batch in sample_batch(interface, 1, seed).items()}


def _sample(tensor: Tensor, rows: int, chance: np.random.Generator) -> NDArray[Any]:
    shape = (rows, *tensor.row_shape)
    low = tensor.at_least if tensor.at_least is not None else min(0.0, tensor.at_most - 1 if tensor.at_most is not None else 0.0)
    high = tensor.at_most if tensor.at_most is not None else max(1.0, low + 1)
    if tensor.dtype == "bool":
        return chance.integers(0, 2, shape).astype(np.bool_)
    if tensor.dtype.startswith("float"):
        # Rounding to the element type may step over a bound.
        numbers: NDArray[Any] = chance.uniform(low, high, shape).astype(tensor.dtype)
        return numbers.clip(low, high)
    limits = np.iinfo(tensor.dtype)
    whole = (max(int(np.ceil(low)), limits.min), min(int(np.floor(high)), limits.max))
    return chance.integers(*whole, shape, endpoint=True).astype(tensor.dtype)
