"""Where in the program a resource is made: seen by a stack transformation, while the constructor still runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pulumi

__all__ = ["Creation", "Creations", "is_program", "place", "program_frame", "shorten"]


@dataclass(slots=True)
class Creation:
    """One call of a resource's constructor. `path`: the names from the stack down, as the graph has it;
    `makers`: the components whose methods were running, innermost first;
    `given`: the arguments in Python's names, Outputs and all; `depends_on`: what the program named, before Pulumi expands and prunes it."""

    resource: pulumi.Resource
    type: str
    name: str
    path: str
    made_by: str | None
    makers: tuple[pulumi.Resource, ...]
    given: Mapping[str, Any]
    depends_on: tuple[pulumi.Resource, ...]


class Creations:
    """Every construction of a recording. `note` is the stack transformation; it changes nothing."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.all: list[Creation] = []
        self._by_name: dict[tuple[str, str], list[Creation]] = {}
        self._paths: dict[int, str] = {}
        self._codes: dict[int, CodeType] = {}

    def note(self, arguments: pulumi.ResourceTransformationArgs) -> None:
        made_by: str | None = None
        makers: list[pulumi.Resource] = []
        above = False  # the program: the test, which says in its own code what the program finds
        for frame in _frames(sys._getframe(1)):
            first = _first_argument(frame)
            if first is arguments.resource or _is_pulumi(frame):
                continue
            if made_by is None:
                made_by = place(frame, self._root)
            above = above or str(frame.f_globals.get("__name__", "")).startswith("mlgate_testkit.record")
            if not above and is_program(frame) and "site-packages" not in frame.f_code.co_filename:
                self._codes[id(frame.f_code)] = frame.f_code
            if isinstance(first, pulumi.ComponentResource) and first not in makers and _is_method_of(first, frame):
                makers.append(first)
        creation = Creation(
            arguments.resource,
            arguments.type_,
            arguments.name,
            self.path(arguments.name, arguments.opts.parent),
            made_by,
            tuple(makers),
            arguments.props,
            _declared(arguments.opts),
        )
        self.all.append(creation)
        self._paths[id(creation.resource)] = creation.path
        self._by_name.setdefault((creation.type, creation.name), []).append(creation)

    def path(self, name: str, parent: pulumi.Resource | None = None) -> str:
        """The path of what is called `name` and stands in `parent`: as every message names a resource."""
        above = self._paths.get(id(parent))
        return f"{above}/{name}" if above else name

    @property
    def literals(self) -> frozenset[str]:
        """The texts that stand in the program's own code: in whatever makes a resource, and what is defined there."""
        return frozenset(text for code in self._codes.values() for text in _texts(code))

    def of(self, token: str, name: str) -> list[Creation]:
        """The constructions of that type and name: more than one where they stand in different components, or collide."""
        return self._by_name.get((token, name), [])


def program_frame(frame: FrameType | None) -> FrameType | None:
    """The first frame outside Pulumi, its SDKs, the standard library and, where there is one, installed packages, from `frame` outwards."""
    outer = [each for each in _frames(frame) if is_program(each)]
    return next((each for each in outer if "site-packages" not in each.f_code.co_filename), outer[0] if outer else None)


def place(frame: FrameType, root: Path) -> str:
    """ "file:line", relative to `root` where it lies below it."""
    return f"{shorten(frame.f_code.co_filename, root)}:{frame.f_lineno}"


def shorten(filename: str, root: Path) -> str:
    path = Path(filename)
    return str(path.relative_to(root)) if path.is_relative_to(root) else filename


def _declared(options: pulumi.ResourceOptions) -> tuple[pulumi.Resource, ...]:
    """The resources named in `depends_on` as such; those inside an Output come with the dependencies of the registration."""
    named = options.depends_on
    return tuple(each for each in (named if isinstance(named, (list, tuple)) else [named]) if isinstance(each, pulumi.Resource))


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _texts(constant: Any) -> Iterator[str]:
    if isinstance(constant, str):
        yield constant
    elif isinstance(constant, CodeType):
        yield from _texts(constant.co_consts)
    elif isinstance(constant, (tuple, frozenset)):
        for member in constant:
            yield from _texts(member)


def _is_pulumi(frame: FrameType) -> bool:
    module = str(frame.f_globals.get("__name__", ""))
    return module == "pulumi" or module.startswith("pulumi.")


def is_program(frame: FrameType) -> bool:
    """Whether this is neither Pulumi, an SDK of it, the standard library (json, logging), nor ours."""
    module = str(frame.f_globals.get("__name__", ""))
    top = module.partition(".")[0]
    theirs = top == "pulumi" or top.startswith("pulumi_") or top in sys.stdlib_module_names
    return not (theirs or module.startswith("mlgate_testkit.record"))


def _first_argument(frame: FrameType) -> Any:
    code = frame.f_code
    return frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None


def _is_method_of(first: Any, frame: FrameType) -> bool:
    """Whether a class of that object defines the running function: `def alarms(platform)` is handed a component, and is no code of it."""
    code = frame.f_code
    return any(code.co_qualname == f"{each.__qualname__}.{code.co_name}" for each in type(first).__mro__)
