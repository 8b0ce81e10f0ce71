"""The nodes of a cluster's own services, recorded: credentials, disks, images."""

from __future__ import annotations

from .clusters import NODES, TAGS, recorded


def test_nodes_keep_their_credentials_to_themselves_and_their_disks_are_encrypted() -> None:
    graph = recorded(nodes={"instance_types": ["m7i.large"], "disk_gib": 80})
    template = graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs
    assert template["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
    (disk,) = template["blockDeviceMappings"]
    assert disk["deviceName"] == "/dev/xvda"
    assert disk["ebs"] == {"volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true", "volumeSize": 80}
    assert {each["resourceType"] for each in template["tagSpecifications"]} == {"instance", "volume", "network-interface"}
    assert all(TAGS.items() <= each["tags"].items() for each in template["tagSpecifications"])
    group = graph.one(NODES).inputs
    assert (group["capacityType"], group["amiType"]) == ("ON_DEMAND", "AL2023_x86_64_STANDARD")
    assert group["scalingConfig"] == {"minSize": 2, "desiredSize": 2, "maxSize": 4}
    assert group["updateConfig"] == {"maxUnavailable": 1}


def test_bottlerocket_has_its_system_on_one_disk_and_images_on_another() -> None:
    graph = recorded(nodes={"instance_types": ["m7i.large"], "image": "bottlerocket", "release": "1.50.0-5eaa0b1c"})
    disks = graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["blockDeviceMappings"]
    assert [(disk["deviceName"], disk["ebs"].get("volumeSize")) for disk in disks] == [("/dev/xvda", None), ("/dev/xvdb", 50)]
    assert all(disk["ebs"]["encrypted"] == "true" for disk in disks)
    group = graph.one(NODES).inputs
    assert (group["amiType"], group["releaseVersion"]) == ("BOTTLEROCKET_x86_64", "1.50.0-5eaa0b1c")
