"""Arguments of components: checked against their TypedDict before anything is registered, everything wrong told at once by its path.

A component's arguments are a TypedDict, since Pulumi derives the schema for other languages from its annotations and docstrings. At run
time such a class checks nothing: a misspelt key would be a default that nobody chose. Their modules do without postponed annotations,
which Pulumi's analyzer cannot read.
"""

from __future__ import annotations

import difflib
import enum
import inspect
import types
import typing
from collections.abc import Awaitable, Mapping
from typing import Any

import pulumi

from mlgate.errors import Problem, UsageError

__all__ = ["ArgumentsError", "Wrong", "check"]


class ArgumentsError(UsageError, pulumi.InputPropertiesError, pulumi.RunError):
    """What is wrong with a component's arguments, each by its path. Pulumi prints it without a stack, for other languages too."""

    def __init__(self, component: str, name: str, problems: list[Problem]) -> None:
        self.problems = problems
        listed = "".join(f"\n{problem}" for problem in problems)
        super().__init__(f"wrong arguments{listed}", where=f"{component} {name!r}")
        self.errors = [{"property_path": each.where, "reason": f"{each.found}: {each.expected}"} for each in problems]


class Wrong:
    """Collects what is wrong with the arguments of one component."""

    def __init__(self, component: str, name: str) -> None:
        self._component = component
        self._name = name
        self._problems: list[Problem] = []

    def __bool__(self) -> bool:
        return bool(self._problems)

    def add(self, path: str, found: str, expected: str) -> None:
        """The argument at `path` is not as `expected`."""
        self._problems.append(Problem(path, found, expected))

    def stop(self) -> None:
        """Raises ArgumentsError with all of it, if there is any."""
        if self._problems:
            raise ArgumentsError(self._component, self._name, self._problems)


def check(of: type, given: Mapping[str, Any], wrong: Wrong, path: str = "") -> None:
    """Unknown, missing and unfit arguments of a TypedDict, those inside of others too; what only the cloud knows fits everywhere."""
    kinds = inspect.get_annotations(of)
    for key in given:
        if key not in kinds:
            near = difflib.get_close_matches(key, kinds, n=1)
            wrong.add(f"{path}{key}", "is no argument", f"did you mean {near[0]}?" if near else f"there are {', '.join(kinds)}")
    for key, kind in kinds.items():
        value, here = given.get(key), f"{path}{key}"
        needed = key in getattr(of, "__required_keys__", ())
        if value is not None:
            _check_value(_bare(kind), value, wrong, here)
        elif needed:
            wrong.add(here, "is missing", "give it")


def _check_value(kind: Any, value: Any, wrong: Wrong, path: str) -> None:
    if _is_input(kind):
        if isinstance(value, pulumi.Output | Awaitable):
            return
        kind = typing.get_args(kind)[0]
    if typing.is_typeddict(kind):
        if isinstance(value, Mapping):
            check(kind, value, wrong, f"{path}.")
        else:
            wrong.add(path, f"is {value!r}", f"give {kind.__name__}({', '.join(inspect.get_annotations(kind))})")
    elif typing.get_origin(kind) in {list, dict}:
        _check_members(kind, value, wrong, path)
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        if value not in [each for member in kind for each in (member, member.value)]:
            wrong.add(path, f"is {value!r}", f"one of {', '.join(str(member.value) for member in kind)}")
    else:
        _check_plain(kind, value, wrong, path)


def _check_members(kind: Any, value: Any, wrong: Wrong, path: str) -> None:
    of = typing.get_args(kind)[-1]
    if typing.get_origin(kind) is list and isinstance(value, list | tuple):
        for index, member in enumerate(value):
            _check_value(of, member, wrong, f"{path}[{index}]")
    elif typing.get_origin(kind) is dict and isinstance(value, Mapping):
        for key, member in value.items():
            _check_value(of, member, wrong, f"{path}.{key}")
    else:
        wrong.add(path, f"is {value!r}", "a list" if typing.get_origin(kind) is list else "a dictionary")


def _check_plain(kind: Any, value: Any, wrong: Wrong, path: str) -> None:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    try:
        TypeAdapter(kind, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        wrong.add(path, f"is {value!r}", said[0].lower() + said[1:])


def _bare(kind: Any) -> Any:
    """The kind without what says whether it must be given."""
    while typing.get_origin(kind) in {typing.NotRequired, typing.Required}:
        (kind,) = typing.get_args(kind)
    if typing.get_origin(kind) in {typing.Union, types.UnionType} and type(None) in typing.get_args(kind):
        return typing.Union[tuple(each for each in typing.get_args(kind) if each is not type(None))]  # noqa: UP007 - made at run time
    return kind


def _is_input(kind: Any) -> bool:
    """Whether it is `pulumi.Input[T]`, which is a union of T, what gives one later, and a reference to Output that nobody can resolve."""
    return typing.get_origin(kind) is typing.Union and any(typing.get_origin(each) is Awaitable for each in typing.get_args(kind))
