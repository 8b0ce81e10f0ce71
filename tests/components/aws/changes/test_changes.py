"""Every argument of every component on AWS has a row that says what a change of it does; the file beside this one asks the providers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import typing
from collections.abc import Iterator

import pulumi
import pytest

import mlgate_components.aws as area

from .cases import CASES
from .changing import Case
from .page import HEAD, written


def components() -> Iterator[type]:
    """Every component that stands in a module of the area."""
    for module in pkgutil.walk_packages(area.__path__, f"{area.__name__}."):
        for _, found in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(found, pulumi.ComponentResource) and found.__module__ == module.name:
                yield found


def leaves(kind: type, path: str = "") -> Iterator[str]:
    """The arguments of a component by their paths, those inside of others too but for members of lists; tags are all alike."""
    for name, annotated in inspect.get_annotations(kind).items():
        bare = typing.get_args(annotated)[0] if typing.get_origin(annotated) is typing.NotRequired else annotated
        if typing.is_typeddict(bare) and name != "tags":
            yield from leaves(bare, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def test_every_component_is_told() -> None:
    assert {case.made for case in CASES} == set(components())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_every_argument_is_told_alone_in_every_use(case: Case) -> None:
    args = inspect.get_annotations(case.made.__init__, eval_str=True)["args"]
    untold = [path for path in leaves(args) if not any(told == path or told.startswith(f"{path}.") for told in case.changes)]
    assert untold == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_what_changes_a_launch_template_rolls_the_nodes_of_its_group(case: Case) -> None:
    """EKS user guide, "Customize managed nodes with launch templates": by another version of it all nodes are made anew."""
    changing = [row for row in written()[case.title].splitlines() if re.search("changes [^;|]*ec2 LaunchTemplate", row)]
    assert bool(changing) == (case.title == "Cluster" or case.title.startswith("GpuNodePool "))
    assert [row for row in changing if not re.search("(replaces|changes) [^;|]*eks NodeGroup", row)] == []


def test_the_page_has_every_component_in_order() -> None:
    assert [*written()] == ["", *(case.title for case in CASES)], "python -m tests.components.aws.changes.page"
    assert written()[""] == HEAD
