from mlgate_delivery.resources import find, kind_of, ours
from mlgate_tools.pulumi_state import StateResource


def resource(type_, name, **properties):
    return StateResource(urn=f"urn:pulumi:local::mlgate::{type_}::{name}", type=type_, properties=properties)


ENDPOINT = resource("pulumi-python:dynamic/mlgate:EndpointProcess", "toy-1", service="toy", release="sha256:1")
URL = resource("pulumi-python:dynamic/mlgate:StableUrl", "toy", service="toy", url="http://127.0.0.1:1")
OTHER = resource("aws:s3/bucket:Bucket", "logs", service="toy")


def test_our_resources_are_told_from_those_of_others():
    assert ours([ENDPOINT, OTHER, URL]) == [ENDPOINT, URL]
    assert [kind_of(resource) for resource in (ENDPOINT, OTHER, URL)] == ["EndpointProcess", "", "StableUrl"]


def test_a_resource_is_found_by_kind_and_properties():
    assert find([OTHER, ENDPOINT, URL], "StableUrl", service="toy") is URL
    assert find([ENDPOINT], "EndpointProcess", service="toy", release="sha256:2") is None
    assert find([URL], "StableUrl", service="faces") is None
