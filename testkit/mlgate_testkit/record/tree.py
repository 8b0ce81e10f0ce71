"""A graph as text: one line for each resource and each input, in an order that does not depend on the order of registration."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlgate_testkit.provider.values import UNKNOWN, Archive, Asset, ResourceReference, Secret

if TYPE_CHECKING:
    from mlgate_testkit.record.graph import Graph
    from mlgate_testkit.record.resource import Resource

__all__ = ["render", "shown"]

_INDENT = "  "


def render(graph: Graph) -> str:
    """The whole graph, ending with a newline."""
    lines = [f"stack {graph.project}/{graph.stack}"]
    for resource in _ordered(graph.roots):
        lines.extend(_block(resource, _INDENT))
    for key in sorted(graph.outputs):
        lines.extend(f"{_INDENT}export {line}" for line in _lines(key, graph.outputs[key], graph))
    return "\n".join(lines) + "\n"


def shown(value: Any) -> str:
    """One value for a message: secrets masked wherever they stand, unknowns named."""
    return json.dumps(_masked(value), ensure_ascii=False, sort_keys=True)


def _ordered(resources: list[Resource]) -> list[Resource]:
    return sorted(resources, key=lambda resource: (resource.type, resource.name, resource.urn))


def _block(resource: Resource, indent: str) -> Iterator[str]:
    notes = list(_notes(resource))
    yield f"{indent}{resource.type} {resource.name}" + (f" ({'; '.join(notes)})" if notes else "")
    inner = indent + _INDENT
    for key in sorted(resource.inputs):
        yield from (f"{inner}. {line}" for line in _lines(key, resource.inputs[key], resource.graph))
    for child in _ordered(resource.children):
        yield from _block(child, inner)


def _notes(resource: Resource) -> Iterator[str]:
    """The options that are not at their default, in one fixed order; without the SDK's version, which changes by itself."""
    if resource.read:
        yield f"read {_leaf(resource.id, resource.graph)}"
    for flag in ("remote", "protect", "retain_on_delete", "delete_before_replace"):
        if getattr(resource, flag):
            yield flag.replace("_", " ")
    lists = {
        "ignore changes": resource.ignore_changes,
        "replace on changes": resource.replace_on_changes,
        "additional secret outputs": resource.additional_secret_outputs,
        "import": [resource.import_id] if resource.import_id else [],
        "provider": _paths([resource.provider]),
        "providers": _paths(resource.providers.values()),
        "deleted with": _paths([resource.deleted_with]),
        "aliases": sorted({shown(alias) for alias in resource.aliases if not _of_the_sdk(alias, resource)}),
        "timeouts": [f"{key} {resource.custom_timeouts[key]}" for key in sorted(resource.custom_timeouts)],
        "hooks": [f"{key} {name}" for key in sorted(resource.hooks) for name in resource.hooks[key]],
        "after": _paths(resource.depends_on),
    }
    yield from (f"{word} {', '.join(members)}" for word, members in lists.items() if members)


def _paths(resources: Iterable[Resource | None]) -> list[str]:
    return sorted(resource.path for resource in resources if resource is not None)


def _of_the_sdk(alias: Any, resource: Resource) -> bool:
    """An SDK gives its resources the types they had in older versions: no news, and different in the next version."""
    return resource.custom and isinstance(alias, Mapping) and alias.keys() == {"type"}


def _lines(where: str, value: Any, graph: Graph) -> Iterator[str]:
    match value:
        case Mapping() if value:
            for key in sorted(value):
                step = f".{key}" if key.replace("_", "a").isalnum() else f"[{json.dumps(key, ensure_ascii=False)}]"
                yield from _lines(where + step, value[key], graph)
        case list() if value:
            for index, member in enumerate(value):
                yield from _lines(f"{where}[{index}]", member, graph)
        case _:
            yield f"{where} = {_leaf(value, graph)}"


def _leaf(value: Any, graph: Graph) -> str:
    match value:
        case Secret():
            return "[secret]"
        case _ if value is UNKNOWN:
            return "<unknown>"
        case Asset() | Archive():
            return _file(value)
        case ResourceReference():
            known = graph.find(value.urn)
            return f"<resource {known.path if known else value.urn}>"
        case _:
            return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _file(value: Asset | Archive) -> str:
    kind = type(value).__name__.lower()
    if isinstance(value, Asset) and value.text is not None:
        return f"<{kind} of {len(value.text)} characters>"
    if isinstance(value, Archive) and value.assets is not None:
        return f"<{kind} of {', '.join(sorted(value.assets))}>"
    return f"<{kind} {value.path or value.uri}>"


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(member) for member in value]
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, (Asset, Archive)):
        return _file(value)
    if isinstance(value, ResourceReference):
        return f"<resource {value.urn}>"
    return "<unknown>" if value is UNKNOWN else value
