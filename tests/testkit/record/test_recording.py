"""Everything that a program asks for is in its graph: where it stands, what it is made from, every option."""

import pulumi
import pulumi.dynamic
import pulumi_aws as aws
import pytest

import mlgate_testkit.lint
import mlgate_testkit.record
from mlgate.errors import UsageError
from mlgate_testkit.record import Asset, ResourceReference, Secret, record

from .site import Site

HOOKS = ("before_create", "after_create", "before_update", "after_update", "before_delete", "after_delete")


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


def test_hooks_are_recorded_by_name():
    def program() -> None:
        bound = {kind: [pulumi.ResourceHook(f"checked {kind}", lambda _: None)] for kind in HOOKS}
        hooks = pulumi.ResourceHookBinding(**bound, on_error=[pulumi.ErrorHook("again", lambda _: False)])
        aws.s3.Bucket("b", opts=pulumi.ResourceOptions(hooks=hooks))
        aws.s3.Bucket("bare")

    graph = record(program)
    assert graph.one(aws.s3.Bucket, "b").hooks == {kind: (f"checked {kind}",) for kind in HOOKS} | {"on_error": ("again",)}
    assert graph.one(aws.s3.Bucket, "bare").hooks == {}


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


def test_a_resource_given_as_a_value_is_a_reference():
    class Holder(pulumi.ComponentResource):
        def __init__(self, bucket: aws.s3.Bucket) -> None:
            super().__init__("x:index:Holder", "holder", {"bucket": bucket})

    graph = record(lambda: Holder(aws.s3.Bucket("b")) and None)
    bucket = graph.one(aws.s3.Bucket)
    assert graph.one("x:index:Holder").inputs == {"bucket": ResourceReference(bucket.urn, bucket.id)}


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


def test_an_input_or_output_under_a_name_it_has_not_is_told_with_the_nearest():
    graph = record(lambda: aws.sqs.Queue("q", visibility_timeout_seconds=30, tags={"Owner": "web"}) and None)
    queue = graph.one(aws.sqs.Queue)
    with pytest.raises(KeyError) as caught:
        queue.inputs["visibility_timeout_seconds"]
    assert str(caught.value) == (
        "inputs of aws:sqs/queue:Queue q: there is no 'visibility_timeout_seconds'\n"
        "  -> nearest is 'visibilityTimeoutSeconds'; there are tags, visibilityTimeoutSeconds"
    )
    with pytest.raises(KeyError, match="outputs of aws:sqs/queue:Queue q: there is no 'colour'"):
        queue.outputs["colour"]
    assert queue.inputs == {"visibilityTimeoutSeconds": 30, "tags": {"Owner": "web"}}
    assert queue.inputs.get("visibility_timeout_seconds") is None
