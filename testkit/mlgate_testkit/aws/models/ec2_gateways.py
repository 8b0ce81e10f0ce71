"""Internet gateways, NAT gateways and Elastic IPs."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws, ClientError
from mlgate_testkit.aws.model import Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import first, given, no_address, retag, tagged, unless_gone
from mlgate_testkit.aws.rules import choice, conflicting, exactly_one, holds
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _create_gateway(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    with aws.within("L-A4707A72", lambda: len(ec2.describe_internet_gateways()["InternetGateways"]) + 1):
        made = ec2.create_internet_gateway(**tagged("internet-gateway", inputs))
    return str(made["InternetGateway"]["InternetGatewayId"])


def _attach(aws: Aws, gateway_id: str, inputs: Inputs) -> None:
    if inputs.get("vpcId"):
        aws.client("ec2").attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=inputs["vpcId"])


def _detach(aws: Aws, gateway_id: str, inputs: Inputs) -> None:
    if inputs.get("vpcId"):
        try:
            aws.client("ec2").detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=inputs["vpcId"])
        except ClientError as error:
            unless_gone(error, "Gateway.NotAttached")


def _read_gateway(aws: Aws, gateway_id: str, _known: Inputs) -> Outputs | None:
    gateway = aws.client("ec2").describe_internet_gateways(InternetGatewayIds=[gateway_id])["InternetGateways"][0]
    attached = gateway.get("Attachments") or [{}]
    return {
        "arn": aws.arn("ec2", f"internet-gateway/{gateway_id}"),
        "ownerId": aws.account_id,
        "vpcId": attached[0].get("VpcId"),
        "tags": tags_of(gateway.get("Tags")),
    }


def _update_gateway(aws: Aws, gateway_id: str, olds: Inputs, news: Inputs) -> None:
    if olds.get("vpcId") != news.get("vpcId"):
        _detach(aws, gateway_id, olds)
        _attach(aws, gateway_id, news)
    retag(aws, gateway_id, olds, news)


def _delete_gateway(aws: Aws, gateway_id: str, _inputs: Inputs) -> None:
    """Detached from wherever it is attached now: an imported gateway's program may not say."""
    _detach(aws, gateway_id, _read_gateway(aws, gateway_id, {}) or {})
    aws.client("ec2").delete_internet_gateway(InternetGatewayId=gateway_id)


def _create_nat(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    request = given(
        inputs, SubnetId="subnetId", AllocationId="allocationId", ConnectivityType="connectivityType", PrivateIpAddress="privateIp"
    )
    with aws.within("L-FE5A380F", lambda: _in_zone_of(ec2, inputs["subnetId"]) + 1):
        made = ec2.create_nat_gateway(**request, **tagged("natgateway", inputs))
    return str(made["NatGateway"]["NatGatewayId"])


def _in_zone_of(ec2: Any, subnet_id: str) -> int:
    """How many NAT gateways there are in that subnet's zone."""
    zone = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]["AvailabilityZone"]
    zones = {each["SubnetId"]: each["AvailabilityZone"] for each in ec2.describe_subnets()["Subnets"]}
    there = [each for each in ec2.describe_nat_gateways()["NatGateways"] if each["State"] != "deleted"]
    return sum(zones.get(each["SubnetId"]) == zone for each in there)


def _read_nat(aws: Aws, nat_id: str, known: Inputs) -> Outputs | None:
    found = aws.client("ec2").describe_nat_gateways(NatGatewayIds=[nat_id])["NatGateways"]
    nat = first(found, "NatGatewayNotFound", f"The Nat Gateway {nat_id} was not found")
    if nat["State"] == "deleted":
        return None
    address: dict[str, Any] = nat["NatGatewayAddresses"][0]
    return {
        "subnetId": nat["SubnetId"],
        "vpcId": nat["VpcId"],
        "connectivityType": nat["ConnectivityType"],
        "allocationId": address.get("AllocationId"),
        "associationId": address.get("AssociationId") or "",
        "networkInterfaceId": address["NetworkInterfaceId"],
        "privateIp": known.get("privateIp") or address["PrivateIp"],
        "publicIp": address.get("PublicIp") or "",
        "tags": tags_of(nat.get("Tags")),
    }


def _delete_nat(aws: Aws, nat_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").delete_nat_gateway(NatGatewayId=nat_id)


def _create_address(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    with aws.within("L-0263D0A3", lambda: len(ec2.describe_addresses()["Addresses"]) + 1):
        made = ec2.allocate_address(Domain="vpc", **given(inputs, Address="address"), **tagged("elastic-ip", inputs))
    return str(made["AllocationId"])


def _associate(aws: Aws, allocation_id: str, inputs: Inputs) -> None:
    target = given(inputs, InstanceId="instance", NetworkInterfaceId="networkInterface", PrivateIpAddress="associateWithPrivateIp")
    if "InstanceId" in target or "NetworkInterfaceId" in target:
        aws.client("ec2").associate_address(AllocationId=allocation_id, AllowReassociation=True, **target)


def _read_address(aws: Aws, allocation_id: str, known: Inputs) -> Outputs | None:
    address = aws.client("ec2").describe_addresses(AllocationIds=[allocation_id])["Addresses"][0]
    public, dashed = address["PublicIp"], address["PublicIp"].replace(".", "-")
    domain = "compute-1.amazonaws.com" if aws.region == "us-east-1" else f"{aws.region}.compute.{aws.suffix}"
    private = address.get("PrivateIpAddress") or ""
    return {
        "arn": aws.arn("ec2", f"elastic-ip/{allocation_id}"),
        "allocationId": allocation_id,
        "associationId": address.get("AssociationId") or "",
        "domain": address.get("Domain") or "vpc",
        "instance": address.get("InstanceId") or None,
        "networkInterface": address.get("NetworkInterfaceId") or None,
        "networkBorderGroup": known.get("networkBorderGroup") or aws.region,
        "publicIp": public,
        "publicDns": f"ec2-{dashed}.{domain}",
        "publicIpv4Pool": known.get("publicIpv4Pool") or "amazon",
        "privateIp": private,
        "privateDns": f"ip-{private.replace('.', '-')}.{aws.region}.compute.internal" if private else "",
        "tags": tags_of(address.get("Tags")),
    }


def _update_address(aws: Aws, allocation_id: str, olds: Inputs, news: Inputs) -> None:
    changed = any(olds.get(key) != news.get(key) for key in ("instance", "networkInterface", "associateWithPrivateIp"))
    if changed:
        _disassociate(aws, allocation_id)
        _associate(aws, allocation_id, news)
    retag(aws, allocation_id, olds, news)


def _disassociate(aws: Aws, allocation_id: str) -> None:
    ec2 = aws.client("ec2")
    association = ec2.describe_addresses(AllocationIds=[allocation_id])["Addresses"][0].get("AssociationId")
    if association:
        ec2.disassociate_address(AssociationId=association)


def _delete_address(aws: Aws, allocation_id: str, inputs: Inputs) -> None:
    if inputs.get("instance") or inputs.get("networkInterface"):
        _disassociate(aws, allocation_id)
    aws.client("ec2").release_address(AllocationId=allocation_id)


MODELS = (
    ResourceModel(
        type="aws:ec2/internetGateway:InternetGateway",
        noun="EC2 Internet Gateway",
        create=_create_gateway,
        settle=_attach,
        read=_read_gateway,
        update=_update_gateway,
        delete=_delete_gateway,
        computed=frozenset({"vpcId"}),
        behaviours=(
            Behaviour(
                "a gateway is not detached while public addresses are mapped in its VPC",
                "EC2 API reference, DetachInternetGateway; error code DependencyViolation",
                "test_ec2_network.py::test_an_internet_gateway_stays_while_public_addresses_are_mapped",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/natGateway:NatGateway",
        noun="EC2 NAT Gateway",
        create=_create_nat,
        read=_read_nat,
        update=retag,
        delete=_delete_nat,
        defaults={"connectivityType": "public"},
        forces_new=frozenset({"allocationId", "connectivityType", "privateIp", "subnetId", "vpcId", "availabilityMode"}),
        computed=frozenset({"privateIp", "vpcId", "secondaryPrivateIpAddressCount", "secondaryPrivateIpAddresses", "availabilityMode"}),
        state_only=frozenset(
            {
                "availabilityMode",
                "availabilityZoneAddresses",
                "secondaryAllocationIds",
                "secondaryPrivateIpAddressCount",
                "secondaryPrivateIpAddresses",
            }
        ),
        absent=frozenset(
            {"autoProvisionZones", "autoScalingIps", "regionalNatGatewayAddresses", "regionalNatGatewayAutoMode", "routeTableId"}
        ),
        rules=(
            choice("connectivityType", "private", "public"),
            choice("availabilityMode", "zonal", "regional"),
            exactly_one("availabilityZone", "availabilityZoneId", inside="availabilityZoneAddresses"),
            holds("privateIp", no_address),
        ),
        behaviours=(
            Behaviour(
                "a public NAT gateway needs an internet gateway in its VPC and an address that nothing else uses",
                "VPC user guide, NAT gateway basics and troubleshooting; error codes Gateway.NotAttached and Resource.AlreadyAssociated",
                "test_ec2_network.py::test_a_nat_gateway_needs_an_internet_gateway_and_a_free_address",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/eip:Eip",
        noun="EC2 EIP",
        create=_create_address,
        settle=_associate,
        read=_read_address,
        update=_update_address,
        delete=_delete_address,
        forces_new=frozenset({"address", "domain", "ipamPoolId", "networkBorderGroup", "publicIpv4Pool"}),
        computed=frozenset({"domain", "instance", "networkInterface", "networkBorderGroup", "publicIpv4Pool", "ipamPoolId"}),
        state_only=frozenset({"address", "associateWithPrivateIp", "customerOwnedIpv4Pool", "ipamPoolId"}),
        absent=frozenset({"carrierIp", "customerOwnedIp", "ptrRecord"}),
        rules=(choice("domain", "vpc", "standard"), conflicting("instance", "networkInterface")),
        behaviours=(
            Behaviour(
                "a region has 5 addresses unless the quota is raised",
                "Amazon VPC quotas (L-0263D0A3); error code AddressLimitExceeded",
                "test_ec2_network.py::test_quotas_of_vpcs_and_addresses_are_those_of_a_new_account",
            ),
            Behaviour(
                "an address in use is not released",
                "EC2 API reference, ReleaseAddress; error code InvalidIPAddress.InUse",
                "test_ec2_network.py::test_an_internet_gateway_stays_while_public_addresses_are_mapped",
            ),
        ),
    ),
)
