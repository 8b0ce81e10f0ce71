"""The environments that come with the project, as their program composes them: roles do what their duty is, controllers touch no store.

Policies of AWS's own that nodes and add-ons have attached are not judged: AWS keeps their text.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from mlgate.platform_state import state_bucket
from mlgate_components.aws.access.flows import Verb
from mlgate_testkit.record import Graph, record
from tests.components.aws.iam.declared import Thing, declared, duties
from tests.components.aws.iam.evaluator import Identity, judge
from tests.components.aws.iam.platform import (
    ACCOUNT,
    ANSWERED,
    FOREIGN,
    HERE,
    OF_THE_ACCOUNT,
    STATE,
    TRAIL,
    attached_to,
    policies_of,
    resource_policies,
    role,
    services_named,
    session,
)
from tests.components.aws.storage.stores import ANSWERS
from tests.stacks.platforms import ENVIRONMENTS, PROJECT, values

CLUSTER = "aws:eks/cluster:Cluster"
LOOKED_UP = {
    **ANSWERS,
    "aws:eks/getAddonVersion:getAddonVersion": {"version": "v1.0.0-eksbuild.1"},
    "aws:kms/getAlias:getAlias": {"targetKeyArn": STATE},
    "aws:servicequotas/getServiceQuota:getServiceQuota": {"quotaName": "vCPUs", "value": 1e9},
}
MADE = {**ANSWERED, CLUSTER: lambda inputs: {"arn": f"arn:aws:eks:{HERE}:cluster/{inputs['name']}", "name": inputs["name"]}}
KEEPING = ("ecr", "kms", "s3", "secretsmanager")
"""The services that keep images, keys, models, evidence, state and secrets."""
JUDGED = (*KEEPING, "cloudtrail", "eks", "iam", "sqs", "sts")
ROLES = ("ci", "gate", "deployer", "promoter", "auditor", "break_glass")


@cache
def composed(environment: str) -> Graph:
    return record(PROJECT, stack=environment, config={"platform": values(environment)}, invokes=LOOKED_UP, resources=MADE)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_roles_and_services_do_what_is_declared_and_controllers_touch_nothing_that_is_kept(environment: str) -> None:
    graph, services = composed(environment), values(environment)["services"]
    assert services
    ours = {**{duty: f"access-{duty.replace('_', '-')}" for duty in ROLES}, **{name: name for name in services}}
    controllers = {found.outputs["name"] for found in graph.all("aws:iam/role:Role")} - set(ours.values())
    asking = {
        name: Identity(session(called), policies_of(graph, called), {"aws:PrincipalArn": role(called)})
        for name, called in {**ours, **{name: name for name in controllers}}.items()
    }
    things = everything(graph, environment, services)
    assert services_named(policy for called in ours.values() for policy in policies_of(graph, called)) <= set(JUDGED)
    assert not attached_to(graph) & set(ours.values())
    judged = judge(JUDGED, asking, resources(graph, things))
    assert set(judged.impossible.values()) == {"no.resource.types"}, "an action that is for another kind of resource"
    found = judged.allowed
    wanted = declared({**duties(services), **{name: {(Verb.READS, "models", f"{name}/")} for name in services}}, things)
    assert sorted({each for each in found if each[0] in ours} - wanted) == [], "allowed, and by no flow"
    assert sorted(wanted - found) == [], "declared, and denied"
    assert not [each for each in found if each[0] in controllers and each[1].split(":")[0] in KEEPING]
    assert [each for each in found if each[0] in controllers], "they do something: what they are for"


def everything(graph: Graph, environment: str, services: dict[str, Any]) -> dict[str, Thing]:
    models = tuple(f"{name}/model.pt" for name in (*services, "another"))
    return {
        "models": Thing("arn:aws:s3:::models", f"arn:aws:kms:{HERE}:key/models", objects=models),
        "evidence": Thing(
            "arn:aws:s3:::evidence", f"arn:aws:kms:{HERE}:key/evidence", f"arn:aws:kms:{HERE}:key/evidence-signing", ("a.json",)
        ),
        "audit": Thing("arn:aws:s3:::audit", f"arn:aws:kms:{HERE}:key/audit", objects=("AWSLogs/a.json.gz",)),
        "state": Thing(f"arn:aws:s3:::{state_bucket(environment, ACCOUNT)}", STATE, objects=(".pulumi/stacks/a.json",)),
        "ml": Thing(graph.one(CLUSTER).outputs["arn"]),
        **{name: Thing(f"arn:aws:ecr:{HERE}:repository/{name}") for name in services},
    }


def resources(graph: Graph, things: dict[str, Thing]) -> dict[str, dict[str, Any] | None]:
    made = resource_policies(graph)
    return {
        "*": None,
        STATE: OF_THE_ACCOUNT,
        TRAIL: None,
        **FOREIGN,
        **made,
        **{f"{arn}/2026-11-27": own for arn, own in made.items() if arn.startswith("arn:aws:s3:::") and arn.endswith("-logs")},
        **{thing.arn: made.get(thing.arn) for thing in things.values()},
        **{f"{thing.arn}/{name}": made.get(thing.arn) for thing in things.values() for name in thing.objects},
    }
