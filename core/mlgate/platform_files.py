"""Reading environments out of the stack files of a project: `stacks/Pulumi.<environment>.yaml`, key `mlgate:platform`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlgate.documents import Location, dotted, line_of, parse_yaml, problems_of
from mlgate.errors import DeclarationError, Problem, UsageError
from mlgate.platform import LEVELS, Platform
from mlgate.platform_state import LONGEST_NAME
from mlgate.platform_whole import all_wrong

__all__ = ["KEY", "Declared", "Source", "platform_of", "read_others", "read_platform", "read_platforms", "stack_file"]

KEY = "mlgate:platform"
_AT: Location = ("config", KEY)
_FILES = "Pulumi.*.yaml"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Source:
    """Where an environment's values stand, so that an error names the line. `file` is empty for values that came without one."""

    def __init__(self, file: str, lines: Mapping[Location, int]) -> None:
        self._file = file
        self._lines = lines

    def place(self, *location: str | int) -> str:
        """File and line of a value, by its path inside of the platform."""
        return f"{self._file}:{line_of((*_AT, *location), self._lines)}" if self._file else dotted(location)


Declared = tuple[Platform, Source]


def stack_file(stacks: Path, name: str) -> Path:
    """Where the values of the environment stand."""
    return stacks / f"Pulumi.{name}.yaml"


def read_platform(path: Path) -> Declared:
    """The environment whose values stand in a stack file. Raises DeclarationError with all that is wrong, each with its line."""
    declared = _declared(path)
    if declared is None:
        raise DeclarationError([Problem(str(path), f"has no {KEY} under config", "declare the environment: docs/environments.md")])
    return declared


def read_platforms(stacks: Path) -> dict[str, Declared]:
    """All environments of a project by name, lowest level first, but for stacks without `mlgate:platform`, such as local.

    Raises DeclarationError with all that is wrong in all of the files, UsageError where there are none.
    """
    found, wrong = _read_all(sorted(stacks.glob(_FILES)))
    if wrong:
        raise DeclarationError([problem for problems in wrong.values() for problem in problems])
    if not found:
        raise UsageError(f"no stack file has {KEY}", where=str(stacks / _FILES), remedy="declare an environment: docs/environments.md")
    return dict(sorted(found.items(), key=lambda item: LEVELS.index(item[1][0].level)))


def read_others(stacks: Path, name: str) -> tuple[dict[str, Declared], list[Path]]:
    """The other environments of a project by name, and the files of those that are not well declared: it is not for `name` to say why."""
    found, wrong = _read_all(path for path in sorted(stacks.glob(_FILES)) if path != stack_file(stacks, name))
    return found, list(wrong)


def platform_of(value: Any, stack: str, stacks: Path) -> Declared:
    """The environment that a program finds in its configuration, under `mlgate:platform`.

    Pulumi hands over values without lines: they are those of the stack's file, if that says the same. Raises DeclarationError.
    """
    path = stack_file(stacks, stack)
    try:
        stands, source, lines = _read(path)
    except DeclarationError:
        pass  # the values are from elsewhere, and need no file
    else:
        if stands == value:
            return _validated(value, stack, str(path), lines), source
    return _validated(value, stack, KEY, dict.fromkeys(_places(value), 1)), Source("", {})


def _read_all(paths: Iterable[Path]) -> tuple[dict[str, Declared], dict[Path, list[Problem]]]:
    """The environments of those files by name, and what is wrong in each of the others."""
    found: dict[str, Declared] = {}
    wrong: dict[Path, list[Problem]] = {}
    for path in paths:
        try:
            declared = _declared(path)
        except DeclarationError as error:
            wrong[path] = error.problems
        else:
            if declared is not None:
                found[_name_of(path)] = declared
    return found, wrong


def _declared(path: Path) -> Declared | None:
    """The environment that a file declares, None where it declares none. Raises DeclarationError."""
    value, source, lines = _read(path)
    return None if value is None else (_validated(value, _name_of(path), str(path), lines), source)


def _read(path: Path) -> tuple[Any, Source, dict[Location, int]]:
    """What stands under the key, None where nothing does; where; and the line of each part of it, from the platform's root."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        others = ", ".join(sorted(found.name for found in path.parent.glob(_FILES))) or "no stack file"
        raise DeclarationError([Problem(str(path), "there is no such file", f"the folder has {others}")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError([Problem(str(path), f"cannot be read: {error}", "a UTF-8 text file that you may read")]) from None
    content, lines = parse_yaml(text, str(path))
    value = content
    for key in _AT:
        value = value.get(key) if isinstance(value, dict) else None
    inside = {location[len(_AT) :]: line for location, line in lines.items() if location[: len(_AT)] == _AT}
    return value, Source(str(path), lines), inside


def _places(value: Any, at: Location = ()) -> Iterator[Location]:
    """Each part of it, so that an error has its whole path."""
    yield at
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from _places(part, (*at, key))


def _name_of(path: Path) -> str:
    return path.name.split(".", 1)[1].removesuffix(".yaml")


def _validated(value: Any, name: str, where: str, lines: dict[Location, int]) -> Platform:
    problems = [Problem(f"{where}:{line_of(at, lines)}", found, accepted) for at, found, accepted in _wrong_name(name, value)]
    problems += [problem for error in all_wrong(Platform, value) for problem in problems_of(error, Platform, lines, where)]
    if problems:
        raise DeclarationError(sorted(problems, key=lambda problem: int(problem.where.rpartition(":")[2])))
    return Platform.model_validate(value)


def _wrong_name(name: str, value: Any) -> Iterator[tuple[Location, str, str]]:
    """The name is the stack's, and policies go by it: what is called dev is judged as dev, whatever its level."""
    if not _NAME.fullmatch(name):
        yield (), f"the environment is called {name!r}, as its file is", "lower-case letters, digits and single hyphens, a letter first"
    elif len(name) > LONGEST_NAME:
        found = f"the environment is called {name!r}, which has {len(name)} characters"
        yield (), found, f"{LONGEST_NAME} at most: the bucket of its state is called after it"
    level = value.get("level") if isinstance(value, dict) else None
    if name in LEVELS and level in LEVELS and level != name:
        yield ("level",), f"level is {level}, and the environment is called {name}", f"level {name}, or another name: policies go by that"
