"""Objects as plain values: names, annotations, what is compared with what, what is secret. Nothing here talks to a cluster."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

from mlgate_testkit.provider.values import UNKNOWN, Secret

__all__ = [
    "AUTONAMED",
    "annotation",
    "as_manifest",
    "as_outputs",
    "as_planned",
    "automatic_name",
    "declared",
    "echo",
    "identity",
    "mark_secrets",
    "metadata",
    "name_of",
    "namespace_of",
    "prune",
    "split_identity",
    "to_check",
]

AUTONAMED = "pulumi.com/autonamed"
_READ_ONLY = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)
_NOT_DECLARED = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
_UNKNOWN_UNTIL_MADE = ("creationTimestamp", "resourceVersion", "uid")
# The SDK writes these keys of a CRD's schema with underscores, since Python has no dashes in names.
_UNDERSCORED = {
    f"x_kubernetes_{name}": f"x-kubernetes-{name.replace('_', '-')}"
    for name in (
        "embedded_resource",
        "int_or_string",
        "list_map_keys",
        "list_type",
        "map_type",
        "preserve_unknown_fields",
        "validations",
    )
}
_DASHED = {dashed: underscored for underscored, dashed in _UNDERSCORED.items()}


def automatic_name(name: str, seed: bytes) -> str:
    """`<name>-<8 hex>`: the same for a preview and the update after it, since the engine's `seed` is."""
    return f"{name}-{hashlib.sha256(seed + name.encode()).hexdigest()[:8]}"


def metadata(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The object's metadata, empty where there is none or none is known."""
    found = value.get("metadata")
    return found if isinstance(found, Mapping) else {}


def name_of(value: Mapping[str, Any]) -> str:
    """The object's name, "" where it has none or none is known."""
    name = metadata(value).get("name")
    return name if isinstance(name, str) else ""


def namespace_of(value: Mapping[str, Any]) -> str:
    """The object's namespace, "" where it has none or none is known."""
    namespace = metadata(value).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def annotation(value: Mapping[str, Any], key: str) -> str:
    """One annotation's text, "" where it is absent or not known."""
    annotations = metadata(value).get("annotations")
    text = annotations.get(key) if isinstance(annotations, Mapping) else None
    return text if isinstance(text, str) else ""


def identity(value: Mapping[str, Any]) -> str:
    """Pulumi's id: "namespace/name", or "name" outside namespaces."""
    namespace = namespace_of(value)
    return f"{namespace}/{name_of(value)}" if namespace else name_of(value)


def split_identity(resource_id: str) -> tuple[str, str]:
    """Namespace ("" outside namespaces) and name."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name


def to_check(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without what only the API server sets, and without nulls, which Pulumi takes for absent."""
    kept: dict[str, Any] = _without_nulls(copy.deepcopy(dict(inputs)))
    about = kept.get("metadata", {})
    if isinstance(about, dict):
        for key in _READ_ONLY:
            about.pop(key, None)
        kept["metadata"] = about
    return kept


def as_manifest(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent: the inputs with the keys that Kubernetes writes."""
    manifest: dict[str, Any] = _renamed(inputs, _UNDERSCORED)
    return manifest


def as_outputs(live: Mapping[str, Any], field_manager: str) -> dict[str, Any]:
    """What the engine keeps: the object with the keys that the SDK reads, a Secret's content marked, and who owns our fields."""
    return mark_secrets(_renamed(live, _DASHED)) | {"__fieldManager": field_manager}


def mark_secrets(value: dict[str, Any]) -> dict[str, Any]:
    """`value` with a Secret's content marked secret, whether or not the program did so."""
    if value.get("kind") != "Secret":
        return value
    return {key: Secret(member) if key in {"data", "stringData"} else member for key, member in value.items()}


def echo(inputs: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The outputs of a preview that no API server was asked about: the inputs, and UNKNOWN for what only it knows.

    `known`: the outputs of the object that is being updated; its identity stays.
    """
    outputs = {**inputs, "status": UNKNOWN}
    about = inputs.get("metadata")
    if isinstance(about, Mapping):
        before = metadata(known or {})
        outputs["metadata"] = {
            **about,
            **{key: before.get(key, UNKNOWN) for key in ("creationTimestamp", "uid")},
            "resourceVersion": UNKNOWN,
        }
    return mark_secrets(outputs)


def as_planned(planned: Mapping[str, Any], inputs: Mapping[str, Any], field_manager: str, *, creating: bool) -> dict[str, Any]:
    """The outputs of a dry run. What the server made up for it only (identity, addresses, ports, status) is UNKNOWN."""
    outputs = as_outputs(planned, field_manager)
    outputs["status"] = UNKNOWN
    about = {**outputs["metadata"], "resourceVersion": UNKNOWN}
    about.pop("managedFields", None)
    if creating:
        about |= dict.fromkeys(_UNKNOWN_UNTIL_MADE, UNKNOWN)
        if planned.get("kind") == "Service" and planned.get("apiVersion") == "v1":
            outputs["spec"] = _unallocated(planned["spec"], inputs.get("spec") or {})
    return outputs | {"metadata": about}


def prune(live: Any, shape: Any) -> Any:
    """`live` without what `shape` does not have: what became of the fields that a program declares. Lists are paired by position."""
    if isinstance(live, Mapping) and isinstance(shape, Mapping):
        return {key: prune(live[key], shape[key]) for key in shape if key in live}
    if isinstance(live, list) and isinstance(shape, list) and len(live) == len(shape):
        return [prune(member, wanted) for member, wanted in zip(live, shape, strict=True)]
    return live


def declared(live: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs that a program would have to declare to own `live`: for an import."""
    inputs = to_check({key: value for key, value in _renamed(live, _DASHED).items() if key != "status"})
    annotations = inputs["metadata"].get("annotations", {})
    for key in _NOT_DECLARED:
        annotations.pop(key, None)
    if not annotations:
        inputs["metadata"].pop("annotations", None)
    return inputs


def _unallocated(spec: dict[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    allocated = ("clusterIP", "clusterIPs", "healthCheckNodePort")
    unknown: dict[str, Any] = {key: UNKNOWN for key in allocated if key in spec and key not in wanted}
    asked = wanted.get("ports") or []
    ports = [
        {**port, "nodePort": UNKNOWN} if "nodePort" in port and "nodePort" not in want else port
        for port, want in zip(spec.get("ports", []), asked, strict=False)
    ]
    return {**spec, **unknown, **({"ports": ports} if len(ports) == len(spec.get("ports", [])) and ports else {})}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(member) for key, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {names.get(key, key): _renamed(member, names) for key, member in value.items()}
    return [_renamed(member, names) for member in value] if isinstance(value, list) else value
