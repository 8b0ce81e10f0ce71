"""Arguments of any type, made from the SDK's own types."""

from __future__ import annotations

import re
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from pulumi import Archive, Asset, _types

from mlgate_testkit.aws.arguments import argument_type
from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.aws.rules import Choice
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
    return _fields(argument_type(token), _DEPTH, unknown, Listed(token, strict=False))


def further(token: str, known: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A few arguments of the type that neither identify it nor refer to anything else. Where a list says what a value may be, it is one of
    that list; where `known` has a value that will do, it may be that one."""
    fields = {key: kind for key, kind in field_types(argument_type(token)).items() if key in known or not _NAMES.fullmatch(key)}
    if not fields:
        return st.just({})
    listed, model = Listed(token, strict=True), MODELS[token]
    each = {
        key: _value(kind, _DEPTH - 1, False, listed.at(key)) | (st.just(known[key]) if key in known else st.nothing())
        for key, kind in fields.items()
    }

    def few(keys: Collection[str]) -> st.SearchStrategy[dict[str, Any]]:
        chosen = st.lists(st.sampled_from(sorted(keys)), min_size=1, max_size=3, unique=True)
        return chosen.flatmap(lambda keys: st.fixed_dictionaries({key: each[key] for key in keys}))

    fixed = {path.partition(".")[0] for path in model.forces_new} | model.state_only
    changing = fields.keys() - fixed
    return few(fields) | few(changing) if changing else few(fields)


@dataclass(frozen=True)
class Listed:
    """What the rules of a type list for the values at a path and below. Unless `strict`, other values are drawn too."""

    token: str
    strict: bool
    path: str = ""

    def at(self, key: str) -> Listed:
        return replace(self, path=f"{self.path}.{key}".lstrip("."))

    def values(self) -> tuple[str, ...]:
        rules = MODELS[self.token].rules
        return next((rule.listed() for rule in rules if isinstance(rule, Choice) and rule.path == self.path), ())


def _fields(of: type, depth: int, unknown: bool, listed: Listed) -> st.SearchStrategy[dict[str, Any]]:
    needed = set(required_fields(of))
    fields = field_types(of) if depth else {key: kind for key, kind in field_types(of).items() if key in needed}

    def drawn(key: str) -> st.SearchStrategy[Any]:
        return st.deferred(lambda: _value(fields[key], max(depth - 1, 0), unknown, listed.at(key)))

    each = {key: drawn(key) for key in fields}
    required = {key: value for key, value in each.items() if key in needed}
    optional = [key for key in each if key not in needed]
    if not optional:
        return st.fixed_dictionaries(required)
    few = st.lists(st.sampled_from(optional), max_size=4, unique=True)
    return few.flatmap(lambda chosen: st.fixed_dictionaries({**required, **{key: each[key] for key in chosen}}))


def _value(kind: Any, depth: int, unknown: bool, listed: Listed) -> st.SearchStrategy[Any]:
    found = st.one_of([_member(member, depth, unknown, listed) for member in union_members(kind)])
    return found | st.just(UNKNOWN) if unknown else found


def _member(member: Any, depth: int, unknown: bool, listed: Listed) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each kind
    origin = typing.get_origin(member)
    if isinstance(member, type) and _types.is_input_type(member):
        return _fields(member, depth, unknown, listed)
    if origin in LISTS:
        return st.lists(_value(typing.get_args(member)[0], depth, unknown, listed), max_size=2)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(words, _value(typing.get_args(member)[1], depth, unknown, listed), max_size=2)
    if member is bool:
        return st.booleans()
    if member is int:
        return st.integers(-1, 4000)
    if member is float:
        return st.floats(-1, 4000, allow_nan=False)
    if member in {Asset, Archive}:
        return st.builds(SentAsset, text=words)
    if values := listed.values():
        return st.sampled_from(values) if listed.strict else st.sampled_from(values) | words
    return words
