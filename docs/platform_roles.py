"""Who may do what in the project's own prod: people, pipelines and services by what is declared, machines and controllers by the policies
that their roles get. Each function gives the rows of one table of `docs/platform.md`, or a sentence beneath it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlgate.platform import Platform
from mlgate.platform_files import KEY
from mlgate.platform_who import Pipeline, Takers
from mlgate.roles import OPENING, ROLES
from mlgate_cli.answers import Answers
from mlgate_components.aws import duties
from mlgate_components.aws.access.flows import Verb
from mlgate_components.aws.pins import stand_ins, unpinned
from mlgate_testkit.record import Graph, Resource, record

__all__ = ["CONTROLLERS", "PEOPLE", "controllers", "people", "said_of_people", "with_policies"]

PEOPLE = ("role", "who takes it", "what it does")
CONTROLLERS = ("role", "taken by", "its policies", "may delete")
_CLUSTER, _ROLE, _POLICY = "aws:eks/cluster:Cluster", "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_DECLARED = ("mlgate:index:Access", "mlgate:index:ServiceIdentity")  # whose roles are those of the table of people and services
_DELETING = re.compile(r"\w+:(Delete|Terminate)\w+")
# What each of AWS's own policies lets its holder delete: AWS managed policy reference, read 2026-11-27. AWS keeps their text. One that has
# no line here stops the generator.
_DELETED_BY_AWS = {
    "AmazonEKSClusterPolicy": "load balancers, their target groups, volumes, security groups, routes, interfaces of the VPC CNI",
    "AmazonEKSWorkerNodePolicy": "",
    "AmazonEC2ContainerRegistryPullOnly": "",
    "AmazonSSMManagedInstanceCore": "Systems Manager's messages to it",
    "AmazonEKS_CNI_Policy": "network interfaces",
    "AmazonEBSCSIDriverPolicy": "volumes and snapshots with its driver's tags",
}


def with_policies(project: Path, platform: Platform) -> Graph:
    """The program for prod as if all of it were made: in a preview, policies wait for the names that they have in them."""
    cluster = {"arn": f"arn:aws:eks:{platform.region}:{platform.account}:cluster/mlgate-prod"}
    config = {KEY: stand_ins(platform, unpinned(platform))}
    return record(project, stack="prod", invokes=Answers(platform.account), config=config, resources={_CLUSTER: cluster})


def people(platform: Platform, graph: Graph) -> list[tuple[str, ...]]:
    """Roles that people and pipelines take, those of services, and who is let into the cluster by its own argument."""
    flows, trusts = _flows(), {duty: role.inputs["assumeRolePolicy"] for duty, role in _duties(graph).items()}
    rows = [(f"`{role}`", _takers(getattr(platform.who, role), trusts.get(role, "")), _does(flows[role])) for role in ROLES]
    rows += [
        (f"service `{name}`", f"pods of `{service.namespace}/{service.service_account}`", f"reads models below `{name}/`")
        for name, service in platform.services.items()
    ]
    admins = ", ".join(f"`{principal.rsplit(':', 1)[1]}`" for principal in platform.cluster.admins.values())
    return [
        *rows,
        ("`cluster.admins`", admins, "everything inside of the cluster; in AWS what its pods and nodes may do, by pods of theirs"),
    ]


def said_of_people(graph: Graph) -> str:
    """What holds for several of these roles: who signs, who opens traffic, who deletes, and for how long."""
    flows, roles = _flows(), _duties(graph)
    signing = [role for role in ROLES if any(flow["verb"] is Verb.SIGNS for flow in flows[role])]
    deleting: dict[str, list[str]] = {}
    lasting: dict[float, list[str]] = {}
    for duty, role in roles.items():
        lasting.setdefault(role.inputs["maxSessionDuration"] / 3600, []).append(duty)
        for action in _deleted(_own(graph, role)):
            deleting.setdefault(action, []).append(duty)
    allowed = ", ".join(f"`{action}` ({_listed(whom)})" for action, whom in deleting.items())
    said = [
        f"Evidence is signed by {_listed(signing)} alone.",
        f"Traffic can be opened by {_listed(OPENING)}.",
        f"Of all that these roles may do, {f'{allowed} alone' if allowed else 'nothing'} deletes.",
        *(f"A session of {_listed(whom)} lasts {hours:g} h at most." for hours, whom in lasting.items()),
    ]
    return " ".join(said)


def controllers(graph: Graph) -> list[tuple[str, ...]]:
    """Every other role of the program: of machines, of controllers in the cluster, and of AWS's services."""
    declared = {resource.urn for resource in graph.resources if resource.type in _DECLARED}
    roles = [role for role in graph.all(_ROLE) if role.parent_urn not in declared]
    return [(f"`{role.name}`", _taken_by(role), *_policies(_managed(graph, role), _own(graph, role))) for role in roles]


def _policies(managed: list[str], own: list[str]) -> tuple[str, str]:
    """Which policies, and what may be deleted by them."""
    services = ", ".join(dict.fromkeys(action.partition(":")[0] for action in sorted(own)))
    named = [*([f"AWS's {_listed(managed)}"] if managed else []), *([f"its own, of {services}"] if own else [])]
    deleted = [*filter(None, (_DELETED_BY_AWS[policy] for policy in managed)), *(f"`{action}`" for action in _deleted(own))]
    return ", ".join(named), ", ".join(deleted) or "nothing"


def _deleted(actions: Iterable[str]) -> list[str]:
    return sorted(action for action in set(actions) if _DELETING.fullmatch(action))


def _own(graph: Graph, role: Resource) -> list[str]:
    """Every action that the role's own policies allow."""
    return [action for each in graph.all(_POLICY) if _is_of(each, role) for action in _allowed(json.loads(each.inputs["policy"]))]


def _managed(graph: Graph, role: Resource) -> list[str]:
    return [each.inputs["policyArn"].rpartition("/")[2] for each in graph.all(_ATTACHMENT) if _is_of(each, role)]


def _is_of(policy: Resource, role: Resource) -> bool:
    return policy.inputs["role"] in (role.id, role.outputs["name"], role.outputs["arn"])


def _allowed(policy: Mapping[str, Any]) -> Iterator[str]:
    for statement in policy["Statement"]:
        if statement["Effect"] == "Allow":
            yield from [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def _taken_by(role: Resource) -> str:
    (statement,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    service, asked = statement["Principal"]["Service"], statement.get("Condition", {}).get("StringEquals", {})
    if service != "pods.eks.amazonaws.com":
        return f"`{service}`"
    tags = (asked[f"aws:RequestTag/kubernetes-{what}"] for what in ("namespace", "service-account"))
    return f"pods of `{'/'.join(tags)}`"


def _duties(graph: Graph) -> dict[str, Resource]:
    """The roles of people and pipelines, by their names in an environment's file."""
    return {tags["duty"].replace("-", "_"): role for role in graph.all(_ROLE) if "duty" in (tags := role.inputs["tags"])}


def _flows() -> Mapping[str, Any]:
    return duties(
        models=_Thing("models"),
        evidence=_Thing("evidence"),
        cluster=_Thing("the cluster"),
        state=_Thing("the stack's state"),
        repositories=[_Thing("images")],
        trail=_Thing("the trail"),
    )


class _Thing:
    """Something that a flow goes to, whose every output is what it is called."""

    def __init__(self, called: str) -> None:
        self._called = called

    def __getattr__(self, name: str) -> str:
        return self._called


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _takers(takers: Takers, trust: str) -> str:
    named = ", ".join([*(f"`{each.rsplit(':', 1)[1]}`" for each in takers.principals), *map(_job, takers.pipelines)])
    return f"{named}, after a second factor (MFA)" if "aws:MultiFactorAuthPresent" in trust else named


def _job(pipeline: Pipeline) -> str:
    return f"jobs of {pipeline.host}'s `{pipeline.repository}` in `{pipeline.environment}`"


def _does(flows: Iterable[Mapping[str, Any]]) -> str:
    done: dict[str, list[str]] = {}
    for flow in flows:
        done.setdefault(flow["verb"].value, []).append(next(iter(flow["resource"].values())))
    return "; ".join(f"{verb.removesuffix('-state')} {', '.join(what)}" for verb, what in done.items())
