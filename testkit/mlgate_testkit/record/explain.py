"""What an exception of a program means, where Pulumi or its SDK says too little: which resource, which argument, and what was meant."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Container
from pathlib import Path
from types import FrameType

import pulumi

from mlgate.errors import MlgateError, Problem
from mlgate_testkit.nearest import nearest
from mlgate_testkit.record.arguments import check_given, missing, unexpected
from mlgate_testkit.record.creation import Creation, Creations, is_program, shorten
from mlgate_testkit.record.expressions import used_output
from mlgate_testkit.record.misuse import APPLY, property_of
from mlgate_testkit.record.sdk import arguments_of, python_names, required_fields, token_of

__all__ = ["explain", "without_machinery"]

_CIRCLE = re.compile(r"circular dependency involving a resource of type (\S+) named (.+)\.$", re.M)
"""How it says that a resource waits for itself (_expand_dependencies in pulumi/runtime/rpc.py), without the way."""

_UNREADABLE = re.compile(r"While processing resource: ")
"""How Pulumi's runtime begins when it cannot send an argument (prepare_resource in pulumi/runtime/resource.py)."""


_MISFIT = re.compile(r"Unexpected type; expected a value of type")
"""How it says that an input which was sent, and is told back, has another form than the SDK's own: the check of the inputs says it too."""


def explain(error: Exception, creations: Creations, registered: Container[object], root: Path) -> list[Problem] | None:
    """What an exception of the program means, where it is about arguments of a resource or about an Output; else None.

    `registered`: the resources that got as far as their registration, whose arguments are judged from that.
    """
    text = str(error)
    if _UNREADABLE.match(text):
        return [problem for made in creations.all if made.resource not in registered for problem in check_given(made)] or None
    if circle := _CIRCLE.search(text):
        return _circle_problems(circle[1], circle[2], creations)
    if _MISFIT.match(text):
        return []
    return (_type_error_problems(error, creations, root) or None) if isinstance(error, TypeError) else None


def without_machinery(error: Exception) -> Exception:
    """The error with the lines of its traceback that are the program's, and what that called: not the event loop and Pulumi's runtime.

    What we raise says where it is in its own words. An error that has neither is a fault of Pulumi's or ours, and keeps everything.
    """
    if isinstance(error, MlgateError):
        error.__cause__, error.__suppress_context__ = None, True
        return error.with_traceback(None)
    step = error.__traceback__
    while step is not None and not is_program(step.tb_frame):
        step = step.tb_next
    return error.with_traceback(step) if step is not None or getattr(error, "__notes__", None) else error


def _type_error_problems(error: TypeError, creations: Creations, root: Path) -> list[Problem]:
    steps = list(traceback.walk_tb(error.__traceback__))
    lines = [f"{shorten(frame.f_code.co_filename, root)}:{line}" for frame, line in steps if is_program(frame)]
    where = lines[-1] if lines else "the program"
    frames = [frame for frame, _ in steps]
    constructor = next((frame for frame in frames if _is_constructor(frame)), None)
    if constructor is not None:
        return _constructor_problems(constructor, where, creations)
    call = re.match(r"(\w+Args)\.__init__\(\) (?:got an unexpected keyword argument|missing \d+ required)", str(error))
    if call:
        return _args_class_problems(call[1], str(error), where)
    if re.search(r"\bOutput\b", str(error)):
        output, expression = used_output(error.__traceback__)
        known = property_of(output, creations) if output is not None else None
        source = known or (f"`{expression}`, an Output," if expression else "an Output")
        remedy = "use pulumi.Output.json_dumps" if "JSON" in str(error) else APPLY
        return [Problem(where, f"{source} is used as a plain value: {error}", remedy)]
    return []


def _is_constructor(frame: FrameType) -> bool:
    """The `__init__(self, resource_name, *args, **kwargs)` that every SDK generates."""
    return frame.f_code.co_name == "__init__" and isinstance(frame.f_locals.get("__self__"), pulumi.Resource) and "kwargs" in frame.f_locals


def _constructor_problems(frame: FrameType, where: str, creations: Creations) -> list[Problem]:
    resource_class: type = type(frame.f_locals["__self__"])
    arguments = arguments_of(resource_class)
    if arguments is None:
        return []
    names = python_names(arguments)
    given = {key for key, value in frame.f_locals["kwargs"].items() if value is not None}
    given |= {nearest(key, names.values()) for key in given - set(names.values())}  # a misspelt one is not missing as well
    positional = frame.f_locals.get("args") or ()
    handed = (*positional, frame.f_locals["kwargs"].get("opts"))
    options = next((each for each in handed if isinstance(each, pulumi.ResourceOptions)), None)
    path = creations.path(str(frame.f_locals.get("resource_name")), options.parent if options else None)
    resource = f"{where}: {token_of(resource_class) or resource_class.__name__} {path}"
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


def _circle_problems(token: str, name: str, creations: Creations) -> list[Problem]:
    """Pulumi names one resource of the circle; the others are on the way back to it."""
    start = next(iter(creations.of(token, name)), None)
    way = _way_back(start, creations) if start is not None else []
    words = " -> ".join(f"{each.type} {each.path}" for each in way) or f"{token} {name}"
    remedy = "take one of these depends_on out; what stands in a component cannot wait for that component"
    return [Problem((start.made_by if start else None) or f"{token} {name}", f'"depends_on" goes in a circle: {words}', remedy)]


def _way_back(start: Creation, creations: Creations) -> list[Creation]:
    """The shortest way of dependencies from a resource to itself, both ends included."""
    by_resource = {id(each.resource): each for each in creations.all}
    pending = [[start]]
    seen: set[int] = set()
    while pending:
        way = pending.pop(0)
        for other in [dependency for named in way[-1].depends_on for dependency in _standing_for(named)]:
            if other is start.resource:
                return [*way, start]
            if id(other) not in seen and id(other) in by_resource:
                seen.add(id(other))
                pending.append([*way, by_resource[id(other)]])
    return []


def _standing_for(resource: pulumi.Resource) -> list[pulumi.Resource]:
    """To wait for a component is to wait for everything in it."""
    if not isinstance(resource, pulumi.ComponentResource):
        return [resource]
    return [resource, *(inner for child in resource._childResources for inner in _standing_for(child))]
