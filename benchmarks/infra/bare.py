"""The bare program: the same objects as a recorded graph, made by the SDKs' own classes directly under the stack, as Python text.

It has neither components nor plans, and looks nothing up: what a program that knew every value would register, and no more. Like ours it
collects no garbage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlgate.errors import UsageError
from mlgate_testkit.provider.values import UNKNOWN, Secret
from mlgate_testkit.record import Graph
from mlgate_testkit.record.resource import Resource
from mlgate_testkit.record.sdk import arguments_of, field_types, python_names

_HEAD = '''\
"""Generated: the objects of {project}/{stack}, and nothing else."""

import gc

import pulumi

gc.disable()  # before the SDKs are imported, as the program that it is compared with does
{imports}

def known(*made):
    """What is only known when all of those are made."""
    return pulumi.Output.all(*[each.id for each in made]).apply("".join)


'''


def write_program(graph: Graph, folder: Path) -> Path:
    """Writes a project with the program of a graph that was recorded as in a preview. Returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Pulumi.yaml").write_text("name: bare\nruntime: python\n", encoding="utf-8")
    (folder / "__main__.py").write_text(program(graph), encoding="utf-8")
    return folder


def program(graph: Graph) -> str:
    """Raises UsageError for two objects of one type and name, which cannot stand side by side, and for one of no installed SDK."""
    own = objects(graph)
    _require_distinct(own)
    names = {found.urn: f"made_{number}" for number, found in enumerate(own)}
    classes = {found.sdk_class: "" for found in own}
    for number, each in enumerate(classes):
        classes[each] = f"{each.__name__}_{number}"
    imports = "".join(f"from {each.__module__} import {each.__name__} as {alias}\n" for each, alias in classes.items())
    lines = [f"{names[found.urn]} = {classes[found.sdk_class]}({', '.join(_arguments(found, names))})\n" for found in own]
    return _HEAD.format(project=graph.project, stack=graph.stack, imports=imports) + "".join(lines)


def objects(graph: Graph) -> list[Resource]:
    """What providers are asked about, and the providers that the program declares; each after what it needs."""
    return [found for found in graph.resources if found.custom and not found.read]


def _require_distinct(own: list[Resource]) -> None:
    seen: set[tuple[str, str]] = set()
    for found in own:
        if found.sdk_class is None:
            raise UsageError(f"no installed SDK has {found.type}", where=found.path, remedy="install it")
        if (found.type, found.name) in seen:
            raise UsageError(f"two objects are {found.type} {found.name}", where=found.path, remedy="give one of them another name")
        seen.add((found.type, found.name))


def _arguments(found: Resource, names: Mapping[str, str]) -> Iterator[str]:
    yield repr(found.name)
    taken = arguments_of(found.sdk_class)
    # The class for custom kinds of Kubernetes says nothing of its arguments: all but one are called alike.
    python, kinds = (python_names(taken), field_types(taken)) if taken else ({"apiVersion": "api_version"}, {})
    for key, value in found.inputs.items():
        needs = [names[urn] for urn in found.property_dependency_urns.get(key, ()) if urn in names]
        # A provider's inputs are told to the engine as JSON, but for its texts.
        encoded = found.type.startswith("pulumi:providers:") and isinstance(value, str) and kinds.get(key) is not str
        yield f"{python.get(key, key)}={_text(json.loads(value) if encoded else value, needs)}"
    yield f"opts=pulumi.ResourceOptions({', '.join(_options(found, names))})"


def _options(found: Resource, names: Mapping[str, str]) -> Iterator[str]:
    if found.provider is not None:
        yield f"provider={names[found.provider.urn]}"
    if found.protect:
        yield "protect=True"
    if found.retain_on_delete:
        yield "retain_on_delete=True"
    if found.custom_timeouts:
        yield f"custom_timeouts=pulumi.CustomTimeouts(**{dict(found.custom_timeouts)!r})"
    computed = {urn for key, urns in found.property_dependency_urns.items() if _waits(found.inputs[key]) for urn in urns}
    if declared := [names[urn] for urn in found.dependency_urns if urn in names and urn not in computed]:
        yield f"depends_on=[{', '.join(declared)}]"


def _waits(value: Any) -> bool:
    """Whether any of it is not known yet."""
    if isinstance(value, Secret):
        return _waits(value.value)
    members = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return value is UNKNOWN or any(_waits(member) for member in members)


def _text(value: Any, needs: list[str]) -> str:
    """Python that gives the value; where that is not known yet, an Output that comes of `needs`."""
    if value is UNKNOWN:
        if not needs:
            raise UsageError(
                "a value is not known, and comes of nothing", where="the recorded graph", remedy="answer what it was looked up by"
            )
        return f"known({', '.join(needs)})"
    if isinstance(value, Secret):
        return f"pulumi.Output.secret({_text(value.value, needs)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_text(member, needs)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_text(member, needs) for member in value) + "]"
    return repr(value)
