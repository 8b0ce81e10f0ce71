"""A program is run as Pulumi runs it, with nothing of it lost and nothing left behind."""

import asyncio
import gc
import sys
import threading
import time
from pathlib import Path

import pulumi
import pulumi.dynamic
import pulumi_aws as aws
import pytest

import mlgate_testkit.lint
import mlgate_testkit.record
from mlgate.errors import DeclarationError, StackError, UsageError
from mlgate_testkit.record import UNKNOWN, Asset, ResourceReference, Secret, record, stall


class Site(pulumi.ComponentResource):
    """A component as a platform team writes one."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("site:index:Site", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(f"{name}-content", tags={"Owner": "web"}, opts=here)
        self.page = aws.s3.BucketObjectv2(
            "index", bucket=self.bucket.id, key="index.html", source=pulumi.StringAsset("<h1>"), opts=pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({"arn": self.bucket.arn})


def test_a_component_has_its_children_its_path_and_its_outputs():
    graph = record(lambda: Site("web") and None)
    site = graph.one(Site)
    assert [child.path for child in site.children] == ["web/web-content", "web/index"]
    assert graph.one("aws:s3/bucket:Bucket").parent is site
    assert site.outputs == {"arn": "<arn of Bucket web-content>"}
    assert (site.component, site.parent, site.id) == (True, None, None)


def test_dependencies_stand_with_the_input_they_come_from():
    page = record(lambda: Site("web") and None).one(aws.s3.BucketObjectv2)
    assert [dependency.name for dependency in page.depends_on] == ["web-content"]
    assert {key: [each.name for each in found] for key, found in page.property_dependencies.items()} == {"bucket": ["web-content"]}
    assert page.inputs == {"bucket": "<id of Bucket web-content>", "key": "index.html", "source": Asset(text="<h1>")}


def test_every_option_of_a_resource_is_recorded():
    def program() -> None:
        west = aws.Provider("west", region="us-west-2")
        key = aws.kms.Key("key")
        aws.s3.Bucket(
            "data",
            opts=pulumi.ResourceOptions(
                protect=True,
                retain_on_delete=True,
                depends_on=[key],
                deleted_with=key,
                provider=west,
                aliases=[pulumi.Alias(name="old")],
                ignore_changes=["tags"],
                replace_on_changes=["acl"],
                delete_before_replace=True,
                custom_timeouts=pulumi.CustomTimeouts(create="5m"),
                additional_secret_outputs=["arn"],
                import_="data-1234",
            ),
        )

    graph = record(program)
    bucket = graph.one("aws:s3/bucket:Bucket")
    key = graph.one("aws:kms/key:Key")
    assert (bucket.protect, bucket.retain_on_delete, bucket.delete_before_replace) == (True, True, True)
    assert (bucket.depends_on, bucket.deleted_with, bucket.provider) == ([key], key, graph.one(aws.Provider))
    assert (bucket.ignore_changes, bucket.replace_on_changes) == (("tags",), ("acl",))
    assert {"name": "old"} in bucket.aliases
    assert (bucket.custom_timeouts, bucket.import_id, bucket.id) == ({"create": "5m"}, "data-1234", "data-1234")
    assert (bucket.additional_secret_outputs, bucket.outputs["arn"]) == (("arn",), Secret("<arn of Bucket data>"))
    assert key.delete_before_replace is None


def test_a_resource_says_which_line_made_it():
    site = record(lambda: Site("web") and None).one(Site)
    assert site.made_by is not None
    assert site.made_by.startswith("tests/testkit/record/test_recording.py:")
    assert site.children[0].made_by != site.made_by
    assert site.children[0].makers == [site]


def test_urns_are_those_of_the_engine():
    graph = record(lambda: Site("web") and None, stack="prod", project="shop")
    assert graph.one(Site).urn == "urn:pulumi:prod::shop::site:index:Site::web"
    assert graph.one("aws:s3/bucket:Bucket").urn == "urn:pulumi:prod::shop::site:index:Site$aws:s3/bucket:Bucket::web-content"


def test_two_resources_of_one_urn_are_refused_with_both_places():
    def program() -> None:
        aws.s3.Bucket("logs")
        aws.s3.Bucket("logs")

    with pytest.raises(UsageError) as caught:
        record(program)
    assert "two resources are aws:s3/bucket:Bucket logs" in str(caught.value)
    assert str(caught.value).count("test_recording.py:") == 2


def test_secrets_of_the_configuration_stay_marked_and_masked():
    def program() -> None:
        config = pulumi.Config()
        aws.ssm.Parameter("p", type="SecureString", value=config.require_secret("password"))
        pulumi.export("size", config.require_int("size"))
        pulumi.export("region", pulumi.Config("aws").require("region"))

    graph = record(program, config={"password": "hunter2", "size": 3, "aws:region": "eu-west-1"}, secrets=["password"])
    assert graph.one("aws:ssm/parameter:Parameter").inputs["value"] == Secret("hunter2")
    assert graph.outputs == {"size": 3, "region": "eu-west-1"}
    assert "hunter2" not in graph.tree() + repr(graph.resources)


def test_a_secret_without_a_value_is_refused():
    with pytest.raises(UsageError, match=r"project:passwort is named as a secret and has no value \(it has project:password\)"):
        record(lambda: None, config={"password": "x"}, secrets=["passwort"])


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


def test_a_resource_that_is_looked_up_is_no_resource_of_the_program():
    def program() -> None:
        pulumi.export("arn", aws.s3.Bucket.get("old", "old-bucket").arn)

    graph = record(program)
    assert (graph.one(aws.s3.Bucket).read, graph.one(aws.s3.Bucket).id) == (True, "old-bucket")
    assert graph.outputs == {"arn": "<arn of Bucket old>"}


def test_a_resource_given_as_a_value_is_a_reference():
    class Holder(pulumi.ComponentResource):
        def __init__(self, bucket: aws.s3.Bucket) -> None:
            super().__init__("x:index:Holder", "holder", {"bucket": bucket})

    graph = record(lambda: Holder(aws.s3.Bucket("b")) and None)
    bucket = graph.one(aws.s3.Bucket)
    assert graph.one("x:index:Holder").inputs == {"bucket": ResourceReference(bucket.urn, bucket.id)}


def test_the_exception_of_a_program_comes_out_as_it_is():
    class OwnError(Exception):
        pass

    def program() -> None:
        aws.s3.Bucket("b")
        raise OwnError("mine")

    with pytest.raises(OwnError, match=r"^mine$"):
        record(program)


def test_an_error_in_an_apply_that_nobody_returns_is_not_lost():
    def program() -> None:
        aws.s3.Bucket("b").arn.apply(int)

    with pytest.raises(ValueError, match="<arn of Bucket b>"):
        record(program)


def test_resources_made_late_in_an_apply_are_waited_for():
    def program() -> None:
        bucket = aws.s3.Bucket("b")
        bucket.arn.apply(lambda _: aws.s3.Bucket("c").arn.apply(lambda _: aws.s3.Bucket("d")))

    assert [resource.name for resource in record(program).resources] == ["b", "c", "d"]


def test_an_asynchronous_program_is_awaited():
    async def program() -> None:
        await asyncio.sleep(0)
        aws.s3.Bucket("b")

    assert record(program).one(aws.s3.Bucket)


def test_a_transform_of_the_stack_changes_what_is_recorded():
    def tagged(arguments: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if arguments.type_ != "aws:s3/bucket:Bucket":
            return None
        options = pulumi.ResourceOptions.merge(arguments.opts, pulumi.ResourceOptions(protect=True))
        return pulumi.ResourceTransformResult(props={**arguments.props, "tags": {"Team": "ml"}}, opts=options)

    def program() -> None:
        pulumi.runtime.register_resource_transform(tagged)
        aws.s3.Bucket("b", bucket="x", opts=pulumi.ResourceOptions(depends_on=[aws.kms.Key("k")], delete_before_replace=True))

    graph = record(program)
    bucket = graph.one(aws.s3.Bucket)
    assert (bucket.inputs, bucket.protect) == ({"bucket": "x", "tags": {"Team": "ml"}}, True)
    assert (bucket.depends_on, bucket.delete_before_replace) == ([graph.one(aws.kms.Key)], True)
    assert not graph.one(aws.kms.Key).protect


def test_a_component_transform_reaches_its_children_only():
    def protected(arguments: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        options = pulumi.ResourceOptions.merge(arguments.opts, pulumi.ResourceOptions(retain_on_delete=True))
        return pulumi.ResourceTransformResult(props=arguments.props, opts=options)

    def program() -> None:
        Site("web", pulumi.ResourceOptions(transforms=[protected]))
        aws.s3.Bucket("other")

    kept = {resource.name: resource.retain_on_delete for resource in record(program).resources if resource.custom}
    assert kept == {"web-content": True, "index": True, "other": False}


def test_recordings_follow_one_another_and_leave_pulumi_as_it_was():
    before = (pulumi.get_stack(), pulumi.get_project(), Path.cwd(), list(sys.path), dict(pulumi.Output.__dict__))
    for stack in ("dev", "prod"):
        graph = record(lambda: pulumi.export("stack", pulumi.get_stack()), stack=stack)
        assert graph.outputs == {"stack": stack}
    with pytest.raises(ZeroDivisionError):
        record(lambda: 1 // 0)
    assert (pulumi.get_stack(), pulumi.get_project(), Path.cwd(), list(sys.path), dict(pulumi.Output.__dict__)) == before
    monitors: list[object] = []
    thread = threading.Thread(target=lambda: monitors.append(pulumi.runtime.settings.get_monitor()))
    thread.start()
    thread.join()
    assert monitors == [None]


def test_recordings_in_threads_wait_for_one_another():
    graphs = {}

    def one(stack: str) -> None:
        graphs[stack] = record(lambda: pulumi.export("stack", pulumi.get_stack()), stack=stack)

    threads = [threading.Thread(target=one, args=(f"s{index}",)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {stack: graph.outputs["stack"] for stack, graph in graphs.items()} == {f"s{index}": f"s{index}" for index in range(4)}


def test_no_thread_of_a_recording_is_left():
    before = set(threading.enumerate())
    record(lambda: aws.s3.Bucket("b") and None)
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_a_program_that_waits_for_itself_is_ended_and_named(monkeypatch):
    def program() -> None:
        later, resolve = pulumi.deferred_output()
        first = aws.s3.Bucket("first", tags={"Other": later})
        second = aws.s3.Bucket("second", tags={"Other": first.arn.apply(lambda arn: f"{arn}!")})
        resolve(second.arn)

    monkeypatch.setattr(stall, "_PATIENCE_S", 0.5)
    with pytest.raises(DeclarationError) as caught:
        record(program)
    assert [problem.found for problem in caught.value.problems] == [
        "aws:s3/bucket:Bucket first is never made: it waits for an Output that nothing resolves",
        "aws:s3/bucket:Bucket second is never made: it waits for aws:s3/bucket:Bucket first",
    ]
    assert all("test_recording.py:" in problem.where for problem in caught.value.problems)


def test_a_program_that_awaits_nothing_it_can_get_is_ended(monkeypatch):
    async def program() -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(stall, "_PATIENCE_S", 0.5)
    with pytest.raises(DeclarationError, match="it waits for something that nothing resolves"):
        record(program)


def test_a_program_that_is_only_slow_is_waited_for(monkeypatch):
    async def program() -> None:
        await asyncio.sleep(1)
        pulumi.export("slow", await asyncio.to_thread(lambda: time.sleep(1) or True))

    monkeypatch.setattr(stall, "_PATIENCE_S", 0.5)
    assert record(program).outputs == {"slow": True}


def test_leaving_in_the_middle_leaves_everything_as_it_was():
    with pytest.raises(SystemExit):
        record(lambda: sys.exit(3))
    assert record(lambda: pulumi.export("on", True)).outputs == {"on": True}


def test_hooks_are_recorded_by_name():
    def program() -> None:
        hook = pulumi.ResourceHook("checked", lambda _: None)
        aws.s3.Bucket("b", opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[hook])))

    assert record(program).one(aws.s3.Bucket).hooks == {"after_create": ("checked",)}


def test_a_failing_transform_says_which_and_why():
    def broken(arguments: pulumi.ResourceTransformArgs) -> None:
        raise ValueError("no team is called that")

    def program() -> None:
        pulumi.runtime.register_resource_transform(broken)
        aws.s3.Bucket("b")

    with pytest.raises(StackError, match="a transform of aws:s3/bucket:Bucket b failed: no team is called that"):
        record(program)


def test_a_method_of_a_resource_answers_from_the_table_of_functions():
    def program() -> None:
        bucket = aws.s3.Bucket("b")
        pulumi.export("told", pulumi.runtime.call("aws:s3/bucket:tell", {"x": 1}, bucket).apply(lambda result: result["y"]))

    assert record(program, invokes={"aws:s3/bucket:tell": {"y": 2}}).outputs == {"told": 2}


class Counter(pulumi.dynamic.Resource):
    told: pulumi.Output[str]

    def __init__(self, name: str, start: int) -> None:
        super().__init__(pulumi.dynamic.ResourceProvider(), name, {"start": start, "told": None})


def test_a_dynamic_resource_is_recorded_with_its_outputs():
    graph = record(lambda: pulumi.export("told", Counter("c", 3).told))
    assert graph.one(Counter).inputs["start"] == 3
    assert graph.outputs == {"told": "<told of Resource c>"}
    assert graph.unchecked == ("pulumi-python:dynamic:Resource",)


def test_public_names_are_complete_and_sorted():
    for module in (mlgate_testkit.record, mlgate_testkit.lint):
        assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name.islower(), name))
        assert all(hasattr(module, name) for name in module.__all__)


def test_a_running_event_loop_is_named_with_the_way_out():
    async def inside() -> None:
        record(lambda: None)

    with pytest.raises(UsageError, match=r"await asyncio\.to_thread"):
        asyncio.run(inside())
