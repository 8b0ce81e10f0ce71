"""The JSON Schema of `service.yaml`, published from the model so that editors complete and check the file as it is typed."""

from __future__ import annotations

import json
from typing import Any

from mlgate.quantities import format_duration
from mlgate.service import Service


def service_schema() -> str:
    """The schema as indented JSON with a final newline, stable from run to run."""
    schema = Service.model_json_schema()
    _write_default_durations(schema)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "mlgate service.yaml"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def _write_default_durations(part: Any) -> None:
    """pydantic gives defaults as they are held (nanoseconds); a file holds them as text."""
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        if isinstance(value, dict) and value.get("type") == "string" and isinstance(value.get("default"), int):
            value["default"] = format_duration(value["default"])
        _write_default_durations(value)
