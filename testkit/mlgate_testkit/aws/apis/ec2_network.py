"""What EC2 refuses in a network and moto does not: deleting what something else stands on, and gateways without their ground.

Source: EC2 API reference, "Error codes for the Amazon EC2 API" (DependencyViolation, Gateway.NotAttached, InvalidIPAddress.InUse,
Resource.AlreadyAssociated, RouteAlreadyExists) and the user guides of VPC and EKS about what blocks a deletion.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from moto.ec2.utils import random_private_ip
from moto.eks.models import eks_backends
from moto.rds.models import rds_backends

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused, store_of

__all__ = ["OPERATIONS"]


def _dependent(what: str, identity: str) -> Refused:
    return Refused("DependencyViolation", f"The {what} '{identity}' has dependencies and cannot be deleted.")


def _networks(place: Place) -> Iterator[dict[str, Any]]:
    """The network of every EKS cluster here: its control plane has interfaces in these subnets."""
    for held in store_of(eks_backends[place.account][place.region], "clusters").values():
        yield held.cluster["resourcesVpcConfig"]
        for group in held.nodegroups.values():
            yield {"subnetIds": group["subnets"], "securityGroupIds": []}


def _delete_vpc(place: Place, wanted: dict[str, Any]) -> None:
    vpc_id, ec2 = wanted["VpcId"], place.backend
    in_use = [
        *(each.id for each in ec2.internet_gateways.values() if each.vpc and each.vpc.id == vpc_id),
        *(each.id for each in ec2.vpc_end_points.values() if each.vpc_id == vpc_id and each.state != "deleted"),
        *(each.id for each in ec2.groups.get(vpc_id, {}).values() if not each.is_default),
    ]
    if in_use:
        raise _dependent("vpc", vpc_id)


def _delete_subnet(place: Place, wanted: dict[str, Any]) -> None:
    subnet_id = wanted["SubnetId"]
    interfaces = [each for each in place.backend.enis.values() if each.subnet.id == subnet_id]
    if interfaces or any(subnet_id in network["subnetIds"] for network in _networks(place)):
        raise _dependent("subnet", subnet_id)


def _create_security_group(place: Place, wanted: dict[str, Any]) -> None:
    vpc_id = wanted.get("VpcId")
    if vpc_id and vpc_id not in place.backend.vpcs:
        raise Refused("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")


def _delete_security_group(place: Place, wanted: dict[str, Any]) -> None:
    ec2, group_id = place.backend, wanted.get("GroupId")
    group = ec2.get_security_group_from_id(group_id) if group_id else None
    if group is None:
        return
    if group.is_default:
        raise Refused("CannotDelete", f'the specified group: "{group_id}" name: "default" cannot be deleted by a user')
    used = [
        *(eni for eni in ec2.enis.values() if any(each.id == group_id for each in eni.group_set)),
        *(each for each in ec2.vpc_end_points.values() if each.state != "deleted" and group_id in each.security_group_ids),
        *(network for network in _networks(place) if group_id in network["securityGroupIds"]),
        *(each for each in rds_backends[place.account][place.region].databases.values() if group_id in each.vpc_security_group_ids),
        *(
            rule
            for groups in ec2.groups.values()
            for other in groups.values()
            if other.id != group_id
            for rule in [*other.ingress_rules, *other.egress_rules]
            if rule.source_group and rule.source_group.get("GroupId") == group_id
        ),
    ]
    if used:
        raise Refused("DependencyViolation", f"resource {group_id} has a dependent object")


def _delete_route_table(place: Place, wanted: dict[str, Any]) -> None:
    table = place.backend.route_tables.get(wanted["RouteTableId"])
    if table is not None and table.main_association_id:
        raise _dependent("routeTable", table.id)


def _create_route(place: Place, wanted: dict[str, Any]) -> None:
    """Also where moto would take a NAT gateway that is not there."""
    table = place.backend.route_tables.get(wanted["RouteTableId"])
    nat = wanted.get("NatGatewayId")
    if nat and nat not in place.backend.nat_gateways:
        raise Refused("InvalidNatGatewayID.NotFound", f"The natGateway ID '{nat}' does not exist")
    destination = wanted.get("DestinationCidrBlock") or wanted.get("DestinationIpv6CidrBlock")
    for route in table._routes.values() if table else ():
        if destination and destination in {route.destination_cidr_block, route.destination_ipv6_cidr_block}:
            raise Refused("RouteAlreadyExists", f"The route identified by {destination} already exists.")
    gateway = place.backend.internet_gateways.get(wanted.get("GatewayId"))
    if table and gateway and (gateway.vpc is None or gateway.vpc.id != table.vpc_id):
        raise Refused("InvalidParameterValue", f"route table {table.id} and network gateway {gateway.id} belong to different networks")


def _attach_gateway(place: Place, wanted: dict[str, Any]) -> None:
    for gateway in place.backend.internet_gateways.values():
        if gateway.vpc and gateway.vpc.id == wanted["VpcId"]:
            raise Refused("InvalidParameterValue", f"Network {wanted['VpcId']} already has an internet gateway attached")


def _detach_gateway(place: Place, wanted: dict[str, Any]) -> None:
    vpc_id, ec2 = wanted["VpcId"], place.backend
    if any(each.eni is not None and each.eni.subnet.vpc_id == vpc_id for each in ec2.addresses):
        raise Refused(
            "DependencyViolation",
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.",
        )


def _create_nat_gateway(place: Place, wanted: dict[str, Any]) -> None:
    """AWS tells of a missing internet gateway some seconds later, in the state of the NAT gateway; here the request is refused."""
    ec2 = place.backend
    if wanted.get("ConnectivityType", "public") == "private":
        return
    vpc_id = ec2.get_subnet(wanted["SubnetId"]).vpc_id
    if not any(each.vpc and each.vpc.id == vpc_id for each in ec2.internet_gateways.values()):
        raise Refused("Gateway.NotAttached", f"Network {vpc_id} has no Internet gateway attached")
    if not wanted.get("AllocationId"):
        raise Refused(
            "MissingParameter", "The request must include the AllocationId parameter. Add the required parameter and retry the request."
        )
    (address,) = ec2.address_by_allocation([wanted["AllocationId"]])
    if address.association_id:
        raise Refused("Resource.AlreadyAssociated", f"Elastic IP address [{wanted['AllocationId']}] is already associated")


def _delete_nat_gateway(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    """moto leaves its interface, and the address associated."""
    ec2, nat = place.backend, place.backend.nat_gateways.get(wanted["NatGatewayId"])
    if nat is None:
        raise Refused("NatGatewayNotFound", f"NatGateway {wanted['NatGatewayId']} was not found")
    for address in [each for each in ec2.addresses if each.eni is nat._eni]:
        ec2.disassociate_address(association_id=address.association_id)
    ec2.enis.pop(nat._eni.id, None)
    nat.state = "deleted"
    return {"NatGatewayId": nat.id}


def _release_address(place: Place, wanted: dict[str, Any]) -> None:
    for address in place.backend.addresses:
        if address.allocation_id == wanted.get("AllocationId") and address.association_id:
            raise Refused("InvalidIPAddress.InUse", f"Address {address.public_ip} is in use.")


def _create_subnet(place: Place, wanted: dict[str, Any]) -> None:
    cidr = ipaddress.ip_network(wanted["CidrBlock"], strict=False) if wanted.get("CidrBlock") else None
    if cidr and not 16 <= cidr.prefixlen <= 28:
        raise Refused("InvalidSubnet.Range", f"The CIDR '{wanted['CidrBlock']}' is invalid.")
    zones = [zone.name for zone in place.backend.describe_availability_zones()]
    zone = wanted.get("AvailabilityZone")
    if zone and zone not in zones:
        raise Refused(
            "InvalidParameterValue",
            f"Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following "
            f"availability zones: {', '.join(zones)}.",
        )


def _modify_subnet(place: Place, wanted: dict[str, Any]) -> None:
    subnet_id = wanted["SubnetId"]
    assigns = (wanted.get("AssignIpv6AddressOnCreation") or {}).get("Value")
    if assigns and not place.backend.get_subnet(subnet_id).ipv6_cidr_block_association_set:
        raise Refused(
            "InvalidParameterValue",
            "Invalid value 'true' for assign-ipv6-address-on-creation. Cannot set assign-ipv6-address-on-creation to true unless the "
            f"subnet ({subnet_id}) has an IPv6 CIDR block associated with it.",
        )


def _take_subnet_block(place: Place, wanted: dict[str, Any]) -> None:
    block = wanted["AssociationId"]
    subnet = place.backend.get_subnet_from_ipv6_association(block)
    if subnet and subnet.assign_ipv6_address_on_creation:
        raise Refused(
            "InvalidCidrBlock.InUse",
            f"The subnet IPv6 CIDR block with association ID {block} may not be disassociated, because its subnet has "
            "assign-ipv6-address-on-creation set to true.",
        )


def _replace_association(place: Place, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """AWS gives a new id; ours stays, since the engine's id of a resource cannot change in place."""
    association, tables = wanted["AssociationId"], place.backend.route_tables
    before = next((table for table in tables.values() if association in table._associations), None)
    if before is None or wanted["RouteTableId"] not in tables:
        return None
    tables[wanted["RouteTableId"]]._associations[association] = before._associations.pop(association)
    return {"NewAssociationId": association, "AssociationState": {"State": "associated"}}


def _create_endpoint(place: Place, wanted: dict[str, Any]) -> None:
    service = wanted["ServiceName"]
    if service.startswith("com.amazonaws.") and service.split(".")[2] != place.region:
        raise Refused("InvalidServiceName", f"The Vpc Endpoint Service '{service}' does not exist")


def _modify_endpoint(place: Place, wanted: dict[str, Any]) -> None:
    """moto changes the lists alone: a gateway's routes and an interface's addresses follow here, or neither could be deleted later."""
    ec2, endpoint = place.backend, place.backend.vpc_end_points.get(wanted["VpcEndpointId"])
    if endpoint is None:
        return
    to = endpoint.destination_prefix_list_id
    for table in wanted.get("AddRouteTableIds") or ():
        ec2.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=to)
    for table in wanted.get("RemoveRouteTableIds") or ():
        ec2.delete_route(table, to)
    left = set(wanted.get("RemoveSubnetIds") or ())
    for interface in [each for each in endpoint.network_interface_ids if ec2.enis[each].subnet.id in left]:
        ec2.enis.pop(interface)
        endpoint.network_interface_ids.remove(interface)
    for subnet in wanted.get("AddSubnetIds") or ():
        endpoint.network_interface_ids.append(ec2.create_network_interface(subnet, random_private_ip()).id)


OPERATIONS: dict[str, Operation] = {
    "DeleteVpc": _delete_vpc,
    "DeleteSubnet": _delete_subnet,
    "CreateSecurityGroup": _create_security_group,
    "DeleteSecurityGroup": _delete_security_group,
    "DeleteRouteTable": _delete_route_table,
    "CreateRoute": _create_route,
    "ReplaceRouteTableAssociation": _replace_association,
    "AttachInternetGateway": _attach_gateway,
    "DetachInternetGateway": _detach_gateway,
    "CreateNatGateway": _create_nat_gateway,
    "DeleteNatGateway": _delete_nat_gateway,
    "ReleaseAddress": _release_address,
    "CreateSubnet": _create_subnet,
    "ModifySubnetAttribute": _modify_subnet,
    "DisassociateSubnetCidrBlock": _take_subnet_block,
    "CreateVpcEndpoint": _create_endpoint,
    "ModifyVpcEndpoint": _modify_endpoint,
}
