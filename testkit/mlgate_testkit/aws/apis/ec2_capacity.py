"""Placement groups, capacity reservations and Capacity Blocks, which moto has not.

Sources: EC2 API reference (CreatePlacementGroup, CreateCapacityReservation, DescribeCapacityBlockOfferings, PurchaseCapacityBlock) and EC2
user guide, "Capacity Blocks for ML": 1 to 14 days by the day, up to 182 days by the week, 1 to 64 instances, paid up front and for good.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time, timedelta
from typing import Any

from moto.ec2.models.instance_types import INSTANCE_TYPES

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused

__all__ = ["OPERATIONS", "require_type"]

_START = time(11, 30, tzinfo=UTC)  # every Capacity Block starts and ends at this time
_PRICE_PER_VCPU_HOUR = 0.25  # USD; made up: a test may rely on a fee being there, not on its height


def _tags(place: Place, wanted: dict[str, Any], kind: str, identity: str) -> None:
    for specification in wanted.get("TagSpecifications") or ():
        if specification["ResourceType"] == kind:
            place.backend.create_tags([identity], {tag["Key"]: tag["Value"] for tag in specification["Tags"]})


def _with_tags(place: Place, what: dict[str, Any], identity: str) -> dict[str, Any]:
    return what | {"Tags": [{"Key": key, "Value": value} for key, value in place.backend.tags.get(identity, {}).items()]}


def _identity(prefix: str, *parts: Any) -> str:
    return f"{prefix}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:17]}"


def _create_placement(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    groups, name, strategy = place.store("placement"), wanted["GroupName"], wanted.get("Strategy") or "cluster"
    if name in groups:
        raise Refused("InvalidPlacementGroup.Duplicate", f"The placement group '{name}' already exists.")
    partitions = wanted.get("PartitionCount")
    if partitions is not None and (strategy != "partition" or not 1 <= partitions <= 7):
        raise Refused(
            "InvalidParameterValue", f"Value ({partitions}) for parameter partitionCount is invalid: 1 to 7, with strategy partition only."
        )
    if (level := wanted.get("SpreadLevel")) and strategy != "spread":
        raise Refused("InvalidParameterValue", f"Value ({level}) for parameter spreadLevel is invalid: with strategy spread only.")
    identity = _identity("pg", place, name, datetime.now(UTC))
    groups[name] = {
        "GroupName": name,
        "GroupId": identity,
        "GroupArn": place.arn("ec2", f"placement-group/{name}"),
        "State": "available",
        "Strategy": strategy,
        "PartitionCount": (partitions or 2) if strategy == "partition" else None,
        "SpreadLevel": (wanted.get("SpreadLevel") or "rack") if strategy == "spread" else None,
    }
    _tags(place, wanted, "placement-group", identity)
    return {"PlacementGroup": _with_tags(place, groups[name], identity)}


def _describe_placements(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    groups, names = place.store("placement"), wanted.get("GroupNames")
    for name in names or ():
        if name not in groups:
            raise Refused("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
    ids = wanted.get("GroupIds")
    found = [each for each in groups.values() if (names is None or each["GroupName"] in names) and (ids is None or each["GroupId"] in ids)]
    return {"PlacementGroups": [_with_tags(place, each, each["GroupId"]) for each in found]}


def _delete_placement(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    groups, name = place.store("placement"), wanted["GroupName"]
    if name not in groups:
        raise Refused("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")
    instances = [instance for reservation in place.backend.reservations.values() for instance in reservation.instances]
    if any(each.placement.group_name == name and each.state != "terminated" for each in instances):
        raise Refused("InvalidPlacementGroup.InUse", f"The placement group '{name}' is in use and may not be deleted.")
    del groups[name]
    return {}


def _require_end(wanted: dict[str, Any]) -> None:
    if (wanted.get("EndDateType") == "limited") != bool(wanted.get("EndDate")):
        raise Refused("InvalidParameterCombination", "EndDateType 'limited' needs an EndDate, and 'unlimited' takes none.")


def _create_reservation(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    kind, zone = wanted["InstanceType"], wanted.get("AvailabilityZone")
    require_type(kind)
    if zone not in [each.name for each in place.backend.describe_availability_zones()]:
        raise Refused("InvalidParameterValue", f"Invalid availability zone: [{zone}]")
    _require_end(wanted)
    identity = _identity("cr", place, kind, datetime.now(UTC))
    made = {
        "InstanceType": kind,
        "InstancePlatform": wanted["InstancePlatform"],
        "AvailabilityZone": zone,
        "TotalInstanceCount": wanted["InstanceCount"],
        "AvailableInstanceCount": wanted["InstanceCount"],
        "EbsOptimized": bool(wanted.get("EbsOptimized")),
        "EphemeralStorage": bool(wanted.get("EphemeralStorage")),
        "EndDateType": wanted.get("EndDateType") or "unlimited",
        "EndDate": wanted.get("EndDate"),
        "InstanceMatchCriteria": wanted.get("InstanceMatchCriteria") or "open",
        "OutpostArn": wanted.get("OutpostArn"),
        "PlacementGroupArn": wanted.get("PlacementGroupArn"),
        "Tenancy": wanted.get("Tenancy") or "default",
        "ReservationType": "default",
    }
    return {"CapacityReservation": _kept(place, wanted, identity, made)}


def _kept(place: Place, wanted: dict[str, Any], identity: str, made: dict[str, Any]) -> dict[str, Any]:
    common = {
        "CapacityReservationId": identity,
        "CapacityReservationArn": place.arn("ec2", f"capacity-reservation/{identity}"),
        "OwnerId": place.account,
        "State": "active",
        "StartDate": datetime.now(UTC),
        "CreateDate": datetime.now(UTC),
    }
    place.store("reservations")[identity] = common | made
    _tags(place, wanted, "capacity-reservation", identity)
    return _with_tags(place, place.store("reservations")[identity], identity)


def require_type(kind: str) -> None:
    """Raises InvalidInstanceType for one that moto's table has not."""
    if kind not in INSTANCE_TYPES:
        raise Refused("InvalidInstanceType", f"The following supplied instance types do not exist: [{kind}]")


def _reservation(place: Place, identity: str) -> dict[str, Any]:
    found: dict[str, Any] | None = place.store("reservations").get(identity)
    if found is None:
        raise Refused("InvalidCapacityReservationId.NotFound", f"The capacity reservation ID '{identity}' does not exist.")
    return found


def _describe_reservations(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    ids = wanted.get("CapacityReservationIds") or list(place.store("reservations"))
    return {"CapacityReservations": [_with_tags(place, _reservation(place, each), each) for each in ids]}


def _modify_reservation(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    reservation = _reservation(place, wanted["CapacityReservationId"])
    if reservation["ReservationType"] == "capacity-block":
        raise Refused("InvalidCapacityReservationState", "A Capacity Block can't be modified.")
    if wanted.get("EndDateType"):
        _require_end(wanted)
    if wanted.get("InstanceCount"):
        reservation["TotalInstanceCount"] = reservation["AvailableInstanceCount"] = wanted["InstanceCount"]
    if wanted.get("EndDateType"):
        reservation["EndDateType"] = wanted["EndDateType"]
        reservation["EndDate"] = wanted.get("EndDate")
    return {"Return": True}


def _cancel_reservation(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    reservation = _reservation(place, wanted["CapacityReservationId"])
    if reservation["ReservationType"] == "capacity-block":
        raise Refused("InvalidCapacityReservationState", "A Capacity Block can't be cancelled.")
    reservation.update(State="cancelled", AvailableInstanceCount=0)
    return {"Return": True}


def _offerings(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    kind, count, hours = wanted.get("InstanceType", "p5.48xlarge"), wanted.get("InstanceCount", 1), wanted["CapacityDurationHours"]
    require_type(kind)
    if hours % 24 or not 24 <= hours <= 182 * 24 or (hours > 14 * 24 and hours % (7 * 24)):
        raise Refused(
            "InvalidParameterValue", f"Value ({hours}) for parameter capacityDurationHours is invalid: days up to 14, weeks up to 182 days."
        )
    if not 1 <= count <= 64:
        raise Refused("InvalidParameterValue", f"Value ({count}) for parameter instanceCount is invalid: 1 to 64.")
    if "capacity-block" not in INSTANCE_TYPES[kind].get("SupportedUsageClasses", ()):
        return {"CapacityBlockOfferings": []}
    begin = wanted.get("StartDateRange") or datetime.now(UTC)
    start = datetime.combine(begin.date(), _START)
    start += timedelta(days=0 if start > begin else 1)
    end = start + timedelta(hours=hours)
    if wanted.get("EndDateRange") and end > wanted["EndDateRange"]:
        return {"CapacityBlockOfferings": []}
    zone = place.backend.describe_availability_zones()[0].name
    cost = count * hours * INSTANCE_TYPES[kind]["VCpuInfo"]["DefaultVCpus"] * _PRICE_PER_VCPU_HOUR
    offering = {
        "CapacityBlockOfferingId": _identity("cb", place.region, kind, count, hours, start),
        "InstanceType": kind,
        "AvailabilityZone": zone,
        "InstanceCount": count,
        "StartDate": start,
        "EndDate": end,
        "CapacityBlockDurationHours": hours,
        "UpfrontFee": f"{cost:.2f}",
        "CurrencyCode": "USD",
        "Tenancy": "default",
    }
    place.store("offerings")[str(offering["CapacityBlockOfferingId"])] = offering
    return {"CapacityBlockOfferings": [offering]}


def _purchase(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    offering = place.store("offerings").get(wanted["CapacityBlockOfferingId"])
    if offering is None:
        raise Refused(
            "InvalidCapacityBlockOfferingId.NotFound",
            f"The Capacity Block offering '{wanted['CapacityBlockOfferingId']}' does not exist or has expired.",
        )
    identity = _identity("cr", place, offering, datetime.now(UTC))
    made = {
        **{key: offering[key] for key in ("InstanceType", "AvailabilityZone", "StartDate", "EndDate", "Tenancy")},
        "InstancePlatform": wanted["InstancePlatform"],
        "TotalInstanceCount": offering["InstanceCount"],
        "AvailableInstanceCount": 0,
        "EbsOptimized": True,
        "EphemeralStorage": False,
        "EndDateType": "limited",
        "InstanceMatchCriteria": "targeted",
        "ReservationType": "capacity-block",
        "State": "scheduled",
    }
    place.store("purchases")[identity] = offering["UpfrontFee"]
    return {"CapacityReservation": _kept(place, wanted, identity, made)}


OPERATIONS: dict[str, Operation] = {
    "CreatePlacementGroup": _create_placement,
    "DescribePlacementGroups": _describe_placements,
    "DeletePlacementGroup": _delete_placement,
    "CreateCapacityReservation": _create_reservation,
    "DescribeCapacityReservations": _describe_reservations,
    "ModifyCapacityReservation": _modify_reservation,
    "CancelCapacityReservation": _cancel_reservation,
    "DescribeCapacityBlockOfferings": _offerings,
    "PurchaseCapacityBlock": _purchase,
}
