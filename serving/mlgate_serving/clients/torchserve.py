"""TorchServe's REST predictions: `POST /predictions/<model>` with one case as a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mlgate.interface import Interface
from mlgate_serving.clients.base import Request, Response, encode_json, judged, off_schema, plain, read_json, refused


@dataclass(frozen=True, slots=True)
class TorchServeClient:
    """`{"image": [[...]]}` there (one case, no batch dimension), `{"probabilities": [...]}` back."""

    interface: Interface
    model: str

    def encode(self, case: Mapping[str, Any]) -> Request:
        body = encode_json({name: plain(value) for name, value in case.items()})
        return Request("POST", f"/predictions/{quote(self.model, safe='')}", (("content-type", "application/json"),), body)

    def decode(self, status: int, headers: Mapping[str, str], body: bytes) -> Response:
        if not 200 <= status < 300:
            return refused(status, headers, _reason(body))
        try:
            document = read_json(body)
        except ValueError as error:
            return off_schema(headers, f"the answer is not JSON: {error}")
        field = self.interface.output.field
        if not isinstance(document, dict) or field not in document:
            return off_schema(headers, f"the answer is not an object with the field {field}")
        return judged(self.interface.output, headers, document[field])


def _reason(body: bytes) -> str:
    """`BadRow: image has ...` of `{"type": "BadRow", "message": "image has ..."}`, the text itself of anything else."""
    try:
        document = read_json(body)
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("message"), str):
        return f"{document.get('type', '')}: {document['message']}".removeprefix(": ")
    return body[:1000].decode(errors="replace")
