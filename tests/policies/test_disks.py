"""The rule over disks: it fires, and leaves alone what is right or not known yet."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_policies.disks import ENCRYPTED
from mlgate_policies.resource import UNKNOWN

from .asking import objections, resource, stated

VOLUME = "aws:ebs/volume:Volume"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
INSTANCE = "aws:ec2/instance:Instance"
SPOT_FLEET = "aws:ec2/spotFleetRequest:SpotFleetRequest"
IMAGE = "aws:ec2/ami:Ami"
RECIPE = "aws:imagebuilder/imageRecipe:ImageRecipe"
CONTAINER = "aws:imagebuilder/containerRecipe:ContainerRecipe"
SERVICE = "aws:ecs/service:Service"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
GP3 = {"encrypted": True, "volumeType": "gp3"}
PLAIN_ROOT = ["its root is not encrypted", "its root is of no stated type, not gp3"]
NO_DISK = ["it declares no disk, so the root is whatever the image says"]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        (VOLUME, {"encrypted": True, "type": "gp3"}),
        (VOLUME, {"encrypted": UNKNOWN, "type": UNKNOWN}),
        (TEMPLATE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeType": "gp3"}}]}),
        (TEMPLATE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": GP3}, {"deviceName": "/dev/sdb", "virtualName": "e0"}]}),
        (TEMPLATE, {"blockDeviceMappings": UNKNOWN}),
        (TEMPLATE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": UNKNOWN}]}),
        (INSTANCE, {"rootBlockDevice": GP3, "ebsBlockDevices": [{"deviceName": "/dev/sdb", **GP3}]}),
        (INSTANCE, {"rootBlockDevice": UNKNOWN, "ebsBlockDevices": UNKNOWN}),
        ("aws:ec2/launchConfiguration:LaunchConfiguration", {"rootBlockDevice": GP3}),
        ("aws:ec2/spotInstanceRequest:SpotInstanceRequest", {"rootBlockDevice": GP3}),
        ("aws:eks/nodeGroup:NodeGroup", {"launchTemplate": {"id": "lt-1"}}),
        ("aws:eks/nodeGroup:NodeGroup", {"launchTemplate": UNKNOWN}),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}}),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true", "type": "gp3"}}),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com", "parameters": UNKNOWN}),
        (STORAGE_CLASS, {"provisioner": "efs.csi.aws.com"}),
        (NODE_CLASS, {"spec": {"amiFamily": "AL2023"}}),
        (SPOT_FLEET, {"launchTemplateConfigs": [{}]}),
        (SPOT_FLEET, {"launchSpecifications": UNKNOWN}),
        (SPOT_FLEET, {"launchSpecifications": [{"rootBlockDevices": [GP3]}, {"rootBlockDevices": UNKNOWN}]}),
        (RECIPE, {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": GP3}]}),
        (CONTAINER, {"instanceConfiguration": {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": GP3}]}}),
        (CONTAINER, {"instanceConfiguration": UNKNOWN}),
        (IMAGE, {}),
        (IMAGE, {"ebsBlockDevices": [{"deviceName": "/dev/xvda", **GP3}]}),
        (IMAGE, {"ebsBlockDevices": [{"deviceName": "/dev/xvda", "snapshotId": "snap-1", "volumeType": "gp3"}]}),
        (SERVICE, {}),
        (SERVICE, {"volumeConfiguration": {"name": "data", "managedEbsVolume": {"volumeType": "gp3"}}}),
        (SERVICE, {"volumeConfiguration": {"name": "data", "managedEbsVolume": GP3}}),
        (NODE_CLASS, {"spec": {"amiFamily": "Custom", "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": GP3}]}}),
    ],
)
def test_an_encrypted_gp3_is_no_plain_disk(kind: str, properties: dict[str, Any]) -> None:
    assert objections("plain-disk", resource(kind, properties)) == []


@pytest.mark.parametrize(
    ("kind", "properties", "expected"),
    [
        (VOLUME, {"type": "gp3"}, ["it is not encrypted"]),
        (VOLUME, {"encrypted": False, "type": "gp2"}, ["it is not encrypted", "it is gp2, not gp3"]),
        (VOLUME, {"encrypted": True}, ["it is of no stated type, not gp3"]),
        (TEMPLATE, {}, NO_DISK),
        (TEMPLATE, {"blockDeviceMappings": []}, NO_DISK),
        (
            TEMPLATE,
            {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {**GP3, "encrypted": "false"}}]},
            ["/dev/xvda is not encrypted"],
        ),
        (
            TEMPLATE,
            {"blockDeviceMappings": [{"deviceName": "/dev/a", "ebs": GP3}, {"deviceName": "/dev/b", "ebs": {"encrypted": "true"}}]},
            ["/dev/b is of no stated type, not gp3"],
        ),
        (INSTANCE, {}, PLAIN_ROOT),
        (
            INSTANCE,
            {"rootBlockDevice": GP3, "ebsBlockDevices": [{"deviceName": "/dev/sdb", **GP3, "volumeType": "io1"}]},
            ["/dev/sdb is io1, not gp3"],
        ),
        (
            SPOT_FLEET,
            {
                "launchSpecifications": [
                    {"rootBlockDevices": []},
                    {"rootBlockDevices": [GP3], "ebsBlockDevices": [{"deviceName": "/dev/b"}]},
                ]
            },
            [*PLAIN_ROOT, "/dev/b is not encrypted", "/dev/b is of no stated type, not gp3"],
        ),
        (SPOT_FLEET, {"launchSpecifications": [{}]}, PLAIN_ROOT),
        (RECIPE, {}, NO_DISK),
        (RECIPE, {"blockDeviceMappings": [{"deviceName": "/dev/a", "ebs": {"volumeType": "gp3"}}]}, ["/dev/a is not encrypted"]),
        (CONTAINER, {"instanceConfiguration": {"image": "ami-1"}}, NO_DISK),
        (IMAGE, {"ebsBlockDevices": [{"deviceName": "/dev/a", "volumeType": "gp3"}]}, ["/dev/a is not encrypted"]),
        (
            IMAGE,
            {"ebsBlockDevices": [{"deviceName": "/dev/a", "snapshotId": "snap-1", "encrypted": False}]},
            ["/dev/a is not encrypted", "/dev/a is of no stated type, not gp3"],
        ),
        (
            SERVICE,
            {"volumeConfiguration": {"managedEbsVolume": {"encrypted": False}}},
            ["its managed volume is not encrypted", "its managed volume is of no stated type, not gp3"],
        ),
        (
            SERVICE,
            {"volumeConfiguration": {"managedEbsVolume": {"snapshotId": "snap-1", "volumeType": "gp2"}}},
            ["its managed volume is gp2, not gp3"],
        ),
        ("aws:eks/nodeGroup:NodeGroup", {"diskSize": 20}, ["it has no launch template, so nobody says what its root is"]),
        (STORAGE_CLASS, {"provisioner": "ebs.csi.aws.com"}, ["a volume of it is not encrypted"]),
        (
            STORAGE_CLASS,
            {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true", "type": "gp2"}},
            ["a volume of it is gp2, not gp3"],
        ),
        (NODE_CLASS, {"spec": {"amiFamily": "Custom"}}, NO_DISK),
        (
            NODE_CLASS,
            {"spec": {"blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"volumeType": "gp3"}}]}},
            ["/dev/xvda is not encrypted"],
        ),
    ],
)
def test_a_plain_disk_is_named(kind: str, properties: dict[str, Any], expected: list[str]) -> None:
    assert objections("plain-disk", resource(kind, properties)) == expected


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_a_store_or_a_copy_that_is_not_encrypted_is_named(kind: str) -> None:
    by_itself = kind == "aws:redshift/cluster:Cluster"
    paths = ENCRYPTED[kind]
    assert objections("plain-disk", resource(kind)) == ([] if by_itself else [f"{path} is not true" for path in paths])
    for path in paths:
        others = {key: value for other in paths if other != path for key, value in stated(other, True).items()}
        assert objections("plain-disk", resource(kind, {**others, **stated(path, False)})) == [f"{path} is not true"]
        for value in (True, "true", UNKNOWN):
            assert objections("plain-disk", resource(kind, {**others, **stated(path, value)})) == []


@pytest.mark.parametrize("source", ["models", UNKNOWN])
def test_a_replica_of_a_database_is_as_what_it_is_one_of(source: Any) -> None:
    replica = {"replicateSourceDb": source}
    assert objections("plain-disk", resource("aws:rds/instance:Instance", replica)) == []
    plain = objections("plain-disk", resource("aws:rds/instance:Instance", {**replica, "storageEncrypted": False}))
    assert plain == ["storageEncrypted is not true"]
