"""Instances."""

from __future__ import annotations

import base64
from typing import Any

from moto.ec2.models import ec2_backends

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import enumerated, given, no_address, one_template_name, retag, tagged
from mlgate_testkit.aws.models.ec2_vcpus import within_vcpus
from mlgate_testkit.aws.rules import base64_text, conflicting, holds
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_UNTOLD = frozenset(  # kept in state, without effect here
    {
        "capacityReservationSpecification",
        "cpuOptions",
        "creditSpecification",
        "disableApiStop",
        "ebsBlockDevices",
        "enablePrimaryIpv6",
        "enclaveOptions",
        "ephemeralBlockDevices",
        "forceDestroy",
        "getPasswordData",
        "hibernation",
        "hostId",
        "hostResourceGroupArn",
        "instanceInitiatedShutdownBehavior",
        "instanceMarketOptions",
        "ipv6AddressCount",
        "ipv6Addresses",
        "launchTemplate",
        "maintenanceOptions",
        "metadataOptions",
        "networkInterfaces",
        "placementGroupId",
        "placementPartitionNumber",
        "primaryNetworkInterface",
        "privateDnsNameOptions",
        "rootBlockDevice",
        "secondaryNetworkInterfaces",
        "secondaryPrivateIps",
        "securityGroups",
        "tenancy",
        "userDataBase64",
        "userDataReplaceOnChange",
        "volumeTags",
        "associatePublicIpAddress",
        "disableApiTermination",
        "monitoring",
        "ebsOptimized",
        "userData",
    }
)


_ON_A_DISK = (
    "deleteOnTermination",
    "deviceName",
    "encrypted",
    "iops",
    "kmsKeyId",
    "snapshotId",
    "throughput",
    "volumeSize",
    "volumeType",
)
_ON_AN_INTERFACE = ("deleteOnTermination", "deviceIndex", "networkCardIndex", "networkInterfaceId")
_ON_A_SECOND_INTERFACE = (
    "deleteOnTermination",
    "deviceIndex",
    "interfaceType",
    "networkCardIndex",
    "privateIpAddressCount",
    "secondarySubnetId",
)


def _market(inputs: Inputs) -> dict[str, Any]:
    options = inputs.get("instanceMarketOptions") or {}
    return {"InstanceMarketOptions": {"MarketType": options["marketType"]}} if options.get("marketType") else {}


def _create(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    request = given(inputs, ImageId="ami", InstanceType="instanceType", KeyName="keyName", EbsOptimized="ebsOptimized")
    request |= given(inputs, SubnetId="subnetId", SecurityGroupIds="vpcSecurityGroupIds", PrivateIpAddress="privateIp")
    if template := inputs.get("launchTemplate"):
        request["LaunchTemplate"] = given(template, LaunchTemplateId="id", LaunchTemplateName="name", Version="version")
    placement = given(inputs, AvailabilityZone="availabilityZone", GroupName="placementGroup")
    request |= {"Placement": placement} if placement else {}
    if profile := inputs.get("iamInstanceProfile"):
        request["IamInstanceProfile"] = {"Name": profile}
    if inputs.get("userData") or inputs.get("userDataBase64"):
        request["UserData"] = inputs.get("userData") or base64.b64decode(inputs["userDataBase64"]).decode()
    spot = _market(inputs).get("InstanceMarketOptions", {}).get("MarketType") == "spot"
    with within_vcpus(aws, inputs.get("instanceType") or _type_of(ec2, inputs), 1, spot=spot):
        made = ec2.run_instances(MinCount=1, MaxCount=1, **request, **_market(inputs), **tagged("instance", inputs))
    instance_id = str(made["Instances"][0]["InstanceId"])
    if inputs.get("placementGroup"):  # moto has a place for it and leaves it empty
        ec2_backends[aws.account_id][aws.region].get_instance(instance_id).placement.group_name = inputs["placementGroup"]
    return instance_id


def _type_of(ec2: Any, inputs: Inputs) -> str:
    """The type that a launch template says."""
    template = inputs["launchTemplate"]
    named = given(template, LaunchTemplateId="id", LaunchTemplateName="name")
    versions = ec2.describe_launch_template_versions(Versions=[str(template.get("version") or "$Default")], **named)
    return str(versions["LaunchTemplateVersions"][0]["LaunchTemplateData"].get("InstanceType") or "m1.small")


def _settle(aws: Aws, instance_id: str, inputs: Inputs) -> None:
    if inputs.get("sourceDestCheck") is False:
        aws.client("ec2").modify_instance_attribute(InstanceId=instance_id, SourceDestCheck={"Value": False})
    if inputs.get("disableApiTermination"):
        aws.client("ec2").modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": True})


def _read(aws: Aws, instance_id: str, _known: Inputs) -> Outputs | None:
    reservations = aws.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    instance: dict[str, Any] = reservations[0]["Instances"][0]
    if instance["State"]["Name"] == "terminated":
        return None
    interfaces = instance.get("NetworkInterfaces") or [{}]
    profile = (instance.get("IamInstanceProfile") or {}).get("Arn")
    return {
        "arn": aws.arn("ec2", f"instance/{instance_id}"),
        "ami": instance["ImageId"],
        "instanceType": instance["InstanceType"],
        "availabilityZone": instance["Placement"]["AvailabilityZone"],
        "placementGroup": instance["Placement"].get("GroupName") or None,
        "subnetId": instance.get("SubnetId"),
        "vpcSecurityGroupIds": [group["GroupId"] for group in instance.get("SecurityGroups") or ()],
        "keyName": instance.get("KeyName") or None,
        "iamInstanceProfile": profile and profile.rsplit("/", 1)[-1],
        "sourceDestCheck": instance.get("SourceDestCheck", True),
        "privateIp": instance.get("PrivateIpAddress"),
        "privateDns": instance.get("PrivateDnsName") or "",
        "publicIp": instance.get("PublicIpAddress") or "",
        "publicDns": instance.get("PublicDnsName") or "",
        "instanceState": instance["State"]["Name"],
        "instanceLifecycle": instance.get("InstanceLifecycle") or "",
        "primaryNetworkInterfaceId": interfaces[0].get("NetworkInterfaceId") or "",
        "spotInstanceRequestId": instance.get("SpotInstanceRequestId") or "",
        "outpostArn": "",
        "passwordData": "",
        "tags": tags_of(instance.get("Tags")),
    }


def _update(aws: Aws, instance_id: str, olds: Inputs, news: Inputs) -> None:
    ec2 = aws.client("ec2")
    if olds.get("instanceType") != news.get("instanceType"):
        ec2.stop_instances(InstanceIds=[instance_id])
        ec2.modify_instance_attribute(InstanceId=instance_id, InstanceType={"Value": news["instanceType"]})
        with within_vcpus(aws, news["instanceType"], 1):  # counted as it starts, when the old type's are free
            ec2.start_instances(InstanceIds=[instance_id])
    if news.get("vpcSecurityGroupIds") and olds.get("vpcSecurityGroupIds") != news["vpcSecurityGroupIds"]:
        ec2.modify_instance_attribute(InstanceId=instance_id, Groups=news["vpcSecurityGroupIds"])
    for argument, parameter in (("sourceDestCheck", "SourceDestCheck"), ("disableApiTermination", "DisableApiTermination")):
        if olds.get(argument) != news.get(argument) and news.get(argument) is not None:
            ec2.modify_instance_attribute(InstanceId=instance_id, **{parameter: {"Value": news[argument]}})
    retag(aws, instance_id, olds, news)


def _delete(aws: Aws, instance_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").terminate_instances(InstanceIds=[instance_id])


def _launchable(inputs: Inputs) -> Any:
    template = inputs.get("launchTemplate")
    for argument in ("ami", "instanceType"):
        if inputs.get(argument) is None and template is None:
            yield Failure(argument, f'"{argument}": one of `{argument},launch_template` must be specified')


MODELS = (
    ResourceModel(
        type="aws:ec2/instance:Instance",
        noun="EC2 Instance",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        defaults={"getPasswordData": False, "sourceDestCheck": True, "userDataReplaceOnChange": False, "forceDestroy": False},
        forces_new=frozenset(
            {
                "ami",
                "availabilityZone",
                "associatePublicIpAddress",
                "cpuOptions.amdSevSnp",
                *(f"ebsBlockDevices.{field}" for field in _ON_A_DISK),
                "ebsOptimized",
                "enclaveOptions.enabled",
                "ephemeralBlockDevices",
                "hibernation",
                "hostId",
                "instanceMarketOptions",
                "keyName",
                "launchTemplate.id",
                "launchTemplate.name",
                *(f"networkInterfaces.{field}" for field in _ON_AN_INTERFACE),
                "placementGroup",
                "placementGroupId",
                "placementPartitionNumber",
                "primaryNetworkInterface.networkInterfaceId",
                "privateDnsNameOptions",
                "privateIp",
                "rootBlockDevice.encrypted",
                "rootBlockDevice.kmsKeyId",
                *(f"secondaryNetworkInterfaces.{field}" for field in _ON_A_SECOND_INTERFACE),
                "securityGroups",
                "subnetId",
                "tenancy",
            }
        ),
        computed=_UNTOLD
        | {
            "ami",
            "instanceType",
            "availabilityZone",
            "subnetId",
            "vpcSecurityGroupIds",
            "privateIp",
            "keyName",
            "iamInstanceProfile",
            "placementGroup",
        },
        state_only=_UNTOLD,
        equivalent={"vpcSecurityGroupIds": same_set},
        rules=(
            _launchable,
            conflicting("userData", "userDataBase64"),
            conflicting("placementGroup", "placementGroupId"),
            conflicting("securityGroups", "vpcSecurityGroupIds"),
            base64_text("userDataBase64"),
            enumerated("tenancy", "ec2", "Tenancy"),
            holds("privateIp", no_address),
            one_template_name,
        ),
        behaviours=(
            Behaviour(
                "vCPUs are counted by family and market, and beyond the quota nothing starts",
                "EC2 user guide, Amazon EC2 instance type quotas; error codes VcpuLimitExceeded and MaxSpotInstanceCountExceeded",
                "test_ec2_compute.py::test_gpu_instances_beyond_the_vcpu_quota_do_not_start",
            ),
            Behaviour(
                "another type is set while it is stopped, and counted as it starts again: beyond the quota it stays stopped",
                "EC2 user guide, Amazon EC2 instance type quotas; terraform-provider-aws, internal/service/ec2/ec2_instance.go",
                "test_ec2_compute.py::test_a_larger_instance_is_counted_as_it_starts_again_without_the_smaller_one",
            ),
            Behaviour(
                "an image, a key pair or a placement group that does not exist is refused",
                "EC2 API reference, RunInstances; error codes InvalidAMIID.NotFound, InvalidKeyPair.NotFound",
                "test_ec2_compute.py::test_an_instance_needs_an_image_that_exists",
            ),
            Behaviour(
                "a launch template that does not exist, or not in that version, is refused",
                "EC2 API reference, error codes InvalidLaunchTemplateId.NotFound and .VersionNotFound, "
                "InvalidLaunchTemplateName.NotFoundException",
                "test_ec2_compute.py::test_an_instance_needs_a_launch_template_that_exists",
            ),
        ),
    ),
)
