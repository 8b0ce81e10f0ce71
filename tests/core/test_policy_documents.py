"""Policy documents of IAM: their statements, and which of them let in everybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate.policy_documents import listed, open_statements, read_policy, statements

UNKNOWN = object()  # whatever a preview puts where only the cloud knows
TO_ALL = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


def opened(**elements: Any) -> bool:
    """Whether a statement for everybody lets in everybody, with these elements instead of its own."""
    statement = {**TO_ALL, **elements}
    found = list(open_statements({"Statement": statement}))
    assert found in ([], [statement])
    return bool(found)


@pytest.mark.parametrize(
    ("policy", "read"), [('{"Statement": []}', {"Statement": []}), ("no json", None), (None, None), (UNKNOWN, UNKNOWN)]
)
def test_a_document_is_read_from_its_text_and_is_itself_where_it_is_none(policy: Any, read: Any) -> None:
    assert read_policy(policy) == read


@pytest.mark.parametrize(("value", "members"), [(None, []), ("a", ["a"]), (["a", "b"], ["a", "b"]), ([], []), ("", [""])])
def test_one_is_a_list_of_one(value: Any, members: list[Any]) -> None:
    assert listed(value) == members


@pytest.mark.parametrize("policy", [UNKNOWN, None, "no document", "[]", {}, {"Statement": UNKNOWN}, {"Statement": ["a text", UNKNOWN]}])
def test_what_is_no_document_or_not_known_yet_has_no_statements(policy: Any) -> None:
    assert list(statements(policy)) == []


def test_statements_are_those_of_the_document_or_of_its_text_one_alone_as_well() -> None:
    other = {**TO_ALL, "Effect": "Deny"}
    for policy in ({"Statement": [UNKNOWN, TO_ALL, other]}, json.dumps({"Statement": [1, TO_ALL, other]})):
        assert list(statements(policy)) == [TO_ALL, other]
    assert list(statements({"Statement": TO_ALL})) == [TO_ALL]
    assert list(open_statements({"Statement": [other, TO_ALL]})) == [TO_ALL]


@pytest.mark.parametrize(
    ("elements", "everybody"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["arn:aws:iam::1:root", "*"]}}, True),
        ({"Principal": ["*"]}, True),
        ({"Principal": None, "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, False),
        ({"Principal": {"Service": "*"}}, False),
        ({"Principal": {}}, False),
        ({"Principal": UNKNOWN}, False),
        ({"Effect": "Deny"}, False),
        ({"Effect": None}, False),
    ],
)
def test_everybody_is_a_star_or_all_but_somebody(elements: dict[str, Any], everybody: bool) -> None:
    assert opened(**elements) is everybody


@pytest.mark.parametrize(
    "key", ["PrincipalAccount", "PrincipalOrgID", "userid", "SourceAccount", "SourceOrgID", "SourceOwner", "SourceVpc"]
)
@pytest.mark.parametrize("operator", ["StringEquals", "StringEqualsIgnoreCase", "StringLike", "ForAnyValue:StringLike"])
def test_a_condition_that_says_who_or_from_where_closes_a_statement(operator: str, key: str) -> None:
    for spelt in (f"aws:{key}", f"AWS:{key.lower()}"):
        assert not opened(Condition={operator: {spelt: "one"}})
        assert not opened(Condition={operator: {spelt: ["one", UNKNOWN]}})
        assert opened(Condition={operator: {spelt: ["one", "*"]}})
        assert opened(Condition={operator: {spelt: ""}})


@pytest.mark.parametrize(
    ("key", "value", "closed"),
    [
        ("aws:PrincipalOrgPaths", "o-1/r-1/*", True),
        ("aws:PrincipalOrgPaths", "o-*/r-1/", False),
        ("aws:SourceOrgPaths", "o-1/*", True),
        ("aws:SourceVpce", "<id of VpcEndpoint s3>", True),
        ("aws:SourceVpce", "vpce-?", False),
        ("aws:PrincipalOrgID", "o-*", False),
        ("aws:userid", "AIDA:*", True),
        ("aws:userid", "${aws:userid}", False),
        ("s3:DataAccessPointAccount", "123456789012", True),
        ("s3:DataAccessPointArn", "arn:aws:s3:eu-central-1:123456789012:accesspoint/*", True),
        ("aws:Referer", "https://example.org/", False),
        ("aws:SecureTransport", "true", False),
    ],
)
def test_a_value_is_fixed_as_far_as_its_first_part_is(key: str, value: str, closed: bool) -> None:
    assert opened(Condition={"StringLike": {key: value}}) is not closed


@pytest.mark.parametrize("key", ["aws:PrincipalArn", "aws:SourceArn"])
@pytest.mark.parametrize("operator", ["ArnLike", "ArnEquals"])
@pytest.mark.parametrize(
    ("arn", "closed"),
    [
        ("arn:aws:iam::123456789012:role/*", True),
        ("arn:aws:sns:*:123456789012:*", True),
        ("arn:aws:iam::*:role/reader", False),
        ("arn:aws:iam::12345678901?:role/reader", False),
        ("arn:aws:s3:::shop", True),
        ("arn:aws:s3:::shop*", False),
        ("arn:aws:sns:*:123456789012", True),
        ("arn:aws:s3", True),
        ("arn:aws:s3:*", False),
        ("arn:*", False),
    ],
)
def test_an_arn_is_fixed_by_its_account_or_where_it_has_none_by_all_of_it(key: str, operator: str, arn: str, closed: bool) -> None:
    assert opened(Condition={operator: {key: arn}}) is not closed


@pytest.mark.parametrize(
    ("addresses", "closed"),
    [
        ("192.0.2.0/24", True),
        ("192.0.2.7/24", True),
        ("192.0.0.0/8", True),
        (["192.0.2.0/24", "2001:db8::/32"], True),
        ("<publicIp of Eip nat>", True),
        ("0.0.0.0/0", False),
        ("198.51.100.7/0", False),
        ("192.0.0.0/7", False),
        ("2001::/31", False),
        (["192.0.2.0/24", "128.0.0.0/1"], False),
    ],
)
def test_addresses_are_fixed_where_they_are_not_the_internet(addresses: Any, closed: bool) -> None:
    assert opened(Condition={"IpAddress": {"aws:SourceIp": addresses}}) is not closed


@pytest.mark.parametrize(
    "condition",
    [
        {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-1/"}},
        {"Null": {"aws:PrincipalOrgID": "true"}},
        {"StringEquals": "aws:PrincipalOrgID"},
        {"StringEquals": {}},
        {},
        None,
        "StringEquals",
    ],
)
def test_a_condition_that_a_stranger_meets_closes_nothing(condition: Any) -> None:
    assert opened(Condition=condition)


def test_one_part_of_a_condition_that_closes_is_enough() -> None:
    org = {"aws:PrincipalOrgID": "o-1"}
    assert not opened(Condition={"Bool": {"aws:SecureTransport": "true"}, "StringEquals": org})
    assert not opened(Condition={"StringEquals": {"aws:PrincipalOrgID": "*", "aws:SourceAccount": "123456789012"}})
    assert opened(Condition={"Bool": org, "StringLike": {"aws:Referer": "x"}})
