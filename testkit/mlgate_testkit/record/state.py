"""A deployed stack as a graph: `pulumi stack export` read into the resources that a recording would give.

State holds what was deployed, so inputs, outputs and ids are real. What the engine does not keep of a registration is left out: the line
of the program, delete_before_replace, the SDK's version, a component's providers, aliases other than as URNs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

from mlgate.errors import UsageError
from mlgate_testkit.provider.values import UNKNOWN, Secret, from_struct
from mlgate_testkit.record.resource import STACK, Resource

__all__ = ["read_state"]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a signature of the protocol, no secret
_VERSIONS = (3, 4)
"""Version 4 is 3 with the names of features that a reader has to know, among them hooks; whatever they add beside the rest is left out."""


def read_state(export: Mapping[str, Any]) -> dict[str, Any]:
    """What `Graph` is made from. Raises UsageError for something that is no export of a known version."""
    deployment = export.get("deployment")
    if export.get("version") not in _VERSIONS or not isinstance(deployment, Mapping):
        known = " or ".join(map(str, _VERSIONS))
        raise UsageError(
            f"this is no state export of version {known}: version {export.get('version')!r}, fields {', '.join(sorted(export))}",
            where="Graph.from_state(export)",
            remedy="give what `pulumi stack export` prints, read with json.loads",
        )
    states = [state for state in deployment.get("resources") or () if not state.get("delete")]
    stack = next((state for state in states if state["type"] == STACK), None)
    where = (stack or states[0])["urn"].split("::") if states else ["urn:pulumi:", "", "", ""]
    return {
        "resources": [_resource(state) for state in states if state["type"] != STACK],
        "project": where[1],
        "stack": where[0].removeprefix("urn:pulumi:"),
        "outputs": _values(stack.get("outputs")) if stack else {},
    }


def _resource(state: Mapping[str, Any]) -> Resource:
    return Resource(
        type=state["type"],
        name=state["urn"].split("::", 3)[3],
        urn=state["urn"],
        inputs=_values(state.get("inputs")),
        outputs=_values(state.get("outputs")),
        id=state.get("id"),
        custom=state.get("custom", False),
        read=state.get("external", False),
        protect=state.get("protect", False),
        retain_on_delete=state.get("retainOnDelete", False),
        ignore_changes=tuple(state.get("ignoreChanges") or ()),
        replace_on_changes=tuple(state.get("replaceOnChanges") or ()),
        additional_secret_outputs=tuple(state.get("additionalSecretOutputs") or ()),
        aliases=tuple(state.get("aliases") or ()),
        custom_timeouts={key: f"{seconds:g}s" for key, seconds in (state.get("customTimeouts") or {}).items() if seconds},
        hooks={_snake(kind): tuple(names) for kind, names in (state.get("resourceHooks") or {}).items()},
        import_id=state.get("importID"),
        parent_urn=state.get("parent"),
        dependency_urns=tuple(sorted(state.get("dependencies") or ())),
        property_dependency_urns={key: tuple(sorted(urns or ())) for key, urns in (state.get("propertyDependencies") or {}).items()},
        provider_reference=_explicit(state.get("provider")),
        deleted_with_urn=state.get("deletedWith"),
    )


def _snake(kind: str) -> str:
    """`BeforeCreate`, as state has it, is the program's `before_create`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).lower()


def _explicit(provider: str | None) -> str | None:
    """State names the engine's default providers too; a program does not."""
    return None if not provider or "::default" in provider else provider


def _values(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """State writes values as the wire does, but secrets as ciphertext, or as a JSON text where they are shown."""
    if not values:
        return {}
    struct = struct_pb2.Struct()
    struct.update(_with_secrets(values))
    return {key: _closed(value) for key, value in from_struct(struct).items()}


def _with_secrets(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_secrets(member) for member in value]
    if not isinstance(value, Mapping):
        return value
    if value.get(_SIGNATURE) == _SECRET and "plaintext" in value:
        return {_SIGNATURE: _SECRET, "value": _with_secrets(json.loads(value["plaintext"]))}
    return {key: _with_secrets(member) for key, member in value.items() if not (value.get(_SIGNATURE) == _SECRET and key == "ciphertext")}


def _closed(value: Any) -> Any:
    """A secret whose text the export keeps back is there, and unknown."""
    match value:
        case Secret(value=None):
            return Secret(UNKNOWN)
        case list():
            return [_closed(member) for member in value]
        case dict():
            return {key: _closed(member) for key, member in value.items()}
        case _:
            return value
