"""A name is found if its API would refuse it, with what is added to it; the limits are those of the APIs."""

import re

import botocore.session
import pulumi_aws as aws
import pulumi_kubernetes as k8s
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_testkit.lint import RULES, lint
from mlgate_testkit.lint.aws_tables import LIMITS
from mlgate_testkit.record import Graph
from mlgate_testkit.record.sdk import class_of

from .found import deployed, found


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
