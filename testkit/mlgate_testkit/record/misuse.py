"""Outputs that a program uses as if they were plain values: caught while it runs, named afterwards.

An Output in an f-string becomes a text about itself, an `if` on one always holds, and a comparison never does: Pulumi lets all three
pass, and a preview looks right. Here each is noted with the line that did it.
"""

from __future__ import annotations

import dis
import re
import sys
import traceback
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pulumi

from mlgate.errors import Problem
from mlgate_testkit.record.arguments import check_given, missing, nearest, unexpected
from mlgate_testkit.record.creation import Creations, is_program, place, program_frame, shorten
from mlgate_testkit.record.sdk import arguments_of, python_names, required_fields, token_of

__all__ = ["Misuses", "explain"]

_APPLY = "use it inside .apply(lambda value: ...)"


@dataclass(frozen=True, slots=True)
class _Misuse:
    output: pulumi.Output[Any]
    where: str
    what: str
    remedy: str


class Misuses:
    """While `watched`, notes what the program does to Outputs. An `if` on one is a problem in a preview only, where nothing of it can be
    known; otherwise programs may well ask whether they were given a value at all."""

    def __init__(self, root: Path, *, preview: bool) -> None:
        self._root = root
        self._preview = preview
        self._noted: dict[tuple[str, str], _Misuse] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Replaces three methods of Pulumi's Output, and puts them back."""
        text = pulumi.Output.__str__

        def to_text(output: pulumi.Output[Any]) -> str:
            self._note(output, "is made a text", 'use pulumi.Output.format("...{0}...", value), Output.concat or .apply', sys._getframe(1))
            return text(output)

        def to_bool(output: pulumi.Output[Any]) -> bool:
            frame = sys._getframe(1)
            if self._preview and not _chooses_a_default(frame):
                remedy = f"{_APPLY}; `is not None` asks whether there is one"
                self._note(output, "is asked whether it is true, and always is", remedy, frame)
            return True

        def equal(output: pulumi.Output[Any], other: object) -> Any:
            if not isinstance(other, pulumi.Output) and other is not None:
                self._note(output, f"is compared with {type(other).__name__} {other!r}, and never equal", _APPLY, sys._getframe(1))
            return NotImplemented

        kept = pulumi.Output.__hash__
        changes = {"__str__": to_text, "__bool__": to_bool, "__eq__": equal, "__hash__": kept}
        before = {name: pulumi.Output.__dict__.get(name) for name in changes}
        for name, method in changes.items():
            setattr(pulumi.Output, name, method)
        try:
            yield
        finally:
            for name, original in before.items():
                if original is None:
                    delattr(pulumi.Output, name)
                else:
                    setattr(pulumi.Output, name, original)

    async def problems(self, creations: Creations) -> list[Problem]:
        """All that was noted, each with the resource and property it came from."""
        found = []
        for noted in self._noted.values():
            source = _property_of(noted.output, creations)
            if source is None:
                resources = sorted(resource._name for resource in await noted.output.resources())
                source = f"an Output made from {', '.join(resources)}" if resources else "an Output"
            found.append(Problem(noted.where, f"{source} {noted.what}", noted.remedy))
        return found

    def _note(self, output: pulumi.Output[Any], what: str, remedy: str, frame: FrameType) -> None:
        if _within_pulumi(frame):
            return
        program = program_frame(frame) or frame
        where = place(program, self._root)
        self._noted.setdefault((where, what), _Misuse(output, where, what, remedy))


def _within_pulumi(frame: FrameType) -> bool:
    """Pulumi asks its own Outputs too, knowing what they are."""
    module = frame.f_globals.get("__name__", "")
    return module.partition(".")[0] in {"pulumi", "asyncio"} or module.startswith("pulumi_")


def _chooses_a_default(frame: FrameType) -> bool:
    """Whether this is `given or default`, which asks for presence: the value stays on the stack when the jump is taken."""
    code = frame.f_code.co_code
    at = frame.f_lasti
    if dis.opname[code[at]].endswith("_OR_POP"):  # Python 3.11
        return True
    back = [dis.opname[code[index]] for index in range(max(0, at - 8), at, 2)]
    return "COPY" in [name for name in back if name != "CACHE"][-2:]  # later ones copy it first


def _property_of(output: pulumi.Output[Any], creations: Creations) -> str | None:
    for creation in creations.all:
        for name, value in vars(creation.resource).items():
            if value is output:
                return f'"{name}" of {creation.type} {creation.name}'
    return None


def explain(error: Exception, creations: Creations, registered: Container[object], root: Path) -> list[Problem]:
    """What an exception of the program means, where it is about arguments of a resource or about an Output; else nothing.

    `registered`: the resources that got as far as their registration, whose arguments are judged from that.
    """
    if _UNREADABLE.match(str(error)):
        return [problem for made in creations.all if made.resource not in registered for problem in check_given(made)]
    if not isinstance(error, TypeError):
        return []
    steps = list(traceback.walk_tb(error.__traceback__))
    lines = [f"{shorten(frame.f_code.co_filename, root)}:{line}" for frame, line in steps if is_program(frame)]
    where = lines[-1] if lines else "the program"
    frames = [frame for frame, _ in steps]
    constructor = next((frame for frame in frames if _is_constructor(frame)), None)
    if constructor is not None:
        return _constructor_problems(constructor, where)
    call = re.match(r"(\w+Args)\.__init__\(\) (?:got an unexpected keyword argument|missing \d+ required)", str(error))
    if call:
        return _args_class_problems(call[1], str(error), where)
    if re.search(r"\bOutput\b", str(error)):
        output = next((value for frame in reversed(frames) for value in frame.f_locals.values() if isinstance(value, pulumi.Output)), None)
        source = (_property_of(output, creations) if output is not None else None) or "an Output"
        remedy = "use pulumi.Output.json_dumps" if "JSON" in str(error) else _APPLY
        return [Problem(where, f"{source} is used as a plain value: {error}", remedy)]
    return []


_UNREADABLE = re.compile(r"While processing resource: ")
"""How Pulumi's runtime begins when it cannot send an argument (prepare_resource in pulumi/runtime/resource.py)."""


def _is_constructor(frame: FrameType) -> bool:
    """The `__init__(self, resource_name, *args, **kwargs)` that every SDK generates."""
    return frame.f_code.co_name == "__init__" and isinstance(frame.f_locals.get("__self__"), pulumi.Resource) and "kwargs" in frame.f_locals


def _constructor_problems(frame: FrameType, where: str) -> list[Problem]:
    resource_class: type = type(frame.f_locals["__self__"])
    arguments = arguments_of(resource_class)
    if arguments is None:
        return []
    names = python_names(arguments)
    given = {key for key, value in frame.f_locals["kwargs"].items() if value is not None}
    positional = frame.f_locals.get("args") or ()
    resource = f"{where}: {token_of(resource_class) or resource_class.__name__} {frame.f_locals.get('resource_name')}"
    found = [unexpected("", key, names) for key in frame.f_locals["kwargs"] if key not in names.values() and key not in {"opts", "args"}]
    if not positional:
        found += [missing("", names[wire]) for wire in required_fields(arguments) if names[wire] not in given]
    return [Problem(resource, text, remedy) for text, remedy in found]


def _args_class_problems(class_name: str, message: str, where: str) -> list[Problem]:
    """An Args class names itself and nothing else: it is looked for among the SDK modules that are loaded."""
    unknown = re.search(r"unexpected keyword argument '(\w+)'", message)
    if unknown is None:
        absent = re.findall(r"'(\w+)'", message)
        return [Problem(f"{where}: {class_name}", *missing("", name)) for name in absent]
    names: dict[str, str] = {}
    for name, module in list(sys.modules.items()):
        found = vars(module).get(class_name) if name.startswith("pulumi_") else None
        if isinstance(found, type):
            names |= python_names(found)
    near = nearest(unknown[1], names.values())
    return [Problem(f"{where}: {class_name}", f'there is no argument "{unknown[1]}"', f'nearest is "{near}"' if near else "see its fields")]
