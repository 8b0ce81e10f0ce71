"""What is refused before anything is made (values outside of a list, arguments that do not go together) is what the real provider
refuses, which was written down apart from our models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing
from collections.abc import Iterator
from copy import deepcopy
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from pulumi import Asset, _types

from mlgate_testkit.aws import SimulatedAws
from mlgate_testkit.aws.arguments import argument_type, is_map
from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.aws.models.ec2_common import enumeration
from mlgate_testkit.aws.rules import Choice, Conflicting, ExactlyOne, values_at
from mlgate_testkit.provider.values import Asset as SentAsset
from mlgate_testkit.record.sdk import field_types, required_fields, union_members

from .all_samples import SAMPLES
from .cloud import Cloud
from .generated import LISTS

SAID = json.loads(Path(__file__).with_name("allowed.json").read_text())
CHOICES = [(token, rule) for token, model in MODELS.items() for rule in model.rules if isinstance(rule, Choice)]
TOGETHER = [(token, rule) for token, model in MODELS.items() for rule in model.rules if isinstance(rule, Conflicting | ExactlyOne)]
ONE = [(token, rule) for token, rule in TOGETHER if isinstance(rule, ExactlyOne)]


def named(value: Any) -> str:
    """A test's name for a rule or a type."""
    if isinstance(value, Choice):
        return value.path
    return value.rpartition(":")[2] if isinstance(value, str) else "-".join(paths(value))


def paths(rule: Conflicting | ExactlyOne) -> list[str]:
    return [f"{rule.inside}.{argument}".lstrip(".") for argument in rule.arguments]


def sets(rules: list[list[str]]) -> set[str]:
    return {", ".join(sorted(rule)) for rule in rules}


def pairs(rules: list[list[str]]) -> set[str]:
    return sets([list(pair) for rule in rules for pair in combinations(rule, 2)])


@pytest.mark.parametrize("token", MODELS, ids=named)
def test_what_is_refused_is_what_the_real_provider_refuses(token: str) -> None:
    rules, said = MODELS[token].rules, SAID["types"].get(token, {})
    ours = {f"{rule.path}: {value}" for rule in rules if isinstance(rule, Choice) for value in rule.listed()}
    found = ours ^ {f"{path}: {value}" for path, values in said.get("values", {}).items() for value in listed(values)}
    found |= pairs([paths(rule) for rule in rules if isinstance(rule, Conflicting)]) ^ pairs(said.get("conflicts", []))
    found |= sets([paths(rule) for rule in rules if isinstance(rule, ExactlyOne)]) ^ sets(said.get("exactly_one", []))
    differences = SAID["differences"].get(token, {})
    assert found == set(differences), "correct the model, or say why it differs"
    assert all(differences.values())


def listed(values: list[str] | str) -> typing.Sequence[str]:
    """The values, or those of the enumeration of the API that is named ("ec2.Tenancy")."""
    return enumeration(*values.split(".")) if isinstance(values, str) else values


@pytest.mark.parametrize(("token", "rule"), CHOICES, ids=named)
def test_a_value_outside_of_its_list_is_refused_by_its_place(package: SimulatedAws, token: str, rule: Choice) -> None:
    cloud = Cloud(package)

    def refused(value: str) -> bool:
        news = with_values(token, {rule.path: value})
        (place, *_) = [place for place, there in values_at(news, rule.path) if there == value]
        reasons = [failure.reason for failure in cloud.check(token, **news) if failure.property == place]
        return any(reason.startswith(f"expected {place} to be one of") for reason in reasons)

    assert refused("none-of-these")
    assert not any(map(refused, rule.listed()))


@pytest.mark.parametrize(("token", "rule"), TOGETHER, ids=named)
def test_two_arguments_that_do_not_go_together_are_refused_by_the_second(
    package: SimulatedAws, token: str, rule: Conflicting | ExactlyOne
) -> None:
    cloud = Cloud(package)
    for first, second in combinations(paths(rule), 2):
        both = with_values(token, dict.fromkeys((first, second)), without=paths(rule))
        assert any(plain(place) == second for place in refused_together(cloud, token, both, rule))
        for alone in (first, second):
            assert not refused_together(cloud, token, with_values(token, {alone: None}, without=paths(rule)), rule)


@pytest.mark.parametrize(("token", "rule"), ONE, ids=named)
def test_none_of_several_of_which_there_must_be_one_is_refused(package: SimulatedAws, token: str, rule: ExactlyOne) -> None:
    none = with_values(token, {rule.inside: None} if rule.inside else {}, without=paths(rule))
    assert [plain(place) for place in refused_together(Cloud(package), token, none, rule)] == paths(rule)[:1]


def refused_together(cloud: Cloud, token: str, news: dict[str, Any], rule: Conflicting | ExactlyOne) -> list[str]:
    """The places at which the check refuses what the rule forbids."""
    own = {(failure.property, failure.reason) for failure in rule(news)}
    return [each.property for each in cloud.check(token, **news) if (each.property, each.reason) in own]


def plain(place: str) -> str:
    return place.replace("[0]", "")


def test_what_a_rule_tells_has_the_same_order_in_every_process() -> None:
    """A set's order is another in each, and a message, or a test's name, that it gives would be another as well."""
    code = (
        f"from {__package__}.test_allowed import CHOICES, TOGETHER; print([*map(repr, TOGETHER)], [rule.listed() for _, rule in CHOICES])"
    )
    first, second = (
        subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True).stdout
        for seed in ("1", "2")
    )
    assert first == second


def test_it_was_written_down_with_its_source() -> None:
    assert set(SAID["types"]) | set(SAID["differences"]) <= set(MODELS)
    assert "terraform-provider-aws" in SAID["source"]
    assert SAID["date"]


# -- arguments of the right shape


def with_values(token: str, values: dict[str, Any], without: typing.Sequence[str] = ()) -> dict[str, Any]:
    """The sample's arguments with these values, by path (None: any of the right shape), and without those of these paths."""
    of = argument_type(token)
    news: dict[str, Any] = deepcopy({**fitting_object(of), **SAMPLES[token].arguments})
    for path in without:
        remove(news, path.split("."))
    for path, value in values.items():
        put(of, news, path.split("."), value)
    return news


def put(of: type, into: dict[str, Any], path: list[str], value: Any) -> None:
    key, *below = path
    kind = field_types(of)[key]
    if not below:
        into[key] = fitting(kind) if value is None else [value] if as_list(kind) else value
        return
    inner = next(member for member in members(kind) if is_object(member))
    there = into.setdefault(key, [{}] if as_list(kind) else {})
    for each in there if isinstance(there, list) else [there]:
        for needed, fits in fitting_object(inner).items():
            each.setdefault(needed, fits)
        put(inner, each, below, value)


def remove(values: Any, path: list[str]) -> None:
    for each in values if isinstance(values, list) else [values]:
        if len(path) == 1:
            each.pop(path[0], None)
        elif path[0] in each:
            remove(each[path[0]], path[1:])


FITTING = {bool: True, int: 1, float: 1.0, Asset: SentAsset(text="x")}


def fitting(kind: Any) -> Any:
    """Some value of the right shape."""
    inner = next(members(kind))
    one = fitting_object(inner) if is_object(inner) else FITTING.get(inner, "x")
    return {} if is_map(kind) else [one] if as_list(kind) else one


def fitting_object(of: type) -> dict[str, Any]:
    """Some value of each field that must be there."""
    return {key: fitting(field_types(of)[key]) for key in required_fields(of)}


def members(kind: Any) -> Iterator[Any]:
    """The kinds of value that an argument takes, or that its lists hold: objects first."""
    found = list(union_members(typing.get_args(next(union_members(kind)))[0])) if as_list(kind) else list(union_members(kind))
    yield from sorted(found, key=lambda member: not is_object(member))


def as_list(kind: Any) -> bool:
    return typing.get_origin(next(iter(union_members(kind)))) in LISTS


def is_object(member: Any) -> bool:
    return isinstance(member, type) and _types.is_input_type(member)
