"""What every protocol client shares: the request, the answer, and what makes an answer one that can be judged.

Clients hold no socket and no clock: the load worker, the gate's probe, `predict` and Locust each send in their own way and all
read the answers the same way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mlgate.interface import Output

DIGEST_HEADER = "x-mlgate-release"
_REASON_CHARACTERS = 120
_DIGEST_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request without its host: the path is relative to the endpoint's address."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What an answer said. `error` is None exactly when it is a 2xx whose declared output has the declared shape and is finite.

    `answer`: the class (argmax, the lowest index among equals) or the number. `outputs`: output name to nested lists of one case's
    shape. `served_digest`: what the endpoint says it serves, also on errors. `error` starts with `status:` or `schema:`.
    """

    answer: float | None
    outputs: Mapping[str, Any] | None
    served_digest: str | None
    error: str | None


class Client(Protocol):
    """One protocol, seen from outside.

    >>> client = client_for(service.interface, service.name)
    >>> request = client.encode({"image": pixels})
    >>> client.decode(200, {}, b'{"probabilities": [0.1, 0.9]}').answer
    1.0
    """

    def encode(self, case: Mapping[str, Any]) -> Request:
        """The request for one case (no batch dimension): numpy arrays or anything JSON can hold, right or wrong, NaN included."""
        ...

    def decode(self, status: int, headers: Mapping[str, str], body: bytes) -> Response:
        """What the answer said. Total: whatever bytes come, it returns. Header names are lower case."""
        ...


def plain(value: Any) -> Any:
    """numpy's arrays and scalars as Python's lists and numbers."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def encode_json(value: Any) -> bytes:
    """Compact JSON. NaN and infinity become the literals that JSON forbids: the contract check sends them on purpose."""
    return json.dumps(value, separators=(",", ":")).encode()


def read_json(body: bytes) -> Any:
    """The JSON value of `body`. Raises ValueError for whatever is none, nesting that exhausts the stack included."""
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def served_digest(headers: Mapping[str, str]) -> str | None:
    """The release that the endpoint says it serves."""
    return _line(headers.get(DIGEST_HEADER, ""), _DIGEST_CHARACTERS) or None


def refused(status: int, headers: Mapping[str, str], reason: str) -> Response:
    """The response for a status other than 2xx, with the first 120 characters of the reason."""
    return Response(None, None, served_digest(headers), f"status: {status} {_line(reason, _REASON_CHARACTERS)}".rstrip())


def off_schema(headers: Mapping[str, str], problem: str) -> Response:
    """The response for a 2xx that does not hold what the interface declares."""
    return Response(None, None, served_digest(headers), f"schema: {_line(problem, _REASON_CHARACTERS)}")


def _line(text: str, characters: int) -> str:
    """A stranger's text as one line for rows, terminals and reports: no control characters, no half surrogates that UTF-8 refuses."""
    return "".join(each if each.isprintable() else "?" for each in " ".join(text[: 8 * characters].split())[:characters])


def judged(output: Output, headers: Mapping[str, str], value: Any) -> Response:
    """The response for a 2xx whose declared output is `value`: nested lists, or an array, of one case's shape."""
    try:
        array = _numbers(value)
    except ValueError as error:
        return off_schema(headers, f"{output.field} {error}")
    if array.shape != output.row_shape:
        return off_schema(headers, f"{output.field} has shape {list(array.shape)}, declared is {list(output.row_shape)}")
    if not np.isfinite(array).all():
        return off_schema(headers, f"{output.field} holds NaN or infinity")
    answer = float(array.argmax()) if output.answer == "argmax" else float(array.reshape(()))
    return Response(answer, {output.field: array.tolist()}, served_digest(headers), None)


def _numbers(value: Any) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, RecursionError):
        raise ValueError("is ragged or holds a number that no float64 can hold") from None
    if array.dtype.kind not in "fiu":
        raise ValueError("is not made of numbers")
    return array
