"""Every argument of every component on AWS has a row that says what a change of it does; the files beside this one ask the providers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator

import pulumi
import pytest

import mlgate_components.aws as area

from .cases import CASES
from .page import HEAD, written

ARGUMENTS = {case.made: case for case in CASES}


def components() -> Iterator[type]:
    """Every component that stands in a module of the area."""
    for module in pkgutil.walk_packages(area.__path__, f"{area.__name__}."):
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(found, pulumi.ComponentResource) and found.__module__ == module.name:
                yield found


def leaves(kind: type, path: str = "") -> Iterator[str]:
    """The arguments of a component by their paths, those inside of others too; tags are all alike."""
    for name, annotated in inspect.get_annotations(kind).items():
        inner = next((each for each in (annotated, *typing.get_args(annotated)) if typing.is_typeddict(each)), None)
        if inner is None or name == "tags" or typing.get_origin(typing.get_args(annotated)[0] if typing.get_args(annotated) else 0) is list:
            yield f"{path}{name}"
        else:
            yield from leaves(inner, f"{path}{name}.")


def test_every_component_is_told() -> None:
    assert {case.made for case in CASES} == set(components())


@pytest.mark.parametrize("made", list(ARGUMENTS), ids=lambda made: made.__name__)
def test_every_argument_is_told_alone_or_with_what_it_lies_in(made: type) -> None:
    args = inspect.get_annotations(made.__init__, eval_str=True)["args"]
    told = {path for case in CASES if case.made is made for path in case.changes}
    untold = [path for path in leaves(args) if not any(path == each or path.startswith(f"{each}.") for each in told)]
    assert untold == []


def test_the_page_has_every_component_in_order() -> None:
    assert [*written()] == ["", *(case.title for case in CASES)], "python -m tests.components.aws.changes.page"
    assert written()[""] == HEAD
