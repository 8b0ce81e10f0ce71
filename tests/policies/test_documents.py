"""The tables of where policies of IAM stand: nothing that pulumi_aws has is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from pulumi._types import is_input_type

from mlgate_policies.documents import ATTACHED, GRANTS, IDENTITY, RESOURCE
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types

from .policy_inputs import LEFT_OUT, policy_inputs, why_left_out

TABLES = (IDENTITY, ATTACHED, RESOURCE)


def test_every_policy_that_the_sdk_takes_is_read_or_left_out_for_a_reason() -> None:
    read = {f"{kind}.{path}" for table in TABLES for kind, path in table.items()}
    others = policy_inputs() - read
    assert read <= policy_inputs(), "there is no such input"
    assert sorted(each for each in others if not why_left_out(each)) == [], "name it in mlgate_policies/documents.py, or in LEFT_OUT"


def test_no_reason_is_for_nothing_or_for_what_is_read() -> None:
    read = {f"{kind}.{path}" for table in TABLES for kind, path in table.items()}
    used = {entry for each in policy_inputs() - read for entry in why_left_out(each)}
    assert [entry for entries in LEFT_OUT.values() for entry in entries if entry not in used] == []
    assert sorted(each for each in read if why_left_out(each)) == []


def test_a_role_alone_has_policies_of_more_than_one_sort_and_what_is_attached_has_an_arn() -> None:
    kinds = [kind for table in TABLES for kind in table]
    assert {kind for kind in kinds if kinds.count(kind) > 1} == {"aws:iam/role:Role"}
    assert {path.endswith(("Arn", "Arns")) for path in ATTACHED.values()} == {True}
    assert {path.endswith(("Arn", "Arns")) for table in (IDENTITY, RESOURCE) for path in table.values()} == {False}


def test_what_lets_in_without_a_policy_is_called_as_the_sdk_calls_it() -> None:
    for kind, (who, narrowing) in GRANTS.items():
        found = class_of(kind)
        assert found, kind
        arguments = arguments_of(found)
        assert arguments, kind
        assert {*narrowing} <= field_types(arguments).keys(), kind
        for step in who.split("."):
            if arguments is None:  # of a map, whose keys the SDK does not know
                assert (kind, step) == ("aws:ssm/document:Document", "account_ids")
                break
            assert step in field_types(arguments), kind
            arguments = next((each for each in _within(field_types(arguments)[step]) if is_input_type(each)), None)


def _within(kind: Any) -> Iterator[Any]:
    """A type and those that it is made of."""
    yield kind
    for part in get_args(kind):
        yield from _within(part)
