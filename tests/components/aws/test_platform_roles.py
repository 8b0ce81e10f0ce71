"""What an environment's file takes for a role of its own is what the roles of `build` are called."""

from __future__ import annotations

from mlgate.platform_who import duty_of_made
from mlgate.roles import ROLES
from mlgate_cli.answers import Answers
from mlgate_testkit.record import record
from tests.stacks.platforms import ACCOUNT, PROJECT, values

MADE = {"aws:eks/cluster:Cluster": {"arn": f"arn:aws:eks:eu-central-1:{ACCOUNT}:cluster/mlgate-prod"}}


def test_the_role_of_each_duty_is_known_by_what_pulumi_calls_it() -> None:
    graph = record(PROJECT, stack="prod", config={"platform": values("prod")}, invokes=Answers(), resources=MADE)
    roles = [role.name for role in graph.all("aws:iam/role:Role") if not role.inputs.get("name")]
    # Pulumi's autonaming: a hyphen and seven hex digits.
    duties = {name: duty_of_made(f"arn:aws:iam::{ACCOUNT}:role/{name}-0a1b2c3") for name in roles}
    assert {duty: name for name, duty in duties.items() if duty} == {duty: f"access-{duty.replace('_', '-')}" for duty in ROLES}
    assert len(roles) > len(ROLES), "and no other one is taken for such"
