"""Arguments of a component against their TypedDict."""

import enum
from typing import Any, NotRequired, TypedDict

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate import UsageError
from mlgate_components.arguments import ArgumentsError, Wrong, check


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Shelf(TypedDict):
    width_cm: int
    label: NotRequired[str]


class RackArgs(TypedDict):
    name: str
    shelves: list[Shelf]
    colour: NotRequired[Colour]
    labels: NotRequired[dict[str, str]]
    owner: NotRequired[pulumi.Input[str]]
    hooks: NotRequired[pulumi.Input[list[pulumi.Input[str]]]]
    depth_cm: NotRequired[float | None]


RIGHT: dict[str, Any] = {"name": "a", "shelves": [{"width_cm": 60}]}


def wrong(**changed: Any) -> list[tuple[str, str, str]]:
    found = Wrong("Rack", "main")
    check(RackArgs, {key: value for key, value in {**RIGHT, **changed}.items() if value is not ...}, found)
    try:
        found.stop()
    except ArgumentsError as error:
        return [(problem.where, problem.found, problem.expected) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"colour": Colour.BLUE},
        {"colour": "blue"},
        {"labels": {"a": "b"}},
        {"owner": pulumi.Output.from_input(7)},
        {"owner": "x"},
        {"hooks": ["x", pulumi.Output.from_input("y")]},
        {"hooks": pulumi.Output.from_input([])},
        {"depth_cm": None},
        {"depth_cm": 40.5},
        {"shelves": ()},
    ],
)
def test_what_fits_is_taken_and_what_only_the_cloud_knows_fits_everywhere(right: dict[str, Any]) -> None:
    assert wrong(**right) == []


@pytest.mark.parametrize(
    ("args", "path", "found", "expected"),
    [
        ({"name": ...}, "name", "is missing", "give it"),
        ({"name": 7}, "name", "is 7", "valid string"),
        ({"nam": "b"}, "nam", "is no argument", "did you mean name?"),
        ({"zzz": 1}, "zzz", "is no argument", "there are name, shelves"),
        ({"colour": "green"}, "colour", "is 'green'", "one of red, blue"),
        ({"colour": ["red"]}, "colour", "is ['red']", "one of red, blue"),
        ({"shelves": "a"}, "shelves", "is 'a'", "a list"),
        ({"shelves": [{"width_cm": 1}, 5]}, "shelves[1]", "is 5", "give Shelf(width_cm, label)"),
        ({"shelves": [{"width_cm": "60"}]}, "shelves[0].width_cm", "is '60'", "valid integer"),
        ({"shelves": [{"width_cm": 1, "labl": "b"}]}, "shelves[0].labl", "is no argument", "did you mean label?"),
        ({"labels": {"a": 1}}, "labels.a", "is 1", "valid string"),
        ({"owner": 7}, "owner", "is 7", "valid string"),
        ({"hooks": ["x", 7]}, "hooks[1]", "is 7", "valid string"),
    ],
)
def test_what_does_not_is_named_by_its_path(args: dict[str, Any], path: str, found: str, expected: str) -> None:
    ((where, said, accepted),) = wrong(**args)
    assert (where, said) == (path, found)
    assert expected in accepted


@given(
    st.dictionaries(st.sampled_from([*RackArgs.__annotations__, "other"]), st.recursive(st.none() | st.integers() | st.text(), st.lists))
)
def test_any_arguments_at_all_are_judged_and_never_a_crash(args: dict[str, Any]) -> None:
    told = {where.partition(".")[0].partition("[")[0] for where, *_ in wrong(**{"name": ..., "shelves": ..., **args})}
    missing = {key for key in ("name", "shelves") if args.get(key) is None}
    assert missing | (args.keys() & {"other"}) <= told <= missing | args.keys()


def test_it_is_an_error_that_pulumi_prints_without_a_stack_in_every_language() -> None:
    found = Wrong("Rack", "main")
    check(RackArgs, {"nam": "b"}, found)
    with pytest.raises(ArgumentsError) as refused:
        found.stop()
    error = refused.value
    assert isinstance(error, UsageError)
    assert isinstance(error, pulumi.RunError)
    assert isinstance(error, pulumi.InputPropertiesError)
    assert error.errors
    assert [each["property_path"] for each in error.errors] == ["nam", "name", "shelves"]
    assert str(error).startswith("Rack 'main': wrong arguments\nnam: is no argument\n  -> did you mean name?")
