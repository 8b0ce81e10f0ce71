"""A platform's last day: what is left, what waits, and what goes on costing, as it was told and as AWS has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mlgate.bill import Line, Resource, make_bill
from mlgate.prices import price_book
from mlgate.remains import Remaining, remaining, waiting
from mlgate_cli.answers import Answers
from mlgate_cli.recorded import Program
from mlgate_testkit.engine import Simulated, Stack
from mlgate_testkit.record import Graph, record
from tests.testkit.aws.cloud import by_hand

from .platforms import PROJECT
from .recovering import REGION


def require_it_leaves_what_was_told_and_nothing_paid_by_the_hour(
    made: Stack, aws: Simulated, platform: Mapping[str, Any]
) -> dict[tuple[str, str], str]:
    """Destroys it, whose cluster is not protected. Until when each thing that holds something was told to stay or wait."""
    there = Program(Graph.from_state(made.export()))
    stays = {(each.type, each.name) for each in remaining(there.kept)}
    assert hourly(there.resources)
    assert hourly(found for found in there.resources if (found.type, found.name) in stays) == []
    assert billed_by_the_hour(aws)
    until = require_it_leaves_what_was_told(made, aws, platform)
    assert billed_by_the_hour(aws) == []
    return until


def require_it_leaves_what_was_told(made: Stack, aws: Simulated, platform: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Destroys what is not protected: what `mlgate remains` tells of its program, and of its state, is left, and no more.

    Until when each thing that holds something was told to stay or wait, by its type and name.
    """
    program = Program(record(PROJECT, stack=made.name, config={"platform": platform}, preview=True, invokes=Answers()))
    there = Program(Graph.from_state(made.export()))
    told, waits = remaining(program.kept), waiting(program.kept)
    assert (in_order(told), in_order(waits)) == (in_order(remaining(there.kept)), in_order(waiting(there.kept)))
    gone = made.operate("destroy", "--exclude-protected", "--yes", "--skip-preview")
    (karpenter,) = (step.urn for step in gone.deleted("kubernetes:helm.sh/v3:Release") if step.name == "addons-karpenter")
    pools = gone.deleted("kubernetes:karpenter.sh/v1:NodePool")
    assert pools
    assert all(gone.events.before(pool.urn, karpenter, operation="delete") for pool in pools), "what made the machines takes them away"
    assert sorted((left.type, left.name) for left in aws.alive()) == sorted((each.type, each.name) for each in told)
    assert keys_that_wait(aws) == {each.name for each in waits}
    return {(each.type.rsplit(":", 1)[1], each.name): each.until for each in (*told, *waits) if each.holds}


def in_order(told: Iterable[Remaining]) -> list[Remaining]:
    """By what it is: a program and a state name things in orders of their own."""
    return sorted(told, key=lambda each: (each.type, each.name))


def hourly(resources: Iterable[Resource]) -> list[Line]:
    """What of their bill is paid by the hour."""
    bill = make_bill(resources, REGION, price_book(), on=datetime.now(UTC).date())
    assert bill.lines
    return [line for line in bill.lines if line.unit == "hour"]


def billed_by_the_hour(aws: Simulated) -> list[str]:
    """What AWS has of all that it bills for being there, whatever our own bill says of it."""
    ec2, eks = (by_hand(aws.endpoint(), service) for service in ("ec2", "eks"))
    gateways = ec2.describe_nat_gateways(Filters=[{"Name": "state", "Values": ["pending", "available"]}])["NatGateways"]
    endpoints = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-endpoint-type", "Values": ["Interface"]}])["VpcEndpoints"]
    return [
        *eks.list_clusters()["clusters"],
        *(each["NatGatewayId"] for each in gateways),
        *(each["PublicIp"] for each in ec2.describe_addresses()["Addresses"]),
        *(each["VpcEndpointId"] for each in endpoints if each["State"] != "deleted"),
    ]


def keys_that_wait(aws: Simulated) -> set[str]:
    """The names of the keys that KMS deletes when their days are over."""
    kms = by_hand(aws.endpoint(), "kms")
    going = [
        each["KeyId"]
        for each in kms.list_keys()["Keys"]
        if kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    ]
    return {tag["TagValue"] for key in going for tag in kms.list_resource_tags(KeyId=key)["Tags"] if tag["TagKey"] == "Name"}
