"""Asking one rule about plain resources."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlgate_policies.resource import UNKNOWN, Resource
from mlgate_policies.rule import Rule
from mlgate_policies.rules import RULES
from mlgate_testkit import record
from mlgate_testkit.record import Asset, Graph, Secret

BUCKET = "aws:s3/bucket:Bucket"


def rule(name: str) -> Rule:
    (found,) = [each for each in RULES if each.name == name]
    return found


def resource(type: str, properties: Mapping[str, Any] | None = None, *, name: str = "it", **other: Any) -> Resource:  # noqa: A002
    return Resource(type=type, name=name, urn=f"urn:pulumi:prod::p::{type}::{name}", properties=properties or {}, **other)


def stated(path: str, value: Any) -> dict[str, Any]:
    """Properties that have the value at a path."""
    first, _, rest = path.partition(".")
    return {first: stated(rest, value) if rest else value}


def objections(name: str, asked: Resource, *others: Resource) -> list[str]:
    """What the rule objects to in it; a rule that does not look at its type would never be asked."""
    assert asked.type in rule(name).types
    assert all(rule(name).sees(other.type) for other in others)
    return list(rule(name).check(asked, others))


def resources(graph: Graph, *, at_end: bool) -> list[Resource]:
    """Those of a recording, as the engine shows them: inputs before, outputs at the end."""
    return [
        Resource(
            type=each.type,
            name=each.name,
            urn=each.urn,
            properties=_plain(each.outputs if at_end else each.inputs),
            protect=each.protect,
            made_from=each.property_dependency_urns,
            region=each.provider.inputs.get("region") if each.provider else graph.config.get("aws:region"),
            default_tags=json.loads(each.provider.inputs.get("defaultTags", "{}")).get("tags", {}) if each.provider else {},
        )
        for each in graph.resources
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | Asset):
        return [_plain(each) for each in value]
    return UNKNOWN if value is record.UNKNOWN else value
