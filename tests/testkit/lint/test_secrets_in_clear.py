"""A secret is found by its name, by its shape and by its value, wherever its mark was lost."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest

from mlgate_testkit.lint import lint
from mlgate_testkit.lint.secrets import RULES
from mlgate_testkit.record import Graph

from .found import deployed, found
from .shop import PASSWORD


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
    assert finding.remedy.endswith("and name that with value_from.secret_key_ref")


def test_an_object_that_everybody_reads_is_no_place_for_a_secret_marked_or_not():
    (config_map,) = found(lambda: k8s.core.v1.ConfigMap("c", data={"password": "hunter22"}) and None, "secret-in-clear")
    assert config_map.remedy == "put it into a Secret, string_data from config.require_secret(...)"
    (secret,) = lint(Graph.from_state(deployed("kubernetes:core/v1:Secret", {"stringData": {"password": "hunter22"}})), rules=RULES)
    assert secret.remedy.startswith("take it from config.require_secret(...)")


@pytest.mark.parametrize(
    "values",
    [
        {"password": lambda: pulumi.Config().require_secret("password")},
        {"passwordPolicy": "strict", "secretName": "s", "tokenTtl": "1h", "public_key": "ssh-rsa AAAA", "kms_key": "arn:aws:kms:x"},
        {"requirePassword": "true", "next_token": "abc", "passwordLength": "12", "MANAGE_PASSWORD": "yes"},
        {"url": "https://example.com/a@b"},
    ],
)
def test_what_is_marked_or_no_secret_at_all_is_let_through(values):
    def program() -> None:
        k8s.core.v1.ConfigMap("c", data={key: value() if callable(value) else value for key, value in values.items()})

    secrets = {"password": PASSWORD} if "password" in values else {}
    assert found(program, "secret-in-clear", secrets=secrets) == []


def test_a_secret_beside_an_output_is_found_too():
    def program() -> None:
        address = aws.rds.Instance("db", instance_class="db.t4g.micro").address
        password = pulumi.Config().require("password")
        aws.ecs.TaskDefinition("t", family="t", container_definitions=pulumi.Output.format("{0}:{1}", address, password))

    (finding,) = found(program, "secret-in-clear", secrets={"password": PASSWORD})
    assert (finding.path, finding.property) == ("t", "containerDefinitions")


class Login(pulumi.ComponentResource):
    def __init__(self, **outputs: pulumi.Input[str]) -> None:
        super().__init__("test:index:Login", "login")
        self.register_outputs(outputs)


def test_a_secret_that_a_component_registers_in_clear_is_found():
    def program() -> None:
        config = pulumi.Config()
        Login(user="shop", text=f"shop:{config.require('password')}", kept=config.require_secret("password"))

    (finding,) = found(program, "secret-in-clear", secrets={"password": PASSWORD})
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

    (finding,) = found(program, "secret-in-clear", secrets={"password": PASSWORD})
    assert (finding.resource, finding.property) == ("stack", "login")
    assert PASSWORD not in str(finding)


def test_a_secret_that_is_written_in_the_program_is_found_though_the_sdk_marks_it():
    def program() -> None:
        aws.rds.Instance("db", instance_class="db.t4g.micro", username="shop", password="hunter22")  # noqa: S106 - the defect
        aws.secretsmanager.SecretVersion("login", secret_id="x", secret_string=json.dumps({"user": "shop", "password": "hunter23"}))  # noqa: S106
        aws.ssm.Parameter("hidden", type="SecureString", value="hunter24")
        k8s.core.v1.Secret("s", string_data={"user": "shop", "password": "hunter25"})

    findings = found(program, "secret-in-clear")
    assert [(finding.path, finding.property) for finding in findings] == [
        ("db", "password"),
        ("login", "secretString.password"),
        ("hidden", "value"),
        ("s", "stringData.password"),
    ]
    assert {finding.problem for finding in findings} == {"its value stands in the program, for everybody to read who reads that"}
    assert not any("hunter" in str(finding) for finding in findings)


def test_a_marked_text_that_is_no_secret_or_comes_from_elsewhere_is_let_through():
    def program() -> None:
        aws.ssm.Parameter("plain", type="String", value="https://shop.example")
        aws.rds.Instance("db", instance_class="db.t4g.micro", password=pulumi.Config().require_secret("password"))
        made = aws.secretsmanager.get_random_password_output().random_password
        aws.rds.Instance("other", instance_class="db.t4g.micro", password=made)
        aws.rds.Instance("third", instance_class="db.t4g.micro", password=aws.s3.Bucket("b", tags={"a": "battery-staple"}).arn)

    table = {"aws:secretsmanager/getRandomPassword:getRandomPassword": {"randomPassword": "made-by-the-cloud"}}
    stated = {"b": {"arn": "battery-staple"}}
    findings = found(program, "secret-in-clear", secrets={"password": "https://shop.example"}, invokes=table, resources=stated)
    assert [finding for finding in findings if "stands in the program" in finding.problem] == []


@pytest.mark.parametrize(("method", "instead"), [("require", "require_secret"), ("get", "get_secret"), ("get_object", "get_secret_object")])
def test_a_secret_of_the_configuration_that_is_read_without_its_mark_is_found(method, instead):
    def program() -> None:
        aws.rds.Instance("db", instance_class="db.t4g.micro", password=str(getattr(pulumi.Config(), method)("password")))

    (finding,) = found(program, "secret-in-clear", secrets={"password": "12345678"})
    assert (finding.resource, finding.path, finding.property) == ("configuration", "program:password", method)
    assert finding.remedy == f"read it with {instead}"
    assert (finding.made_by or "").startswith("tests/testkit/lint/test_secrets_in_clear.py:")


def test_what_is_no_secret_may_be_read_in_clear_and_a_secret_as_one():
    def program() -> None:
        config = pulumi.Config()
        pulumi.export("size", config.require_int("size"))
        pulumi.export("login", config.require_secret("password"))

    assert found(program, "secret-in-clear", config={"size": 3}, secrets={"password": PASSWORD}) == []
