"""What programs ask about networks and machines."""

from __future__ import annotations

import re
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour, FunctionModel
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs, ProviderError

__all__ = ["FUNCTIONS", "echo"]


def _filters(arguments: Inputs, **names: str) -> list[dict[str, Any]]:
    """`filters`, tags and single arguments as the API takes them."""
    filters = [{"Name": each["name"], "Values": list(each["values"])} for each in arguments.get("filters") or ()]
    filters += [{"Name": f"tag:{key}", "Values": [value]} for key, value in (arguments.get("tags") or {}).items()]
    return filters + [{"Name": name, "Values": [str(arguments[key])]} for key, name in names.items() if arguments.get(key) is not None]


def _the_one(found: list[Any], noun: str) -> Any:
    """Texts: terraform-provider-aws, tfresource.SingularDataSourceFindError."""
    if not found:
        raise ProviderError(f"no matching {noun} found")
    if len(found) > 1:
        raise ProviderError(f"multiple {noun}s matched; use additional constraints to reduce matches to a single {noun}")
    return found[0]


def echo(arguments: Inputs, aws: Aws, resource_id: str) -> Outputs:
    """What every answer holds: what was asked, an id and the region."""
    return {**{key: value for key, value in arguments.items() if value is not None}, "id": resource_id, "region": aws.region}


def _vpc(aws: Aws, arguments: Inputs) -> Outputs:
    filters = _filters(arguments, cidrBlock="cidr", id="vpc-id", state="state")
    if arguments.get("default"):
        filters.append({"Name": "is-default", "Values": ["true"]})
    vpc = _the_one(aws.client("ec2").describe_vpcs(Filters=filters)["Vpcs"], "EC2 VPC")
    main = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "association.main", "Values": ["true"]}]
    tables = aws.client("ec2").describe_route_tables(Filters=main)["RouteTables"]
    return echo(arguments, aws, vpc["VpcId"]) | {
        "arn": aws.arn("ec2", f"vpc/{vpc['VpcId']}"),
        "cidrBlock": vpc["CidrBlock"],
        "cidrBlockAssociations": [
            {"associationId": each["AssociationId"], "cidrBlock": each["CidrBlock"], "state": each["CidrBlockState"]["State"]}
            for each in vpc["CidrBlockAssociationSet"]
        ],
        "default": vpc["IsDefault"],
        "dhcpOptionsId": vpc["DhcpOptionsId"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "mainRouteTableId": tables[0]["RouteTableId"] if tables else "",
        "ownerId": aws.account_id,
        "state": vpc["State"],
        "tags": tags_of(vpc.get("Tags")),
    }


def _vpcs(aws: Aws, arguments: Inputs) -> Outputs:
    found = aws.client("ec2").describe_vpcs(Filters=_filters(arguments))["Vpcs"]
    return echo(arguments, aws, aws.region) | {"ids": [vpc["VpcId"] for vpc in found]}


def _subnet(aws: Aws, arguments: Inputs) -> Outputs:
    filters = _filters(
        arguments, cidrBlock="cidr-block", id="subnet-id", vpcId="vpc-id", availabilityZone="availability-zone", state="state"
    )
    subnet = _the_one(aws.client("ec2").describe_subnets(Filters=filters)["Subnets"], "EC2 Subnet")
    return echo(arguments, aws, subnet["SubnetId"]) | {
        "arn": aws.arn("ec2", f"subnet/{subnet['SubnetId']}"),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet["AvailabilityZoneId"],
        "availableIpAddressCount": subnet["AvailableIpAddressCount"],
        "cidrBlock": subnet["CidrBlock"],
        "defaultForAz": subnet["DefaultForAz"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "ownerId": aws.account_id,
        "state": subnet["State"],
        "vpcId": subnet["VpcId"],
        "tags": tags_of(subnet.get("Tags")),
    }


def _subnets(aws: Aws, arguments: Inputs) -> Outputs:
    found = aws.client("ec2").describe_subnets(Filters=_filters(arguments))["Subnets"]
    return echo(arguments, aws, aws.region) | {"ids": [subnet["SubnetId"] for subnet in found]}


def _security_group(aws: Aws, arguments: Inputs) -> Outputs:
    filters = _filters(arguments, id="group-id", name="group-name", vpcId="vpc-id")
    group = _the_one(aws.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"], "EC2 Security Group")
    return echo(arguments, aws, group["GroupId"]) | {
        "arn": aws.arn("ec2", f"security-group/{group['GroupId']}"),
        "description": group["Description"],
        "name": group["GroupName"],
        "vpcId": group["VpcId"],
        "tags": tags_of(group.get("Tags")),
    }


def _ami(aws: Aws, arguments: Inputs) -> Outputs:
    owners = {"Owners": arguments["owners"]} if arguments.get("owners") else {}
    images = aws.client("ec2").describe_images(Filters=_filters(arguments), **owners)["Images"]
    if arguments.get("nameRegex"):
        images = [image for image in images if re.search(arguments["nameRegex"], image.get("Name", ""))]
    if not images:
        raise ProviderError(
            "Your query returned no results. Please change your search criteria and try again (images here are those of moto's table)."
        )
    if len(images) > 1 and not arguments.get("mostRecent"):
        raise ProviderError(
            "Your query returned more than one result. Please try a more specific search criteria, or set mostRecent to true."
        )
    image = max(images, key=lambda each: str(each.get("CreationDate")))
    return echo(arguments, aws, image["ImageId"]) | {
        "imageId": image["ImageId"],
        "arn": f"arn:{aws.partition}:ec2:{aws.region}::image/{image['ImageId']}",
        "architecture": image.get("Architecture"),
        "creationDate": image.get("CreationDate"),
        "description": image.get("Description") or "",
        "name": image.get("Name"),
        "ownerId": image.get("OwnerId"),
        "platform": image.get("Platform") or "",
        "public": image.get("Public", True),
        "rootDeviceName": image.get("RootDeviceName") or "",
        "rootDeviceType": image.get("RootDeviceType") or "",
        "state": image.get("State"),
        "virtualizationType": image.get("VirtualizationType"),
        "tags": tags_of(image.get("Tags")),
    }


def _instance_types(aws: Aws, arguments: Inputs) -> Outputs:
    found = aws.client("ec2").describe_instance_types(Filters=_filters(arguments))["InstanceTypes"]
    return echo(arguments, aws, aws.region) | {"instanceTypes": sorted(each["InstanceType"] for each in found)}


def _instance_type(aws: Aws, arguments: Inputs) -> Outputs:
    kind = aws.client("ec2").describe_instance_types(InstanceTypes=[arguments["instanceType"]])["InstanceTypes"][0]
    gpus = kind.get("GpuInfo") or {}
    return echo(arguments, aws, kind["InstanceType"]) | {
        "defaultVcpus": kind["VCpuInfo"]["DefaultVCpus"],
        "memorySize": kind["MemoryInfo"]["SizeInMiB"],
        "gpuses": [
            {
                "count": each["Count"],
                "manufacturer": each["Manufacturer"],
                "memorySize": each["MemoryInfo"]["SizeInMiB"],
                "name": each["Name"],
            }
            for each in gpus.get("Gpus", ())
        ],
        "totalGpuMemory": gpus.get("TotalGpuMemoryInMiB") or 0,
        "supportedArchitectures": kind["ProcessorInfo"]["SupportedArchitectures"],
        "supportedUsagesClasses": kind["SupportedUsageClasses"],
        "efaSupported": bool(kind["NetworkInfo"].get("EfaSupported")),
        "maximumNetworkCards": kind["NetworkInfo"].get("MaximumNetworkCards"),
        "networkPerformance": kind["NetworkInfo"].get("NetworkPerformance"),
        "currentGeneration": kind["CurrentGeneration"],
    }


def _offerings(aws: Aws, arguments: Inputs) -> Outputs:
    request = {"LocationType": arguments["locationType"]} if arguments.get("locationType") else {}
    pages = aws.client("ec2").get_paginator("describe_instance_type_offerings").paginate(Filters=_filters(arguments), **request)
    found = sorted(
        (each["InstanceType"], each["Location"], each["LocationType"]) for page in pages for each in page["InstanceTypeOfferings"]
    )
    return echo(arguments, aws, aws.region) | {
        "instanceTypes": [kind for kind, _, _ in found],
        "locations": [location for _, location, _ in found],
        "locationTypes": [location_type for _, _, location_type in found],
    }


FUNCTIONS = (
    FunctionModel(
        "aws:ec2/getVpc:getVpc",
        _vpc,
        (
            Behaviour(
                "exactly one must match",
                "terraform-provider-aws, data sources of EC2 (SingularDataSourceFindError)",
                "test_lookups.py::test_a_lookup_finds_exactly_one_or_says_so",
            ),
        ),
    ),
    FunctionModel("aws:ec2/getVpcs:getVpcs", _vpcs),
    FunctionModel("aws:ec2/getSubnet:getSubnet", _subnet),
    FunctionModel("aws:ec2/getSubnets:getSubnets", _subnets),
    FunctionModel("aws:ec2/getSecurityGroup:getSecurityGroup", _security_group),
    FunctionModel("aws:ec2/getAmi:getAmi", _ami),
    FunctionModel("aws:ec2/getInstanceType:getInstanceType", _instance_type),
    FunctionModel("aws:ec2/getInstanceTypes:getInstanceTypes", _instance_types),
    FunctionModel("aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings", _offerings),
)
