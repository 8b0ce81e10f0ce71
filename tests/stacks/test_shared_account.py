"""Two environments in one account: AWS has one identity provider of each host there, and who comes second takes it as it is."""

from __future__ import annotations

import json
from typing import Any

from mlgate_cli.answers import Answers
from mlgate_testkit.record import Graph, record
from tests.stacks.platforms import PROJECT, values

PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


def recorded(**who: Any) -> Graph:
    platform = values("staging")
    platform["who"] |= who
    return record(PROJECT, stack="staging", config={"platform": platform}, invokes=Answers(), preview=True)


def trusted(graph: Graph) -> str:
    """Whose tokens the role of the pipelines takes."""
    policy = json.loads(graph.one("aws:iam/role:Role", "access-ci").inputs["assumeRolePolicy"])
    return str(policy["Statement"][0]["Principal"]["Federated"])


def test_the_first_one_makes_it_and_the_second_one_trusts_what_is_there() -> None:
    first, second = recorded(), recorded(existing_oidc_providers=["github"])
    assert len(first.all(PROVIDER)) == 1
    assert second.all(PROVIDER) == []
    assert trusted(second) == "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
