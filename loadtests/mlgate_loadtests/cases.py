"""Hold-out cases from Parquet: a unique `case_id`, a column per input, `label`, and columns for slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from math import prod
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlgate.digests import digest_file
from mlgate.errors import DeclarationError, Problem
from mlgate.interface import Dtype, Interface, Output, Tensor

CASE_ID = "case_id"
LABEL = "label"


@dataclass(frozen=True)
class Cases:
    """`n` cases, each valid for the interface. `inputs[name]` has shape (n, *row_shape) and the declared dtype; `labels` is float64."""

    digest: str
    case_ids: tuple[str, ...]
    inputs: Mapping[str, NDArray[np.generic]]
    labels: NDArray[np.float64]
    slices: Mapping[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.case_ids)

    def case(self, index: int) -> dict[str, NDArray[np.generic]]:
        """The inputs of one case, without the batch dimension."""
        return {name: values[index] for name, values in self.inputs.items()}

    def take(self, places: Sequence[int]) -> Cases:
        """The cases at these places, in that order."""
        return replace(
            self,
            case_ids=tuple(self.case_ids[place] for place in places),
            inputs={name: values[list(places)] for name, values in self.inputs.items()},
            labels=self.labels[list(places)],
            slices={name: tuple(values[place] for place in places) for name, values in self.slices.items()},
        )

    @cached_property
    def contents(self) -> tuple[bytes, ...]:
        """A digest of each case's inputs, whatever it is called: cases with the same one ask the same question."""
        return tuple(sha256(b"".join(values[index].tobytes() for values in self.inputs.values())).digest() for index in range(len(self)))


def read_cases(path: Path, interface: Interface, slices: Sequence[str] = ()) -> Cases:
    """The cases in a Parquet file. Inputs may be nested lists of the row's shape or one flat list.

    Raises DeclarationError with every problem of the file at once, each with column and first row (counted from 0).
    """
    try:
        table = pq.read_table(path, partitioning=None).combine_chunks()
    except FileNotFoundError:
        raise DeclarationError([Problem(str(path), "there is no such file", "check the path, or make the data first")]) from None
    except (OSError, pa.ArrowException) as error:
        raise DeclarationError([Problem(str(path), f"cannot be read as Parquet: {error}", "write it again as Parquet")]) from None
    reader = _Reader(path, table)
    case_ids = reader.identities()
    inputs = {name: reader.tensor(name, tensor) for name, tensor in interface.input.items()}
    labels = reader.labels(interface.output)
    values = {name: reader.texts(name) for name in slices}
    if table.num_rows == 0:
        reader.problems.append(Problem(str(path), "holds no case", "at least one row"))
    if reader.problems:
        raise DeclarationError(reader.problems)
    return Cases(digest_file(path), case_ids, inputs, labels, values)


class _Reader:
    """Reads columns, collecting problems; what it returns for a wrong column is never used."""

    def __init__(self, path: Path, table: pa.Table) -> None:
        self.problems: list[Problem] = []
        self._path = path
        self._table = table

    def _wrong(self, column: str, found: str, expected: str, row: int | None = None) -> None:
        place = f"{self._path}: column {column}" + ("" if row is None else f", row {row}")
        self.problems.append(Problem(place, found, expected))

    def _column(self, name: str) -> pa.Array | None:
        """The column; None, and a problem, where it is absent, there twice or holds a NULL."""
        found = self._table.schema.names.count(name)
        if found != 1:
            columns = ", ".join(self._table.schema.names)
            self._wrong(
                name, "is absent" if found == 0 else f"stands there {found} times", f"one column of this name; there are: {columns}"
            )
            return None
        column = self._table.column(name)
        array = column.chunk(0) if column.num_chunks else pa.array([], column.type)
        if array.null_count:
            self._wrong(name, "is NULL", "a value in every row", int(pc.index(array.is_null(), True).as_py()))
            return None
        return array

    def texts(self, name: str) -> tuple[str, ...]:
        """A column of texts or numbers, as texts."""
        column = self._column(name)
        if column is None:
            return ()
        if pa.types.is_nested(column.type):
            self._wrong(name, f"is of type {column.type}", "texts or numbers")
            return ()
        return tuple(str(value) for value in column.to_pylist())

    def identities(self) -> tuple[str, ...]:
        case_ids = self.texts(CASE_ID)
        first: dict[str, int] = {}
        for row, case_id in enumerate(case_ids):
            if case_id in first:
                self._wrong(CASE_ID, f"{case_id!r} is there twice (first in row {first[case_id]})", "a name of its own for every case", row)
                break
            first[case_id] = row
        return case_ids

    def labels(self, output: Output) -> NDArray[np.float64]:
        column = self._column(LABEL)
        nothing = np.empty(0, np.float64)
        if column is None:
            return nothing
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            self._wrong(LABEL, f"is of type {column.type}", "numbers: classes, for an output that is an argmax")
            return nothing
        labels = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        classes = prod(output.row_shape)
        if output.answer == "argmax":
            wrong = (labels != np.floor(labels)) | (labels < 0) | (labels >= classes)
            wanted = f"a class from 0 to {classes - 1}"
        else:
            wrong, wanted = ~np.isfinite(labels), "a finite number"
        if wrong.any():
            row = int(wrong.argmax())
            self._wrong(LABEL, f"is {labels[row]:g}", wanted, row)
        return np.asarray(labels, np.float64)

    def tensor(self, name: str, tensor: Tensor) -> NDArray[np.generic]:
        """An input column as an array of (rows, *row_shape)."""
        nothing = np.empty(0, tensor.dtype)
        column = self._column(name)
        if column is None:
            return nothing
        size = prod(tensor.row_shape)
        depth, leaf = _unnested(column.type)
        if depth == 0 and size == 1:
            sides: tuple[int, ...] = ()
        elif depth == 1:
            sides = (size,)
        elif depth == len(tensor.row_shape):
            sides = tensor.row_shape
        else:
            self._wrong(name, f"is of type {column.type}", f"one flat list of {size}, or lists nested as {list(tensor.row_shape)}")
            return nothing
        if not _fits(leaf, tensor.dtype):
            self._wrong(name, f"is made of {leaf}", tensor.dtype)
            return nothing
        width = 1
        for side in sides:
            lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
            if (lengths != side).any():
                at = int((lengths != side).argmax())
                found = f"has {lengths[at]} elements where {side} are declared"
                self._wrong(name, found, f"shape {list(tensor.row_shape)}, flat or nested", at // width)
                return nothing
            column, width = pc.list_flatten(column), width * side
            if column.null_count:
                self._wrong(name, "holds NULL", "a value for every element", int(pc.index(column.is_null(), True).as_py()) // width)
                return nothing
        return self._elements(name, column.to_numpy(zero_copy_only=False), tensor)

    def _elements(self, name: str, flat: NDArray[np.generic], tensor: Tensor) -> NDArray[np.generic]:
        """The flat elements of all rows in the declared dtype, shaped, each finite and within its bounds."""
        size = prod(tensor.row_shape)
        with np.errstate(over="ignore", invalid="ignore"):
            values = flat.astype(tensor.dtype)
        if values.dtype.kind == "f":
            wrong, wanted = ~np.isfinite(values), f"a finite {tensor.dtype}"
        else:
            wrong, wanted = values != flat, f"a number that {tensor.dtype} can hold"
        if not wrong.any():
            low, high = tensor.at_least, tensor.at_most
            if low is not None:
                wrong, wanted = values < low, f"at least {low:g}"
            if high is not None and not wrong.any():
                wrong, wanted = values > high, f"at most {high:g}"
        if wrong.any():
            at = int(wrong.argmax())
            self._wrong(name, f"holds {flat[at]}", wanted, at // size)
        return values.reshape(-1, *tensor.row_shape)


def _unnested(kind: pa.DataType) -> tuple[int, pa.DataType]:
    """How deep lists are nested in a type, and what is in them."""
    depth = 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        depth, kind = depth + 1, kind.value_type
    return depth, kind


def _fits(leaf: pa.DataType, dtype: Dtype) -> bool:
    """Whether elements of this type can stand for the declared one without changing their meaning; their values are looked at later."""
    if dtype == "bool":
        return bool(pa.types.is_boolean(leaf))
    if dtype in ("float32", "float64"):
        return bool(pa.types.is_integer(leaf) or pa.types.is_floating(leaf))
    return bool(pa.types.is_integer(leaf))
