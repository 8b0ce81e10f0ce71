"""Strays, what stands outside components, and names written out: each is found where it is, and nowhere else."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

from mlgate_testkit.lint import RULES, lint
from mlgate_testkit.record import record

from .found import Box, found


def test_a_child_of_a_child_is_no_stray():
    def program() -> None:
        def make(box):
            inner = Box("inner", lambda _: None, pulumi.ResourceOptions(parent=box))
            return aws.s3.Bucket("b", opts=pulumi.ResourceOptions(parent=inner))

        Box("outer", make)

    assert found(program, "stray-child") == []


def test_a_stray_made_by_a_method_after_the_constructor_is_found():
    def program() -> None:
        box = Box("box", lambda _: None)
        box.later(lambda _: aws.s3.Bucket("b"))

    (finding,) = found(program, "stray-child")
    assert (finding.path, finding.property) == ("b", "parent")
    assert "test:index:Box box makes it" in finding.problem


def test_a_stray_component_in_a_component_is_found_once_and_its_own_children_are_not():
    def program() -> None:
        def child(box):
            return aws.s3.Bucket("b", opts=pulumi.ResourceOptions(parent=box))

        Box("outer", lambda _: Box("inner", child))

    assert [finding.path for finding in found(program, "stray-child")] == ["inner"]


def test_what_a_component_makes_under_another_one_is_a_stray_and_says_where_it_stands():
    def program() -> None:
        other = Box("other", lambda _: None)
        Box("box", lambda _: aws.s3.Bucket("b", opts=pulumi.ResourceOptions(parent=other)))

    (finding,) = found(program, "stray-child")
    assert finding.problem == "test:index:Box box makes it, and it stands under other"


def test_what_a_function_makes_for_a_component_that_it_is_handed_is_none_of_that_components_strays():
    def alarms(box: Box) -> aws.sqs.Queue:
        return aws.sqs.Queue("alarms", tags={"of": box.made.name})

    def program() -> None:
        alarms(Box("box", lambda box: aws.sqs.Queue("q", opts=pulumi.ResourceOptions(parent=box))))

    assert found(program, "stray-child") == []
    assert [finding.path for finding in found(program, "outside-component")] == ["alarms"]


def test_what_stands_outside_components_needs_a_reason():
    def program() -> None:
        aws.s3.Bucket("alone")
        aws.Provider("west", region="us-west-2")
        aws.s3.Bucket.get("old", "old")
        Box("box", lambda box: aws.s3.Bucket("inside", opts=pulumi.ResourceOptions(parent=box)))

    (finding,) = found(program, "outside-component")
    assert (finding.path, finding.problem) == ("alone", "it belongs to no component")
    assert finding.made_by is not None
    rules = [rule for rule in RULES if rule.name == "outside-component"]
    assert lint(record(program), rules=rules, allow={"outside-component:alone": "it outlives the platform"}) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda bucket: aws.s3.BucketVersioning("v", bucket="shop-logs", versioning_configuration={"status": "Enabled"}),
        lambda bucket: aws.iam.Policy("p", policy=json.dumps({"Statement": [{"Resource": ["arn:aws:s3:::shop-logs/*"]}]})),
    ],
)
def test_a_name_written_out_is_a_missing_dependency(make):
    def program() -> None:
        make(aws.s3.Bucket("logs", bucket="shop-logs"))

    (finding,) = found(program, "missing-dependency")
    assert "the name of aws:s3/bucket:Bucket logs" in finding.problem


@pytest.mark.parametrize(
    "make",
    [
        lambda bucket: aws.s3.BucketVersioning("v", bucket=bucket.bucket, versioning_configuration={"status": "Enabled"}),
        lambda bucket: aws.s3.BucketVersioning(
            "v", bucket="shop-logs", versioning_configuration={"status": "Enabled"}, opts=pulumi.ResourceOptions(depends_on=[bucket])
        ),
        lambda bucket: aws.s3.BucketVersioning(
            "v", bucket="shop-logs", versioning_configuration={"status": "Enabled"}, opts=pulumi.ResourceOptions(parent=bucket)
        ),
        lambda bucket: aws.sqs.Queue("q", name="shop-logs"),
        lambda bucket: aws.sqs.Queue("q", tags={"App": "shop-logs"}),
    ],
)
def test_a_dependency_that_is_there_or_a_name_by_chance_is_none(make):
    def program() -> None:
        make(aws.s3.Bucket("logs", bucket="shop-logs"))

    assert found(program, "missing-dependency") == []


@pytest.mark.parametrize(
    ("make", "place"),
    [
        (lambda: aws.iam.RolePolicyAttachment("a", role="compute-node", policy_arn="arn:aws:iam::aws:policy/X"), ("a", "role")),
        (
            lambda: k8s.core.v1.Pod("p", spec={"containers": [], "volumes": [{"name": "v", "configMap": {"name": "settings"}}]}),
            ("p", "spec.volumes[0].configMap.name"),
        ),
    ],
)
def test_the_name_in_the_program_is_not_the_real_one_that_is_made_up(make, place):
    def program() -> None:
        aws.iam.Role("compute-node", assume_role_policy="{}")
        k8s.core.v1.ConfigMap("settings", data={})
        make()

    (finding,) = found(program, "missing-dependency")
    assert "in the program, and not its real one, which is made up for it" in finding.problem
    assert (finding.path, finding.property) == place


def test_a_label_or_what_could_not_be_named_so_is_no_name():
    def program() -> None:
        aws.kms.Key("data-key")
        aws.iam.Role("compute-node", assume_role_policy="{}")
        aws.s3.BucketObjectv2("o", bucket="b", key="data-key", tags={"role": "compute-node"})
        k8s.core.v1.Service("shop", metadata={"labels": {"service": "shop"}}, spec={"selector": {"service": "shop"}})
        k8s.core.v1.Pod("p", metadata={"labels": {"service": "shop"}}, spec={"containers": []})

    assert found(program, "missing-dependency") == []


def test_a_namespace_written_out_is_a_missing_dependency():
    def program() -> None:
        k8s.core.v1.Namespace("apps", metadata={"name": "apps"})
        k8s.core.v1.ConfigMap("c", metadata={"namespace": "apps"}, data={})

    (finding,) = found(program, "missing-dependency")
    assert (finding.path, finding.property) == ("c", "metadata.namespace")
