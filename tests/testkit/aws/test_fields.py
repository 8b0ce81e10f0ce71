"""Fields of objects: what the cloud adds to them, and what cannot change in place."""

from __future__ import annotations

from typing import Any

import pytest

from mlgate_testkit.aws.fields import forces_new_below, with_fields
from mlgate_testkit.aws.models import MODELS
from mlgate_testkit.provider.values import UNKNOWN

CLUSTER = MODELS["aws:eks/cluster:Cluster"]
INSTANCE = MODELS["aws:ec2/instance:Instance"]
CIDR = {"serviceIpv4Cidr": "172.20.0.0/16"}


def test_a_field_of_the_cloud_is_open_at_first_and_kept_later() -> None:
    first = with_fields(CLUSTER, {"vpcConfig": {"subnetIds": ["a"]}}, {})
    assert first["vpcConfig"]["vpcId"] is UNKNOWN
    assert first["vpcConfig"]["endpointPublicAccess"] is True
    later = with_fields(CLUSTER, {"vpcConfig": {"subnetIds": ["b"]}}, {"vpcConfig": {"vpcId": "vpc-1", "endpointPublicAccess": False}})
    assert (later["vpcConfig"]["vpcId"], later["vpcConfig"]["endpointPublicAccess"]) == ("vpc-1", True)
    assert with_fields(CLUSTER, {"name": "x"}, {}) == {"name": "x"}


@pytest.mark.parametrize(
    ("there", "wanted", "new"),
    [
        (CIDR, CIDR, False),  # says what is there
        (CIDR, {"serviceIpv4Cidr": "172.21.0.0/16"}, True),
        (CIDR, {"elasticLoadBalancing": {"enabled": True}}, False),  # the field that matters is not touched
        (CIDR, None, False),  # left to the cloud again
        (None, CIDR, False),  # nothing there to replace
    ],
)
def test_an_object_added_or_taken_away_needs_a_new_resource_only_if_a_fixed_field_changes(there: Any, wanted: Any, new: bool) -> None:
    key = "kubernetesNetworkConfig"
    assert forces_new_below(CLUSTER, key, {key: there}, {key: wanted}) is new


def test_the_first_disk_of_a_list_needs_a_new_instance_like_any_other() -> None:
    disks = {"ebsBlockDevices": [{"deviceName": "/dev/sdf", "volumeSize": 8}]}
    assert forces_new_below(INSTANCE, "ebsBlockDevices", {}, disks)
    assert forces_new_below(INSTANCE, "ebsBlockDevices[1]", disks, disks)
    assert not forces_new_below(INSTANCE, "ebsBlockDevices", disks, {})  # left to the cloud again
    assert not forces_new_below(INSTANCE, "ebsBlockDevices", {}, {"ebsBlockDevices": []})


def test_encryption_is_turned_on_in_place_and_never_off() -> None:
    key = {"provider": {"keyArn": "arn:aws:kms:eu-central-1:1:key/1"}, "resources": ["secrets"]}
    assert not forces_new_below(CLUSTER, "encryptionConfig", {}, {"encryptionConfig": key})
    assert forces_new_below(CLUSTER, "encryptionConfig", {"encryptionConfig": key}, {})
