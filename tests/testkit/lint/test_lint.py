"""Each rule finds what it is for and nothing else; exceptions need a reason, and go when their cause does."""

import json
import re

import botocore.session
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate.errors import UsageError
from mlgate_testkit.lint import RULES, Finding, assert_clean, lint, required_tags
from mlgate_testkit.lint.aws_tables import LIMITS, STATEFUL
from mlgate_testkit.record import Graph, Secret, record
from mlgate_testkit.record.sdk import class_of

from .shop import PASSWORD, shop


def found(program, rule: str, **options) -> list[Finding]:
    return lint(record(program, **options), rules=[each for each in RULES if each.name == rule])


class Box(pulumi.ComponentResource):
    """A component that makes whatever it is given the recipe for."""

    def __init__(self, name, make, opts=None) -> None:
        super().__init__("test:index:Box", name, None, opts)
        self.made = make(self)

    def later(self, make) -> None:
        self.made = make(self)


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


def test_a_namespace_written_out_is_a_missing_dependency():
    def program() -> None:
        k8s.core.v1.Namespace("apps", metadata={"name": "apps"})
        k8s.core.v1.ConfigMap("c", metadata={"namespace": "apps"}, data={})

    (finding,) = found(program, "missing-dependency")
    assert (finding.path, finding.property) == ("c", "metadata.namespace")


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"password": "hunter22"}, "data.password"),
        ({"DB_PASSWORD": "hunter22"}, "data.DB_PASSWORD"),
        ({"api_key": "hunter22"}, "data.api_key"),
        ({"masterUserPassword": "hunter22"}, "data.masterUserPassword"),
        ({"note": "-----BEGIN RSA PRIVATE KEY-----"}, "data.note"),
        ({"note": "AKIAIOSFODNN7EXAMPLE"}, "data.note"),
        ({"url": "postgres://shop:hunter22@db/shop"}, "data.url"),
    ],
)
def test_a_secret_in_clear_is_found_by_its_name_or_its_shape(values, where):
    (finding,) = found(lambda: k8s.core.v1.ConfigMap("c", data=values) and None, "secret-in-clear")
    assert finding.property == where


def test_an_environment_variable_names_its_own_value():
    env = [{"name": "LOG_LEVEL", "value": "info"}, {"name": "API_TOKEN", "value": "hunter22"}]
    spec = {"containers": [{"name": "a", "env": env}]}
    (finding,) = found(lambda: k8s.core.v1.Pod("p", spec=spec) and None, "secret-in-clear")
    assert (finding.property, finding.problem) == ("spec.containers[0].env[1].value", '"API_TOKEN" is in clear')


@pytest.mark.parametrize(
    "values",
    [
        {"password": pulumi.Output.secret},
        {"passwordPolicy": "strict", "secretName": "s", "tokenTtl": "1h", "public_key": "ssh-rsa AAAA", "kms_key": "arn:aws:kms:x"},
        {"requirePassword": "true", "next_token": "abc", "passwordLength": "12", "MANAGE_PASSWORD": "yes"},
        {"url": "https://example.com/a@b"},
    ],
)
def test_what_is_marked_or_no_secret_at_all_is_let_through(values):
    def program() -> None:
        k8s.core.v1.ConfigMap("c", data={key: value("hunter22") if callable(value) else value for key, value in values.items()})

    assert found(program, "secret-in-clear") == []


def test_a_secret_beside_an_output_is_found_too():
    def program() -> None:
        address = aws.rds.Instance("db", instance_class="db.t4g.micro").address
        password = pulumi.Config().require("password")
        aws.ecs.TaskDefinition("t", family="t", container_definitions=pulumi.Output.format("{0}:{1}", address, password))

    (finding,) = found(program, "secret-in-clear", config={"password": PASSWORD}, secrets=["password"])
    assert (finding.path, finding.property) == ("t", "containerDefinitions")


class Login(pulumi.ComponentResource):
    def __init__(self, **outputs: pulumi.Input[str]) -> None:
        super().__init__("test:index:Login", "login")
        self.register_outputs(outputs)


def test_a_secret_that_a_component_registers_in_clear_is_found():
    def program() -> None:
        config = pulumi.Config()
        Login(user="shop", text=f"shop:{config.require('password')}", kept=config.require_secret("password"))

    (finding,) = found(program, "secret-in-clear", config={"password": PASSWORD}, secrets=["password"])
    assert (finding.path, finding.property) == ("login", "text")
    assert finding.problem == "it holds the value of a secret, and the mark is lost, among its outputs"
    assert "register it as pulumi.Output.secret" in finding.remedy


def test_an_output_of_the_cloud_that_nobody_marks_is_found_and_a_marked_one_is_not():
    def program(**options) -> None:
        aws.apigatewayv2.Api("api", protocol_type="HTTP", opts=pulumi.ResourceOptions(**options))

    table = {"resources": {"api": {"apiEndpoint": "https://shop:hunter22@example.org"}}}
    (finding,) = found(program, "secret-in-clear", **table)
    assert (finding.path, finding.property) == ("api", "apiEndpoint")
    assert "additional_secret_outputs" in finding.remedy
    assert found(lambda: program(additional_secret_outputs=["apiEndpoint"]), "secret-in-clear", **table) == []


def test_a_secret_that_lost_its_mark_on_the_way_out_of_the_stack_is_found():
    def program() -> None:
        pulumi.export("login", f"shop:{pulumi.Config().require('password')}")

    (finding,) = found(program, "secret-in-clear", config={"password": PASSWORD}, secrets=["password"])
    assert (finding.resource, finding.property) == ("stack", "login")
    assert PASSWORD not in str(finding)


@pytest.mark.parametrize("token", sorted(STATEFUL))
def test_every_stateful_type_exists_and_wants_to_be_kept(token):
    assert class_of(token) is not None
    told = lint(Graph.from_state(deployed(token, {})), rules=[rule for rule in RULES if rule.name == "unprotected-state"])
    assert {finding.property for finding in told} == {"protect", "retain_on_delete"}


def test_a_table_of_types_that_hold_data_wants_both_options():
    def program() -> None:
        aws.ecr.Repository("half", opts=pulumi.ResourceOptions(protect=True))
        aws.ecr.Repository("kept", opts=pulumi.ResourceOptions(protect=True, retain_on_delete=True))
        k8s.core.v1.PersistentVolumeClaim("data")

    told = [(finding.path, finding.property) for finding in found(program, "unprotected-state")]
    assert told == [("half", "retain_on_delete"), ("data", "protect"), ("data", "retain_on_delete")]


def policy(principal, **more) -> str:
    return json.dumps({"Statement": {"Sid": "s", "Effect": "Allow", "Principal": principal, "Action": ["s3:GetObject"], **more}})


@pytest.mark.parametrize(
    ("document", "public"),
    [
        (policy("*"), True),
        (policy({"AWS": "*"}), True),
        (policy({"AWS": ["arn:aws:iam::1:root", "*"]}), True),
        (policy({"AWS": "arn:aws:iam::1:root"}), False),
        (policy("*", Effect="Deny"), False),
        (json.dumps({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}, "Action": "s3:*"}]}), True),
        ("no json", False),
    ],
)
def test_a_policy_for_everybody_makes_a_bucket_public(document, public):
    told = found(lambda: aws.s3.BucketPolicy("p", bucket="b", policy=document) and None, "public-bucket")
    assert [finding.property for finding in told] == (["policy"] if public else [])


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({"StringEquals": {"AWS:principalorgid": ["o-1", "o-2"]}}, False),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}, False),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::shop"}}, False),
        ({"StringEquals": {"aws:SourceVpce": "<id of VpcEndpoint s3>"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceAccount": "123456789012"}}, False),
        # These hold for anybody who meets them.
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringLike": {"aws:Referer": "https://example.org/*"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": ["o-1", "*"]}}, True),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, True),
        ({"StringEquals": {"aws:userid": "${aws:userid}"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/reader"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "128.0.0.0/1"]}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, True),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, True),
        # These hold where the request has no such key, as that of a stranger.
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-1/"}}, True),
        ({"Null": {"aws:PrincipalOrgID": "true"}}, True),
    ],
)
def test_a_condition_closes_a_statement_only_if_it_says_who_or_from_where(condition, public):
    told = found(lambda: aws.s3.BucketPolicy("p", bucket="b", policy=policy("*", Condition=condition)) and None, "public-bucket")
    assert [finding.property for finding in told] == (["policy"] if public else [])


def test_a_bucket_without_a_block_and_a_public_acl_are_found():
    def program() -> None:
        aws.s3.Bucket("bare")
        aws.s3.BucketAcl("acl", bucket="x", acl="public-read")
        block = {"block_public_acls": True, "block_public_policy": True, "ignore_public_acls": True, "restrict_public_buckets": True}
        aws.s3.BucketPublicAccessBlock("b", bucket=aws.s3.Bucket("blocked").id, **block)
        aws.s3.Bucket("named", bucket="by-name")
        aws.s3.BucketPublicAccessBlock("n", bucket="by-name", **block)

    told = [(finding.path, finding.property) for finding in found(program, "public-bucket")]
    assert told == [("bare", "BucketPublicAccessBlock"), ("acl", "acl")]


def test_required_tags_may_come_from_the_provider():
    def program() -> None:
        west = aws.Provider("west", default_tags={"tags": {"Owner": "ml"}})
        aws.sqs.Queue("whole", tags={"Service": "shop"}, opts=pulumi.ResourceOptions(provider=west))
        aws.sqs.Queue("half", tags={"Service": "shop"})
        aws.sqs.QueuePolicy("no tags at all", queue_url="q", policy="{}")

    rule = required_tags("Owner", "Service")
    (finding,) = lint(record(program), rules=[rule])
    assert (finding.path, finding.problem, finding.remedy) == ("half", "Owner missing", "add tags={'Owner': ...}")
    tagged = {"config": {"aws:defaultTags": {"tags": {"Owner": "ml"}}}}
    assert [finding.problem for finding in lint(record(program, **tagged), rules=[rule])] == []
    assert [finding.path for finding in found(lambda: aws.sqs.Queue("bare") and None, "tags")] == ["bare"]


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: aws.s3.Bucket("Logs", bucket="Logs"), '"Logs" has characters that are not allowed (docs: S3 bucket naming rules)'),
        (lambda: aws.s3.Bucket("b", bucket="ab"), '"ab" has 2 characters; allowed are 3 to 63 (docs: S3 bucket naming rules)'),
        (lambda: aws.lb.TargetGroup("a" * 25), f'"{"a" * 25}" has 25 characters, 33 with the 8 that Pulumi adds; allowed are 1 to 32'),
        (lambda: k8s.core.v1.Namespace("n" * 60), f'"{"n" * 60}" has 60 characters, 69 with the 9 that the provider adds; at most 63'),
        (lambda: k8s.core.v1.ConfigMap("c", metadata={"name": "A_b"}), '"A_b" has characters that are not allowed'),
    ],
)
def test_a_name_that_its_api_refuses_is_found(make, problem):
    (finding,) = found(lambda: make() and None, "name-limits")
    assert finding.problem.startswith(problem)


@pytest.mark.parametrize(
    "make",
    [
        lambda: aws.lb.TargetGroup("a" * 24),
        lambda: aws.lb.TargetGroup("a" * 40, name="short"),
        lambda: aws.iam.Role("r" * 80, name_prefix="short", assume_role_policy="{}"),
        lambda: aws.s3.Bucket("b" * 80, bucket_prefix="short"),
        lambda: aws.s3.Bucket("b" * 80, bucket=aws.sqs.Queue("q").name),
        lambda: k8s.core.v1.Namespace("n" * 80, metadata={"name": aws.sqs.Queue("q").name}),
        lambda: aws.iam.Role("r" * 80, name=aws.sqs.Queue("q").name, assume_role_policy="{}"),
        lambda: k8s.rbac.v1.ClusterRole("r", metadata={"name": "system:reader"}),
    ],
)
def test_a_name_that_fits_or_is_still_to_come_is_let_through(make):
    assert found(lambda: make() and None, "name-limits") == []


MODELLED = sorted(token for token, limit in LIMITS.items() if not limit.api.startswith("docs:"))


@pytest.mark.parametrize("token", MODELLED)
def test_limits_are_those_of_the_service_models(token):
    limit = LIMITS[token]
    service, operation, member = re.split(r"[ .]", limit.api)
    shape = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape.members[member]
    assert shape.metadata.get("max") == limit.longest
    assert shape.metadata.get("min", 1) in {0, limit.shortest}
    stated = shape.metadata.get("pattern")
    assert limit.pattern is None or stated.strip("^$") == limit.pattern.strip("^$")


@pytest.mark.parametrize("token", sorted(LIMITS))
def test_limits_are_about_types_that_exist(token):
    assert class_of(token) is not None


@given(name=st.text("abc-._A/", min_size=1, max_size=70), token=st.sampled_from(sorted(LIMITS)))
def test_a_name_within_its_limits_is_never_found(name, token):
    limit = LIMITS[token]
    (resource,) = Graph.from_state(deployed(token, {"name": name})).resources
    told = lint(resource.graph, rules=[rule for rule in RULES if rule.name == "name-limits"])
    assert (told == []) == (limit.shortest <= len(name) <= limit.longest and limit.fits(name))


def deployed(token: str, inputs: dict[str, object], **state) -> dict[str, object]:
    resource = {"urn": f"urn:pulumi:prod::shop::{token}::x", "type": token, "custom": True, "id": "x", "inputs": inputs, **state}
    return {"version": 3, "deployment": {"resources": [resource]}}


def test_a_state_export_is_linted_like_a_recording():
    graph = Graph.from_state(deployed("aws:rds/instance:Instance", {"tags": {"Owner": "shop"}, "password": "hunter22"}, protect=True))
    rules = {(finding.rule, finding.property) for finding in lint(graph)}
    assert rules == {("unprotected-state", "retain_on_delete"), ("secret-in-clear", "password"), ("outside-component", "parent")}
    marked = Graph.from_state(deployed("aws:rds/instance:Instance", {"password": Secret("hunter22").value}))
    assert "hunter22" not in str(lint(marked))


def test_an_exception_needs_a_reason_a_rule_and_a_cause():
    graph = record(shop(), config={"password": PASSWORD}, secrets=["password"])
    with pytest.raises(UsageError, match="allowed for no reason"):
        lint(graph, allow={"public-bucket": " "})
    with pytest.raises(UsageError, match="names no rule"):
        lint(graph, allow={"public-buckets:x": "website"})
    (stale,) = lint(graph, allow={"public-bucket:*": "there was a website once"})
    assert (stale.rule, stale.property) == ("stale-allow", "public-bucket:*")


def test_the_table_names_everything_in_columns():
    graph = record(lambda: aws.sqs.Queue("q") and None, project="shop", stack="prod")
    with pytest.raises(AssertionError) as caught:
        assert_clean(graph, allow={"outside-component": "a test"})
    head, columns, row, problem, remedy = str(caught.value).splitlines()
    assert head == "1 finding in shop/prod"
    assert columns.split() == ["rule", "resource", "property", "made", "by"]
    assert row.split() == ["tags", "aws:sqs/queue:Queue", "q", "tags", graph.resources[0].made_by]
    assert (problem, remedy) == ("    it has none", "    -> give it tags, or its provider default_tags")
