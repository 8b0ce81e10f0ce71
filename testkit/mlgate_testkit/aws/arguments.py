"""Arguments against the installed SDK's own Args types: what it does not know, what it cannot do without, what has the wrong shape."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pulumi import _types

from mlgate_testkit.provider.provider import Failure, Inputs
from mlgate_testkit.provider.values import UNKNOWN, Archive, Asset
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types, output_fields, required_fields, union_members

__all__ = ["argument_names", "argument_type", "is_map", "near", "output_names", "wrong_arguments"]


def argument_type(token: str) -> type:
    """The Args class of a type that the SDK knows. Raises KeyError where it knows none."""
    found = class_of(token)
    arguments = found and arguments_of(found)
    if arguments is None:
        raise KeyError(token)
    return arguments


def argument_names(token: str) -> Mapping[str, Any]:
    """Wire names of all arguments, with their types."""
    return field_types(argument_type(token))


def output_names(token: str) -> frozenset[str]:
    """Wire names of all outputs, arguments among them."""
    found = class_of(token)
    return frozenset(output_fields(found)) if found else frozenset()


def near(name: str, known: Sequence[str]) -> str:
    """ "did you mean 'bucket'? " or nothing."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}? " if close else ""


def wrong_arguments(token: str, inputs: Inputs) -> Iterator[Failure]:
    """Everything that the SDK's types alone forbid."""
    yield from _wrong(argument_type(token), inputs, "", token)


def is_map(kind: Any) -> bool:
    """Whether a field holds keys of the user's own (tags), rather than an object with fields."""
    return any(issubclass(origin, Mapping) for member in union_members(kind) if isinstance(origin := typing.get_origin(member), type))


def _wrong(fields_of: type, inputs: Inputs, place: str, owner: str) -> Iterator[Failure]:
    fields = field_types(fields_of)
    for key, value in inputs.items():
        path = f"{place}.{key}" if place else key
        if key not in fields:
            yield Failure(path, f"{owner} has no argument {key!r}; {near(key, list(fields))}it takes: {', '.join(sorted(fields))}")
        elif value is not None:
            yield from _wrong_value(fields[key], value, path)
    for key in required_fields(fields_of):
        if inputs.get(key) is None:
            path = f"{place}.{key}" if place else key
            yield Failure(path, f'Missing required argument: the argument "{key}" is required, but no definition was found')


def _wrong_value(kind: Any, value: Any, path: str) -> Iterator[Failure]:
    if value is UNKNOWN:
        return
    members = list(union_members(kind))
    found = [wrong for member in members if (wrong := _wrong_as(member, value, path)) is not None]
    if not found:
        yield Failure(path, f"expected {' or '.join(dict.fromkeys(map(_said, members)))}, got {type(value).__name__} {value!r}")
    else:
        yield from min(found, key=len)  # of several object types, what the user meant is likely the one with fewest mistakes


def _wrong_as(member: Any, value: Any, path: str) -> list[Failure] | None:
    """What is wrong with a value that is taken for this type; None if it is something else altogether."""
    origin = typing.get_origin(member)
    if _is_object(member):
        return list(_wrong(member, dict(value), path, path)) if isinstance(value, Mapping) else None
    if origin in _SEQUENCES:
        (of,) = typing.get_args(member)
        each = (_wrong_value(of, inner, f"{path}[{index}]") for index, inner in enumerate(value)) if isinstance(value, list) else None
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        _, of = typing.get_args(member)
        each = (_wrong_value(of, inner, f"{path}.{key}") for key, inner in value.items()) if isinstance(value, Mapping) else None
    else:
        return [] if _fits(member, value) else None
    return None if each is None else [failure for failures in each for failure in failures]


_SEQUENCES = {typing.get_origin(typing.Sequence[Any]), list}
_SCALARS: dict[Any, Any] = {str: (str, int, float, bool), bool: bool, int: int, float: (int, float)}


def _is_object(member: Any) -> bool:
    return isinstance(member, type) and _types.is_input_type(member)


def _fits(member: Any, value: Any) -> bool:
    if member is Any:
        return True
    if isinstance(member, type) and issubclass(member, enum.Enum):
        return isinstance(value, str)
    if member in {bool, int, float} and isinstance(value, str):
        return _spells(member, value)
    if member in _SCALARS:
        return isinstance(value, _SCALARS[member]) and not (isinstance(value, bool) and member in {int, float})
    return isinstance(value, (Asset, Archive))


def _spells(kind: Any, text: str) -> bool:
    """Whether a text spells a value of that kind: the bridge between Pulumi and Terraform converts those."""
    return text in {"true", "false"} if kind is bool else bool(re.fullmatch(r"-?\d+" if kind is int else r"-?\d+(\.\d+)?", text))


def _said(member: Any) -> str:
    if typing.get_origin(member) in _SEQUENCES:
        return "a list"
    if isinstance(typing.get_origin(member), type) or _is_object(member):
        return "an object"
    return {str: "text", bool: "a bool", int: "a whole number", float: "a number"}.get(member, getattr(member, "__name__", str(member)))
