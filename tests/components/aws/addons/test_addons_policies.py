"""What the controllers among the add-ons may do on AWS, and who takes their roles."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from mlgate_components.aws.addons.policies import external_dns, karpenter, load_balancers, place_of
from mlgate_components.aws.policies import Statement
from tests.components.aws.iam.evaluator import Identity, judge
from tests.components.aws.iam.platform import HERE, role, session

from .installed import ADDON, ARN, NODES, POD, off, only, recorded

pytestmark = pytest.mark.iam


def test_external_dns_writes_into_its_zones_alone_and_deletes_only_what_it_made() -> None:
    graph = recorded()
    configured = json.loads(graph.one(ADDON, "ml-external-dns").inputs["configurationValues"])
    assert configured == {"policy": "sync", "sources": ["service", "ingress", "gateway-httproute"], "txtOwnerId": "ml"}
    without = recorded(addons=off("gateway"))
    assert json.loads(without.one(ADDON, "ml-external-dns").inputs["configurationValues"])["sources"] == ["service", "ingress"]
    zones = [f"arn:aws:route53:::hostedzone/{zone}" for zone in ("Z1", "Z2")]
    assert may(external_dns(["Z1"]), {"it": {}}, zones) == {
        ("it", f"route53:{what}", zones[0]) for what in ("ChangeResourceRecordSets", "ListResourceRecordSets", "ListTagsForResources")
    }


def test_each_controller_has_a_role_that_pods_of_its_own_account_take_and_nobody_else() -> None:
    graph = recorded()
    pods = {found.inputs["serviceAccount"]: found.inputs["namespace"] for found in graph.all(POD)}
    assert pods == {"karpenter": "kube-system", "aws-load-balancer-controller": "kube-system", "external-dns": "external-dns"}
    assert graph.outputs["roles"] == {name: f"<arn of Role ml-{name}>" for name in pods}
    assert recorded(addons=only("keda")).outputs["roles"] == {}
    for name in pods:
        (trusted,) = json.loads(graph.one("aws:iam/role:Role", f"ml-{name}").inputs["assumeRolePolicy"])["Statement"]
        assert trusted["Principal"] == {"Service": "pods.eks.amazonaws.com"}
        whom = trusted["Condition"]["StringEquals"]
        assert (whom["aws:RequestTag/eks-cluster-arn"], whom["aws:RequestTag/kubernetes-service-account"]) == (ARN, name)
        policy = graph.one("aws:iam/rolePolicy:RolePolicy", f"ml-{name}").inputs["policy"]
        assert len("".join(policy.split())) <= 10_240, "IAM's limit for the policies of a role together"


PLACE = place_of(ARN)
QUEUE_ARN = "arn:aws:sqs:eu-central-1:123456789012:ml"
SERVICES = ("ec2", "elasticloadbalancing", "iam", "route53", "sqs")
Context = Mapping[str, str]


def may(statements: Sequence[Statement], contexts: Mapping[str, Context], resources: Iterable[str]) -> set[tuple[str, str, str]]:
    """What these statements allow on those resources: in which context, the action, and the resource. Nothing else is taken as met."""
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    asking = {name: Identity(session("controller"), (policy,), context, strict=True) for name, context in contexts.items()}
    return judge(SERVICES, asking, dict.fromkeys(resources)).allowed


def tagged(of: str, **tags: str) -> dict[str, str]:
    return {f"aws:{of}Tag/{name}": value for name, value in tags.items()}


def of_node(of: str, cluster: str) -> dict[str, str]:
    return tagged(of, **{f"kubernetes.io/cluster/{cluster}": "owned", "eks:eks-cluster-name": cluster, "karpenter.sh/nodepool": "l4"})


def test_karpenter_ends_its_own_nodes_and_nobody_elses() -> None:
    machine, template, volume = (f"arn:aws:ec2:{HERE}:{each}" for each in ("instance/i-1", "launch-template/lt-1", "volume/vol-1"))
    contexts = {
        "its own": of_node("Resource", "ml"),
        "another cluster's": of_node("Resource", "other"),
        "no pool's": tagged("Resource", **{"kubernetes.io/cluster/ml": "owned"}),
        "nobody's": {},
        "one that is to be its own": of_node("Request", "ml"),
        "one that is to be another cluster's": of_node("Request", "other"),
    }
    found = may(karpenter(PLACE, NODES, QUEUE_ARN), contexts, [machine, template, volume])
    starts = ("ec2:CreateFleet", "ec2:RunInstances")
    assert found == {
        *(("its own", action, machine) for action in ("ec2:CreateTags", "ec2:TerminateInstances")),
        *(("its own", action, template) for action in ("ec2:DeleteLaunchTemplate", *starts)),
        *(("one that is to be its own", action, each) for action in starts for each in (machine, template, volume)),
        ("one that is to be its own", "ec2:CreateLaunchTemplate", template),
    }


def test_karpenter_gives_machines_the_role_of_nodes_and_no_other() -> None:
    queues = [QUEUE_ARN, f"arn:aws:sqs:{HERE}:other"]
    contexts = {to: {"iam:PassedToService": f"{to}.amazonaws.com"} for to in ("ec2", "lambda")}
    found = may(karpenter(PLACE, NODES, QUEUE_ARN), contexts, [NODES, role("admin"), *queues])
    assert {each for each in found if each[1].startswith("iam:")} == {("ec2", "iam:PassRole", NODES)}
    assert {place for _, action, place in found if action.startswith("sqs:")} == {QUEUE_ARN}


def test_load_balancers_of_another_cluster_are_not_touched() -> None:
    statements = load_balancers(PLACE, "vpc-1", "sg-1")
    balancer = f"arn:aws:elasticloadbalancing:{HERE}:loadbalancer/net/x/1"
    ours, theirs = ({"elbv2.k8s.aws/cluster": cluster} for cluster in ("ml", "other"))
    made = {"elasticloadbalancing:CreateAction": "CreateLoadBalancer"}
    contexts = {
        "its own": tagged("Resource", **ours),
        "another cluster's": tagged("Resource", **theirs),
        "nobody's": {},
        "one that it marks": tagged("Request", **ours),
        "one that it makes": {**tagged("Request", **ours), **made},
        "one that it makes for another": {**tagged("Request", **theirs), **made},
    }
    found = may(statements, contexts, [balancer])
    actions = {name: {action.split(":")[1] for context, action, _ in found if context == name} for name in contexts}
    assert {"DeleteLoadBalancer", "ModifyLoadBalancerAttributes", "SetSecurityGroups"} < actions.pop("its own")
    assert actions.pop("one that it makes") == {"AddTags", "CreateLoadBalancer"}
    assert actions.pop("one that it marks") == {"CreateLoadBalancer"}, "marked alone it would make somebody else's its own"
    assert not any(actions.values())


def test_in_security_groups_of_others_only_the_rules_of_the_clusters_own_are_changed() -> None:
    statements = load_balancers(PLACE, "vpc-1", "sg-1")
    groups = [f"arn:aws:ec2:{HERE}:security-group/{group}" for group in ("sg-1", "sg-2")]
    contexts = {"nobody's": {}, "another cluster's": tagged("Resource", **{"elbv2.k8s.aws/cluster": "other"})}
    rules = ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress")
    assert may(statements, contexts, groups) == {(name, action, groups[0]) for name in contexts for action in rules}


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@pytest.mark.parametrize("statements", [karpenter(PLACE, NODES, QUEUE_ARN), load_balancers(PLACE, "vpc-1", "sg-1"), external_dns(["Z1"])])
def test_nothing_but_reading_is_allowed_on_everything(statements: Any) -> None:
    for statement in statements:
        assert not any("*" in action for action in listed(statement["Action"]))
        if "*" in listed(statement["Resource"]):
            verbs = {action.split(":")[1] for action in listed(statement["Action"])}
            assert all(verb.startswith(("Describe", "List", "Get")) for verb in verbs)


def test_a_text_that_is_no_arn_of_a_cluster_is_named() -> None:
    with pytest.raises(ValueError, match="'ml' is no ARN of a cluster"):
        place_of("ml")
