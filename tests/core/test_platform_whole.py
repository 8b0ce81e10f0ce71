"""All that is wrong comes at once: with values, and between those values that are well by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from mlgate import DeclarationError
from mlgate.documents import Declared, dotted
from mlgate.platform import Platform
from mlgate.platform_files import read_platform
from mlgate.platform_whole import Whole, Wrong, all_wrong

from .platforms import USUAL, varied, write

GATES = "arn:aws:iam::111122223333:role/access-gate-1a2b3c4"


def refused(folder: Path, changes: dict[str, Any]) -> list[tuple[str, str]]:
    """The line that is named, as it stands in the file, and what is said there, from the top."""
    path = write(folder, "dev", varied(changes))
    with pytest.raises(DeclarationError) as error:
        read_platform(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    numbers = [int(problem.where.rpartition(":")[2]) for problem in error.value.problems]
    assert numbers == sorted(numbers)
    return [(lines[number - 1].strip(), problem.found) for number, problem in zip(numbers, error.value.problems, strict=True)]


def test_what_is_wrong_between_values_comes_with_what_is_wrong_with_others(tmp_path: Path) -> None:
    pods = {"namespace": "digits", "service_account": "digits"}
    changes = {
        "network": {"cidr": "10.0.0.0/24", "zones": ["eu-central-1a", "eu-west-1b"], "nat": "all"},
        "cluster.version": 1.35,
        "cluster.system_nodes_min": 5,
        "cluster.admins.auditor": "arn:aws:iam::111122223333:role/auditors",
        "retention.keys_days": 5,
        "who.gate": {},
        "who.break_glass": {"principals": ["arn:aws:iam::111122223333:role/on-call"]},
        "who.promoter.principals": ["*"],
        "pins.gpu_ami.version": 1.46,
        "pools.l5": {"accelerator": "l5", "replicas": 1, "capacity": [{"buy": "spot"}]},
        "pools.l4.replicas": 0,
        "services": {"one": pods, "two": dict(pods)},
    }
    assert [found.replace(": ", " ").split(" ")[0] for _, found in refused(tmp_path, changes)] == [
        "network.cidr",
        "network.zones",
        "network.zones[1]",
        "network.nat",
        "cluster.version",
        "cluster.admins.auditor",
        "cluster.system_nodes_min",
        "retention.keys_days",
        "who.gate",
        "who.break_glass.principals[0]",
        "who.promoter.principals[0]",
        "pins.gpu_ami.version",
        "pools.l4.replicas",
        "pools.l5.accelerator",
        "services.two.service_account",
    ]


def test_what_is_wrong_by_itself_is_not_held_against_anything(tmp_path: Path) -> None:
    found = refused(tmp_path, {"region": "nowhere", "pools.l4.accelerator": "l5", "pins": [], "who": "me"})
    assert [line for line, _ in found] == ["region: nowhere", "who: me", "pins: []"]


def test_a_zone_of_nowhere_is_told_once(tmp_path: Path) -> None:
    zones = ["eu-central-1a", "eu-west-1b", "here", "eu-centrl-1c"]
    assert [found for _, found in refused(tmp_path, {"network.zones": zones}) if "zones[" in found] == [
        "network.zones[1]: is 'eu-west-1b'",
        "network.zones[2]: is 'here'",
        "network.zones[3]: is 'eu-centrl-1c', of the unknown region eu-centrl-1",
    ]


def test_each_pool_that_the_region_or_the_image_does_not_have_is_told_at_its_own_line(tmp_path: Path) -> None:
    pool = {"replicas": 1, "capacity": [{"buy": "on-demand"}]}
    pools = {name: {"accelerator": name, **pool} for name in ("b200", "l4", "h200")}
    lacking = "is {0!r}, and network.zones are in eu-central-1, where {0} is not offered"
    assert refused(tmp_path, {"pools": pools}) == [
        (f"accelerator: {name}", f"pools.{name}.accelerator: {lacking.format(name)}") for name in ("b200", "h200")
    ]
    of_arm = "pools.{0}.accelerator: is {0!r}, and pins.gpu_ami.architecture is arm64"
    found = [said for _, said in refused(tmp_path, {"pools": pools, "pins.gpu_ami.architecture": "arm64"})]
    assert [said for said in found if "arm64" in said] == [of_arm.format(name) for name in pools], "and b200 for both reasons"
    assert len(found) == 5


def test_two_things_that_are_wrong_at_one_place_are_both_told(tmp_path: Path) -> None:
    assert refused(tmp_path, {"cluster.admins.deployer": GATES}) == [
        (f"deployer: {GATES}", "cluster.admins.deployer: deployer is the name of a role of `who`"),
        (f"deployer: {GATES}", f"cluster.admins.deployer: is {GATES}, which is called as the gate's role is"),
    ]


def test_who_has_no_file_is_refused_the_same() -> None:
    for wrong in ({"who.gate": {}}, {"network.cidr": "10.0.0.0/24"}, {"cluster.system_nodes_min": 5}):
        with pytest.raises(ValidationError):
            Platform.model_validate(varied(wrong))
    assert all_wrong(Platform, USUAL) == []


KEYS = st.sampled_from(["a", "Bad_Name", "on", "karpenter", None, True, 1, 1.5])
JUNK = st.recursive(
    st.sampled_from([None, True, 0, -1, 1.5, "", "x", "eu-west-1", "prod", GATES]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)
PATHS = [f"{part}.{key}" for part, inside in USUAL.items() if isinstance(inside, dict) for key in inside] + list(USUAL)


@given(st.dictionaries(st.sampled_from(PATHS), JUNK, max_size=4))
def test_whatever_stands_there_is_refused_in_words_by_who_tells_all_as_by_who_tells_the_first(changes: dict[str, Any]) -> None:
    # The whole of a part comes before what is in it, which would have nowhere to stand.
    values = varied({path: junk for path, junk in changes.items() if path.partition(".")[0] not in changes or "." not in path})
    wrong = all_wrong(Platform, values)
    try:
        Platform.model_validate(values)
    except ValidationError:
        assert wrong
    else:
        assert not wrong


def low_over_high(of: Span) -> Iterator[Wrong]:
    if of.low > of.high:
        yield ("low",), f"is {of.low}", f"at most {of.high}"


class Span(Whole):
    checks = (low_over_high,)

    low: int = Field(default=3, ge=0)
    high: int


def named_twice(of: Spans) -> Iterator[Wrong]:
    for name in of.by_name:
        if of.listed:
            yield ("by_name", name), "is listed too", "one of both"


def anything(of: Spans) -> Iterator[Wrong]:
    yield ("by_name",), f"are {sorted(of.by_name)}", "none"


class Box(Declared):
    span: Span


class Spans(Whole):
    checks = (named_twice, anything)

    by_name: dict[str, Span] = Field(default={})
    listed: list[Span] = Field(default=[])
    maybe: Span | None = None
    box: Box | None = None


def told(value: Any) -> list[tuple[str, str]]:
    """Where and of which kind, in pydantic's words, or what."""
    errors = [each for error in all_wrong(Spans, value) for each in error.errors()]
    return [(dotted(each["loc"]), each["msg"] if each["type"] == "value_error" else each["type"]) for each in errors]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({}, [("by_name", "are []")]),
        ([], [("the document", "model_type")]),
        ({"by_name": 3}, [("by_name", "dict_type")]),
        ({"listed": [{"high": 2}]}, [("by_name", "are []"), ("listed[0].low", "is 3")]),
        # A default is as good as what is said.
        ({"by_name": {"a": {"high": 2}}}, [("by_name", "are ['a']"), ("by_name.a.low", "is 3")]),
        # What a mapping has of well is asked, what is wrong in it is not.
        ({"by_name": {"a": {"high": 2}, "b": {}}}, [("by_name.b.high", "missing"), ("by_name", "are ['a']"), ("by_name.a.low", "is 3")]),
        (
            {"by_name": {None: {}, "a": {"high": 4}}},
            [("by_name.None.[key]", "string_type"), ("by_name.None.high", "missing"), ("by_name", "are ['a']")],
        ),
        # Of a list nothing is, and whoever needs it asks nothing.
        ({"listed": [{"high": 2}, {}], "by_name": {"a": {"high": 4}}}, [("listed[1].high", "missing"), ("by_name", "are ['a']")]),
        ({"maybe": {"low": -1, "high": -2}}, [("maybe.low", "greater_than_equal"), ("by_name", "are []")]),
        ({"maybe": {"high": 2, "more": 1}}, [("maybe.more", "extra_forbidden"), ("by_name", "are []"), ("maybe.low", "is 3")]),
        ({"box": {"span": {"high": 2}, "more": 1}}, [("box.more", "extra_forbidden"), ("by_name", "are []"), ("box.span.low", "is 3")]),
    ],
)
def test_between_parts_is_asked_what_needs_no_part_that_is_wrong(value: Any, found: list[tuple[str, str]]) -> None:
    assert told(value) == found


def test_a_mistake_in_a_check_is_not_taken_for_a_part_that_is_wrong() -> None:
    def mistaken(of: Any) -> Iterator[Wrong]:
        yield ("low",), str(of.low.nothing), ""

    class Mistaken(Whole):
        checks = (mistaken,)

        low: int

    for value in ({"low": 1}, {"low": 1, "more": 2}):
        with pytest.raises(AttributeError, match="nothing"):
            all_wrong(Mistaken, value)
