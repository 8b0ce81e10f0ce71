"""Rows against the interface that an archive declares: what a caller sent, and what the model gave.

Each row is read alone, so that one caller's mistake is one caller's 400; bounds are checked on the whole batch at once, since at some
thousand requests a second a loop over rows would cost more than the model. Packed into every archive beside the handler: the standard
library and numpy only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

INTERFACE_FILE = "interface.json"
RELEASE_HEADER = "x-mlgate-release"
# What a runtime may tell the handler: the release that it must be, and a folder where it says whether it is in a batch.
RELEASE_VARIABLE = "MLGATE_RELEASE"
BUSY_VARIABLE = "MLGATE_BUSY"

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {"f": (int, float), "i": (int,), "u": (int,), "b": (bool,)}
_ARRAY_KINDS = {"f": "iuf", "i": "i", "u": "i", "b": "b"}
_SAID = {"b": "bool", "i": "a whole number", "f": "a decimal number", "u": "a number over 64 bits", "O": "a number over 64 bits"}
_SAID_OF_TYPES = {bool: "bool", int: _SAID["i"], float: _SAID["f"], str: "text", type(None): "null", dict: "an object"}
_DATATYPES = {"float32": "FP32", "float64": "FP64", "int32": "INT32", "int64": "INT64", "uint8": "UINT8", "bool": "BOOL"}


class InterfaceError(ValueError):
    """Data that is not what the interface declares; the answer names the field, what was expected and what was found."""

    status = (500, "Internal Server Error")

    def __init__(self, field: str, expected: str, found: str) -> None:
        super().__init__(f"{field}: expected {expected}, found {found}")
        self.field, self.expected, self.found = field, expected, found


class BadRow(InterfaceError):  # noqa: N818 (the name stands in the answer)
    """The caller's row breaks the interface."""

    status = (400, "Bad Request")


class BadOutput(InterfaceError):  # noqa: N818
    """The model's output breaks the interface, or the model raised."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input tensor, without the batch. `low` and `high`: what is declared, and no more than the element type holds."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    low: Any
    high: Any
    accepted: str

    @classmethod
    def of(cls, name: str, declared: Mapping[str, Any]) -> Field:
        """The field of an `interface.json`."""
        dtype = np.dtype(declared["dtype"])
        at_least, at_most = declared.get("at_least"), declared.get("at_most")
        limits: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(np.uint8 if dtype.kind == "b" else dtype)
        low = limits.min if at_least is None else max(at_least, float(limits.min))
        high = limits.max if at_most is None else min(at_most, float(limits.max))
        if dtype.kind == "f":  # compared in the element type: 0.1 sent by a float32 client is over a float64 bound of 0.1
            low, high = dtype.type(low), dtype.type(high)
        accepted = f"finite {dtype}" if dtype.kind == "f" else str(dtype)
        accepted += "" if at_least is None else f" of at least {at_least:g}"
        accepted += "" if at_most is None else f"{' and' if at_least is not None else ' of'} at most {at_most:g}"
        return cls(name, dtype, tuple(declared["shape"][1:]), low, high, accepted)

    def read(self, value: Any, only_numbers: bool) -> NDArray[Any]:
        """The array of one row's JSON value, of the declared kind and shape, its bounds not yet checked. Raises BadRow.

        `only_numbers`: nothing but numbers and lists stands in `value`. Otherwise every element is looked at first, since numpy reads
        [true, 2] as [1, 2] and takes memory for the longest of all texts once per element.
        """
        if not only_numbers:
            for found in {type(leaf) for leaf in leaves(value)}:
                if found not in _PYTHON_TYPES[self.dtype.kind]:
                    raise BadRow(self.name, str(self.dtype), _SAID_OF_TYPES[found])
        try:
            array = np.asarray(value)
            if array.dtype.kind == "O" and self.dtype.kind == "f":
                array = np.asarray(value, dtype=np.float64)  # whole numbers over 64 bits are still numbers
        except OverflowError:
            raise BadRow(self.name, self.accepted, "a number that is too large") from None
        except (TypeError, ValueError):
            raise BadRow(self.name, f"shape {list(self.shape)}", "lists of unequal length or depth") from None
        if array.shape != self.shape:
            raise BadRow(self.name, f"shape {list(self.shape)}", f"shape {list(array.shape)}")
        if array.dtype.kind not in _ARRAY_KINDS[self.dtype.kind]:
            raise BadRow(self.name, str(self.dtype), _SAID[array.dtype.kind])
        return array

    def stack(self, arrays: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], dict[int, BadRow]]:
        """The batch [n, *shape] in the declared element type, and what is wrong with the rows that break a bound or are not finite."""
        given = np.stack(arrays)
        with np.errstate(over="ignore"):
            batch = given.astype(self.dtype, copy=False) if self.dtype.kind == "f" else given
        # One pass where all is well: a NaN makes both comparisons false, and an infinity lies outside the type's range.
        if self.low <= batch.min() and batch.max() <= self.high:
            return batch.astype(self.dtype, copy=False), {}
        within = (batch >= self.low) & (batch <= self.high)
        refused: dict[int, BadRow] = {}
        for row in np.flatnonzero(~within.reshape(len(batch), -1).all(axis=1)):
            at = tuple(int(index) for index in np.argwhere(~within[row])[0])
            refused[int(row)] = BadRow(self.name, self.accepted, f"{given[row][at]}{f' at {list(at)}' if at else ''}")
        return np.where(within, batch, 0).astype(self.dtype), refused


@dataclass(frozen=True, slots=True)
class Interface:
    """What `interface.json` says, ready for checking rows."""

    model: str
    protocol: str
    fields: tuple[Field, ...]
    output: str
    output_shape: tuple[int, ...]

    @classmethod
    def read(cls, folder: Path) -> Interface:
        """The interface of an unpacked archive."""
        declared = json.loads((folder / INTERFACE_FILE).read_bytes())
        fields = tuple(Field.of(name, tensor) for name, tensor in declared["input"].items())
        output = declared["output"]
        return cls(declared["model"], declared["protocol"], fields, output["field"], tuple(output["shape"][1:]))


def leaves(value: Any) -> Iterator[Any]:
    """The elements of nested lists, in order; no recursion, since a caller chooses the depth."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        else:
            yield item


def _content(request: Mapping[str, Any]) -> tuple[Any, bool]:
    """The JSON value of a request, and whether nothing but numbers, lists and its own keys stands in it. Raises BadRow."""
    body = request.get("body", request.get("data"))
    if body is None or body in (b"", ""):
        raise BadRow("body", "a JSON object", "no body")
    if not isinstance(body, bytes | bytearray | str):
        return body, False
    try:
        text = body if isinstance(body, str) else str(body, "utf-8-sig")  # json itself would also take UTF-16 and UTF-32
        value = json.loads(text)
    except RecursionError:
        raise BadRow("body", "JSON", "lists nested too deeply") from None
    except ValueError as error:
        raise BadRow("body", "JSON", f"something else: {error}") from None
    words = "true" in text or "false" in text or "null" in text
    return value, isinstance(value, dict) and not words and text.count('"') == 2 * len(value)


def _named(value: Any, fields: Sequence[Field]) -> list[Any]:
    """The values of the fields in their declared order. Raises BadRow for one that is missing or unknown."""
    names = [field.name for field in fields]
    for name in value:
        if name not in names:
            raise BadRow(str(name)[:100], f"one of {', '.join(names)}", "an unknown field")
    for field in fields:
        if field.name not in value:
            raise BadRow(field.name, f"{field.dtype} of shape {list(field.shape)}", "no such field")
    return [value[name] for name in names]


@dataclass(frozen=True, slots=True)
class Row:
    """One accepted row: its arrays in declared order, and the caller's own id where the protocol has one."""

    arrays: list[NDArray[Any]]
    request_id: str | None = None


def _read_torchserve(request: Mapping[str, Any], interface: Interface) -> Row:
    value, only_numbers = _content(request)
    if not isinstance(value, dict):
        raise BadRow("body", "a JSON object", f"a {type(value).__name__}")
    values = _named(value, interface.fields)
    return Row([field.read(item, only_numbers) for field, item in zip(interface.fields, values, strict=True)])


def _read_open_inference(request: Mapping[str, Any], interface: Interface) -> Row:
    value, only_numbers = _content(request)
    inputs = value.get("inputs") if isinstance(value, dict) else None
    if not isinstance(inputs, list) or not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in inputs):
        raise BadRow("inputs", "a list of tensors with name, shape, datatype and data", "something else")
    arrays = []
    for field, tensor in zip(interface.fields, _named({item["name"]: item for item in inputs}, interface.fields), strict=True):
        if tensor.get("datatype") != _DATATYPES[str(field.dtype)]:
            raise BadRow(field.name, f"datatype {_DATATYPES[str(field.dtype)]}", f"datatype {tensor.get('datatype')}")
        if tensor.get("shape") != [1, *field.shape]:
            raise BadRow(field.name, f"shape {[1, *field.shape]}", f"shape {tensor.get('shape')}")
        flat = replace(field, shape=(prod(field.shape),)).read(list(leaves(tensor.get("data"))), only_numbers)
        arrays.append(flat.reshape(field.shape))
    request_id = value.get("id")
    return Row(arrays, request_id if isinstance(request_id, str) else None)


def _write_torchserve(answer: NDArray[Any], row: Row, interface: Interface) -> dict[str, Any]:
    return {interface.output: answer.tolist()}


def _write_open_inference(answer: NDArray[Any], row: Row, interface: Interface) -> dict[str, Any]:
    tensor = {
        "name": interface.output,
        "shape": [1, *interface.output_shape],
        "datatype": _DATATYPES.get(str(answer.dtype), "FP64"),
        "data": answer.reshape(-1).tolist(),
    }
    return {"model_name": interface.model, **({"id": row.request_id} if row.request_id else {}), "outputs": [tensor]}


ReadRow = Callable[[Mapping[str, Any], Interface], Row]
WriteRow = Callable[[NDArray[Any], Row, Interface], dict[str, Any]]

PROTOCOLS: dict[str, tuple[ReadRow, WriteRow]] = {
    "torchserve": (_read_torchserve, _write_torchserve),
    "open-inference": (_read_open_inference, _write_open_inference),
}
