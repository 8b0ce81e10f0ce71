"""Outputs that a program uses as if they were plain values: caught while it runs, named afterwards.

An Output in an f-string becomes a text about itself, an `if` on one always holds, and a comparison never does: Pulumi lets all three
pass, and a preview looks right. Here each is noted with the line that did it.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import pulumi
from pulumi import _types

from mlgate.errors import Problem
from mlgate_testkit.record.creation import Creations, place, program_frame

__all__ = ["APPLY", "Misuses", "Source", "property_of"]

APPLY = "use it inside .apply(lambda value: ...)"


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
                remedy = f"{APPLY}; `is not None` asks whether there is one"
                self._note(output, "is asked whether it is true, and always is", remedy, frame)
            return True

        def equal(output: pulumi.Output[Any], other: object) -> Any:
            if not isinstance(other, pulumi.Output) and other is not None:
                self._note(output, f"is compared with {type(other).__name__} {other!r}, and never equal", APPLY, sys._getframe(1))
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
            known = property_of(noted.output, creations)
            source = str(known)
            if known is None:
                made_from = {id(resource) for resource in await noted.output.resources()}
                resources = sorted(creation.path for creation in creations.all if id(creation.resource) in made_from)
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


@dataclass(frozen=True, slots=True)
class Source:
    """The property of a resource that an Output is. `wire`: its name as Pulumi's tables have it."""

    type: str
    name: str
    path: str
    property: str
    wire: str

    def __str__(self) -> str:
        return f'"{self.property}" of {self.type} {self.path}'


def property_of(output: pulumi.Output[Any], creations: Creations) -> Source | None:
    for creation in creations.all:
        for name, value in vars(creation.resource).items():
            if value is output:
                wire = _types.resource_py_to_pulumi_names(type(creation.resource)).get(name, name)
                return Source(creation.type, creation.name, creation.path, name, wire)
    return None
