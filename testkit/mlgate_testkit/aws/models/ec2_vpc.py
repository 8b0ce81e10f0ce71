"""VPCs and subnets."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Network
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import cidr, cidr6, given, retag, tagged
from mlgate_testkit.aws.rules import choice, conflicting
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_SWITCHES = {
    "enableDnsSupport": "EnableDnsSupport",
    "enableDnsHostnames": "EnableDnsHostnames",
    "enableNetworkAddressUsageMetrics": "EnableNetworkAddressUsageMetrics",
}
_IPAM = frozenset({"ipv4IpamPoolId", "ipv4NetmaskLength", "ipv6IpamPoolId", "ipv6NetmaskLength"})


def _create_vpc(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    request = given(inputs, CidrBlock="cidrBlock", InstanceTenancy="instanceTenancy")
    request |= given(inputs, AmazonProvidedIpv6CidrBlock="assignGeneratedIpv6CidrBlock")
    with aws.within("L-F678F1CE", lambda: len(ec2.describe_vpcs()["Vpcs"]) + 1):
        vpc_id: str = ec2.create_vpc(**request, **tagged("vpc", inputs))["Vpc"]["VpcId"]
    return vpc_id


def _settle_vpc(aws: Aws, vpc_id: str, inputs: Inputs) -> None:
    for argument, parameter in _SWITCHES.items():
        if inputs.get(argument) is not None:
            aws.client("ec2").modify_vpc_attribute(VpcId=vpc_id, **{parameter: {"Value": inputs[argument]}})


def _read_vpc(aws: Aws, vpc_id: str, _known: Inputs) -> Outputs | None:
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
    of_vpc = {"Name": "vpc-id", "Values": [vpc_id]}
    main = ec2.describe_route_tables(Filters=[of_vpc, {"Name": "association.main", "Values": ["true"]}])["RouteTables"]
    table = main[0]["RouteTableId"] if main else ""
    six = _ipv6(vpc)
    acls = ec2.describe_network_acls(Filters=[of_vpc, {"Name": "default", "Values": ["true"]}])["NetworkAcls"]
    groups = ec2.describe_security_groups(Filters=[of_vpc, {"Name": "group-name", "Values": ["default"]}])["SecurityGroups"]
    return {
        "arn": aws.arn("ec2", f"vpc/{vpc_id}"),
        "cidrBlock": vpc["CidrBlock"],
        "instanceTenancy": vpc["InstanceTenancy"],
        "assignGeneratedIpv6CidrBlock": bool(six),
        "ipv6CidrBlock": str(IPv6Network(six[0]["Ipv6CidrBlock"])) if six else "",  # moto writes zeros that AWS leaves out
        "ipv6AssociationId": six[0]["AssociationId"] if six else "",
        "ipv6CidrBlockNetworkBorderGroup": six[0].get("NetworkBorderGroup") or "" if six else "",
        "defaultNetworkAclId": acls[0]["NetworkAclId"] if acls else "",
        "defaultSecurityGroupId": groups[0]["GroupId"] if groups else "",
        "defaultRouteTableId": table,
        "mainRouteTableId": table,
        "dhcpOptionsId": vpc["DhcpOptionsId"],
        "ownerId": aws.account_id,
        "tags": tags_of(vpc.get("Tags")),
        **{name: _switch(ec2, vpc_id, name) for name in _SWITCHES},
    }


def _ipv6(place: dict[str, Any]) -> list[dict[str, Any]]:
    """The IPv6 blocks of a VPC or subnet, but for those it had. moto tells a subnet's state as "{'State': 'associated'}"."""
    return [each for each in place.get("Ipv6CidrBlockAssociationSet", ()) if "disassociated" not in each["Ipv6CidrBlockState"]["State"]]


def _switch(ec2: Any, vpc_id: str, name: str) -> bool:
    answer = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)
    return bool(answer[_SWITCHES[name]]["Value"])


def _update_vpc(aws: Aws, vpc_id: str, olds: Inputs, news: Inputs) -> None:
    changed = {key: news.get(key) for key in _SWITCHES if olds.get(key) != news.get(key)}
    _settle_vpc(aws, vpc_id, changed)
    if bool(olds.get("assignGeneratedIpv6CidrBlock")) != bool(news.get("assignGeneratedIpv6CidrBlock")):
        ec2 = aws.client("ec2")
        for block in _ipv6(ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]):
            ec2.disassociate_vpc_cidr_block(AssociationId=block["AssociationId"])
        if news.get("assignGeneratedIpv6CidrBlock"):
            ec2.associate_vpc_cidr_block(VpcId=vpc_id, AmazonProvidedIpv6CidrBlock=True)
    retag(aws, vpc_id, olds, news)


def _delete_vpc(aws: Aws, vpc_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").delete_vpc(VpcId=vpc_id)


def _create_subnet(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    zone = inputs.get("availabilityZone") or next(
        (each["ZoneName"] for each in zones if inputs.get("availabilityZoneId") in {None, each["ZoneId"]}), None
    )
    request = given(inputs, VpcId="vpcId", CidrBlock="cidrBlock", Ipv6CidrBlock="ipv6CidrBlock", Ipv6Native="ipv6Native")
    beside = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}]
    with aws.within("L-407747CB", lambda: len(ec2.describe_subnets(Filters=beside)["Subnets"]) + 1):
        made = ec2.create_subnet(**request, AvailabilityZone=zone, **tagged("subnet", inputs))["Subnet"]
    return str(made["SubnetId"])


def _settle_subnet(aws: Aws, subnet_id: str, inputs: Inputs) -> None:
    ec2 = aws.client("ec2")
    ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": bool(inputs.get("mapPublicIpOnLaunch"))})
    ec2.modify_subnet_attribute(SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": bool(inputs.get("assignIpv6AddressOnCreation"))})


def _read_subnet(aws: Aws, subnet_id: str, _known: Inputs) -> Outputs | None:
    subnet = aws.client("ec2").describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]
    six = _ipv6(subnet) or [{}]
    return {
        "arn": aws.arn("ec2", f"subnet/{subnet_id}"),
        "vpcId": subnet["VpcId"],
        "cidrBlock": subnet.get("CidrBlock"),
        "availabilityZone": subnet["AvailabilityZone"],
        "availabilityZoneId": subnet["AvailabilityZoneId"],
        "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
        "assignIpv6AddressOnCreation": subnet["AssignIpv6AddressOnCreation"],
        "ipv6CidrBlock": six[0].get("Ipv6CidrBlock"),
        "ipv6CidrBlockAssociationId": six[0].get("AssociationId") or "",
        "ipv6Native": bool(subnet.get("Ipv6Native")),
        "ownerId": aws.account_id,
        "tags": tags_of(subnet.get("Tags")),
    }


def _update_subnet(aws: Aws, subnet_id: str, olds: Inputs, news: Inputs) -> None:
    ec2 = aws.client("ec2")
    if not news.get("assignIpv6AddressOnCreation"):  # off before the block goes, as in the real provider: EC2 refuses the other order
        ec2.modify_subnet_attribute(SubnetId=subnet_id, AssignIpv6AddressOnCreation={"Value": False})
    if olds.get("ipv6CidrBlock") != news.get("ipv6CidrBlock"):
        for block in _ipv6(ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]):
            ec2.disassociate_subnet_cidr_block(AssociationId=block["AssociationId"])
        if news.get("ipv6CidrBlock"):
            ec2.associate_subnet_cidr_block(SubnetId=subnet_id, Ipv6CidrBlock=news["ipv6CidrBlock"])
    _settle_subnet(aws, subnet_id, news)
    retag(aws, subnet_id, olds, news)


def _delete_subnet(aws: Aws, subnet_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").delete_subnet(SubnetId=subnet_id)


_NEEDED = {
    "ipv6CidrBlock": "ipv6IpamPoolId",
    "ipv6CidrBlockNetworkBorderGroup": "assignGeneratedIpv6CidrBlock",
    "ipv6NetmaskLength": "ipv6IpamPoolId",
}


def _together(inputs: Inputs) -> Iterator[Failure]:
    for argument, needed in _NEEDED.items():
        if inputs.get(argument) and not inputs.get(needed):
            yield Failure(argument, f"all of `{argument},{needed}` must be specified")


MODELS = (
    ResourceModel(
        type="aws:ec2/vpc:Vpc",
        noun="EC2 VPC",
        create=_create_vpc,
        settle=_settle_vpc,
        read=_read_vpc,
        update=_update_vpc,
        delete=_delete_vpc,
        defaults={"enableDnsSupport": True, "instanceTenancy": "default"},
        forces_new=frozenset({"cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"}),
        computed=frozenset(
            {"cidrBlock", "enableDnsHostnames", "enableNetworkAddressUsageMetrics", "ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup"}
        ),
        state_only=_IPAM,
        renewed=dict.fromkeys(("ipv6AssociationId", "ipv6CidrBlock"), frozenset({"assignGeneratedIpv6CidrBlock"})),
        rules=(
            cidr("cidrBlock", 16, 28),
            choice("instanceTenancy", "default", "dedicated"),
            conflicting("cidrBlock", "ipv4NetmaskLength"),
            conflicting("assignGeneratedIpv6CidrBlock", "ipv6IpamPoolId"),
            conflicting("ipv6CidrBlock", "ipv6NetmaskLength"),
            _together,
        ),
        behaviours=(
            Behaviour(
                "a VPC is not deleted while subnets, gateways, endpoints, route tables or groups of its own remain",
                "EC2 API reference, DeleteVpc; error code DependencyViolation",
                "test_ec2_network.py::test_a_vpc_is_not_deleted_while_anything_is_left_in_it",
                ("test_ec2_network.py::test_neither_a_subnet_nor_its_vpc_is_deleted_while_a_nat_gateway_stands_in_it",),
            ),
            Behaviour(
                "a region has 5 VPCs, the default one among them, unless the quota is raised",
                "Amazon VPC quotas (L-F678F1CE); error code VpcLimitExceeded",
                "test_ec2_network.py::test_quotas_of_vpcs_and_addresses_are_those_of_a_new_account",
            ),
            Behaviour(
                "a block has 16 to 28 bits and no bits below its prefix",
                "VPC user guide, VPC CIDR blocks; terraform-provider-aws, aws_vpc",
                "test_ec2_network.py::test_blocks_are_checked_before_anything_is_made",
            ),
            Behaviour(
                "before it gets an IPv6 block or gives it back, a preview leaves open which it has",
                "terraform-provider-aws, internal/service/ec2/vpc_.go, resourceVPCCustomizeDiff",
                "test_ec2_network.py::test_a_vpc_gets_an_ipv6_block_and_gives_it_back",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/subnet:Subnet",
        noun="EC2 Subnet",
        create=_create_subnet,
        settle=_settle_subnet,
        read=_read_subnet,
        update=_update_subnet,
        delete=_delete_subnet,
        defaults={"mapPublicIpOnLaunch": False, "assignIpv6AddressOnCreation": False},
        forces_new=frozenset(
            {
                "vpcId",
                "cidrBlock",
                "availabilityZone",
                "availabilityZoneId",
                "ipv6Native",
                "outpostArn",
                "ipv4IpamPoolId",
                "ipv4NetmaskLength",
                "ipv6IpamPoolId",
                "ipv6NetmaskLength",
            }
        ),
        computed=frozenset({"availabilityZone", "availabilityZoneId", "cidrBlock", "privateDnsHostnameTypeOnLaunch", "ipv6CidrBlock"}),
        state_only=_IPAM
        | {
            "customerOwnedIpv4Pool",
            "mapCustomerOwnedIpOnLaunch",
            "outpostArn",
            "enableLniAtDeviceIndex",
            "enableDns64",
            "enableResourceNameDnsARecordOnLaunch",
            "enableResourceNameDnsAaaaRecordOnLaunch",
            "privateDnsHostnameTypeOnLaunch",
        },
        rules=(
            cidr("cidrBlock"),
            cidr6("ipv6CidrBlock"),
            conflicting("availabilityZone", "availabilityZoneId"),
            choice("privateDnsHostnameTypeOnLaunch", "ip-name", "resource-name"),
        ),
        behaviours=(
            Behaviour(
                "a subnet lies within its VPC and overlaps no other",
                "EC2 API reference, CreateSubnet; error codes InvalidSubnet.Range and InvalidSubnet.Conflict",
                "test_ec2_network.py::test_a_subnet_lies_within_its_vpc_and_overlaps_no_other",
            ),
            Behaviour(
                "it gives instances IPv6 addresses only while it has a block, and loses none while it gives them",
                "terraform-provider-aws#46795 and #1519 (texts of ModifySubnetAttribute and DisassociateSubnetCidrBlock)",
                "test_ec2_network.py::test_a_subnet_gives_ipv6_addresses_only_while_it_has_a_block",
            ),
            Behaviour(
                "a subnet is not deleted while an interface or an EKS cluster stands in it",
                "EC2 API reference, DeleteSubnet; EKS user guide, Amazon EKS networking requirements",
                "test_ec2_network.py::test_neither_a_subnet_nor_its_vpc_is_deleted_while_a_nat_gateway_stands_in_it",
                ("test_eks_cluster.py::test_a_cluster_is_not_deleted_while_node_groups_are_left_or_it_is_protected",),
            ),
        ),
    ),
)
