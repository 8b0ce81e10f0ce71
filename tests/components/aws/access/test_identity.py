"""`ServiceIdentity` and `Permissions`, recorded: who the pods of a service are, and that they may do what was declared and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_testkit.record import Graph, record

TAGS = {"environment": "dev", "owner": "vision"}
CLUSTER = {"cluster_name": "ml", "cluster_arn": "arn:aws:eks:eu-central-1:123456789012:cluster/ml"}
MODELS = {"bucket_arn": "arn:aws:s3:::models", "key_arn": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"}
SIGNING = {"signing_key_arn": "arn:aws:kms:eu-central-1:123456789012:key/5678abcd"}
USUAL: dict[str, Any] = {"cluster": CLUSTER, "namespace": "vision", "service_account": "digits", "tags": TAGS}
ROLE = "arn:aws:iam::123456789012:role/digits"


def recorded(name: str = "digits", **args: Any) -> Graph:
    def program() -> None:
        import pulumi

        from mlgate_components.aws.access.identity import ServiceIdentity

        made = ServiceIdentity(name, {**USUAL, **args})
        for output in ("role_arn", "namespace", "service_account"):
            pulumi.export(output, getattr(made, output))

    return record(program)


def permissions(*flows: Any, role_arn: Any = ROLE) -> Graph:
    def program() -> None:
        from mlgate_components.aws.access.permissions import Permissions

        Permissions("digits", {"role_arn": role_arn, "flows": list(flows)})

    return record(program)


def statements(graph: Graph) -> list[dict[str, Any]]:
    return json.loads(graph.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"]


def test_the_pods_of_one_service_account_in_one_cluster_take_the_role_and_nobody_else() -> None:
    graph = recorded()
    (trusted,) = json.loads(graph.one("aws:iam/role:Role").inputs["assumeRolePolicy"])["Statement"]
    assert trusted == {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:RequestTag/eks-cluster-arn": CLUSTER["cluster_arn"],
                "aws:RequestTag/kubernetes-namespace": "vision",
                "aws:RequestTag/kubernetes-service-account": "digits",
            }
        },
    }
    associated = graph.one("aws:eks/podIdentityAssociation:PodIdentityAssociation").inputs
    assert (associated["clusterName"], associated["namespace"], associated["serviceAccount"]) == ("ml", "vision", "digits")
    assert associated["roleArn"] == graph.outputs["role_arn"] == "<arn of Role digits>"
    assert (graph.outputs["namespace"], graph.outputs["service_account"]) == ("vision", "digits")
    assert graph.one("mlgate:index:ServiceIdentity").outputs == graph.outputs


def test_what_it_may_do_is_what_its_flows_say_and_is_there_before_any_pod_has_it() -> None:
    graph = recorded(flows=[{"verb": "reads", "resource": MODELS, "prefix": "digits/"}])
    assert [(each["Action"], each["Resource"]) for each in statements(graph)] == [
        (["kms:Decrypt"], MODELS["key_arn"]),
        (["s3:ListBucket"], "arn:aws:s3:::models"),
        (["s3:GetObject"], "arn:aws:s3:::models/digits/*"),
    ]
    policy = graph.one("aws:iam/rolePolicy:RolePolicy")
    assert graph.one("aws:eks/podIdentityAssociation:PodIdentityAssociation").needs(policy)


def test_an_identity_without_flows_may_do_nothing() -> None:
    assert not recorded().all("aws:iam/rolePolicy:RolePolicy")


def test_a_boundary_is_the_roles() -> None:
    boundary = "arn:aws:iam::123456789012:policy/ml-boundary"
    assert recorded(boundary_arn=boundary).one("aws:iam/role:Role").inputs["permissionsBoundary"] == boundary


def test_everything_that_can_have_tags_has_all_of_them() -> None:
    tagged = [found.inputs["tags"] for found in recorded().resources if "tags" in found.inputs]
    assert len(tagged) == 2
    assert all({"environment": "dev", "owner": "vision", "managed-by": "mlgate"}.items() <= tags.items() for tags in tagged)


def test_flows_are_the_same_said_of_a_component_by_word_or_by_their_arns() -> None:
    def program() -> None:
        from mlgate_components.aws.access.permissions import Permissions, reads
        from mlgate_components.aws.storage.model_storage import ModelStorage

        models = ModelStorage.existing("models", MODELS["bucket_arn"], MODELS["key_arn"])
        Permissions("digits", {"role_arn": ROLE, "flows": [reads(models, "digits/")]})

    assert statements(record(program)) == statements(permissions({"verb": "reads", "resource": MODELS, "prefix": "digits/"}))


def test_the_policy_is_put_into_the_role_that_the_arn_names() -> None:
    arn = "arn:aws:iam::123456789012:role/services/digits"
    graph = permissions({"verb": "reads", "resource": MODELS}, role_arn=arn)
    assert graph.one("aws:iam/rolePolicy:RolePolicy").inputs["role"] == "digits"
    assert graph.one("mlgate:index:Permissions").outputs["role_arn"] == arn


def test_who_can_open_traffic_can_not_also_sign() -> None:
    operating, signing = {"verb": "operates", "resource": {"cluster_arn": CLUSTER["cluster_arn"]}}, {"verb": "signs", "resource": SIGNING}
    permissions(operating)
    permissions(signing)
    with pytest.raises(ArgumentsError) as refused:
        permissions(operating, signing)
    (problem,) = refused.value.problems
    assert (problem.where, "by flows[0] the same identity can open traffic" in problem.found) == ("flows[1].verb", True)


def test_more_than_a_role_can_hold_is_told_before_aws_would() -> None:
    flows = [{"verb": "reads", "resource": MODELS, "prefix": f"{number:040}/"} for number in range(60)]
    permissions(*flows[:25])
    with pytest.raises(Exception, match="and a role takes 10240"):
        permissions(*flows)


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"namespace": "Vision"}, "namespace", "a name that Kubernetes takes"),
        ({"service_account": "digits_1"}, "service_account", "a name that Kubernetes takes"),
        ({"cluster": {**CLUSTER, "cluster_arn": "ml"}}, "cluster.cluster_arn", "an ARN such as arn:aws:eks"),
        ({"cluster": {"cluster_name": "ml"}}, "cluster.cluster_arn", "give it"),
        ({"boundary_arn": "none"}, "boundary_arn", "an ARN such as arn:aws:iam"),
        ({"flows": []}, "flows", "leave it out"),
        ({"flows": [{"verb": "eats", "resource": MODELS}]}, "flows[0].verb", "one of reads, writes"),
        ({"flows": [{"verb": "reads", "resource": {}}]}, "flows[0].resource.bucket_arn", "what reads is about"),
        ({"flows": [{"verb": "signs", "resource": SIGNING}]}, "flows[0].verb", "no service judges"),
        ({"flows": [{"verb": "reads", "resource": MODELS, "prefix": "digits"}]}, "flows[0].prefix", "ends in /"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]
    assert refused.value.where == "ServiceIdentity 'digits'", "by the one that is asked for, before its role is"


def test_what_is_wrong_with_permissions_is_told_at_once() -> None:
    with pytest.raises(ArgumentsError) as refused:
        permissions({"verb": "reads", "resource": MODELS, "prefix": "digits"}, {"verb": "pulls", "resource": {}}, role_arn="digits")
    assert {problem.where for problem in refused.value.problems} == {"role_arn", "flows[0].prefix", "flows[1].resource.repository_arn"}
    with pytest.raises(ArgumentsError, match=r"flows\[0\].resource: is missing"):
        permissions({"verb": "reads"})
    with pytest.raises(ArgumentsError, match=r"flows\[0\].prefx: is no argument"):
        permissions({"verb": "reads", "resource": MODELS, "prefx": "digits/"})


@pytest.mark.parametrize("name", ["", "Digits", "d" * 121])
def test_permissions_are_called_as_a_policy_can_be(name: str) -> None:
    from mlgate_components.aws.access.permissions import Permissions

    with pytest.raises(ArgumentsError) as refused:
        Permissions(name, {"role_arn": ROLE, "flows": [{"verb": "reads", "resource": MODELS}]})
    assert [problem.where for problem in refused.value.problems] == ["name"]


def test_a_name_leaves_room_for_what_pulumi_adds() -> None:
    recorded(name="a" * 56)
    with pytest.raises(ArgumentsError, match="56 at most"):
        recorded(name="a" * 57)
