"""Checks recorded inputs against the installed SDK's own Args classes.

Pulumi sends what a program gives: a misspelt key in a dictionary is no error before the cloud says so, or ignores it. Names and required
fields are exact. Types are judged with care, since providers convert: aws reads "3" as a number and 3 as a text (the Terraform bridge
does), Kubernetes reads neither. What the SDK leaves open is not judged.
"""

from __future__ import annotations

import enum
import json
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import _types

from mlgate.errors import Problem
from mlgate_testkit.nearest import nearest
from mlgate_testkit.provider.values import UNKNOWN, Archive, Asset, ResourceReference, Secret
from mlgate_testkit.record.creation import Creation
from mlgate_testkit.record.graph import Graph
from mlgate_testkit.record.resource import Resource
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types, output_fields, python_names, required_fields, union_members
from mlgate_testkit.record.tree import shown

__all__ = ["check_arguments", "check_given", "missing", "unexpected", "writes_camel"]

_PROVIDER = "pulumi:providers:"
_STRICT = ("kubernetes:",)
"""Packages whose provider converts no scalars."""

_CAMEL = re.compile(r"[a-z]+[A-Z]")
_OUTPUTS = ("arn", "url", "name")
"""Ends of arguments ("role_arn") that say which output of a resource they take; the others take its id."""


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a resource is judged: `strict`, where its provider converts nothing; `camel`, where the program writes nested keys so;
    `graph`: of what it may have been given."""

    strict: bool
    camel: bool
    graph: Graph | None = None


def check_arguments(graph: Graph) -> tuple[list[Problem], set[str]]:
    """Everything wrong with the inputs of a graph, in its order, and the types that no installed SDK describes."""
    problems: list[Problem] = []
    unchecked: set[str] = set()
    for resource in graph.resources:
        if resource.read or (resource.component and not resource.remote):
            continue
        arguments = _arguments(resource.sdk_class, resource.type)
        if arguments is None:
            unchecked.add(resource.type)
        else:
            manner = _Manner(strict=resource.type.startswith(_STRICT), camel=_camel(resource), graph=graph)
            problems += _problems(resource.inputs, arguments, resource.type, resource.path, resource.made_by, manner)
    return problems, unchecked


def check_given(creation: Creation) -> list[Problem]:
    """The same for a resource that never got as far as its registration."""
    arguments = _arguments(type(creation.resource), creation.type)
    if arguments is None:
        return []
    given = {key: value for key, value in creation.given.items() if value is not None}
    manner = _Manner(strict=creation.type.startswith(_STRICT), camel=writes_camel(given) is True)
    return _problems(_plain(given), arguments, creation.type, creation.path, creation.made_by, manner)


def _camel(resource: Resource) -> bool:
    """As the resource shows it, or those of its package do: a program may write one SDK's dictionaries so, another's otherwise."""
    package = resource.type.partition(":")[0]
    alike = [resource, *(each for each in resource.graph.resources if each.type.startswith(f"{package}:"))]
    return next((each.camel for each in alike if each.camel is not None), False)


def writes_camel(given: Mapping[str, Any]) -> bool | None:
    """Whether the dictionaries of a resource have keys as Pulumi sends them (`envFrom`, not `env_from`); None where no key shows it."""
    keys = [key for value in given.values() for key in _keys(value)]
    if any(_CAMEL.match(key) for key in keys):
        return True
    return False if any("_" in key for key in keys) else None


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, member in value.items():
            yield str(key)
            yield from _keys(member)
    elif isinstance(value, (list, tuple)):
        for member in value:
            yield from _keys(member)


def _problems(inputs: Mapping[str, Any], arguments: type, token: str, name: str, made_by: str | None, manner: _Manner) -> list[Problem]:
    if token.startswith(_PROVIDER):
        texts = _texts(arguments)
        inputs = {key: value if key in texts else _opened(value) for key, value in inputs.items()}
    place = f"{made_by}: {token} {name}" if made_by else f"{token} {name}"
    return [Problem(place, found, expected) for found, expected in _fields(inputs, arguments, "", manner)]


def _plain(value: Any) -> Any:
    """What a program gave, before Pulumi's runtime has read it: whatever is still to come is unknown."""
    if _types.is_input_type(type(value)):
        value = _types.input_type_to_untranslated_dict(value)
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, enum.Enum):
        return value.value
    return value if isinstance(value, (str, bool, int, float)) or value is None else UNKNOWN


def unexpected(path: str, key: str, names: Mapping[str, str], *, camel: bool = False) -> tuple[str, str]:
    """What is wrong with a field that does not exist, and the nearest that does. `names`: wire name to Python name."""
    spoken = names.keys() if camel or key != key.lower() else names.values()
    near = nearest(key, spoken)
    listed = ", ".join(sorted(spoken))
    return f'there is no argument "{path}{key}"', f'nearest is "{path}{near}"' if near else f"there are: {listed}"


def missing(path: str, name: str) -> tuple[str, str]:
    return f'"{path}{name}" is missing', "it is required: give it a value"


def _arguments(resource_class: type | None, token: str) -> type | None:
    declared = arguments_of(resource_class) if resource_class is not None else None
    if declared is not None:
        return declared
    known = class_of(token)
    return arguments_of(known) if known is not None else None


def _texts(arguments: type) -> set[str]:
    """The fields, by both names, that are texts themselves and stay so, a kubeconfig in JSON above all."""
    types = field_types(arguments)
    return {name for wire, spoken in python_names(arguments).items() if types.get(wire) is str for name in (wire, spoken)}


def _opened(value: Any) -> Any:
    """A provider's inputs travel as JSON texts, but for those that are texts."""
    if isinstance(value, Secret):
        return _opened(value.value)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _fields(values: Mapping[str, Any], input_class: type, path: str, manner: _Manner) -> Iterator[tuple[str, str]]:
    names = python_names(input_class)
    camel = manner.camel and path != ""  # keyword arguments are Python's
    spelt = {wire: wire if camel else name for wire, name in names.items()}
    wires = {**{name: wire for wire, name in names.items()}, **{wire: wire for wire in names}}
    types = field_types(input_class)
    for key, value in values.items():
        if key not in wires:
            yield unexpected(path, key, names, camel=camel)
        else:
            yield from _value(value, types.get(wires[key], Any), path + spelt[wires[key]], manner)
    given = {wires.get(key) for key, value in values.items() if value is not None}
    given |= {wires.get(nearest(key, [*names, *names.values()]) or "") for key in values if key not in wires}  # once is enough
    yield from (missing(path, spelt[wire]) for wire in required_fields(input_class) if wire not in given)


def _value(value: Any, wanted: Any, path: str, manner: _Manner) -> Iterator[tuple[str, str]]:
    if isinstance(value, Secret):
        value = value.value
    if value is None or value is UNKNOWN:
        return
    alternatives = [list(_one(value, member, path, manner)) for member in union_members(wanted)]
    if alternatives and all(alternatives):
        yield from max(alternatives, key=_depth)


def _depth(problems: list[tuple[str, str]]) -> int:
    """Of several alternatives that all fail, the one that was understood furthest says the most."""
    return max(len(found.partition('"')[2].partition('"')[0].split(".")) for found, _ in problems)


def _one(value: Any, wanted: Any, path: str, manner: _Manner) -> Iterator[tuple[str, str]]:
    origin = typing.get_origin(wanted)
    inner = typing.get_args(wanted)
    if isinstance(wanted, type) and _types.is_input_type(wanted):
        if isinstance(value, Mapping):
            yield from _fields(value, wanted, f"{path}.", manner)
        else:
            yield _wrong(path, value, f"an object with {', '.join(sorted(python_names(wanted).values()))}", manner)
    elif origin is _SEQUENCE or origin is list:
        if not isinstance(value, list):
            yield _wrong(path, value, "a list", manner)
            return
        for index, member in enumerate(value):
            yield from _value(member, inner[0] if inner else Any, f"{path}[{index}]", manner)
    elif origin is _MAPPING or origin is dict:
        if not isinstance(value, Mapping):
            yield _wrong(path, value, "a mapping", manner)
            return
        for key, member in value.items():
            yield from _value(member, inner[1] if inner else Any, f"{path}[{json.dumps(key)}]", manner)
    elif isinstance(wanted, type):
        word = _scalar(value, wanted, manner.strict)
        if word:
            yield _wrong(path, value, word, manner)


def _scalar(value: Any, wanted: type, strict: bool) -> str | None:
    """What was wanted, where `value` is clearly something else."""
    if issubclass(wanted, (pulumi.Asset, pulumi.Archive)):
        return None if isinstance(value, (Asset, Archive)) else "a file: pulumi.FileAsset, pulumi.FileArchive or one of their kin"
    if issubclass(wanted, enum.Enum):
        known = [member.value for member in wanted]
        return None if value in known else f"one of {', '.join(map(str, known))}"
    structured = isinstance(value, (Mapping, list, Asset, Archive, ResourceReference))
    if wanted is bool:
        fits = isinstance(value, bool) or (not strict and value in {"true", "false"})
        return None if not structured and fits else "true or false"
    if wanted in {int, float}:
        return None if not structured and _is_number(value, wanted, strict) else "a whole number" if wanted is int else "a number"
    if wanted is str:
        return None if not structured and (isinstance(value, str) or not strict) else "a text"
    return None


def _is_number(value: Any, wanted: type, strict: bool) -> bool:
    if isinstance(value, str) and not strict:
        try:
            value = float(value)
        except ValueError:
            return False
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return wanted is float or float(value).is_integer()


def _wrong(path: str, value: Any, wanted: str, manner: _Manner) -> tuple[str, str]:
    if isinstance(value, ResourceReference):
        token = value.urn.split("::")[2].rpartition("$")[2]
        known = manner.graph.find(value.urn) if manner.graph is not None else None
        return f'"{path}" is {known or token} itself', f"it takes {wanted}: pass .{_fitting(path, token)} of it, or another of its outputs"
    text = shown(value)
    return f'"{path}" is {text if len(text) <= 80 else text[:77] + "..."}', f"it takes {wanted}"


def _fitting(path: str, token: str) -> str:
    """The output of a resource that an argument takes, as far as its name says."""
    if token.startswith("kubernetes:"):
        return "metadata.name"
    end = re.split(r"[._]", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path).lower())[-1]
    resource_class = class_of(token)
    return end if end in _OUTPUTS and resource_class is not None and end in output_fields(resource_class) else "id"


_SEQUENCE = typing.get_origin(typing.Sequence[Any])
_MAPPING = typing.get_origin(typing.Mapping[str, Any])
