"""What the controllers among the add-ons may do on AWS, and who takes their roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest

from mlgate_components.aws.addons.policies import external_dns, karpenter, load_balancers, place_of

from .installed import ADDON, ARN, NODES, POD, off, only, recorded


def test_external_dns_writes_into_its_zones_alone_and_deletes_only_what_it_made() -> None:
    graph = recorded()
    configured = json.loads(graph.one(ADDON, "ml-external-dns").inputs["configurationValues"])
    assert configured == {"policy": "sync", "sources": ["service", "ingress", "gateway-httproute"], "txtOwnerId": "ml"}
    without = recorded(addons=off("gateway"))
    assert json.loads(without.one(ADDON, "ml-external-dns").inputs["configurationValues"])["sources"] == ["service", "ingress"]
    assert allowed(external_dns(["Z1"]), "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z1", {})
    assert not allowed(external_dns(["Z1"]), "route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z2", {})


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
INSTANCE = "arn:aws:ec2:eu-central-1:123456789012:instance/i-1"
OWNED = {"aws:ResourceTag/kubernetes.io/cluster/ml": "owned", "aws:ResourceTag/karpenter.sh/nodepool": "l4"}


def allowed(statements: Any, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether one of these statements, all of which allow, fits: enough of IAM for the conditions that ours have."""
    return any(
        any(fnmatchcase(action, each) for each in listed(statement["Action"]))
        and any(fnmatchcase(resource, each) for each in listed(statement["Resource"]))
        and all(
            context.get(key) is not None and any(fnmatchcase(context[key], each) for each in listed(value))
            for kind, keys in statement.get("Condition", {}).items()
            if kind in {"StringEquals", "StringLike"}
            for key, value in keys.items()
        )
        for statement in statements
    )


def listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_karpenter_ends_its_own_nodes_and_nobody_elses() -> None:
    may = karpenter(PLACE, NODES, QUEUE_ARN)
    assert allowed(may, "ec2:TerminateInstances", INSTANCE, OWNED)
    assert not allowed(may, "ec2:TerminateInstances", INSTANCE, {})
    foreign = {"aws:ResourceTag/kubernetes.io/cluster/other": "owned", "aws:ResourceTag/karpenter.sh/nodepool": "l4"}
    assert not allowed(may, "ec2:TerminateInstances", INSTANCE, foreign)
    assert not allowed(may, "ec2:RunInstances", INSTANCE, {}), "what it starts carries the cluster's name"


def test_karpenter_gives_machines_the_role_of_nodes_and_no_other() -> None:
    may, to_ec2 = karpenter(PLACE, NODES, QUEUE_ARN), {"iam:PassedToService": "ec2.amazonaws.com"}
    assert allowed(may, "iam:PassRole", NODES, to_ec2)
    assert not allowed(may, "iam:PassRole", "arn:aws:iam::123456789012:role/admin", to_ec2)
    assert not allowed(may, "iam:PassRole", NODES, {"iam:PassedToService": "lambda.amazonaws.com"})
    assert not allowed(may, "sqs:ReceiveMessage", "arn:aws:sqs:eu-central-1:123456789012:other", {})


def test_load_balancers_of_another_cluster_are_not_touched() -> None:
    may = load_balancers(PLACE, "vpc-1", "sg-1")
    balancer = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/x/1"
    assert allowed(may, "elasticloadbalancing:DeleteLoadBalancer", balancer, {"aws:ResourceTag/elbv2.k8s.aws/cluster": "ml"})
    assert not allowed(may, "elasticloadbalancing:DeleteLoadBalancer", balancer, {"aws:ResourceTag/elbv2.k8s.aws/cluster": "other"})
    mark = {"aws:RequestTag/elbv2.k8s.aws/cluster": "ml"}
    made = {"elasticloadbalancing:CreateAction": "CreateLoadBalancer"}
    assert allowed(may, "elasticloadbalancing:AddTags", balancer, {**mark, **made})
    assert not allowed(may, "elasticloadbalancing:AddTags", balancer, mark), "it would make somebody else's its own"
    group = "arn:aws:ec2:eu-central-1:123456789012:security-group/"
    assert allowed(may, "ec2:AuthorizeSecurityGroupIngress", f"{group}sg-1", {})
    assert not allowed(may, "ec2:AuthorizeSecurityGroupIngress", f"{group}sg-2", {})


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
