"""Route tables, routes and their associations."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import cidr, retag, tagged
from mlgate_testkit.aws.rules import conflicting, exactly_one
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_DESTINATIONS = {
    "destinationCidrBlock": "DestinationCidrBlock",
    "destinationIpv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}
_TARGETS = {
    "gatewayId": "GatewayId",
    "natGatewayId": "NatGatewayId",
    "networkInterfaceId": "NetworkInterfaceId",
    "transitGatewayId": "TransitGatewayId",
    "vpcPeeringConnectionId": "VpcPeeringConnectionId",
    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
    "carrierGatewayId": "CarrierGatewayId",
    "vpcEndpointId": "VpcEndpointId",
}
_NEVER = ("coreNetworkArn", "localGatewayId", "odbNetworkArn")  # kept in state; nothing routes here
_INLINE = {
    "cidrBlock": "DestinationCidrBlock",
    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
    "destinationPrefixListId": "DestinationPrefixListId",
}


def _asked(names: dict[str, str], values: Any) -> dict[str, Any]:
    return {parameter: values[argument] for argument, parameter in names.items() if values.get(argument)}


def _answered(names: dict[str, str], route: dict[str, Any]) -> dict[str, Any]:
    return {argument: route[parameter] for argument, parameter in names.items() if route.get(parameter)}


def _table(aws: Aws, table_id: str) -> Any:
    return aws.client("ec2").describe_route_tables(RouteTableIds=[table_id])["RouteTables"][0]


def _own_routes(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Routes that somebody made, without those of VPC endpoints, as the real provider shows them."""
    local = ("local", "vpce-")
    return [route for route in table["Routes"] if not str(route.get("GatewayId", "")).startswith(local)]


def _told(route: dict[str, Any]) -> dict[str, Any]:
    """One route, with a VPC endpoint where moto shows it as a gateway."""
    gateway = str(route.get("GatewayId", ""))
    return {**route, "GatewayId": None, "VpcEndpointId": gateway} if gateway.startswith("vpce-") else route


def _create_table(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    beside = [{"Name": "vpc-id", "Values": [inputs["vpcId"]]}]
    with aws.within("L-589F43AA", lambda: len(ec2.describe_route_tables(Filters=beside)["RouteTables"]) + 1):
        made = ec2.create_route_table(VpcId=inputs["vpcId"], **tagged("route-table", inputs))
    return str(made["RouteTable"]["RouteTableId"])


def _settle_table(aws: Aws, table_id: str, inputs: Inputs) -> None:
    for route in inputs.get("routes") or ():
        aws.client("ec2").create_route(RouteTableId=table_id, **_asked(_INLINE, route), **_asked(_TARGETS, route))


def _read_table(aws: Aws, table_id: str, _known: Inputs) -> Outputs | None:
    table = _table(aws, table_id)
    return {
        "arn": aws.arn("ec2", f"route-table/{table_id}"),
        "ownerId": aws.account_id,
        "vpcId": table["VpcId"],
        "routes": [_answered(_INLINE, route) | _answered(_TARGETS, route) for route in _own_routes(table)],
        "tags": tags_of(table.get("Tags")),
    }


def _update_table(aws: Aws, table_id: str, olds: Inputs, news: Inputs) -> None:
    ec2 = aws.client("ec2")
    if "routes" in news and not same_set(olds.get("routes") or [], news["routes"]):
        for route in _own_routes(_table(aws, table_id)):
            ec2.delete_route(RouteTableId=table_id, **_asked(_DESTINATIONS, _answered(_DESTINATIONS, route)))
        _settle_table(aws, table_id, news)
    retag(aws, table_id, olds, news)


def _whole_routes(inputs: Inputs) -> Iterator[Failure]:
    """A route says where to and by what."""
    routes = inputs.get("routes")
    for index, route in enumerate(routes if isinstance(routes, list) else ()):
        for what, names in (("destination", [*_INLINE]), ("target", [*_TARGETS, *_NEVER])):
            if isinstance(route, Mapping) and not any(route.get(name) for name in names):
                yield Failure(f"routes[{index}]", f"one of `{','.join(sorted(names))}` must be specified: a route has a {what}")


def _delete_table(aws: Aws, table_id: str, _inputs: Inputs) -> None:
    ec2 = aws.client("ec2")
    for association in _table(aws, table_id)["Associations"]:
        if not association["Main"]:
            ec2.disassociate_route_table(AssociationId=association["RouteTableAssociationId"])
    ec2.delete_route_table(RouteTableId=table_id)


def _destination(inputs: Inputs) -> str:
    return next(str(inputs[key]) for key in _DESTINATIONS if inputs.get(key))


def _create_route(aws: Aws, inputs: Inputs) -> str:
    table = inputs["routeTableId"]
    aws.client("ec2").create_route(RouteTableId=table, **_asked(_DESTINATIONS, inputs), **_asked(_TARGETS, inputs))
    return _route_id(table, _destination(inputs))


def _route_id(table: str, destination: str) -> str:
    """As the real provider makes it (terraform-provider-aws, internal/service/ec2, routeCreateID)."""
    return f"r-{table}{zlib.crc32(destination.encode())}"


def _read_route(aws: Aws, route_id: str, known: Inputs) -> Outputs | None:
    table_id, _, destination = route_id.partition("_")  # the form in which a route is imported
    if not destination:
        table_id, destination = known["routeTableId"], _destination(known)
    for route in _table(aws, table_id)["Routes"]:
        if destination in _answered(_DESTINATIONS, route).values():
            told = _told(route)
            return {
                "routeTableId": table_id,
                **dict.fromkeys([*_DESTINATIONS, *_TARGETS]),
                **_answered(_DESTINATIONS, route),
                **_answered(_TARGETS, told),
                "origin": route.get("Origin") or "CreateRoute",
                "state": route["State"],
                "instanceId": route.get("InstanceId") or "",
                "instanceOwnerId": route.get("InstanceOwnerId") or "",
            }
    return None


def _update_route(aws: Aws, _route_id: str, _olds: Inputs, news: Inputs) -> None:
    aws.client("ec2").replace_route(RouteTableId=news["routeTableId"], **_asked(_DESTINATIONS, news), **_asked(_TARGETS, news))


def _delete_route(aws: Aws, _route_id: str, inputs: Inputs) -> None:
    aws.client("ec2").delete_route(RouteTableId=inputs["routeTableId"], **_asked(_DESTINATIONS, inputs))


def _create_association(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    of_subnet = [{"Name": "association.subnet-id", "Values": [inputs["subnetId"]]}] if inputs.get("subnetId") else []
    if of_subnet and (found := ec2.describe_route_tables(Filters=of_subnet)["RouteTables"]):
        message = f"the specified association for route table {found[0]['RouteTableId']} conflicts with an existing association"
        raise refusal("Resource.AlreadyAssociated", message, "EC2: AssociateRouteTable")
    target = {"SubnetId": inputs["subnetId"]} if inputs.get("subnetId") else {"GatewayId": inputs["gatewayId"]}
    return str(ec2.associate_route_table(RouteTableId=inputs["routeTableId"], **target)["AssociationId"])


def _associations(aws: Aws) -> list[Any]:
    tables = aws.client("ec2").describe_route_tables()["RouteTables"]
    return [association for table in tables for association in table["Associations"] if not association["Main"]]


def _read_association(aws: Aws, association_id: str, known: Inputs) -> Outputs | None:
    subnet, _, table = association_id.partition("/")  # the form in which an association is imported
    for each in _associations(aws):
        imported = table and subnet in {each.get("SubnetId"), each.get("GatewayId")} and each["RouteTableId"] == table
        of_gateway = known.get("gatewayId") if each.get("SubnetId") == known.get("gatewayId") else None
        if imported or each["RouteTableAssociationId"] == association_id:
            gateway = of_gateway or each.get("GatewayId")
            return {"routeTableId": each["RouteTableId"], "subnetId": None if gateway else each.get("SubnetId"), "gatewayId": gateway}
    return None


def _update_association(aws: Aws, association_id: str, _olds: Inputs, news: Inputs) -> None:
    aws.client("ec2").replace_route_table_association(AssociationId=association_id, RouteTableId=news["routeTableId"])


def _delete_association(aws: Aws, association_id: str, _inputs: Inputs) -> None:
    aws.client("ec2").disassociate_route_table(AssociationId=association_id)


MODELS = (
    ResourceModel(
        type="aws:ec2/routeTable:RouteTable",
        noun="EC2 Route Table",
        create=_create_table,
        settle=_settle_table,
        read=_read_table,
        update=_update_table,
        delete=_delete_table,
        forces_new=frozenset({"vpcId"}),
        computed=frozenset({"routes", "propagatingVgws"}),
        state_only=frozenset({"propagatingVgws"}),
        equivalent={"routes": same_set},
        rules=(_whole_routes,),
        behaviours=(
            Behaviour(
                "routes that the program does not list are left alone, unless it lists some",
                "terraform-provider-aws, aws_route_table (route is Optional and Computed)",
                "test_ec2_network.py::test_routes_made_beside_a_route_table_are_no_drift_of_it",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/route:Route",
        noun="EC2 Route",
        create=_create_route,
        read=_read_route,
        update=_update_route,
        delete=_delete_route,
        forces_new=frozenset({"routeTableId", *_DESTINATIONS}),
        computed=frozenset({"networkInterfaceId"}),
        state_only=frozenset(_NEVER),
        rules=(exactly_one(*_DESTINATIONS), exactly_one(*_TARGETS, *_NEVER), cidr("destinationCidrBlock")),
        behaviours=(
            Behaviour(
                "a table has one route for a destination, and its gateway stands in the same network",
                "EC2 API reference, CreateRoute; error code RouteAlreadyExists",
                "test_ec2_network.py::test_a_route_has_one_destination_one_target_and_a_gateway_of_its_own_network",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/routeTableAssociation:RouteTableAssociation",
        noun="EC2 Route Table Association",
        create=_create_association,
        read=_read_association,
        update=_update_association,
        delete=_delete_association,
        forces_new=frozenset({"subnetId", "gatewayId"}),
        rules=(exactly_one("subnetId", "gatewayId"), conflicting("subnetId", "gatewayId")),
        behaviours=(
            Behaviour(
                "a subnet has one route table",
                "EC2 API reference, AssociateRouteTable; error code Resource.AlreadyAssociated",
                "test_ec2_network.py::test_a_subnet_has_one_route_table",
            ),
        ),
    ),
)
