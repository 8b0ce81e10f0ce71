"""Policies that say less than a whole statement, or nothing yet: they let in nobody that is known."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from mlgate_testkit.lint.aws_policies import misspelt_elements, open_statements
from mlgate_testkit.provider.values import UNKNOWN

from .found import found

TO_ALL = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@pytest.mark.parametrize(
    "policy",
    [
        UNKNOWN,
        None,
        "no document",
        "[]",
        {},
        {"Statement": UNKNOWN},
        {"Statement": [UNKNOWN, "a text"]},
        {"Statement": {"Effect": "Allow", "Principal": {}}},
        {"Statement": {"Effect": "Allow", "Principal": UNKNOWN}},
    ],
)
def test_what_is_no_statement_or_not_known_yet_lets_in_nobody(policy: Any) -> None:
    assert list(open_statements(policy)) == []


def test_a_statement_beside_one_that_is_not_known_is_judged_all_the_same() -> None:
    assert list(open_statements({"Statement": [UNKNOWN, TO_ALL]})) == [TO_ALL]


def test_a_misspelt_element_of_a_policy_is_named_where_it_stands_with_the_one_that_is_meant() -> None:
    def program() -> None:
        statement = {"Efect": "Allow", "Action": "s3:GetObject"}
        arn = aws.s3.Bucket("b").arn
        text = arn.apply(lambda arn: json.dumps({"Version": "2012-10-17", "Statement": [TO_ALL, {**statement, "Resource": f"{arn}/*"}]}))
        aws.iam.Policy("read", policy=text)
        pulumi.export("policy", text)

    (finding,) = found(program, "misspelt-policy")
    assert (finding.path, finding.property) == ("read", "policy: Statement[1].Efect")
    assert (finding.problem, finding.remedy) == ('a policy has no element "Efect"', 'nearest is "Effect"')


@pytest.mark.parametrize(
    ("policy", "misspelt"),
    [
        ({"Version": "2012-10-17", "Statment": []}, [("Statment", "Statement")]),
        ({"Statement": {**TO_ALL, "Resources": "*"}}, [("Statement[0].Resources", "Resource")]),
        ({"Statement": [{**TO_ALL, "Sid": "all", "NotResource": "*", "Condition": {}}]}, []),
        ({"Statement": [{**TO_ALL, "effect": "Allow", "Xyzzy": 1}, UNKNOWN]}, []),
        ({"Efect": "Allow", "StartAt": "a"}, []),
        ("no document", []),
        (UNKNOWN, []),
    ],
)
def test_what_is_near_to_an_element_is_misspelt_and_what_is_no_policy_is_not_judged(policy: Any, misspelt: list[tuple[str, str]]) -> None:
    assert list(misspelt_elements(policy)) == misspelt
