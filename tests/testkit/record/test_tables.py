"""What a test says a program finds (configuration, other stacks, functions, outputs), and what stands where it says nothing."""

import pulumi
import pulumi_aws as aws
import pytest

from mlgate.errors import UsageError
from mlgate_testkit.record import UNKNOWN, Secret, record


def test_secrets_of_the_configuration_stay_marked_and_masked():
    def program() -> None:
        config = pulumi.Config()
        aws.ssm.Parameter("p", type="SecureString", value=config.require_secret("password"))
        pulumi.export("size", config.require_int("size"))
        pulumi.export("region", pulumi.Config("aws").require("region"))

    graph = record(program, config={"size": 3, "aws:region": "eu-west-1"}, secrets={"password": "hunter2"})
    assert graph.one("aws:ssm/parameter:Parameter").inputs["value"] == Secret("hunter2")
    assert graph.outputs == {"size": 3, "region": "eu-west-1"}
    assert "hunter2" not in graph.tree() + repr(graph.resources)


def test_stack_references_answer_from_their_table():
    def program() -> None:
        network = pulumi.StackReference("acme/network/prod")
        aws.ec2.Subnet("a", vpc_id=network.require_output("vpcId"), cidr_block="10.0.0.0/24", tags={"t": network.require_output("token")})

    tables = {"acme/network/prod": {"vpcId": "vpc-1", "token": Secret("s3cret")}}
    graph = record(program, stack_references=tables)
    assert graph.one(aws.ec2.Subnet).inputs["vpcId"] == "vpc-1"
    assert graph.one(aws.ec2.Subnet).inputs["tags"] == {"t": Secret("s3cret")}
    assert graph.one("pulumi:pulumi:StackReference").read
    with pytest.raises(UsageError, match=r"stack acme/network/prod, and no table has them \(it has acme/network/dev\)"):
        record(program, stack_references={"acme/network/dev": {}})


NETWORK = {"acme/network/prod": {"vpc": "vpc-1", "subnets": ["subnet-1"]}}


@pytest.mark.parametrize("preview", [False, True])
def test_a_required_output_that_its_stack_has_not_is_told_with_what_it_has_and_the_line_to_add(preview):
    def program() -> None:
        pulumi.export("vpc", pulumi.StackReference("network", "acme/network/prod").require_output("vpcId"))

    with pytest.raises(UsageError) as caught:
        record(program, stack_references=NETWORK, preview=preview)
    assert str(caught.value).splitlines() == [
        f"tests/testkit/record/test_tables.py:{program.__code__.co_firstlineno + 1}: "
        "stack acme/network/prod exports subnets, vpc; not vpcId",
        "  -> is 'vpc' meant? else say what it is: record(..., stack_references={'acme/network/prod': {'vpcId': ...}})",
    ]


def test_an_output_that_is_only_looked_for_may_be_absent_and_not_misspelt():
    def program(name: str) -> None:
        pulumi.export("found", pulumi.StackReference("acme/network/prod").get_output(name))

    assert record(lambda: program("vpc"), stack_references=NETWORK).outputs == {"found": "vpc-1"}
    assert record(lambda: program("zone"), stack_references=NETWORK).outputs == {}
    with pytest.raises(UsageError, match=r"exports subnets, vpc; not vpcId\n.*say where it has none: .*'vpcId': None") as caught:
        record(lambda: program("vpcId"), stack_references=NETWORK)
    stated = {"acme/network/prod": {**NETWORK["acme/network/prod"], "vpcId": None}}
    assert "is 'vpc' meant?" in caught.value.remedy
    assert record(lambda: program("vpcId"), stack_references=stated).outputs == {}


def test_an_output_that_is_taken_from_all_of_them_is_told_with_the_table_of_stacks():
    def program() -> None:
        pulumi.export("vpc", pulumi.StackReference("acme/network/prod").outputs.apply(lambda outputs: outputs["vpcId"]))

    with pytest.raises(KeyError) as caught:
        record(program, stack_references=NETWORK)
    assert "say what it exports: record(..., stack_references=" in caught.value.__notes__[0]


def test_details_of_an_output_are_judged_by_its_name_too():
    async def program(name: str) -> None:
        details = await pulumi.StackReference("acme/network/prod").get_output_details(name)
        pulumi.export("found", details.value)

    assert record(lambda: program("vpc"), stack_references=NETWORK).outputs == {"found": "vpc-1"}
    with pytest.raises(UsageError, match="not vpcs"):
        record(lambda: program("vpcs"), stack_references=NETWORK)


def test_functions_answer_from_their_table():
    def program() -> None:
        zones = aws.get_availability_zones(state="available").names
        for zone in zones:
            aws.ec2.Subnet(zone, vpc_id="vpc-1", cidr_block="10.0.0.0/24", availability_zone=zone)
        pulumi.export("account", aws.get_caller_identity_output().account_id)

    invokes = {
        "aws:index/getAvailabilityZones:getAvailabilityZones": lambda arguments: {"names": [f"{arguments['state']}-a", "b"]},
        "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "123456789012"},
    }
    graph = record(program, invokes=invokes)
    assert [subnet.name for subnet in graph.all(aws.ec2.Subnet)] == ["available-a", "b"]
    assert graph.outputs == {"account": "123456789012"}
    with pytest.raises(UsageError, match="no table answers it") as caught:
        record(program, invokes={})
    assert "record(..., invokes={'aws:index/getAvailabilityZones:getAvailabilityZones': {...}})" in str(caught.value)
    assert "its fields are allAvailabilityZones, excludeNames, " in str(caught.value)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (aws.ec2.get_ami, "; its fields are allowUnsafeFilter, architecture, arn, "),
        (aws.ec2.get_ami, " and 31 more"),
        (lambda: pulumi.runtime.invoke("aws:s3/tell:tell", {}), "{...}})"),
    ],
)
def test_a_function_that_no_table_answers_is_told_with_the_fields_that_its_sdk_knows(call, said):
    with pytest.raises(UsageError) as caught:
        record(lambda: call() and None)
    assert said in str(caught.value)


def test_a_method_of_a_resource_answers_from_the_table_of_functions():
    def program() -> None:
        bucket = aws.s3.Bucket("b")
        pulumi.export("told", pulumi.runtime.call("aws:s3/bucket:tell", {"x": 1}, bucket).apply(lambda result: result["y"]))

    assert record(program, invokes={"aws:s3/bucket:tell": {"y": 2}}).outputs == {"told": 2}


def test_stated_outputs_go_by_name_before_type():
    def program() -> None:
        for name in ("one", "two"):
            pulumi.export(name, aws.ec2.Vpc(name, cidr_block="10.0.0.0/16").id)

    graph = record(program, resources={aws.ec2.Vpc: {"id": "vpc-any"}, "two": lambda inputs: {"id": f"vpc-{inputs['cidrBlock']}"}})
    assert graph.outputs == {"one": "vpc-any", "two": "vpc-10.0.0.0/16"}


def test_a_stated_output_that_the_type_has_not_is_refused():
    with pytest.raises(UsageError, match=r"aws:ec2/vpc:Vpc v has no output arm \(it has arn\)"):
        record(lambda: aws.ec2.Vpc("v") and None, resources={"v": {"arm": "arn:x"}})


def test_what_only_the_cloud_knows_is_marked_or_unknown_and_never_made_up():
    def program() -> None:
        cluster = aws.eks.Cluster("main", role_arn="arn:aws:iam::1:role/x", vpc_config={"subnet_ids": ["subnet-1"]})
        pulumi.export("url", pulumi.Output.format("{0}/x", cluster.endpoint))
        pulumi.export("ca", cluster.certificate_authority.data)
        pulumi.export("tags", cluster.tags_all)

    outputs = record(program).outputs
    assert outputs["url"] == "<endpoint of Cluster main>/x"
    assert outputs["ca"] == "<certificateAuthority.data of Cluster main>"
    assert outputs["tags"] is UNKNOWN


def test_in_a_preview_only_inputs_are_known():
    def program() -> None:
        bucket = aws.s3.Bucket("b", tags={"Owner": "web"})
        pulumi.export("known", bucket.tags)
        pulumi.export("arn", bucket.arn)
        pulumi.export("id", bucket.id)
        bucket.arn.apply(lambda arn: aws.s3.Bucket("never"))

    graph = record(program, preview=True, resources={"b": {"arn": "arn:aws:s3:::b"}})
    assert graph.outputs == {"known": {"Owner": "web"}, "arn": UNKNOWN, "id": UNKNOWN}
    assert [resource.name for resource in graph.resources] == ["b"]


def test_in_a_preview_what_is_looked_up_is_known_as_in_pulumis_own():
    def program() -> None:
        pulumi.export("arn", aws.s3.Bucket.get("old", "old-bucket").arn)
        pulumi.export("region", aws.s3.Bucket.get("stated", "stated-bucket").region)
        pulumi.export("vpc", pulumi.StackReference("acme/network/prod").require_output("vpcId"))
        pulumi.export("account", aws.get_caller_identity_output().account_id)

    graph = record(
        program,
        preview=True,
        resources={"stated": {"region": "eu-central-1"}},
        stack_references={"acme/network/prod": {"vpcId": "vpc-1"}},
        invokes={"aws:index/getCallerIdentity:getCallerIdentity": {"accountId": "123456789012"}},
    )
    assert graph.outputs == {"arn": "<arn of Bucket old>", "region": "eu-central-1", "vpc": "vpc-1", "account": "123456789012"}


def test_a_resource_that_is_looked_up_is_no_resource_of_the_program():
    def program() -> None:
        pulumi.export("arn", aws.s3.Bucket.get("old", "old-bucket").arn)

    graph = record(program)
    assert (graph.one(aws.s3.Bucket).read, graph.one(aws.s3.Bucket).id) == (True, "old-bucket")
    assert graph.outputs == {"arn": "<arn of Bucket old>"}
