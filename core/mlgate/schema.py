"""The JSON Schema of `service.yaml`, published from the model so that editors complete and check the file as it is typed."""

from __future__ import annotations

import json

from mlgate.service import Service


def service_schema() -> str:
    """The schema as indented JSON with a final newline, stable from run to run."""
    schema = Service.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "mlgate service.yaml"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
