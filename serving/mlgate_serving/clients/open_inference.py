"""Open Inference Protocol v2 over REST (KServe, Triton, MLServer, OpenVINO): `POST /v2/models/<model>/infer`, one case as a batch of one.

Source: the protocol's `specification/protocol/inference_rest.md` (tensor data: a flat list in row-major order, or nested lists of the
tensor's shape; an error is `{"error": text}`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any
from urllib.parse import quote

import numpy as np

from mlgate.interface import Dtype, Interface
from mlgate_serving.clients.base import Request, Response, encode_json, judged, off_schema, plain, read_json, refused

DATATYPES: Mapping[Dtype, str] = {
    "float32": "FP32",
    "float64": "FP64",
    "int32": "INT32",
    "int64": "INT64",
    "uint8": "UINT8",
    "bool": "BOOL",
}
_LARGEST_TENSOR = 1 << 24


@dataclass(frozen=True, slots=True)
class OpenInferenceClient:
    """Tensors by name, datatype, shape and flat data, both ways; only the declared output is asked for."""

    interface: Interface
    model: str

    def encode(self, case: Mapping[str, Any]) -> Request:
        inputs = [self._tensor(name, value) for name, value in case.items()]
        body = encode_json({"inputs": inputs, "outputs": [{"name": self.interface.output.field}]})
        return Request("POST", f"/v2/models/{quote(self.model, safe='')}/infer", (("content-type", "application/json"),), body)

    def _tensor(self, name: str, value: Any) -> dict[str, Any]:
        """A value that is no tensor (text, ragged lists) goes out as it is under the declared shape: refusing it is the endpoint's work."""
        declared = self.interface.input.get(name)
        data = plain(value)
        try:
            array = np.asarray(value)
            shape, flat = [1, *array.shape], array.reshape(-1).tolist()
        except ValueError:
            shape, flat = [1, *(declared.row_shape if declared else ())], data if isinstance(data, list) else [data]
        return {"name": name, "shape": shape, "datatype": DATATYPES[declared.dtype] if declared else "FP64", "data": flat}

    def decode(self, status: int, headers: Mapping[str, str], body: bytes) -> Response:
        if not 200 <= status < 300:
            return refused(status, headers, _reason(body))
        try:
            document = read_json(body)
        except ValueError as error:
            return off_schema(headers, f"the answer is not JSON: {error}")
        field = self.interface.output.field
        outputs = document.get("outputs") if isinstance(document, dict) else None
        found = [one for one in outputs if isinstance(one, dict) and one.get("name") == field] if isinstance(outputs, list) else []
        if len(found) != 1:
            return off_schema(headers, f"the answer has {len(found)} outputs named {field}, not one")
        try:
            value = _row(found[0])
        except ValueError as error:
            return off_schema(headers, f"{field} {error}")
        return judged(self.interface.output, headers, value)


def _row(tensor: Mapping[str, Any]) -> Any:
    """The one case of an output tensor. Raises ValueError that says what is off."""
    shape, data = tensor.get("shape"), tensor.get("data")
    if not isinstance(shape, list) or not shape or not all(type(side) is int and 0 <= side <= _LARGEST_TENSOR for side in shape):
        raise ValueError("has no valid shape")
    if not isinstance(data, list):
        raise ValueError("has no data in JSON")
    if shape[0] != 1:
        raise ValueError(f"is a batch of {shape[0]}, not of one")
    try:
        array = np.asarray(data)
    except (ValueError, OverflowError, RecursionError):
        raise ValueError("is ragged or holds a number that no float64 can hold") from None
    if array.size != prod(shape) or (array.ndim != 1 and list(array.shape) != shape):
        raise ValueError(f"says shape {shape} and holds {array.size} elements in {list(array.shape)}")
    return array.reshape(shape)[0]


def _reason(body: bytes) -> str:
    """The text of `{"error": text}`, or the body itself."""
    try:
        document = read_json(body)
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        return str(document["error"])
    return body[:1000].decode(errors="replace")
