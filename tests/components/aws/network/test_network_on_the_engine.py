"""`Network` with the real engine on simulated AWS."""

from __future__ import annotations

import pytest

from mlgate_testkit.record import Graph
from tests.testkit.aws.cloud import by_hand

pytestmark = pytest.mark.engine
REGION = {"aws:region": "eu-central-1"}


def network() -> None:
    import pulumi
    import pulumi_aws as aws

    from mlgate_components.aws.network.network import Nat, Network

    config = pulumi.Config()
    made = Network(
        "core",
        {
            "cidr": "10.0.0.0/16",
            "zones": [f"eu-central-1{letter}" for letter in config.require("zones")],
            "nat": Nat(config.require("nat")),
            "tags": {"environment": "dev", "owner": "platform"},
        },
    )
    pulumi.export("vpc", made.vpc_id)
    if config.get_bool("machine"):
        image = aws.ec2.get_ami(owners=["amazon"], most_recent=True, filters=[{"name": "architecture", "values": ["x86_64"]}])
        aws.ec2.Instance("node", ami=image.id, instance_type="m5.large", subnet_id=made.private_subnet_ids.apply(lambda ids: ids[0]))


def test_it_goes_up_rests_sees_what_was_changed_by_hand_grows_and_leaves_nothing(stack, simulated_aws):
    dev = stack("dev", program=network, config={**REGION, "zones": "ab", "nat": "single"})
    dev.up()
    assert dev.preview().nothing()
    ec2 = by_hand(simulated_aws.endpoint(), "ec2")
    mine = [{"Name": "vpc-id", "Values": [dev.outputs["vpc"]]}]
    (group,) = ec2.describe_security_groups(Filters=[*mine, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
    ec2.authorize_security_group_egress(
        GroupId=group["GroupId"], IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    assert [step.name for step in dev.refresh().updated()] == ["core-default"]
    assert [step.name for step in dev.up().updated()] == ["core-default"]
    dev.change(config={"zones": "abc", "nat": "per-zone"})
    changes = dev.up()
    assert not changes.replaced(), "another zone and a gateway in each"
    assert {step.name for step in changes.created("aws:ec2/natGateway:NatGateway")} == {"core-eu-central-1b", "core-eu-central-1c"}
    assert dev.preview().nothing()
    dev.destroy()
    assert [made.name for made in simulated_aws.alive() if made.name != "core-default"] == []


def test_a_machine_waits_for_the_ways_out_and_another_way_does_not_replace_it(stack, simulated_aws):
    dev = stack("dev", program=network, config={**REGION, "zones": "ab", "nat": "single", "machine": "true"})
    dev.up()
    graph = Graph.from_state(dev.export())
    node = graph.one("aws:ec2/instance:Instance")
    ways = [
        found
        for kind in ("ec2/route:Route", "ec2/natGateway:NatGateway", "ec2/vpcEndpoint:VpcEndpoint")
        for found in graph.all(f"aws:{kind}")
    ]
    assert len(ways) == 3 + 1 + 10
    assert all(node.needs(way) for way in ways)
    dev.change(config={"nat": "per-zone"})
    changes = dev.preview()
    assert [step.name for step in changes.created("aws:ec2/natGateway:NatGateway")] == ["core-eu-central-1b"]
    assert not changes.replaced(), "the subnets are as known as before"
