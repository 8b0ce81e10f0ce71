"""The environments that come with the project, as their program composes them: roles do what their duty is, controllers touch no store.

Policies of AWS's own that nodes and add-ons have attached are not judged: AWS keeps their text.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    REGION,
    STATE,
    attached_to,
    policies_of,
    resource_policies,
    role,
    services_named,
    session,
)
from tests.components.aws.storage.stores import ANSWERS
from tests.stacks.platforms import ENVIRONMENTS, PROJECT, values

pytestmark = pytest.mark.iam
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
JUDGED = (
    *KEEPING,
    *("acm", "budgets", "cloudtrail", "ec2", "eks", "elasticloadbalancing", "events", "iam", "logs"),
    *("pricing", "route53", "sqs", "ssm", "sts"),
)
"""The services of all that is made, and of all that a policy speaks of."""
THEIR_TAGS = {"karpenter.sh/nodepool", "karpenter.k8s.aws/ec2nodeclass", "elbv2.k8s.aws/cluster"}
ROLES = ("ci", "gate", "deployer", "promoter", "auditor", "break_glass")


@cache
def composed(environment: str) -> Graph:
    return record(PROJECT, stack=environment, config={"platform": values(environment)}, invokes=LOOKED_UP, resources=MADE)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_roles_and_services_do_what_is_declared_and_controllers_touch_nothing_that_is_kept(environment: str) -> None:
    graph, services = composed(environment), values(environment)["services"]
    assert services
    ours, things = roles(services), everything(graph, environment, services)
    asking = {
        name: Identity(session(called), policies_of(graph, called), {"aws:PrincipalArn": role(called)})
        for name, called in {**ours, **{name: name for name in controllers(graph, services)}}.items()
    }
    asked_about = resources(graph, things)
    assert services_named(policy for each in asking.values() for policy in each.policies) <= set(JUDGED)
    assert {arn.split(":")[2] for arn in asked_about if arn != "*"} <= set(JUDGED)
    assert not attached_to(graph) & set(ours.values())
    judged = judge(JUDGED, asking, asked_about, of_each_kind=True)
    assert set(judged.impossible.values()) <= {"no.resource.types"}, "an action that is for another kind of resource"
    found = judged.allowed
    wanted = declared({**duties(services), **{name: {(Verb.READS, "models", f"{name}/")} for name in services}}, things)
    assert sorted({each for each in found if each[0] in ours} - wanted) == [], "allowed, and by no flow"
    assert sorted(wanted - found) == [], "declared, and denied"
    assert not [each for each in found if each[0] not in ours and each[1].split(":")[0] in KEEPING]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_controllers_change_nothing_that_they_did_not_make(environment: str) -> None:
    """What they made carries their tags, and nothing here does: `tests/components/aws/addons/test_addons_policies.py` has that."""
    graph, services = composed(environment), values(environment)["services"]
    assert not [made for made in graph.resources if THEIR_TAGS & (made.inputs.get("tags") or {}).keys()]
    known = {"aws:RequestedRegion": REGION, "iam:PassedToService": "ec2.amazonaws.com"}
    asking = {name: Identity(session(name), policies_of(graph, name), known, strict=True) for name in controllers(graph, services)}
    found = judge(JUDGED, asking, resources(graph, everything(graph, environment, services)), of_each_kind=True).allowed
    starts = {"ec2:CreateFleet", "ec2:RunInstances"}
    assert by_place(found) == {
        # What a node is made of, of whoever: AWS's own images, a network that another account shares with this one.
        **{("addons-karpenter", each): starts for each in ("capacity-reservation", "image", "placement-group", "subnet")},
        **{("addons-karpenter", each): {"ec2:RunInstances"} for each in ("security-group", "snapshot")},
        ("addons-karpenter", graph.one(CLUSTER).outputs["arn"]): {"eks:DescribeCluster"},
        ("addons-karpenter", role("cluster-node")): {"iam:PassRole"},
        ("addons-karpenter", f"arn:aws:iam::{ACCOUNT}:instance-profile/foreign"): {"iam:GetInstanceProfile"},
        ("addons-karpenter", f"arn:aws:sqs:{HERE}:addons-interruptions"): {"sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"},
        ("addons-aws-load-balancer-controller", "vpc"): {"ec2:CreateSecurityGroup", "ec2:GetSecurityGroupsForVpc"},
        ("addons-aws-load-balancer-controller", f"arn:aws:acm:{HERE}:certificate/foreign"): {"acm:DescribeCertificate"},
        ("network-flow-log", f"arn:aws:logs:{HERE}:log-group:network-flow-log:log-stream:eni"): {
            *("logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")
        },
    }
    groups_made_in = {place for _, action, place in found if action == "ec2:CreateSecurityGroup"}
    assert groups_made_in == {f"arn:aws:ec2:{HERE}:vpc/{graph.one('aws:ec2/vpc:Vpc').id}"}


def roles(services: Iterable[str]) -> dict[str, str]:
    """The roles of people, pipelines and services, and what IAM calls each."""
    return {**{duty: f"access-{duty.replace('_', '-')}" for duty in ROLES}, **{name: name for name in services}}


def controllers(graph: Graph, services: Iterable[str]) -> set[str]:
    """What IAM calls the roles of all else: of the cluster, its nodes, its add-ons and the network's log."""
    return {found.outputs["name"] for found in graph.all("aws:iam/role:Role")} - {*roles(services).values()}


def by_place(found: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], set[str]]:
    """Who may do what: on which resource, of EC2 on which kind of resource. What is for none in particular is left out."""
    places: dict[tuple[str, str], set[str]] = {}
    for who, action, arn in found:
        if arn != "*":
            places.setdefault((who, arn.split(":")[5].split("/")[0] if arn.startswith("arn:aws:ec2:") else arn), set()).add(action)
    return places


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
        **FOREIGN,
        **made,
        **{f"{arn}:log-stream:eni": None for arn in made if ":log-group:" in arn},
        **{f"{arn}/2026-11-27": own for arn, own in made.items() if arn.startswith("arn:aws:s3:::") and arn.endswith("-logs")},
        **{thing.arn: made.get(thing.arn) for thing in things.values()},
        **{f"{thing.arn}/{name}": made.get(thing.arn) for thing in things.values() for name in thing.objects},
    }
