"""Policies that say less than a whole statement, or nothing yet: they let in nobody that is known."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.lint.aws_policies import open_statements
from mlgate_testkit.provider.values import UNKNOWN

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
