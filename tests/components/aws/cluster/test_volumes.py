"""Disks that the cluster's driver makes for volume claims: of the platform like all else, so that they are billed and found with it."""

from __future__ import annotations

import json

from .clusters import ADDON, TAGS, recorded


def test_they_have_the_tags_of_what_is_made_here() -> None:
    graph = recorded(tags={**TAGS, "cost_center": "4711"})
    (driver,) = [addon for addon in graph.all(ADDON) if addon.inputs["addonName"] == "aws-ebs-csi-driver"]
    tags = {**TAGS, "cost-center": "4711", "managed-by": "mlgate"}
    assert json.loads(driver.inputs["configurationValues"]) == {"controller": {"extraVolumeTags": tags}}
