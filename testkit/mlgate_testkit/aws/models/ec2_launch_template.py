"""Launch templates: arguments to LaunchTemplateData and back, by botocore's model of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import enumerated, first, given, retag, shape_of, tagged
from mlgate_testkit.aws.rules import conflicting, holds, text, timestamp
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["LAUNCH_TEMPLATE", "MODELS"]

LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"

_NAMES = {  # wherever an argument is more than the API's name with a small first letter
    "vpcSecurityGroupIds": "SecurityGroupIds",
    "securityGroupNames": "SecurityGroups",
    "securityGroups": "Groups",
}
_BACK = {name: argument for argument, name in _NAMES.items()} | {
    "EnableResourceNameDnsAAAARecord": "enableResourceNameDnsAaaaRecord",
    "MemoryMiB": "memoryMib",
    "VCpuCount": "vcpuCount",
    "AcceleratorTotalMemoryMiB": "acceleratorTotalMemoryMib",
    "MemoryGiBPerVCpu": "memoryGibPerVcpu",
    "TotalLocalStorageGB": "totalLocalStorageGb",
}
_TEXTS = {"Encrypted", "DeleteOnTermination", "EbsOptimized", "AssociatePublicIpAddress", "AssociateCarrierIpAddress", "PrimaryIpv6"}
_PRICES = ("maxSpotPriceAsPercentageOfOptimalOnDemandPrice", "spotMaxPricePercentageOverLowestPrice")
_ADDRESSES = {
    "ipv4AddressCount": "ipv4Addresses",
    "ipv4PrefixCount": "ipv4Prefixes",
    "ipv6AddressCount": "ipv6Addresses",
    "ipv6PrefixCount": "ipv6Prefixes",
}
_OWN = frozenset({"name", "namePrefix", "description", "tags", "region", "defaultVersion", "updateDefaultVersion"})
_COUNTED = {"Ipv6Addresses", "Ipv4Prefixes", "Ipv6Prefixes"}  # objects there, texts here: kept in state


def _data(inputs: Inputs) -> dict[str, Any]:
    members = {argument: value for argument, value in inputs.items() if argument not in _OWN and argument != "secondaryInterfaces"}
    return dict(_asked(members, "RequestLaunchTemplateData"))


def _asked(value: Any, shape: str) -> Any:
    """Arguments in the form of a shape of the API: names, numbers and switches by its model."""
    model = shape_of("ec2", shape)
    kind = model["type"]
    if kind == "structure":
        if "Tags" in model["members"]:
            value = {**value, "tags": tag_list(value.get("tags"))}
        members = {name.lower(): name for name in model["members"]}  # MemoryMiB there, memoryMib here
        found = {}
        for argument, inner in value.items():
            name = _NAMES.get(argument) or members.get(argument.lower(), "")
            if name in model["members"] and inner not in (None, "") and name not in _COUNTED:
                found[name] = inner if name == "Tags" else _asked(inner, model["members"][name]["shape"])
        return found
    if kind == "list":
        return [_asked(member, model["member"]["shape"]) for member in value]
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    return int(value) if kind in {"integer", "long"} else str(value) if kind == "string" else value


def _told(value: Any) -> Any:
    """What the API gives, as a program would write it."""
    if isinstance(value, Mapping):
        if "ResourceType" in value:
            return {"resourceType": value["ResourceType"], "tags": tags_of(value.get("Tags"))}
        found = {name: inner for name, inner in value.items() if inner not in (None, [], {})}
        return {_BACK.get(name) or name[0].lower() + name[1:]: _switch(name, _told(inner)) for name, inner in found.items()}
    return [_told(member) for member in value] if isinstance(value, list) else time_of(value)


def _switch(name: str, value: Any) -> Any:
    """Terraform keeps some switches as text, so that they may also be unset."""
    return str(value).lower() if name in _TEXTS and isinstance(value, bool) else value


def _create(aws: Aws, inputs: Inputs) -> str:
    name = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    made = aws.client("ec2").create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData=_data(inputs),
        **given(inputs, VersionDescription="description"),
        **tagged("launch-template", inputs),
    )
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def _read(aws: Aws, template_id: str, known: Inputs) -> Outputs | None:
    ec2 = aws.client("ec2")
    found = ec2.describe_launch_templates(LaunchTemplateIds=[template_id])["LaunchTemplates"]
    template = first(
        found, "InvalidLaunchTemplateId.NotFound", f"The specified launch template, with template ID {template_id}, does not exist."
    )
    tags = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [template_id]}])["Tags"]  # moto's template forgets later ones
    latest = str(template["LatestVersionNumber"])
    version = ec2.describe_launch_template_versions(LaunchTemplateId=template_id, Versions=[latest])["LaunchTemplateVersions"][0]
    told = _told(version["LaunchTemplateData"])
    absent = dict.fromkeys(argument for argument in known if argument not in _OWN and argument not in {"secondaryInterfaces"})
    return {
        **dict.fromkeys(_ARGUMENTS),
        **absent,
        **told,
        "arn": aws.arn("ec2", f"launch-template/{template_id}"),
        "name": template["LaunchTemplateName"],
        "namePrefix": None,
        "description": version.get("VersionDescription"),
        "latestVersion": template["LatestVersionNumber"],
        "defaultVersion": template["DefaultVersionNumber"],
        "tags": tags_of(tags),
    }


_ARGUMENTS = (
    "blockDeviceMappings",
    "capacityReservationSpecification",
    "cpuOptions",
    "creditSpecification",
    "disableApiStop",
    "disableApiTermination",
    "ebsOptimized",
    "enclaveOptions",
    "hibernationOptions",
    "iamInstanceProfile",
    "imageId",
    "instanceInitiatedShutdownBehavior",
    "instanceMarketOptions",
    "instanceRequirements",
    "instanceType",
    "kernelId",
    "keyName",
    "licenseSpecifications",
    "maintenanceOptions",
    "metadataOptions",
    "monitoring",
    "networkInterfaces",
    "networkPerformanceOptions",
    "placement",
    "privateDnsNameOptions",
    "ramDiskId",
    "securityGroupNames",
    "tagSpecifications",
    "userData",
    "vpcSecurityGroupIds",
)


def _update(aws: Aws, template_id: str, olds: Inputs, news: Inputs) -> None:
    ec2 = aws.client("ec2")
    if _data(olds) != _data(news) or olds.get("description") != news.get("description"):
        made = ec2.create_launch_template_version(
            LaunchTemplateId=template_id, LaunchTemplateData=_data(news), **given(news, VersionDescription="description")
        )
        if news.get("updateDefaultVersion"):
            number = str(made["LaunchTemplateVersion"]["VersionNumber"])
            ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=number)
    if news.get("defaultVersion") and news["defaultVersion"] != olds.get("defaultVersion"):
        ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion=str(news["defaultVersion"]))
    retag(aws, template_id, olds, news)


def _delete(aws: Aws, template_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").delete_launch_template(LaunchTemplateId=template_id)


# Texts that may be "" as well, which is neither true nor false (terraform-provider-aws, internal/types/nullable).
_BOOLS = (
    "ebsOptimized",
    "blockDeviceMappings.ebs.deleteOnTermination",
    "blockDeviceMappings.ebs.encrypted",
    "networkInterfaces.associateCarrierIpAddress",
    "networkInterfaces.associatePublicIpAddress",
    "networkInterfaces.deleteOnTermination",
    "networkInterfaces.primaryIpv6",
)


def _no_bool(value: Any) -> str:
    return "" if str(value).lower() in {"", "true", "false"} else f"{value!r} is neither true nor false"


_BY_DATA = frozenset({*_ARGUMENTS, "description", "secondaryInterfaces"})

MODELS = (
    ResourceModel(
        type=LAUNCH_TEMPLATE,
        noun="EC2 Launch Template",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 128, instead=("namePrefix",)),
        forces_new=frozenset({"name"}),
        computed=frozenset({"defaultVersion", "metadataOptions", "enclaveOptions", "creditSpecification"}),
        state_only=frozenset({"updateDefaultVersion", "secondaryInterfaces"}),
        renewed={"latestVersion": _BY_DATA, "defaultVersion": _BY_DATA},
        rules=(
            conflicting("name", "namePrefix"),
            conflicting("defaultVersion", "updateDefaultVersion"),
            conflicting("instanceType", "instanceRequirements"),
            conflicting("securityGroupNames", "vpcSecurityGroupIds"),
            conflicting("arn", "name", inside="iamInstanceProfile"),
            conflicting("groupId", "groupName", inside="placement"),
            conflicting(*_PRICES, inside="instanceRequirements"),
            *(conflicting(counted, listed, inside="networkInterfaces") for counted, listed in _ADDRESSES.items()),
            text("name", r"[a-zA-Z0-9().\-/_]{3,128}", "must have 3 to 128 letters, digits and ( ) . - / _"),
            timestamp("instanceMarketOptions.spotOptions.validUntil"),
            text("imageId", r"ami-.*|resolve:ssm:.*", "is no AMI: it starts with ami- or resolve:ssm:"),
            enumerated("instanceMarketOptions.marketType", "ec2", "MarketType"),
            enumerated("metadataOptions.httpTokens", "ec2", "LaunchTemplateHttpTokensState"),
            enumerated("metadataOptions.httpEndpoint", "ec2", "LaunchTemplateInstanceMetadataEndpointState"),
            enumerated("blockDeviceMappings.ebs.volumeType", "ec2", "VolumeType"),
            enumerated("capacityReservationSpecification.capacityReservationPreference", "ec2", "CapacityReservationPreference"),
            enumerated("placement.tenancy", "ec2", "Tenancy"),
            *(holds(path, _no_bool) for path in _BOOLS),
        ),
        behaviours=(
            Behaviour(
                "a change of what is launched makes a new version; the default one moves only if asked",
                "EC2 user guide, Manage launch template versions; terraform-provider-aws, aws_launch_template",
                "test_ec2_compute.py::test_a_changed_launch_template_gets_a_new_version",
            ),
        ),
    ),
)
