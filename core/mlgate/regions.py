"""The regions in which a platform can stand, and what their zones are called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

__all__ = ["FEWEST_ZONES", "REGIONS", "region_of", "unknown_region", "wrong_zones"]

# Those where EKS is, of AWS's commercial partition: botocore 1.44.8, data/endpoints.json, read 2026-11-27.
REGIONS = (
    *("af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6", "ap-southeast-7"),
    *("ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2"),
    *("eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1"),
    "us-west-2",
)
FEWEST_ZONES = 2  # EKS user guide, "VPC requirements": the control plane stands in at least two
_ZONE = re.compile(r"([a-z]{2,}(?:-[a-z]+)+-\d)[a-z]")


def region_of(zone: str) -> str | None:
    """The region of an availability zone by its name; None for what is not the name of one, such as a local zone's."""
    match = _ZONE.fullmatch(zone)
    return match[1] if match else None


def unknown_region(region: str) -> str:
    """What would be accepted instead of a region that is none of `REGIONS`; "" for one that is."""
    if region in REGIONS:
        return ""
    near = difflib.get_close_matches(region, REGIONS, n=1)
    return f"did you mean {near[0]}?" if near else f"one of {', '.join(REGIONS)}"


def wrong_zones(zones: Sequence[str]) -> list[tuple[int | None, str, str]]:
    """What is wrong with the zones of one network: (index, or None for all of them; what was found; what would be accepted)."""
    wrong: list[tuple[int | None, str, str]] = []
    regions: dict[str, None] = {}
    for index, zone in enumerate(zones):
        region = region_of(zone)
        if region is None:
            wrong.append((index, f"is {zone!r}", "the name of an availability zone, such as eu-central-1a"))
        elif instead := unknown_region(region):
            wrong.append((index, f"is {zone!r}, of the unknown region {region}", instead))
        else:
            regions.setdefault(region)
        if zone in zones[:index]:
            wrong.append((index, f"is {zone!r} a second time", "each zone once"))
    if len(regions) > 1:
        wrong.append((None, f"are of {' and '.join(regions)}", "zones of one region"))
    if len(zones) < FEWEST_ZONES:
        wrong.append((None, f"are {len(zones)}", f"{FEWEST_ZONES} or more: EKS's control plane stands in two at least"))
    return wrong
