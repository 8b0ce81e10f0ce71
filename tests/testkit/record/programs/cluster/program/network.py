"""A network with a public subnet in each zone."""

import pulumi
from pulumi_aws import ec2, get_availability_zones


def make(name: str, cidr: str, zones: int) -> tuple[ec2.Vpc, list[ec2.Subnet]]:
    vpc = ec2.Vpc(name, cidr_block=cidr, enable_dns_hostnames=True, tags={"Name": name})
    gateway = ec2.InternetGateway(name, vpc_id=vpc.id)
    routes = ec2.RouteTable(name, vpc_id=vpc.id, routes=[{"cidr_block": "0.0.0.0/0", "gateway_id": gateway.id}])
    subnets = []
    for index, zone in enumerate(get_availability_zones(state="available").names[:zones]):
        subnet = ec2.Subnet(f"{name}-{index}", vpc_id=vpc.id, cidr_block=f"10.0.{index}.0/24", availability_zone=zone)
        ec2.RouteTableAssociation(
            f"{name}-{index}", subnet_id=subnet.id, route_table_id=routes.id, opts=pulumi.ResourceOptions(parent=subnet)
        )
        subnets.append(subnet)
    return vpc, subnets
