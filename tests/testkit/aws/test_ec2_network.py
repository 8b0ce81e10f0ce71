"""VPCs, subnets, gateways, routes, endpoints and flow logs."""

from __future__ import annotations

from ipaddress import IPv6Network
from itertools import islice

import pytest

from mlgate_testkit.provider.provider import Kind, ProviderError, State, Unhealthy
from mlgate_testkit.provider.values import UNKNOWN

from .cloud import Cloud
from .samples_compute import GATEWAY, GROUP, SUBNET, TABLE, VPC, ZONES, association, nat, route, subnets, vpc

EIP = "aws:ec2/eip:Eip"
NAT = "aws:ec2/natGateway:NatGateway"
ROUTE = "aws:ec2/route:Route"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


def test_a_vpc_brings_its_table_list_and_group(cloud: Cloud) -> None:
    made = cloud.up(VPC, cidrBlock="10.0.0.0/16").outputs
    assert made["mainRouteTableId"].startswith("rtb-")
    assert made["defaultSecurityGroupId"].startswith("sg-")
    assert made["defaultNetworkAclId"].startswith("acl-")
    assert made["arn"].startswith("arn:aws:ec2:eu-central-1:123456789012:vpc/vpc-")
    assert (made["enableDnsSupport"], made["enableDnsHostnames"]) == (True, False)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("10.0.0.0/8", "between 16 and 28 significant bits, got: 8"),
        ("10.0.0.1/16", 'did you mean "10.0.0.0/16"'),
        ("10.0.0/16", "is not a valid IPv4 CIDR block"),
        ("10.0.0.0", "it has no prefix length"),
    ],
)
def test_blocks_are_checked_before_anything_is_made(cloud: Cloud, block: str, said: str) -> None:
    (failure,) = cloud.check(VPC, cidrBlock=block)
    assert failure.property == "cidrBlock"
    assert said in failure.reason


def test_a_subnet_lies_within_its_vpc_and_overlaps_no_other(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    cloud.up(SUBNET, "first", vpcId=vpc_id, cidrBlock="10.0.0.0/24")
    with pytest.raises(ProviderError, match=r"InvalidSubnet.Range: The CIDR '10.1.0.0/24' is invalid"):
        cloud.up(SUBNET, "outside", vpcId=vpc_id, cidrBlock="10.1.0.0/24")
    with pytest.raises(ProviderError, match=r"InvalidSubnet.Conflict: The CIDR '10.0.0.128/25' conflicts with another subnet"):
        cloud.up(SUBNET, "over", vpcId=vpc_id, cidrBlock="10.0.0.128/25")
    with pytest.raises(ProviderError, match=r"InvalidSubnet.Range: The CIDR '10.0.1.0/30' is invalid"):
        cloud.up(SUBNET, "tiny", vpcId=vpc_id, cidrBlock="10.0.1.0/30")
    with pytest.raises(
        ProviderError, match=r"Value \(us-east-1a\) for parameter availabilityZone is invalid.*eu-central-1a, eu-central-1b"
    ):
        cloud.up(SUBNET, "far", vpcId=vpc_id, cidrBlock="10.0.1.0/24", availabilityZone="us-east-1a")
    with pytest.raises(ProviderError, match=r"InvalidVpcID.NotFound"):
        cloud.up(SUBNET, "lost", vpcId="vpc-0123", cidrBlock="10.0.1.0/24")


def test_a_vpc_gets_an_ipv6_block_and_gives_it_back(cloud: Cloud) -> None:
    def expected(**more: bool) -> set[object]:
        outputs = cloud.change(VPC, state, preview=True, cidrBlock="10.0.0.0/16", **more).outputs
        return {outputs["ipv6CidrBlock"], outputs["ipv6AssociationId"]}

    state = cloud.up(VPC, cidrBlock="10.0.0.0/16")
    assert expected(assignGeneratedIpv6CidrBlock=True) == {UNKNOWN}
    state = cloud.change(VPC, state, cidrBlock="10.0.0.0/16", assignGeneratedIpv6CidrBlock=True)
    assert state.outputs["ipv6CidrBlock"].endswith("/56")
    assert expected() == {UNKNOWN}
    assert UNKNOWN not in expected(assignGeneratedIpv6CidrBlock=True, enableDnsHostnames=True)
    state = cloud.change(VPC, state, cidrBlock="10.0.0.0/16")
    assert (state.outputs["ipv6CidrBlock"], state.outputs["assignGeneratedIpv6CidrBlock"]) == ("", False)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("::..", "CIDR block: invalid CIDR address: ::.."),
        ("2001:db8::/64 ", "CIDR block: invalid CIDR address: 2001:db8::/64 "),
        ("2001:db8::", "CIDR block: invalid CIDR address: 2001:db8::"),
        ("10.0.0.0/24", "IPv6 CIDR block"),
        ("2001:db8::1/64", 'IPv6 CIDR block; did you mean "2001:db8::/64"?'),
        ("2001:0db8::/64", 'IPv6 CIDR block; did you mean "2001:db8::/64"?'),
    ],
)
def test_an_ipv6_block_is_checked_before_anything_is_made(cloud: Cloud, block: str, said: str) -> None:
    (failure,) = cloud.check(SUBNET, vpcId="vpc-1", cidrBlock="10.0.0.0/24", ipv6CidrBlock=block)
    assert failure.reason == f'"{block}" is not a valid {said}'


def ipv6_place(cloud: Cloud) -> tuple[dict[str, str], list[str]]:
    """Arguments of a subnet, and two blocks for it."""
    made = cloud.up(VPC, cidrBlock="10.0.0.0/16", assignGeneratedIpv6CidrBlock=True)
    blocks = IPv6Network(made.outputs["ipv6CidrBlock"]).subnets(new_prefix=64)
    return {"vpcId": made.id, "cidrBlock": "10.0.0.0/24"}, [str(each) for each in islice(blocks, 1, 3)]


def test_a_subnet_gets_an_ipv6_block_another_and_none(cloud: Cloud) -> None:
    place, blocks = ipv6_place(cloud)
    state = cloud.up(SUBNET, **place)
    for block in blocks:
        state = cloud.change(SUBNET, state, **place, ipv6CidrBlock=block)
        assert state.outputs["ipv6CidrBlock"] == block
        assert state.outputs["ipv6CidrBlockAssociationId"].startswith("subnet-cidr-assoc-")
        assert held(cloud, state) == [block]
        assert cloud.diff(SUBNET, state, **place, ipv6CidrBlock=block).changed == {}
    cloud.boto("ec2").disassociate_subnet_cidr_block(AssociationId=state.outputs["ipv6CidrBlockAssociationId"])
    seen = cloud.refresh(SUBNET, state)
    assert seen
    assert cloud.diff(SUBNET, seen, **place, ipv6CidrBlock=blocks[1]).changed == {"ipv6CidrBlock": Kind.ADD}
    state = cloud.change(SUBNET, cloud.change(SUBNET, seen, **place, ipv6CidrBlock=blocks[1]), **place)
    assert held(cloud, state) == []
    assert "ipv6CidrBlock" not in state.outputs


def held(cloud: Cloud, subnet: State) -> list[str]:
    """The IPv6 blocks that a subnet has in the cloud."""
    (found,) = cloud.boto("ec2").describe_subnets(SubnetIds=[subnet.id])["Subnets"]
    return [each["Ipv6CidrBlock"] for each in found.get("Ipv6CidrBlockAssociationSet", ())]


def test_what_a_subnet_gives_its_instances_is_turned_on_and_off(cloud: Cloud) -> None:
    place, (block, _) = ipv6_place(cloud)
    switches = ("mapPublicIpOnLaunch", "assignIpv6AddressOnCreation")
    state = cloud.up(SUBNET, **place, ipv6CidrBlock=block, **dict.fromkeys(switches, True))
    assert all(state.outputs[switch] for switch in switches)
    state = cloud.change(SUBNET, state, **place, ipv6CidrBlock=block)
    assert not any(state.outputs[switch] for switch in switches)


def test_a_subnet_gives_ipv6_addresses_only_while_it_has_a_block(cloud: Cloud) -> None:
    place, (block, other) = ipv6_place(cloud)
    gives = {"assignIpv6AddressOnCreation": True}
    with pytest.raises(Unhealthy, match=r"InvalidParameterValue: Invalid value 'true' .* has an IPv6 CIDR block") as half:
        cloud.up(SUBNET, **place, **gives)
    state = cloud.change(SUBNET, State(half.value.resource_id, half.value.inputs, {}), **place, **gives, ipv6CidrBlock=block)
    for change in ({}, {"ipv6CidrBlock": other}):
        with pytest.raises(ProviderError, match=r"InvalidCidrBlock.InUse: The subnet IPv6 CIDR block with association ID .* set to true\."):
            cloud.change(SUBNET, state, **place, **gives, **change)
    state = cloud.change(SUBNET, state, **place)
    assert (state.outputs["assignIpv6AddressOnCreation"], "ipv6CidrBlock" in state.outputs) == (False, False)


@pytest.mark.parametrize(
    ("token", "arguments"),
    [
        (SUBNET, {"cidrBlock": "10.0.0.0/24"}),
        (GATEWAY, {}),
        (TABLE, {}),
        (GROUP, {}),
        (ENDPOINT, {"serviceName": "com.amazonaws.eu-central-1.s3"}),
    ],
)
def test_a_vpc_is_not_deleted_while_anything_is_left_in_it(cloud: Cloud, token: str, arguments: dict[str, str]) -> None:
    main = cloud.up(VPC, cidrBlock="10.0.0.0/16")
    left = cloud.up(token, vpcId=main.id, **arguments)
    with pytest.raises(ProviderError, match=rf"deleting EC2 VPC .*DependencyViolation: The vpc '?{main.id}'? has dependencies"):
        cloud.delete(VPC, main)
    cloud.delete(token, left)
    cloud.delete(VPC, main)
    assert cloud.refresh(VPC, main) is None


def test_neither_a_subnet_nor_its_vpc_is_deleted_while_a_nat_gateway_stands_in_it(cloud: Cloud) -> None:
    main = cloud.up(VPC, cidrBlock="10.0.0.0/16")
    subnet = cloud.up(SUBNET, vpcId=main.id, cidrBlock="10.0.0.0/24")
    gateway = cloud.up(NAT, subnetId=subnet.id, connectivityType="private")
    for token, state, noun in ((SUBNET, subnet, "subnet"), (VPC, main, "vpc")):
        with pytest.raises(ProviderError, match=rf"DependencyViolation: The {noun} '{state.id}' has dependencies"):
            cloud.delete(token, state)
    for token, state in ((NAT, gateway), (SUBNET, subnet), (VPC, main)):
        cloud.delete(token, state)
        assert cloud.refresh(token, state) is None


def test_a_nat_gateway_needs_an_internet_gateway_and_a_free_address(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    first, second = subnets(cloud, vpc_id)
    address = cloud.up(EIP, domain="vpc")
    with pytest.raises(ProviderError, match=rf"Gateway.NotAttached: Network {vpc_id} has no Internet gateway attached"):
        cloud.up(NAT, subnetId=first, allocationId=address.id)
    assert cloud.up(NAT, "inside", subnetId=first, connectivityType="private").outputs["publicIp"] == ""
    cloud.up(GATEWAY, vpcId=vpc_id)
    with pytest.raises(ProviderError, match="MissingParameter: The request must include the AllocationId"):
        cloud.up(NAT, subnetId=first)
    made = cloud.up(NAT, subnetId=first, allocationId=address.id)
    assert made.outputs["publicIp"] == address.outputs["publicIp"]
    with pytest.raises(ProviderError, match=rf"Resource.AlreadyAssociated: Elastic IP address \[{address.id}\] is already associated"):
        cloud.up(NAT, "again", subnetId=second, allocationId=address.id)


def test_an_internet_gateway_stays_while_public_addresses_are_mapped(cloud: Cloud) -> None:
    arguments = nat(cloud)
    made = cloud.up(NAT, **arguments)
    (found,) = cloud.boto("ec2").describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [made.outputs["vpcId"]]}])[
        "InternetGateways"
    ]
    gateway, address = cloud.imported(GATEWAY, found["InternetGatewayId"]), cloud.imported(EIP, arguments["allocationId"])
    assert gateway
    assert address
    with pytest.raises(ProviderError, match="has some mapped public address"):
        cloud.delete(GATEWAY, gateway)
    with pytest.raises(ProviderError, match=r"InvalidIPAddress.InUse"):
        cloud.delete(EIP, State(address.id, {}, {}))
    cloud.delete(NAT, made)
    cloud.delete(GATEWAY, gateway)
    cloud.delete(EIP, address)


def test_a_vpc_has_one_internet_gateway(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    cloud.up(GATEWAY, vpcId=vpc_id)
    with pytest.raises(ProviderError, match="already has an internet gateway attached"):
        cloud.up(GATEWAY, "second", vpcId=vpc_id)


def test_a_route_has_one_destination_one_target_and_a_gateway_of_its_own_network(cloud: Cloud) -> None:
    arguments = route(cloud)
    cloud.up(ROUTE, **arguments, destinationCidrBlock="0.0.0.0/0")
    with pytest.raises(ProviderError, match=r"RouteAlreadyExists: The route identified by 0.0.0.0/0 already exists"):
        cloud.up(ROUTE, "again", **arguments, destinationCidrBlock="0.0.0.0/0")
    other = cloud.up(VPC, "other", cidrBlock="10.1.0.0/16").id
    table = cloud.up(TABLE, "other", vpcId=other).id
    with pytest.raises(ProviderError, match="belong to different networks"):
        cloud.up(ROUTE, "across", routeTableId=table, gatewayId=arguments["gatewayId"], destinationCidrBlock="0.0.0.0/0")
    with pytest.raises(ProviderError, match=r"InvalidNatGatewayID.NotFound"):
        cloud.up(ROUTE, "lost", routeTableId=table, natGatewayId="nat-0123", destinationCidrBlock="0.0.0.0/0")
    two = cloud.check(ROUTE, **arguments, natGatewayId="nat-1", destinationCidrBlock="0.0.0.0/0")
    assert "only one of `gatewayId,natGatewayId" in two[0].reason
    none = cloud.check(ROUTE, **arguments)
    assert "one of `destinationCidrBlock,destinationIpv6CidrBlock,destinationPrefixListId` must be specified" in none[0].reason


def test_a_route_is_turned_to_another_gateway_in_place(cloud: Cloud) -> None:
    arguments = nat(cloud)
    gateway = cloud.up(NAT, **arguments)
    table = cloud.up(TABLE, vpcId=gateway.outputs["vpcId"]).id
    (found,) = cloud.boto("ec2").describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [gateway.outputs["vpcId"]]}])[
        "InternetGateways"
    ]
    made = cloud.up(ROUTE, routeTableId=table, gatewayId=found["InternetGatewayId"], destinationCidrBlock="0.0.0.0/0")
    turned = cloud.change(ROUTE, made, routeTableId=table, natGatewayId=gateway.id, destinationCidrBlock="0.0.0.0/0")
    seen = cloud.refresh(ROUTE, turned)
    assert seen
    assert seen.inputs == turned.inputs
    cloud.boto("ec2").delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    assert cloud.refresh(ROUTE, turned) is None


def test_routes_made_beside_a_route_table_are_no_drift_of_it(cloud: Cloud) -> None:
    arguments = route(cloud)
    table = cloud.imported(TABLE, arguments["routeTableId"])
    assert table
    cloud.up(ROUTE, **arguments, destinationCidrBlock="0.0.0.0/0")
    seen = cloud.refresh(TABLE, table)
    assert seen
    assert seen.inputs == table.inputs
    assert seen.outputs["routes"] == [{"cidrBlock": "0.0.0.0/0", "gatewayId": arguments["gatewayId"]}]
    inline = [
        {"cidrBlock": "0.0.0.0/0", "gatewayId": arguments["gatewayId"]},
        {"cidrBlock": "10.9.0.0/16", "gatewayId": arguments["gatewayId"]},
    ]
    changed = cloud.change(TABLE, seen, vpcId=table.inputs["vpcId"], routes=inline)
    again = cloud.refresh(TABLE, changed)
    assert again
    assert again.inputs == changed.inputs
    cloud.boto("ec2").delete_route(RouteTableId=table.id, DestinationCidrBlock="10.9.0.0/16")
    drifted = cloud.refresh(TABLE, changed)
    assert drifted
    assert cloud.diff(TABLE, drifted, vpcId=table.inputs["vpcId"], routes=inline).changed == {"routes[1]": Kind.ADD}


def test_a_subnet_has_one_route_table(cloud: Cloud) -> None:
    arguments = association(cloud)
    made = cloud.up(ASSOCIATION, **arguments)
    with pytest.raises(ProviderError, match=r"Resource.AlreadyAssociated: the specified association .* conflicts"):
        cloud.up(ASSOCIATION, "again", **arguments)
    table = cloud.up(TABLE, "other", vpcId=cloud.boto("ec2").describe_subnets(SubnetIds=[arguments["subnetId"]])["Subnets"][0]["VpcId"])
    moved = cloud.change(ASSOCIATION, made, subnetId=arguments["subnetId"], routeTableId=table.id)
    assert cloud.refresh(ASSOCIATION, moved).inputs == moved.inputs  # type: ignore[union-attr]
    with pytest.raises(ProviderError, match="DependencyViolation"):
        cloud.delete(VPC, State(table.inputs["vpcId"], {}, {}))


def test_quotas_of_vpcs_and_addresses_are_those_of_a_new_account(cloud: Cloud) -> None:
    for index in range(4):  # the default VPC is the fifth
        cloud.up(VPC, f"vpc-{index}", cidrBlock="10.0.0.0/16")
    with pytest.raises(ProviderError, match=r"VpcLimitExceeded: The maximum number of VPCs has been reached: 5 \(quota L-F678F1CE\)"):
        cloud.up(VPC, "one-more", cidrBlock="10.0.0.0/16")
    cloud.package.quota("VPCs per Region", 6)
    cloud.up(VPC, "one-more", cidrBlock="10.0.0.0/16")
    for index in range(5):
        cloud.up(EIP, f"address-{index}", domain="vpc")
    with pytest.raises(ProviderError, match=r"AddressLimitExceeded.*L-0263D0A3"):
        cloud.up(EIP, "one-more", domain="vpc")


def test_an_endpoint_serves_its_own_region(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    with pytest.raises(ProviderError, match=r"InvalidServiceName: The Vpc Endpoint Service 'com.amazonaws.us-east-1.s3' does not exist"):
        cloud.up(ENDPOINT, vpcId=vpc_id, serviceName="com.amazonaws.us-east-1.s3")
    ids = subnets(cloud, vpc_id)
    made = cloud.up(
        ENDPOINT, vpcId=vpc_id, serviceName="com.amazonaws.eu-central-1.ecr.api", vpcEndpointType="Interface", subnetIds=ids[:1]
    )
    assert len(made.outputs["networkInterfaceIds"]) == 1
    grown = cloud.change(
        ENDPOINT, made, vpcId=vpc_id, serviceName="com.amazonaws.eu-central-1.ecr.api", vpcEndpointType="Interface", subnetIds=ids[::-1]
    )
    assert cloud.refresh(ENDPOINT, grown).inputs == grown.inputs  # type: ignore[union-attr]


def test_an_endpoint_that_grew_or_shrank_leaves_its_subnets_and_its_vpc_free(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    ids = subnets(cloud, vpc_id)
    tables = [cloud.up(TABLE, f"table-{index}", vpcId=vpc_id) for index in range(2)]
    beside = {"vpcId": vpc_id, "serviceName": "com.amazonaws.eu-central-1.s3"}
    gateway = cloud.up(ENDPOINT, **beside, routeTableIds=[tables[0].id])
    gateway = cloud.change(ENDPOINT, gateway, **beside, routeTableIds=[table.id for table in tables])
    inside = {"vpcId": vpc_id, "serviceName": "com.amazonaws.eu-central-1.sts", "vpcEndpointType": "Interface"}
    interface = cloud.up(ENDPOINT, "inside", **inside, subnetIds=ids)
    shrunk = cloud.change(ENDPOINT, interface, **inside, subnetIds=ids[1:])
    assert len(cloud.refresh(ENDPOINT, shrunk).outputs["networkInterfaceIds"]) == len(ids) - 1  # type: ignore[union-attr]
    ec2 = cloud.boto("ec2")
    ec2.delete_subnet(SubnetId=ids[0])
    for endpoint in (gateway, shrunk):
        cloud.delete(ENDPOINT, endpoint)
    for table in tables:
        cloud.delete(TABLE, table)
    for subnet in ids[1:]:
        ec2.delete_subnet(SubnetId=subnet)
    ec2.delete_vpc(VpcId=vpc_id)


def test_a_flow_log_needs_its_bucket(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="LogDestination: nowhere does not exist"):
        cloud.up(
            "aws:ec2/flowLog:FlowLog", vpcId=vpc(cloud), trafficType="ALL", logDestinationType="s3", logDestination="arn:aws:s3:::nowhere"
        )
    (failure,) = cloud.check("aws:ec2/flowLog:FlowLog", vpcId="vpc-1", trafficType="ALL", logDestination="x", maxAggregationInterval=30)
    assert "60 or 600 s" in failure.reason


def test_zones_are_spread_as_asked(cloud: Cloud) -> None:
    found = cloud.boto("ec2").describe_subnets(SubnetIds=subnets(cloud, vpc(cloud)))["Subnets"]
    assert sorted(each["AvailabilityZone"] for each in found) == list(ZONES)
