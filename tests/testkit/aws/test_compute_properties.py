"""Create, read, change, read, delete: whatever the arguments, what was asked for is there, and a second look finds nothing to do."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate_testkit.provider.provider import ProviderError, State

from .cloud import Cloud
from .samples_compute import NODES, SUBNET, VPC, ZONES, nodes

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
few = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

words = st.text("abcxyz09", min_size=1, max_size=8)
tags = st.dictionaries(words, words, max_size=3)
scaling = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(1, 5)).map(
    lambda sizes: {"minSize": sizes[0], "desiredSize": sizes[0] + sizes[1], "maxSize": sizes[0] + sizes[1] + sizes[2]}
)
taints = st.lists(
    st.fixed_dictionaries({"key": words, "value": words, "effect": st.sampled_from(["NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"])}),
    max_size=3,
    unique_by=lambda taint: (taint["key"], taint["effect"]),
)
groups = st.fixed_dictionaries(
    {"scalingConfig": scaling},
    optional={"labels": st.dictionaries(words, words, max_size=3), "taints": taints, "tags": tags},
)
templates = st.fixed_dictionaries(
    {},
    optional={
        "instanceType": st.sampled_from(["g6.xlarge", "p5.48xlarge", "m7i.large"]),
        "ebsOptimized": st.sampled_from(["true", "false"]),
        "userData": st.sampled_from(["IyEvYmluL3No", "ZWNobw=="]),
        "vpcSecurityGroupIds": st.lists(words.map("sg-{}".format), max_size=2),
        "monitoring": st.fixed_dictionaries({"enabled": st.booleans()}),
        "metadataOptions": st.fixed_dictionaries(
            {"httpTokens": st.just("required")}, optional={"httpPutResponseHopLimit": st.integers(1, 64)}
        ),
        "blockDeviceMappings": st.lists(
            st.fixed_dictionaries(
                {"deviceName": words},
                optional={"ebs": st.fixed_dictionaries({"volumeSize": st.integers(1, 16000)}, optional={"encrypted": st.just("true")})},
            ),
            max_size=2,
        ),
        "placement": st.fixed_dictionaries({"groupName": words}),
        "tags": tags,
    },
)


def rests(cloud: Cloud, token: str, state: State, arguments: dict[str, Any]) -> None:
    seen = cloud.refresh(token, state)
    assert seen
    assert seen.inputs == state.inputs
    assert seen.outputs == state.outputs
    assert cloud.diff(token, seen, **arguments).changed == {}


def lives(cloud: Cloud, token: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    made = cloud.up(token, **before)
    rests(cloud, token, made, before)
    changed = cloud.change(token, made, **after)
    rests(cloud, token, changed, after)
    cloud.delete(token, changed)
    assert cloud.refresh(token, changed) is None


@few
@given(groups, groups)
def test_any_node_group_becomes_any_other(cloud: Cloud, before: dict[str, Any], after: dict[str, Any]) -> None:
    cloud.package.reset()
    fixed = nodes(cloud)
    lives(cloud, NODES, {**fixed, **before}, {**fixed, **after})


@few
@given(templates, templates)
def test_any_launch_template_becomes_any_other(cloud: Cloud, before: dict[str, Any], after: dict[str, Any]) -> None:
    cloud.package.reset()
    lives(cloud, TEMPLATE, before, after)


@few
@given(
    st.lists(
        st.tuples(st.integers(0, 15), st.sampled_from([20, 22, 24, 28]), st.sampled_from(ZONES), tags),
        max_size=4,
        unique_by=lambda each: each[0],
    )
)
def test_any_network_comes_up_and_goes_in_order_only(cloud: Cloud, plan: list[tuple[int, int, str, dict[str, str]]]) -> None:
    cloud.package.reset()
    main = cloud.up(VPC, cidrBlock="10.0.0.0/16")
    made = []
    for index, bits, zone, own in plan:
        block = str(next(ipaddress.ip_network(f"10.0.{16 * index}.0/20").subnets(new_prefix=bits)))
        arguments = {"vpcId": main.id, "cidrBlock": block, "availabilityZone": zone, "tags": own}
        state = cloud.up(SUBNET, f"subnet-{index}", **arguments)
        seen = cloud.refresh(SUBNET, state)
        assert seen
        assert cloud.provider.diff(cloud.resource(SUBNET, f"subnet-{index}"), seen, state.inputs).changed == {}
        with pytest.raises(ProviderError, match=r"InvalidSubnet.Conflict"):
            cloud.up(SUBNET, "twin", **arguments)
        made.append(state)
    for state in made:
        with pytest.raises(ProviderError, match="DependencyViolation"):
            cloud.delete(VPC, main)
        cloud.delete(SUBNET, state)
    cloud.delete(VPC, main)
