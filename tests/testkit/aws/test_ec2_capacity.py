"""Placement groups, capacity reservations and Capacity Blocks."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples_compute import instance

GROUP = "aws:ec2/placementGroup:PlacementGroup"
INSTANCE = "aws:ec2/instance:Instance"
RESERVATION = "aws:ec2/capacityReservation:CapacityReservation"
BLOCK = "aws:ec2/capacityBlockReservation:CapacityBlockReservation"
OFFERING = "aws:ec2/getCapacityBlockOffering:getCapacityBlockOffering"
GPUS = {"instanceType": "g6.xlarge", "instancePlatform": "Linux/UNIX", "availabilityZone": "eu-central-1a"}


def test_partitions_and_spread_levels_come_with_their_own_strategy_only(cloud: Cloud) -> None:
    assert cloud.up(GROUP, "spread", strategy="partition").outputs["partitionCount"] == 2
    with pytest.raises(ProviderError, match=r"Value \(3\) for parameter partitionCount is invalid"):
        cloud.up(GROUP, strategy="cluster", partitionCount=3)
    with pytest.raises(ProviderError, match=r"Value \(rack\) for parameter spreadLevel is invalid"):
        cloud.up(GROUP, strategy="cluster", spreadLevel="rack")
    (failure,) = cloud.check(GROUP, strategy="clustered")
    assert '"cluster" "spread" "partition"' in failure.reason
    made = cloud.up(GROUP, "train", name="train", strategy="cluster")
    with pytest.raises(ProviderError, match=r"InvalidPlacementGroup.Duplicate: The placement group 'train' already exists"):
        cloud.up(GROUP, "again", name="train", strategy="cluster")
    cloud.boto("ec2").delete_placement_group(GroupName="train")
    assert cloud.refresh(GROUP, made) is None


def test_a_placement_group_is_not_deleted_while_an_instance_runs_in_it(cloud: Cloud) -> None:
    made = cloud.up(GROUP, name="train", strategy="cluster")
    runs = cloud.up(INSTANCE, **instance(cloud), instanceType="g6.xlarge", placementGroup="train")
    assert cloud.refresh(INSTANCE, runs) == runs
    with pytest.raises(ProviderError, match=r"InvalidPlacementGroup.InUse: The placement group 'train' is in use and may not be deleted"):
        cloud.delete(GROUP, made)
    cloud.delete(INSTANCE, runs)
    cloud.delete(GROUP, made)
    assert cloud.refresh(GROUP, made) is None


def test_a_reservation_ends_only_where_it_is_limited(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="EndDateType 'limited' needs an EndDate"):
        cloud.up(RESERVATION, **GPUS, instanceCount=1, endDateType="limited")
    with pytest.raises(ProviderError, match=r"InvalidParameterCombination: .*'unlimited' takes none"):
        cloud.up(RESERVATION, **GPUS, instanceCount=1, endDate="2030-01-01T00:00:00Z")
    with pytest.raises(ProviderError, match=r"Invalid availability zone: \[eu-central-1z\]"):
        cloud.up(RESERVATION, **{**GPUS, "availabilityZone": "eu-central-1z"}, instanceCount=1)
    made = cloud.up(RESERVATION, **GPUS, instanceCount=1)
    ended = cloud.change(RESERVATION, made, **GPUS, instanceCount=1, endDateType="limited", endDate="2030-01-01T00:00:00Z")
    assert ended.outputs["endDate"] == "2030-01-01T00:00:00Z"
    with pytest.raises(ProviderError, match=r"InvalidParameterCombination: .*'unlimited' takes none"):
        cloud.change(RESERVATION, ended, **GPUS, instanceCount=1, endDate="2030-01-01T00:00:00Z")
    assert "endDate" not in cloud.change(RESERVATION, ended, **GPUS, instanceCount=1).outputs
    cloud.boto("ec2").cancel_capacity_reservation(CapacityReservationId=made.id)
    assert cloud.refresh(RESERVATION, made) is None


def test_reserved_vcpus_count_against_the_quota_of_their_family(cloud: Cloud) -> None:
    cloud.package.quota("L-DB2E81BA", 8)
    made = cloud.up(RESERVATION, **GPUS, instanceCount=2)
    with pytest.raises(ProviderError, match="VcpuLimitExceeded"):
        cloud.up(RESERVATION, "more", **GPUS, instanceCount=1)
    with pytest.raises(ProviderError, match="VcpuLimitExceeded"):
        cloud.change(RESERVATION, made, **GPUS, instanceCount=3)
    cloud.delete(RESERVATION, made)
    assert cloud.up(RESERVATION, "more", **GPUS, instanceCount=1)


def test_a_capacity_block_is_bought_by_creating_it_and_says_so_before_and_after(cloud: Cloud) -> None:
    offering = cloud.invoke(OFFERING, instanceType="p5.48xlarge", instanceCount=2, capacityDurationHours=48)
    assert (offering["currencyCode"], float(offering["upfrontFee"]) > 0) == ("USD", True)
    arguments = {"capacityBlockOfferingId": offering["capacityBlockOfferingId"], "instancePlatform": "Linux/UNIX"}
    cloud.preview(BLOCK, **arguments)
    assert "creating this resource buys the Capacity Block" in cloud.warnings[0]
    assert cloud.boto("ec2").describe_capacity_reservations()["CapacityReservations"] == []
    made = cloud.up(BLOCK, **arguments)
    assert len(cloud.warnings) == 2
    assert (made.outputs["instanceCount"], made.outputs["reservationType"]) == (2, "capacity-block")
    with pytest.raises(Exception, match="A Capacity Block can't be cancelled"):
        cloud.boto("ec2").cancel_capacity_reservation(CapacityReservationId=made.id)
    cloud.delete(BLOCK, made)
    assert cloud.refresh(BLOCK, made)
    with pytest.raises(ProviderError, match="The Capacity Block offering 'cb-0' does not exist"):
        cloud.up(BLOCK, "lost", **{**arguments, "capacityBlockOfferingId": "cb-0"})


def test_offerings_are_for_whole_days_and_for_types_that_have_blocks(cloud: Cloud) -> None:
    for hours in (24, 13 * 24, 14 * 24, 21 * 24, 182 * 24):
        assert cloud.invoke(OFFERING, instanceType="p5.48xlarge", instanceCount=1, capacityDurationHours=hours)["capacityBlockOfferingId"]
    for hours in (0, 25, 15 * 24, 189 * 24):
        with pytest.raises(ProviderError, match=rf"Value \({hours}\) for parameter capacityDurationHours is invalid"):
            cloud.invoke(OFFERING, instanceType="p5.48xlarge", instanceCount=1, capacityDurationHours=hours)
    with pytest.raises(ProviderError, match=r"no Capacity Block of g6.xlarge is offered"):
        cloud.invoke(OFFERING, instanceType="g6.xlarge", instanceCount=1, capacityDurationHours=24)
    assert cloud.boto("ec2").describe_capacity_reservations()["CapacityReservations"] == []
