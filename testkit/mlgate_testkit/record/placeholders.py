"""What a recorded resource answers for outputs that only the cloud knows.

Nothing is made up to look real. In a preview they are all unknown, as in Pulumi's. Otherwise a text is a marked one that names itself
("<arn of Bucket logs>"), so that policies, names and URLs built from it can be read in a test, and an object holds such texts;
a number, a bool or a list stays unknown, since any value of it would be a guess that code might act on. A test that needs one says it
in the table of outputs (`record(resources=...)`).
"""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from typing import Any

from pulumi import _types

from mlgate_testkit.provider.values import UNKNOWN, Secret
from mlgate_testkit.record.sdk import output_fields

__all__ = ["MARK", "beside_inputs_unknown", "identity", "outputs_of"]

MARK = re.compile(r"<(?P<path>[\w.]+) of (?P<kind>\w+) (?P<name>[^<>]+)>")
"""A marked text, wherever it stands."""

_DEPTH = 4
_KUBERNETES_NAMED = ("name", "uid")
"""What a cluster adds to the metadata of every object, and programs read."""


def identity(token: str, name: str) -> str:
    """The marked id of a resource."""
    return _mark("id", token, name)


def outputs_of(resource_class: type | None, token: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Outputs of a created resource: its inputs, and a marked text or UNKNOWN for every other output that is always there.

    An input that is None, however deep, gives no output: Pulumi takes it for one that is absent.
    """
    found: dict[str, Any] = _without_nulls(inputs)
    if token.startswith("kubernetes:"):
        found.setdefault("metadata", {})
    if resource_class is not None:
        for wire, (content, optional) in output_fields(resource_class).items():
            if wire not in found and not optional:
                found[wire] = _placeholder(content, wire, token, name, _DEPTH)
    given = found.get("metadata")
    if token.startswith("kubernetes:") and isinstance(given, Mapping):
        marked = {key: _mark(f"metadata.{key}", token, name) for key in _KUBERNETES_NAMED if key not in given}
        found["metadata"] = {**given, **marked}
    return found


def beside_inputs_unknown(outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """`outputs` in a preview, where nothing but the inputs is known of a new resource."""
    found: dict[str, Any] = {}
    for key, value in outputs.items():
        given = inputs.get(key)
        if isinstance(value, Mapping) and isinstance(given, Mapping):
            found[key] = beside_inputs_unknown(value, given)
        else:
            found[key] = UNKNOWN if given is None else value
    return found


def _without_nulls(value: Any) -> Any:
    """Mappings without their keys that are None. Members of lists stay, since others count them."""
    match value:
        case Mapping():
            return {key: _without_nulls(member) for key, member in value.items() if member is not None}
        case list():
            return [_without_nulls(member) for member in value]
        case Secret():
            return Secret(_without_nulls(value.value))
        case _:
            return value


def _placeholder(content: Any, where: str, token: str, name: str, depth: int) -> Any:
    if content is str:
        return _mark(where, token, name)
    if isinstance(content, type) and _types.is_output_type(content) and depth:
        return {
            wire: _placeholder(inner, f"{where}.{wire}", token, name, depth - 1)
            for wire, (inner, optional) in output_fields(content).items()
            if not optional or inner is str  # schemas call nearly every nested field optional
        }
    if typing.get_origin(content) is typing.Union and str in typing.get_args(content):
        return _mark(where, token, name)
    return UNKNOWN


def _mark(where: str, token: str, name: str) -> str:
    return f"<{where} of {token.rpartition(':')[2]} {name}>"
