"""Rules on arguments: from inputs to what is wrong. A value that is not known yet breaks no rule.

What a rule that lists values or arguments says can be read off it (`Choice`, `Conflicting`, `ExactlyOne`): tests try each, and hold all
against what the real provider says. The others are functions.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlgate_testkit.provider.provider import Failure, Inputs
from mlgate_testkit.provider.values import UNKNOWN, has_unknown

__all__ = [
    "Choice",
    "Conflicting",
    "ExactlyOne",
    "Rule",
    "base64_text",
    "between",
    "choice",
    "conflicting",
    "exactly_one",
    "holds",
    "json_text",
    "text",
    "timestamp",
    "values_at",
]

Rule = Callable[[Inputs], Iterator[Failure]]


def values_at(inputs: Any, path: str, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every known value at `path`, through lists, each with its place as the engine writes it ("rules[0].status")."""
    if isinstance(inputs, list):
        for index, member in enumerate(inputs):
            yield from values_at(member, path, f"{place}[{index}]")
    elif not path:
        if inputs is not None and inputs is not UNKNOWN:
            yield place, inputs
    elif isinstance(inputs, Mapping):
        key, _, rest = path.partition(".")
        yield from values_at(inputs.get(key), rest, f"{place}.{key}" if place else key)


@dataclass(frozen=True, slots=True)
class Choice:
    """The value at `path` must be one that is listed, which is asked for with the first value: botocore's lists take time to read.

    The text is the real provider's. `enumeration`: where in botocore's models the list is ("ec2.Tenancy"); "" where it is our own.
    """

    path: str
    listed: Callable[[], tuple[str, ...]]
    enumeration: str = ""

    def __call__(self, inputs: Inputs) -> Iterator[Failure]:
        for place, value in values_at(inputs, self.path):
            if value not in self.listed():
                shown = " ".join(f'"{each}"' for each in self.listed())
                yield Failure(place, f"expected {place} to be one of [{shown}], got {value}")


@dataclass(frozen=True, slots=True)
class Conflicting:
    """At most one of these arguments may be given (Terraform's ConflictsWith): of each object at `inside`, or of the whole."""

    arguments: tuple[str, ...]
    inside: str = ""

    def __call__(self, inputs: Inputs) -> Iterator[Failure]:
        for within, given in _given(inputs, self.inside, self.arguments):
            for argument in given[1:]:
                yield Failure(within + argument, f'Conflicting configuration arguments: "{argument}": conflicts with {given[0]}')


@dataclass(frozen=True, slots=True)
class ExactlyOne:
    """One of these arguments, and no second (Terraform's ExactlyOneOf): of each object at `inside`, or of the whole."""

    arguments: tuple[str, ...]
    inside: str = ""

    def __call__(self, inputs: Inputs) -> Iterator[Failure]:
        wrong, listed = "Invalid combination of arguments:", ",".join(self.arguments)
        for within, given in _given(inputs, self.inside, self.arguments):
            if not given:
                yield Failure(within + self.arguments[0], f"{wrong} one of `{listed}` must be specified")
            elif len(given) > 1:
                found = ",".join(given)
                yield Failure(within + given[1], f"{wrong} only one of `{listed}` can be specified, but `{found}` were")


def _given(inputs: Inputs, inside: str, arguments: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Of each object at `inside` where its fields are, and which of the arguments it has."""
    for place, value in values_at(inputs, inside):
        if isinstance(value, Mapping):
            yield f"{place}." if place else "", [argument for argument in arguments if value.get(argument) is not None]


def choice(path: str, *allowed: str) -> Choice:
    """The value must be one of these."""
    return Choice(path, lambda: allowed)


def conflicting(*arguments: str, inside: str = "") -> Conflicting:
    """At most one of these may be given."""
    return Conflicting(arguments, inside)


def exactly_one(*arguments: str, inside: str = "") -> ExactlyOne:
    """One of these, and no second."""
    return ExactlyOne(arguments, inside)


def between(path: str, least: float, most: float) -> Rule:
    """The number must lie in [least, most]."""

    def rule(inputs: Inputs) -> Iterator[Failure]:
        for place, value in values_at(inputs, path):
            if not least <= float(value) <= most:
                yield Failure(place, f"expected {place} to be in the range ({least} - {most}), got {value}")

    return rule


def text(path: str, pattern: str, says: str, *, at_most: int = 0) -> Rule:
    """The whole text must match, and be no longer than that; `says` is the rule in words."""

    def rule(inputs: Inputs) -> Iterator[Failure]:
        for place, value in values_at(inputs, path):
            if at_most and len(str(value)) > at_most:
                yield Failure(place, f"{value!r} has {len(str(value))} characters; at most {at_most} are allowed")
            elif not re.fullmatch(pattern, str(value), re.DOTALL):
                yield Failure(place, f"{value!r} {says}")

    return rule


def holds(path: str, wrong: Callable[[Any], str]) -> Rule:
    """A rule in Python: `wrong` gives what is wrong with the value, or ""."""

    def rule(inputs: Inputs) -> Iterator[Failure]:
        for place, value in values_at(inputs, path):
            if not has_unknown(value) and (problem := wrong(value)):
                yield Failure(place, problem)

    return rule


def base64_text(path: str) -> Rule:
    """The text must be base64."""
    return holds(path, lambda value: _refused(lambda: base64.b64decode(value, validate=True), "is no base64"))


def json_text(path: str) -> Rule:
    """The text must be JSON."""
    return holds(path, lambda value: _refused(lambda: json.loads(value), "contains an invalid JSON"))


def timestamp(path: str) -> Rule:
    """The text must be a time as in RFC 3339: "2030-01-01T00:00:00Z"."""
    pattern = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)"

    def wrong(value: Any) -> str:
        if not re.fullmatch(pattern, str(value)):
            return f"expected {path} to be a valid RFC3339 date, got {value!r}"
        return _refused(lambda: datetime.fromisoformat(str(value).upper()), f"expected {path} to be a valid RFC3339 date")

    return holds(path, wrong)


def _refused(read: Callable[[], Any], otherwise: str) -> str:
    try:
        read()
    except ValueError as wrong:
        return f"{otherwise}: {wrong}"
    return ""
