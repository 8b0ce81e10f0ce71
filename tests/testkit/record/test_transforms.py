"""Transforms of a program change what is recorded, as they change what the engine gets."""

import pulumi
import pulumi_aws as aws
import pytest

from mlgate.errors import StackError
from mlgate_testkit.record import record

from .site import Site


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


def test_a_failing_transform_says_which_and_why():
    def broken(arguments: pulumi.ResourceTransformArgs) -> None:
        raise ValueError("no team is called that")

    def program() -> None:
        pulumi.runtime.register_resource_transform(broken)
        aws.s3.Bucket("b")

    with pytest.raises(StackError, match="a transform of aws:s3/bucket:Bucket b failed: no team is called that"):
        record(program)
