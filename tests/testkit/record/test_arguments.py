"""Arguments that the SDK does not have, needs, or cannot take fail the recording: all at once, with the nearest right one."""

import json

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlgate.errors import DeclarationError
from mlgate_testkit.record import record
from mlgate_testkit.record.sdk import arguments_of, class_of, python_names, required_fields, token_of


def problems(program) -> list[tuple[str, str]]:
    with pytest.raises(DeclarationError) as caught:
        record(program)
    return [(problem.found, problem.expected) for problem in caught.value.problems]


def test_a_misspelt_argument_names_the_nearest_right_one():
    with pytest.raises(DeclarationError) as caught:
        record(lambda: aws.s3.Bucket("logs", bukcet="logs"))
    (problem,) = caught.value.problems
    assert problem.where.startswith("tests/testkit/record/test_arguments.py:")
    assert problem.where.endswith(": aws:s3/bucket:Bucket logs")
    assert (problem.found, problem.expected) == ('there is no argument "bukcet"', 'nearest is "bucket"')


def test_every_wrong_argument_of_one_call_is_named_at_once():
    found = problems(lambda: aws.s3.BucketVersioning("v", buckket="b", mfaa="x"))
    assert [text for text, _ in found] == [
        'there is no argument "buckket"',
        'there is no argument "mfaa"',
        '"versioning_configuration" is missing',
    ]


def test_problems_of_all_resources_come_together():
    def program() -> None:
        aws.s3.BucketVersioning("v", bucket="b", versioning_configuration={"status": "Enabled", "mfa_deletion": "Disabled"})
        aws.ec2.Instance("i", ami="ami-1", instance_type="t3.micro", ebs_block_devices=[{"volumeSize": 10}])
        aws.s3.Bucket("b", tags=["x"])
        aws.iam.Role("r")

    texts = [found for found, _ in problems(program)]
    assert texts == [
        'there is no argument "versioning_configuration.mfa_deletion"',
        '"ebs_block_devices[0].deviceName" is missing',
        '"tags" is ["x"]',
        '"assume_role_policy" is missing',
    ]


def test_an_args_class_with_an_unknown_field_is_named():
    found = problems(
        lambda: aws.s3.BucketVersioning("v", versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(stat="x"))
    )
    assert found == [('there is no argument "stat"', 'nearest is "status"')]
    assert problems(aws.iam.RoleArgs) == [('"assume_role_policy" is missing', "it is required: give it a value")]


@pytest.mark.parametrize(
    ("arguments", "found", "expected"),
    [
        ({"replicas": "3"}, '"spec.replicas" is "3"', "it takes a whole number"),
        ({"replicas": True}, '"spec.replicas" is true', "it takes a whole number"),
        ({"paused": "yes"}, '"spec.paused" is "yes"', "it takes true or false"),
        ({"template": "x"}, '"spec.template" is "x"', "it takes an object with metadata, spec"),
        (
            {"template": {"spec": {"containers": {"name": "a"}}}},
            '"spec.template.spec.containers" is {"name": "a"}',
            "it takes a list",
        ),
        (
            {"template": {"spec": {"containers": [{"name": "a", "imagePullPolcy": "Always"}]}}},
            'there is no argument "spec.template.spec.containers[0].imagePullPolcy"',
            'nearest is "spec.template.spec.containers[0].imagePullPolicy"',
        ),
        (
            {"template": {"spec": {"containers": [{"name": "a", "env": [{"name": "N", "value": 1}]}]}}},
            '"spec.template.spec.containers[0].env[0].value" is 1',
            "it takes a text",
        ),
    ],
)
def test_kubernetes_takes_no_other_type_and_says_where(arguments, found, expected):
    spec = {"selector": {"match_labels": {"app": "a"}}, "template": {"spec": {"containers": [{"name": "a"}]}}, **arguments}
    assert problems(lambda: k8s.apps.v1.Deployment("d", spec=spec)) == [(found, expected)]


def test_both_spellings_and_both_forms_of_nested_arguments_are_right():
    def program() -> None:
        labels = {"app": "a"}
        for index, template in enumerate(
            (
                {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image_pull_policy": "Always"}]}},
                {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "imagePullPolicy": "Always"}]}},
                k8s.core.v1.PodTemplateSpecArgs(
                    metadata=k8s.meta.v1.ObjectMetaArgs(labels=labels),
                    spec=k8s.core.v1.PodSpecArgs(containers=[k8s.core.v1.ContainerArgs(name="a", image_pull_policy="Always")]),
                ),
            )
        ):
            spec = {"selector": {"matchLabels": labels}, "template": template}
            k8s.apps.v1.Deployment(f"d{index}", spec=spec)

    specs = [resource.inputs["spec"] for resource in record(program).all(k8s.apps.v1.Deployment)]
    assert specs[0] == specs[1] == specs[2]


def test_what_the_aws_provider_converts_is_let_through():
    def program() -> None:
        aws.ebs.Volume("e", availability_zone="a", size="10", encrypted="true", tags={"n": 1})

    assert record(program).one(aws.ebs.Volume).inputs["size"] == "10"
    assert problems(lambda: aws.ebs.Volume("e", availability_zone="a", size="ten")) == [('"size" is "ten"', "it takes a whole number")]


@pytest.mark.parametrize(
    ("container", "there"),
    [
        ({"imagePullPolicy": "Always", "envfrom": []}, "envFrom"),
        ({"image_pull_policy": "Always", "envfrom": []}, "env_from"),
        ({"envfrom": []}, "env_from"),
    ],
)
def test_a_misspelt_key_is_answered_in_the_spelling_that_the_program_uses(container, there):
    found = problems(lambda: k8s.core.v1.Pod("p", spec={"containers": [{"name": "a", **container}]}))
    assert found == [('there is no argument "spec.containers[0].envfrom"', f'nearest is "spec.containers[0].{there}"')]


@pytest.mark.parametrize(
    ("make", "found", "expected"),
    [
        (
            lambda bucket: aws.s3.BucketVersioning("v", bucket=bucket, versioning_configuration={"status": "Enabled"}),
            '"bucket" is aws:s3/bucket:Bucket logs itself',
            "it takes a text: pass .id of it, or another of its outputs",
        ),
        (
            lambda bucket: aws.s3.BucketNotification("n", bucket=bucket.id, queues=[{"queueArn": bucket, "events": ["x"]}]),
            '"queues[0].queueArn" is aws:s3/bucket:Bucket logs itself',
            "it takes a text: pass .arn of it, or another of its outputs",
        ),
    ],
)
def test_a_resource_in_the_place_of_its_output_is_named_with_the_output_to_pass(make, found, expected):
    assert problems(lambda: make(aws.s3.Bucket("logs"))) == [(found, expected)]


def test_a_resource_that_shows_no_spelling_is_answered_in_that_of_its_neighbours():
    def program() -> None:
        k8s.core.v1.Pod("p", spec={"containers": [{"name": "a", "imagePullPolicy": "Always"}]})
        k8s.core.v1.Service("s", spec={"ports": [{"port": 80, "targetport": 8080}]})

    assert problems(program)[0][1] == 'nearest is "spec.ports[0].targetPort"'


def test_a_resource_is_called_by_its_path_wherever_it_fails():
    class Part(pulumi.ComponentResource):
        def __init__(self, make) -> None:
            super().__init__("test:index:Part", "part")
            make(pulumi.ResourceOptions(parent=self))

    for make in (
        lambda opts: aws.s3.Bucket("b", bukcet="x", opts=opts),
        lambda opts: aws.s3.Bucket("b", tags=["x"], opts=opts),
        lambda opts: aws.s3.BucketMetric("m", bucket=aws.s3.Bucket("b", opts=opts)),
        lambda opts: f"{aws.s3.Bucket('b', opts=opts).arn}",
    ):
        with pytest.raises(DeclarationError, match="aws:s3/bucket:Bucket part/b"):
            record(lambda make=make: Part(make) and None)


def test_a_circle_over_components_is_told_with_its_way():
    class Part(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("test:index:Part", name)

    def program() -> None:
        first, second = Part("first"), Part("second")
        aws.s3.Bucket("a", opts=pulumi.ResourceOptions(parent=first, depends_on=second))
        aws.s3.Bucket("b", opts=pulumi.ResourceOptions(parent=second, depends_on=[first]))

    ((found, remedy),) = problems(program)
    bucket = "aws:s3/bucket:Bucket"
    assert found in {
        f'"depends_on" goes in a circle: {" -> ".join(f"{bucket} {name}" for name in way)}'
        for way in (("first/a", "second/b", "first/a"), ("second/b", "first/a", "second/b"))
    }
    assert "take one of these depends_on out" in remedy


def test_an_exception_that_is_no_matter_of_arguments_stays_what_it_is():
    with pytest.raises(TypeError, match="to be a ResourceOptions instance"):
        record(lambda: aws.s3.Bucket("b", opts={"protect": True}) and None)


def test_files_are_files():
    def program(source) -> None:
        aws.s3.BucketObjectv2("o", bucket="b", key="k", source=source)

    record(lambda: program(pulumi.FileAsset(__file__)))
    assert problems(lambda: program("page.html"))[0][0] == '"source" is "page.html"'


def test_unknown_and_secret_values_are_given_values():
    def program() -> None:
        secret = pulumi.Output.secret("{}")
        aws.iam.Role("r", assume_role_policy=secret)
        aws.iam.RolePolicy("p", role=aws.iam.Role("s", assume_role_policy="{}").id, policy=secret)

    assert len(record(program, preview=True).resources) == 3


def test_a_provider_of_a_region_is_checked_though_its_inputs_travel_as_json():
    record(lambda: aws.Provider("west", region="us-west-2", default_tags={"tags": {"Owner": "ml"}}) and None)
    found = problems(lambda: aws.Provider("west", region="us-west-2", default_tags={"tagz": {"Owner": "ml"}}))
    assert found == [('there is no argument "default_tags.tagz"', 'nearest is "default_tags.tags"')]


def test_a_kubeconfig_in_json_is_a_text_as_it_is_with_the_engine():
    def program(kubeconfig) -> None:
        cluster = aws.eks.Cluster("eks", role_arn="r", vpc_config={"subnet_ids": ["a", "b"]})
        k8s.Provider("eks", kubeconfig=kubeconfig(cluster.endpoint))

    graph = record(lambda: program(lambda server: pulumi.Output.json_dumps({"clusters": [{"cluster": {"server": server}}]})))
    kubeconfig = json.loads(graph.one("pulumi:providers:kubernetes").inputs["kubeconfig"])
    assert kubeconfig["clusters"][0]["cluster"]["server"] == "<endpoint of Cluster eks>"
    assert problems(lambda: program(lambda server: {"server": server}))[0][1] == "it takes a text"


def test_a_type_without_an_installed_sdk_is_recorded_and_said_to_be_unchecked():
    def program() -> None:
        pulumi.CustomResource("cloudflare:index/record:Record", "dns", {"nmae": "x"})
        aws.s3.Bucket("b")

    graph = record(program)
    assert graph.one("cloudflare:index/record:Record").inputs == {"nmae": "x"}
    assert graph.unchecked == ("cloudflare:index/record:Record",)


def test_a_bare_custom_resource_of_an_installed_sdk_is_checked_by_its_token():
    found = problems(lambda: pulumi.CustomResource("aws:sqs/queue:Queue", "q", {"nmae": "x"}))
    assert found == [('there is no argument "nmae"', 'nearest is "name"')]


def test_a_resource_that_inherits_from_an_sdks_is_checked_as_that():
    class Logs(aws.s3.Bucket):
        pass

    assert problems(lambda: Logs("logs", website={"indexDoc": "x"}))[0][0] == 'there is no argument "website.indexDoc"'


def test_the_args_class_is_the_one_that_the_resource_takes():
    versioning = arguments_of(aws.s3.BucketVersioning)
    assert versioning is not None
    assert versioning.__name__ == "BucketVersioningInitArgs"
    assert required_fields(versioning) == ("bucket", "versioningConfiguration")


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("aws:s3/bucket:Bucket", aws.s3.Bucket),
        ("pulumi:providers:aws", aws.Provider),
        ("kubernetes:apps/v1:Deployment", k8s.apps.v1.Deployment),
        ("aws:s3/bukcet:Bukcet", None),
        ("nowhere:x/y:Z", None),
    ],
)
def test_a_token_finds_its_class(token, expected):
    assert class_of(token) is expected
    if expected is not None and not token.startswith("pulumi:"):
        assert token_of(expected) == token


SOME = [aws.s3.Bucket, aws.iam.Role, aws.eks.Cluster, aws.eks.NodeGroup, aws.ec2.Vpc, aws.sqs.Queue, aws.rds.Instance]


@settings(max_examples=60)
@given(resource=st.sampled_from(SOME), misspelt=st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12).filter(str.isidentifier))
def test_no_name_outside_the_sdk_gets_through(resource, misspelt):
    arguments = arguments_of(resource)
    assert arguments is not None
    assume(misspelt not in {*python_names(arguments).values(), "args", "opts", "resource_name"})
    found = problems(lambda: resource("x", **{misspelt: "y"}))
    assert found[0][0] == f"there is no argument {json.dumps(misspelt)}"


@settings(max_examples=60)
@given(resource=st.sampled_from(SOME), data=st.data())
def test_every_name_of_the_sdk_is_known(resource, data):
    """Given as an Output that is not known yet, no argument is misspelt and none of the wrong type."""
    arguments = arguments_of(resource)
    assert arguments is not None
    names = python_names(arguments)
    chosen = data.draw(st.sets(st.sampled_from(sorted(names.values())))) | {names[wire] for wire in required_fields(arguments)}

    def program() -> None:
        later = aws.kms.Key("later").arn
        resource("x", **dict.fromkeys(chosen, later))

    inputs = record(program, preview=True).one(resource).inputs
    assert {names.get(key) for key in inputs} == chosen
