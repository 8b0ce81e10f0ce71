"""Placement groups, capacity reservations and Capacity Blocks for ML. Creating a Capacity Block is the purchase, here as there."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws, ClientError
from mlgate_testkit.aws.model import AutoName, Behaviour, FunctionModel, ResourceModel
from mlgate_testkit.aws.models.ec2_common import enumerated, first, given, length, retag, tagged, unless_gone
from mlgate_testkit.aws.models.ec2_vcpus import within_vcpus
from mlgate_testkit.aws.rules import between, timestamp
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["FUNCTIONS", "MODELS"]


def _create_group(aws: Aws, inputs: Inputs) -> str:
    request = given(inputs, GroupName="name", Strategy="strategy", PartitionCount="partitionCount", SpreadLevel="spreadLevel")
    aws.client("ec2").create_placement_group(**request, **tagged("placement-group", inputs))
    return str(inputs["name"])


def _group(aws: Aws, name: str) -> dict[str, Any] | None:
    try:
        group: dict[str, Any] = aws.client("ec2").describe_placement_groups(GroupNames=[name])["PlacementGroups"][0]
    except ClientError as error:
        unless_gone(error, "InvalidPlacementGroup.Unknown")
        return None
    return group


def _read_group(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    group = _group(aws, name)
    return group and {
        "arn": group["GroupArn"],
        "name": group["GroupName"],
        "placementGroupId": group["GroupId"],
        "strategy": group["Strategy"],
        "partitionCount": group.get("PartitionCount") or 0,
        "spreadLevel": group.get("SpreadLevel") or "",
        "tags": tags_of(group.get("Tags")),
    }


def _update_group(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    if group := _group(aws, name):
        retag(aws, group["GroupId"], olds, news)


def _delete_group(aws: Aws, name: str, _inputs: Inputs) -> None:
    try:
        aws.client("ec2").delete_placement_group(GroupName=name)
    except ClientError as error:
        unless_gone(error, "InvalidPlacementGroup.Unknown")


def _create_reservation(aws: Aws, inputs: Inputs) -> str:
    request = given(
        inputs,
        InstanceType="instanceType",
        InstancePlatform="instancePlatform",
        AvailabilityZone="availabilityZone",
        InstanceCount="instanceCount",
        EbsOptimized="ebsOptimized",
        EphemeralStorage="ephemeralStorage",
        EndDate="endDate",
        EndDateType="endDateType",
        InstanceMatchCriteria="instanceMatchCriteria",
        OutpostArn="outpostArn",
        PlacementGroupArn="placementGroupArn",
        Tenancy="tenancy",
    )
    with within_vcpus(aws, inputs["instanceType"], inputs["instanceCount"]):
        made = aws.client("ec2").create_capacity_reservation(**request, **tagged("capacity-reservation", inputs))
    return str(made["CapacityReservation"]["CapacityReservationId"])


def _reservation(aws: Aws, reservation_id: str) -> dict[str, Any]:
    found: dict[str, Any] = aws.client("ec2").describe_capacity_reservations(CapacityReservationIds=[reservation_id])[
        "CapacityReservations"
    ][0]
    return found


def _read_reservation(aws: Aws, reservation_id: str, _known: Inputs) -> Outputs | None:
    there = _reservation(aws, reservation_id)
    if there["State"] in {"cancelled", "expired"}:
        return None
    return {
        "arn": there["CapacityReservationArn"],
        "ownerId": there["OwnerId"],
        "instanceType": there["InstanceType"],
        "instancePlatform": there["InstancePlatform"],
        "availabilityZone": there["AvailabilityZone"],
        "instanceCount": there["TotalInstanceCount"],
        "ebsOptimized": there["EbsOptimized"],
        "ephemeralStorage": there["EphemeralStorage"],
        "endDate": time_of(there.get("EndDate")),
        "endDateType": there["EndDateType"],
        "instanceMatchCriteria": there["InstanceMatchCriteria"],
        "outpostArn": there.get("OutpostArn"),
        "placementGroupArn": there.get("PlacementGroupArn"),
        "tenancy": there["Tenancy"],
        "tags": tags_of(there.get("Tags")),
    }


def _update_reservation(aws: Aws, reservation_id: str, olds: Inputs, news: Inputs) -> None:
    if any(olds.get(key) != news.get(key) for key in ("instanceCount", "endDate", "endDateType")):
        more = news["instanceCount"] - olds["instanceCount"]
        request = given(news, InstanceCount="instanceCount", EndDateType="endDateType", EndDate="endDate")
        with within_vcpus(aws, news["instanceType"], more):
            aws.client("ec2").modify_capacity_reservation(CapacityReservationId=reservation_id, **request)
    retag(aws, reservation_id, olds, news)


def _delete_reservation(aws: Aws, reservation_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").cancel_capacity_reservation(CapacityReservationId=reservation_id)


def _buy(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("ec2").purchase_capacity_block(
        CapacityBlockOfferingId=inputs["capacityBlockOfferingId"],
        InstancePlatform=inputs["instancePlatform"],
        **tagged("capacity-reservation", inputs),
    )
    return str(made["CapacityReservation"]["CapacityReservationId"])


def _read_block(aws: Aws, reservation_id: str, _known: Inputs) -> Outputs | None:
    there = _reservation(aws, reservation_id)
    return {
        "arn": there["CapacityReservationArn"],
        "instancePlatform": there["InstancePlatform"],
        "availabilityZone": there["AvailabilityZone"],
        "createdDate": time_of(there["CreateDate"]),
        "startDate": time_of(there["StartDate"]),
        "endDate": time_of(there["EndDate"]),
        "endDateType": there["EndDateType"],
        "ebsOptimized": there["EbsOptimized"],
        "instanceCount": there["TotalInstanceCount"],
        "instanceType": there["InstanceType"],
        "outpostArn": "",
        "placementGroupArn": "",
        "reservationType": there["ReservationType"],
        "tenancy": there["Tenancy"],
        "tags": tags_of(there.get("Tags")),
    }


def _keep(_aws: Aws, _reservation_id: str, _inputs: Inputs) -> None:
    """A Capacity Block cannot be given back: it only leaves the state."""


def _bought(inputs: Inputs) -> str:
    offering = inputs.get("capacityBlockOfferingId")
    return (
        f"creating this resource buys the Capacity Block {offering if isinstance(offering, str) else 'of an offering not known yet'}: "
        "paid up front, not refundable, and a destroy only forgets it (simulated here: nothing is bought)"
    )


def _offering(aws: Aws, arguments: Inputs) -> Outputs:
    request = given(arguments, InstanceType="instanceType", InstanceCount="instanceCount", CapacityDurationHours="capacityDurationHours")
    request |= given(arguments, StartDateRange="startDateRange", EndDateRange="endDateRange")
    found = first(
        aws.client("ec2").describe_capacity_block_offerings(**request)["CapacityBlockOfferings"],
        "CapacityBlockOfferingNotFound",
        f"no Capacity Block of {arguments['instanceType']} is offered for {arguments['capacityDurationHours']} h",
    )
    return {
        **{key: value for key, value in arguments.items() if value is not None},
        "id": found["CapacityBlockOfferingId"],
        "capacityBlockOfferingId": found["CapacityBlockOfferingId"],
        "availabilityZone": found["AvailabilityZone"],
        "currencyCode": found["CurrencyCode"],
        "startDateRange": time_of(found["StartDate"]),
        "endDateRange": time_of(found["EndDate"]),
        "tenancy": found["Tenancy"],
        "upfrontFee": found["UpfrontFee"],
        "region": aws.region,
    }


MODELS = (
    ResourceModel(
        type="aws:ec2/placementGroup:PlacementGroup",
        noun="EC2 Placement Group",
        create=_create_group,
        read=_read_group,
        update=_update_group,
        delete=_delete_group,
        name=AutoName("name", 255),
        forces_new=frozenset({"name", "strategy", "partitionCount", "spreadLevel"}),
        computed=frozenset({"partitionCount", "spreadLevel"}),
        rules=(
            length("name", 1, 255),
            enumerated("strategy", "ec2", "PlacementStrategy"),
            enumerated("spreadLevel", "ec2", "SpreadLevel"),
            between("partitionCount", 1, 7),
        ),
        behaviours=(
            Behaviour(
                "partitions come with strategy partition only and levels with spread, and a group in use is not deleted",
                "EC2 API reference, CreatePlacementGroup and DeletePlacementGroup; own model, moto has none",
                "test_ec2_capacity.py::test_partitions_and_spread_levels_come_with_their_own_strategy_only",
                ("test_ec2_capacity.py::test_a_placement_group_is_not_deleted_while_an_instance_runs_in_it",),
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/capacityReservation:CapacityReservation",
        noun="EC2 Capacity Reservation",
        create=_create_reservation,
        read=_read_reservation,
        update=_update_reservation,
        delete=_delete_reservation,
        defaults={"endDateType": "unlimited", "instanceMatchCriteria": "open", "tenancy": "default"},
        forces_new=frozenset(
            {
                "instanceType",
                "instancePlatform",
                "availabilityZone",
                "ebsOptimized",
                "ephemeralStorage",
                "instanceMatchCriteria",
                "tenancy",
            }
        ),
        rules=(
            enumerated("instancePlatform", "ec2", "CapacityReservationInstancePlatform"),
            enumerated("endDateType", "ec2", "EndDateType"),
            enumerated("instanceMatchCriteria", "ec2", "InstanceMatchCriteria"),
            enumerated("tenancy", "ec2", "CapacityReservationTenancy"),
            between("instanceCount", 1, 1000),
            timestamp("endDate"),
        ),
        behaviours=(
            Behaviour(
                "an end date comes with endDateType limited, and with it only",
                "EC2 API reference, CreateCapacityReservation; own model, moto has none",
                "test_ec2_capacity.py::test_a_reservation_ends_only_where_it_is_limited",
            ),
            Behaviour(
                "reserved vCPUs count against the quota of their family",
                "EC2 user guide, On-Demand Capacity Reservation limits",
                "test_ec2_capacity.py::test_reserved_vcpus_count_against_the_quota_of_their_family",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/capacityBlockReservation:CapacityBlockReservation",
        noun="EC2 Capacity Block Reservation",
        create=_buy,
        read=_read_block,
        update=retag,
        delete=_keep,
        notice=_bought,
        forces_new=frozenset({"capacityBlockOfferingId", "instancePlatform"}),
        state_only=frozenset({"timeouts", "capacityBlockOfferingId"}),
        rules=(enumerated("instancePlatform", "ec2", "CapacityReservationInstancePlatform"),),
        behaviours=(
            Behaviour(
                "creating it is the purchase, which preview and update say; it can neither be cancelled nor destroyed",
                "EC2 user guide, Capacity Blocks for ML; terraform-provider-aws, aws_ec2_capacity_block_reservation; own model",
                "test_ec2_capacity.py::test_a_capacity_block_is_bought_by_creating_it_and_says_so_before_and_after",
            ),
        ),
    ),
)

FUNCTIONS = (
    FunctionModel(
        "aws:ec2/getCapacityBlockOffering:getCapacityBlockOffering",
        _offering,
        (
            Behaviour(
                "offers whole days up to 14 and weeks up to 182 days, for types with the usage class capacity-block; the fee is made up",
                "EC2 API reference, DescribeCapacityBlockOfferings; types from moto's table",
                "test_ec2_capacity.py::test_offerings_are_for_whole_days_and_for_types_that_have_blocks",
            ),
        ),
    ),
)
