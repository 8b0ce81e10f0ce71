"""Arguments against the installed SDK's own Args types: what it does not know, what it cannot do without, what has the wrong shape."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pulumi import Archive, Asset, _types

from mlgate_testkit.provider.provider import Failure, Inputs
from mlgate_testkit.provider.values import UNKNOWN
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
    nested = next((each for each in members if isinstance(each, type) and _types.is_input_type(each)), None)
    origins = [origin for each in members if isinstance(origin := typing.get_origin(each), type)]
    sequence = next((each for each in members if typing.get_origin(each) in _SEQUENCES), None)
    if nested and isinstance(value, Mapping):
        yield from _wrong(nested, dict(value), path, path)
    elif sequence is not None and isinstance(value, list):
        for index, member in enumerate(value):
            yield from _wrong_value(typing.get_args(sequence)[0], member, f"{path}[{index}]")
    elif any(issubclass(origin, Mapping) for origin in origins) and isinstance(value, Mapping):
        (of,) = (typing.get_args(each)[1] for each in members if typing.get_origin(each) not in _SEQUENCES and typing.get_args(each))
        for key, member in value.items():
            yield from _wrong_value(of, member, f"{path}.{key}")
    elif nested or origins or not _fits(members, value):
        yield Failure(path, f"expected {_said(members)}, got {type(value).__name__} {value!r}")


_SEQUENCES = {typing.get_origin(typing.Sequence[Any]), list}
_SCALARS = {str: (str, int, float, bool), bool: (bool, str), int: (int, str), float: (int, float, str)}  # the bridge converts texts


def _fits(members: Sequence[Any], value: Any) -> bool:
    if any(member in {Any, Asset, Archive} or member not in _SCALARS for member in members):
        return not isinstance(value, list) or any(member is Any for member in members)
    return any(isinstance(value, _SCALARS[member]) and not (isinstance(value, bool) and member in {int, float}) for member in members)


def _said(members: Sequence[Any]) -> str:
    def word(member: Any) -> str:
        origin = typing.get_origin(member)
        if origin in _SEQUENCES:
            return "a list"
        if isinstance(origin, type) or (isinstance(member, type) and _types.is_input_type(member)):
            return "an object"
        return {str: "text", bool: "a bool", int: "a whole number", float: "a number"}.get(member, getattr(member, "__name__", str(member)))

    return " or ".join(dict.fromkeys(map(word, members)))
