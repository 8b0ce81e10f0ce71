"""Arguments of any type, made from the SDK's own types."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from pulumi import Archive, Asset, _types

from mlgate_testkit.aws.arguments import argument_type
from mlgate_testkit.provider.values import UNKNOWN
from mlgate_testkit.provider.values import Asset as SentAsset
from mlgate_testkit.record.sdk import field_types, required_fields, union_members

words = st.text("ab-/.:1", min_size=1, max_size=6)
LISTS = {list, typing.get_origin(typing.Sequence[Any])}
_DEPTH = 3
# What names the thing itself, or another one that would have to be there.
_NAMES = re.compile(r"(.*[a-z])?(Arn|Id|Identifier|Name|NamePrefix|Region)s?|arn|id|identifier|name|namePrefix|region")


def arguments(token: str, *, unknown: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Whatever the SDK's types let a program write, with what it cannot leave out."""
    return _fields(argument_type(token), _DEPTH, unknown)


def further(token: str) -> st.SearchStrategy[dict[str, Any]]:
    """A few arguments of the type that neither identify it nor refer to anything else."""
    fields = {key: kind for key, kind in field_types(argument_type(token)).items() if not _NAMES.fullmatch(key)}
    few = st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True) if fields else st.just([])
    return few.flatmap(lambda chosen: st.fixed_dictionaries({key: _value(fields[key], _DEPTH - 1, False) for key in chosen}))


def _fields(of: type, depth: int, unknown: bool) -> st.SearchStrategy[dict[str, Any]]:
    needed = set(required_fields(of))
    fields = field_types(of) if depth else {key: kind for key, kind in field_types(of).items() if key in needed}
    each = {key: st.deferred(lambda kind=kind: _value(kind, max(depth - 1, 0), unknown)) for key, kind in fields.items()}
    required = {key: value for key, value in each.items() if key in needed}
    optional = [key for key in each if key not in needed]
    if not optional:
        return st.fixed_dictionaries(required)
    few = st.lists(st.sampled_from(optional), max_size=4, unique=True)
    return few.flatmap(lambda chosen: st.fixed_dictionaries({**required, **{key: each[key] for key in chosen}}))


def _value(kind: Any, depth: int, unknown: bool) -> st.SearchStrategy[Any]:
    found = st.one_of([_member(member, depth, unknown) for member in union_members(kind)])
    return found | st.just(UNKNOWN) if unknown else found


def _member(member: Any, depth: int, unknown: bool) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each kind
    origin = typing.get_origin(member)
    if isinstance(member, type) and _types.is_input_type(member):
        return _fields(member, depth, unknown)
    if origin in LISTS:
        return st.lists(_value(typing.get_args(member)[0], depth, unknown), max_size=2)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(words, _value(typing.get_args(member)[1], depth, unknown), max_size=2)
    if member is bool:
        return st.booleans()
    if member is int:
        return st.integers(-1, 4000)
    if member is float:
        return st.floats(-1, 4000, allow_nan=False)
    if member in {Asset, Archive}:
        return st.builds(SentAsset, text=words)
    return words
