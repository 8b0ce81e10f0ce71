"""The contract check's requests: one right, and one for every documented way of being wrong.

All follow from the interface, so a service that declares more is asked more. They are deliberate errors: their rows stand in a phase of
their own and never count in the error rate.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlgate.interface import Interface, Tensor
from mlgate_loadtests.job import Expectation, Prepared
from mlgate_serving.clients import Request, client_for

VALID = "valid"
UNKNOWN_FIELD = "mlgate_unknown_field"
UNKNOWN_MODEL = "mlgate-no-such-model"
_SUCCESS, _REFUSAL, _NOT_FOUND = (200, 299), (400, 499), (404, 404)


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A case with one thing wrong, and the field that the refusal must name."""

    name: str
    values: dict[str, Any]
    field: str


def contract_names(interface: Interface) -> tuple[str, ...]:
    """The names of the contract's cases, in the order they are sent."""
    return (VALID, *(wrong.name for wrong in _wrong(interface)), "not-json", "unknown-model")


def contract_requests(interface: Interface, model: str) -> tuple[Prepared, ...]:
    """The contract's requests to the candidate, named as `contract_names` names them.

    Right: a 2xx on the declared schema. A bad row: a 4xx whose body names the field. Not JSON: a 4xx. An unknown model: 404.
    """
    client, valid = client_for(interface, model), example_case(interface)
    right = client.encode(valid)
    asked = [
        (VALID, right, Expectation(status=_SUCCESS)),
        *((wrong.name, client.encode(wrong.values), Expectation(status=_REFUSAL, mentions=wrong.field)) for wrong in _wrong(interface)),
        ("not-json", Request(right.method, right.path, right.headers, b'{"this is not'), Expectation(status=_REFUSAL)),
        ("unknown-model", client_for(interface, UNKNOWN_MODEL).encode(valid), Expectation(status=_NOT_FOUND)),
    ]
    return tuple(Prepared(request, name, "candidate", "contract", expectation) for name, request, expectation in asked)


def example_case(interface: Interface) -> dict[str, Any]:
    """A right request by field: every element 0, or the value within its bounds that is nearest to it."""
    return {name: _filled(tensor, _inside(tensor)) for name, tensor in interface.input.items()}


def _wrong(interface: Interface) -> Iterator[_Wrong]:
    valid = example_case(interface)
    for name in interface.input:
        yield _Wrong(f"missing:{name}", {other: value for other, value in valid.items() if other != name}, name)
    yield _Wrong("unknown-field", {**valid, UNKNOWN_FIELD: [0.0]}, UNKNOWN_FIELD)
    for name, tensor in interface.input.items():
        for flaw, value in _flaws(tensor):
            yield _Wrong(f"{flaw}:{name}", {**valid, name: value}, name)


def _flaws(tensor: Tensor) -> Iterator[tuple[str, Any]]:
    yield "wrong-shape", [_filled(tensor, _inside(tensor))] * 2
    yield "wrong-type", "not a tensor"
    if tensor.dtype == "bool":
        return  # has nothing outside
    if tensor.at_least is not None:
        yield "below-bounds", _filled(tensor, tensor.at_least - _step(tensor.at_least))
    if tensor.at_most is not None:
        yield "above-bounds", _filled(tensor, tensor.at_most + _step(tensor.at_most))
    if tensor.dtype.startswith("float"):
        yield "nan", _filled(tensor, float("nan"))


def _step(bound: float) -> float:
    """Beyond the bound in any float type."""
    return max(1.0, abs(bound))


def _inside(tensor: Tensor) -> float:
    """A value within the bounds, 0 where it can be."""
    low = tensor.at_least if tensor.at_least is not None else -math.inf
    high = tensor.at_most if tensor.at_most is not None else math.inf
    return min(max(0.0, low), high)


def _filled(tensor: Tensor, value: float) -> Any:
    """A row of the tensor's shape holding `value`, as JSON writes the element type.

    Whole numbers are rounded away from 0: what is inside stays inside, what is outside stays outside.
    """
    if tensor.dtype.startswith("float"):
        element: Any = value
    elif tensor.dtype == "bool":
        element = bool(value)
    else:
        element = math.ceil(value) if value > 0 else math.floor(value)
    return np.full(tensor.row_shape, element, dtype=object).tolist()
