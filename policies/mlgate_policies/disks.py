"""Disks, and what stores have for one, that are not encrypted or only as fast as they are large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlgate.policy_documents import listed
from mlgate_policies.resource import UNKNOWN, Resource, at, known, listed_at
from mlgate_policies.rule import EVERYWHERE, Rule

__all__ = ["ENCRYPTED", "MACHINES", "MAPPED", "RULES", "VOLUMES"]

_IMAGE = "aws:ec2/ami:Ami"
_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
_SERVICE = "aws:ecs/service:Service"
_STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
_EBS = "ebs.csi.aws.com"
_WAREHOUSE = "aws:redshift/cluster:Cluster"

MAPPED: Mapping[str, str] = {
    "aws:ec2/launchTemplate:LaunchTemplate": "blockDeviceMappings",
    "aws:imagebuilder/containerRecipe:ContainerRecipe": "instanceConfiguration.blockDeviceMappings",
    "aws:imagebuilder/imageRecipe:ImageRecipe": "blockDeviceMappings",
    "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass": "spec.blockDeviceMappings",
}
"""Where the disks of machines are mapped, each as `ebs`."""

MACHINES: Mapping[str, str] = {
    "aws:ec2/instance:Instance": "rootBlockDevice",
    "aws:ec2/launchConfiguration:LaunchConfiguration": "rootBlockDevice",
    "aws:ec2/spotFleetRequest:SpotFleetRequest": "launchSpecifications.rootBlockDevices",
    "aws:ec2/spotInstanceRequest:SpotInstanceRequest": "rootBlockDevice",
}
"""Where the root of a machine stands; its other disks are `ebsBlockDevices` beside it."""

VOLUMES: Mapping[str, str] = {
    "aws:ebs/volume:Volume": "",
    _IMAGE: "ebsBlockDevices",
    _SERVICE: "volumeConfiguration.managedEbsVolume",
}
"""Where a disk stands that nothing beside it is the root of; the first is one itself."""

ENCRYPTED: Mapping[str, Sequence[str]] = {
    "aws:docdb/cluster:Cluster": ["storageEncrypted"],
    "aws:ebs/snapshotCopy:SnapshotCopy": ["encrypted"],
    "aws:ebs/snapshotImport:SnapshotImport": ["encrypted"],
    "aws:ec2/amiCopy:AmiCopy": ["encrypted"],
    "aws:efs/fileSystem:FileSystem": ["encrypted"],
    "aws:elasticsearch/domain:Domain": ["encryptAtRest.enabled"],
    "aws:neptune/cluster:Cluster": ["storageEncrypted"],
    "aws:opensearch/domain:Domain": ["encryptAtRest.enabled"],
    "aws:rds/cluster:Cluster": ["storageEncrypted"],
    "aws:rds/instance:Instance": ["storageEncrypted"],
    _WAREHOUSE: ["encrypted"],
    "aws:workspaces/workspace:Workspace": ["rootVolumeEncryptionEnabled", "userVolumeEncryptionEnabled"],
}
"""What must be true of stores and copies, which say no more of their disks.

tests/policies/table_inputs.py holds the four tables to pulumi_aws, and says of what stands in none why it does not.
"""


def _plain_disks(resource: Resource, _others: Sequence[Resource]) -> Iterator[str]:
    if resource.type in MAPPED:
        yield from _mapped(resource)
    elif resource.type in MACHINES:
        yield from _of_machines(resource)
    elif resource.type in VOLUMES:
        yield from _volumes(resource)
    elif resource.type in ENCRYPTED:
        yield from (f"{path} is not true" for path in ENCRYPTED[resource.type] if not _encrypted(resource, path))
    elif resource.type == _NODE_GROUP:
        if resource.at("launchTemplate") is None:
            yield "it has no launch template, so nobody says what its root is"
    elif resource.at("provisioner") == _EBS:
        # The driver's own defaults (aws-ebs-csi-driver, docs/parameters.md): gp3, and not encrypted.
        kind = resource.at("parameters", "type")
        yield from _disk("a volume of it", resource.at("parameters", "encrypted"), "gp3" if kind is None else kind)


def _mapped(resource: Resource) -> Iterator[str]:
    mappings = resource.at(*MAPPED[resource.type].split("."))
    # Karpenter's own default is an encrypted gp3 (pkg/providers/amifamily/resolver.go, DefaultEBS, v1.14.1), but for custom images.
    if mappings is None and resource.type.startswith("kubernetes:") and resource.at("spec", "amiFamily") != "Custom":
        return
    disks = [each for each in listed_at(mappings) if at(each, "ebs") is not None]
    if not disks and mappings is not UNKNOWN:
        yield "it declares no disk, so the root is whatever the image says"
    for mapping in disks:
        disk = at(mapping, "ebs")
        yield from _disk(f"{at(mapping, 'deviceName')}", at(disk, "encrypted"), at(disk, "volumeType"))


def _of_machines(resource: Resource) -> Iterator[str]:
    *above, last = MACHINES[resource.type].split(".")
    for machine in listed_at(resource.properties, *above):
        for root in listed(at(machine, last)) or [None]:
            yield from _disk("its root", at(root, "encrypted"), at(root, "volumeType"))
        for disk in listed_at(machine, "ebsBlockDevices"):
            yield from _disk(f"{at(disk, 'deviceName')}", at(disk, "encrypted"), at(disk, "volumeType"))


def _volumes(resource: Resource) -> Iterator[str]:
    path = VOLUMES[resource.type]
    for disk in listed_at(resource.properties, *path.split(".") if path else ()):
        what = f"{at(disk, 'deviceName') or 'its managed volume'}" if path else "it"
        encrypted = True if _encrypted_unsaid(resource.type, disk) else at(disk, "encrypted")
        yield from _disk(what, encrypted, at(disk, "volumeType" if path else "type"))


def _encrypted_unsaid(kind: str, disk: Any) -> bool:
    """ECS encrypts where nothing is said; a disk of an image that is made from a snapshot is as that one, and may say nothing."""
    return at(disk, "encrypted") is None and (kind == _SERVICE or (kind == _IMAGE and at(disk, "snapshotId") is not None))


def _encrypted(resource: Resource, path: str) -> bool:
    """Or not known yet. A warehouse is where nothing is said (Amazon Redshift, since 2025-01-10), a replica of RDS as what it is one of."""
    value = resource.at(*path.split("."))
    if value is None and (resource.type == _WAREHOUSE or resource.at("replicateSourceDb") is not None):
        return True
    return not known(value, True, "true")


def _disk(what: str, encrypted: Any, kind: Any) -> Iterator[str]:
    if known(encrypted, True, "true"):  # a launch template takes a text
        yield f"{what} is not encrypted"
    if known(kind, "gp3"):
        yield f"{what} is {kind or 'of no stated type'}, not gp3"


RULES = (
    Rule(
        name="plain-disk",
        why="a disk that is not encrypted can be read by whoever gets its snapshot, and a gp2 is only as fast as it is large",
        remedy="declare every disk, the root too, with encrypted true and volume type gp3; set what encrypts a store or a copy to true",
        levels=EVERYWHERE,
        types=frozenset({*MAPPED, *MACHINES, *VOLUMES, *ENCRYPTED, _NODE_GROUP, _STORAGE_CLASS}),
        check=_plain_disks,
    ),
)
