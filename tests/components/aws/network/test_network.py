"""`Network`, recorded: what it is made of, and what it refuses before anything is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.network.network import Nat, Network, NetworkArgs
from mlgate_testkit.record import Graph, record

TAGS = {"environment": "dev", "owner": "platform"}
ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
USUAL: dict[str, Any] = {"cidr": "10.0.0.0/16", "zones": ZONES, "tags": TAGS}
RULE = "vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def program(args: dict[str, Any], name: str = "core") -> Callable[[], None]:
    def network() -> None:
        import pulumi

        from mlgate_components.aws.network.network import Network

        made = Network(name, NetworkArgs(**args))
        for output in ("vpc_id", "zones", "private_subnet_ids", "public_subnet_ids", "intra_subnet_ids"):
            pulumi.export(output, getattr(made, output))

    return network


def recorded(**args: Any) -> Graph:
    return record(program({**USUAL, **args}))


def names(graph: Graph, type: str) -> list[str]:  # noqa: A002 - Pulumi's own word for it
    return sorted(found.name.removeprefix("core-") for found in graph.all(type))


def test_every_zone_has_a_subnet_of_each_kind_and_the_lists_are_in_the_order_of_the_zones() -> None:
    graph = recorded()
    for kind in ("private", "public", "intra"):
        assert graph.outputs[f"{kind}_subnet_ids"] == [f"<id of Subnet core-{kind}-{zone}>" for zone in ZONES]
    assert graph.one("aws:ec2/subnet:Subnet", "core-private-eu-central-1b").inputs["cidrBlock"] == "10.0.32.0/19"
    assert graph.outputs["zones"] == ZONES
    assert {found.parent for found in graph.resources if found.type.startswith("aws:")} == {graph.one("mlgate:index:Network")}


@pytest.mark.parametrize(
    ("nat", "gateways", "out"),
    [(None, ZONES, ZONES), (Nat.PER_ZONE, ZONES, ZONES), (Nat.SINGLE, ZONES[:1], ZONES[:1] * 3), (Nat.NONE, [], [])],
)
def test_private_subnets_go_out_as_it_is_said(nat: Nat | None, gateways: list[str], out: list[str]) -> None:
    graph = recorded(**({"nat": nat} if nat else {}))
    assert names(graph, "aws:ec2/natGateway:NatGateway") == gateways
    routes = {route.name: route.inputs for route in graph.all("aws:ec2/route:Route") if "private" in route.name}
    assert [inputs["natGatewayId"] for inputs in routes.values()] == [f"<id of NatGateway core-{zone}>" for zone in out]
    assert len(graph.outputs["public_subnet_ids"]) == (3 if gateways else 0)
    assert len(graph.all("aws:ec2/internetGateway:InternetGateway")) == bool(gateways)


def test_every_subnet_goes_by_the_table_of_its_kind_and_a_private_one_by_that_of_its_zone() -> None:
    graph = recorded()
    associated = graph.all("aws:ec2/routeTableAssociation:RouteTableAssociation")
    assert {found.inputs["subnetId"]: found.inputs["routeTableId"] for found in associated} == {
        f"<id of Subnet core-{kind}-{zone}>": f"<id of RouteTable core-{kind}{f'-{zone}' if kind == 'private' else ''}>"
        for kind in ("private", "public", "intra")
        for zone in ZONES
    }
    routes = {route.inputs["routeTableId"]: route.inputs for route in graph.all("aws:ec2/route:Route")}
    assert set(routes) == {"<id of RouteTable core-public>", *(f"<id of RouteTable core-private-{zone}>" for zone in ZONES)}
    assert {inputs["destinationCidrBlock"] for inputs in routes.values()} == {"0.0.0.0/0"}
    assert routes["<id of RouteTable core-public>"]["gatewayId"] == "<id of InternetGateway core>"
    gateways = {found.name: found.inputs["subnetId"] for found in graph.all("aws:ec2/natGateway:NatGateway")}
    assert gateways == {f"core-{zone}": f"<id of Subnet core-public-{zone}>" for zone in ZONES}


def test_no_machine_gets_a_public_address_by_itself() -> None:
    assert {found.inputs["mapPublicIpOnLaunch"] for found in recorded().all("aws:ec2/subnet:Subnet")} == {False}


def test_a_nat_gateway_comes_after_the_way_out_and_goes_before_it() -> None:
    graph = recorded()
    way_out = graph.one("aws:ec2/route:Route", "core-public")
    for type in ("aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip"):  # noqa: A001 - as above
        assert all(found.needs(way_out) for found in graph.all(type))


def test_intra_subnets_have_no_way_out() -> None:
    graph = recorded()
    intra = graph.one("aws:ec2/routeTable:RouteTable", "core-intra")
    assert not [route for route in graph.all("aws:ec2/route:Route") if route.needs(intra)]
    assert not [found for found in graph.all("aws:ec2/vpcEndpoint:VpcEndpoint") if found.needs(intra)], "to S3 neither"
    associated = [found for found in graph.all("aws:ec2/routeTableAssociation:RouteTableAssociation") if found.needs(intra)]
    assert len(associated) == 3


def test_the_services_that_nodes_call_are_inside_and_reached_by_https_from_the_network_alone() -> None:
    graph = recorded()
    endpoints = {found.name: found.inputs for found in graph.all("aws:ec2/vpcEndpoint:VpcEndpoint")}
    services = {inputs["serviceName"].removeprefix("com.amazonaws.eu-central-1.") for inputs in endpoints.values()}
    assert services == {"s3", "ecr.api", "ecr.dkr", "sts", "logs", "kms", "eks", "eks-auth", "sqs"}
    assert len(endpoints) == 10, "S3 has a gateway besides"
    gateway = endpoints.pop("core-s3-gateway")
    assert gateway["vpcEndpointType"] == "Gateway"
    assert gateway["routeTableIds"] == [f"<id of RouteTable core-{of}>" for of in ("public", *(f"private-{zone}" for zone in ZONES))]
    for inputs in endpoints.values():
        assert (inputs["vpcEndpointType"], inputs["privateDnsEnabled"]) == ("Interface", True)
        assert inputs["subnetIds"] == [f"<id of Subnet core-private-{zone}>" for zone in ZONES]
        assert inputs["securityGroupIds"] == ["<id of SecurityGroup core-endpoints>"]
    (group,), (rule,) = (graph.all(f"aws:{kind}") for kind in ("ec2/securityGroup:SecurityGroup", RULE))
    assert not group.inputs.keys() & {"ingress", "egress"}, "no rule but this one"
    assert (rule.inputs["cidrIpv4"], rule.inputs["ipProtocol"]) == ("10.0.0.0/16", "tcp")
    assert (rule.inputs["fromPort"], rule.inputs["toPort"]) == (443, 443)


def test_their_private_names_are_found_and_those_of_s3_lead_whom_is_inside_to_the_gateway() -> None:
    graph = recorded()
    vpc = graph.one("aws:ec2/vpc:Vpc").inputs
    assert (vpc["enableDnsSupport"], vpc["enableDnsHostnames"]) == (True, True), "private names need both"
    endpoints = {found.name: found for found in graph.all("aws:ec2/vpcEndpoint:VpcEndpoint")}
    led = {name: found.inputs["dnsOptions"] for name, found in endpoints.items() if "dnsOptions" in found.inputs}
    assert led == {"core-s3": {"privateDnsOnlyForInboundResolverEndpoint": True}}
    assert endpoints["core-s3"].needs(endpoints["core-s3-gateway"])


def test_the_default_security_group_lets_nothing_pass() -> None:
    closed = recorded().one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert closed.inputs["ingress"] == closed.inputs["egress"] == [], "a list that is left out would take what it finds"


def test_every_connection_is_recorded_by_a_role_that_writes_that_log_and_nothing_else() -> None:
    graph = recorded(flow_log_days=30)
    log = graph.one("aws:ec2/flowLog:FlowLog")
    assert (log.inputs["trafficType"], log.inputs["vpcId"]) == ("ALL", "<id of Vpc core>")
    assert log.inputs["logDestination"] == "<arn of LogGroup core-flow-log>"
    assert log.inputs["iamRoleArn"] == "<arn of Role core-flow-log>"
    assert graph.one("aws:cloudwatch/logGroup:LogGroup").inputs["retentionInDays"] == 30
    (allowed,) = json.loads(graph.one("aws:iam/rolePolicy:RolePolicy").inputs["policy"])["Statement"]
    assert allowed == {
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        "Resource": "<arn of LogGroup core-flow-log>:*",
    }
    assert log.needs(graph.one("aws:iam/rolePolicy:RolePolicy"))
    (trusted,) = json.loads(graph.one("aws:iam/role:Role").inputs["assumeRolePolicy"])["Statement"]
    assert (trusted["Principal"], trusted["Action"]) == ({"Service": "vpc-flow-logs.amazonaws.com"}, "sts:AssumeRole")
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": "<ownerId of Vpc core>"}}


def test_everything_that_can_have_tags_has_all_of_them() -> None:
    graph = recorded(tags={**TAGS, "cost_center": "4711", "more": {"team-mail": "a@b.c", "owner": "nobody"}}, cluster="ml")
    tagged = [found.inputs["tags"] for found in graph.resources if "tags" in found.inputs]
    assert len(tagged) > 30
    wanted = {"environment": "dev", "owner": "platform", "cost-center": "4711", "managed-by": "mlgate", "team-mail": "a@b.c"}
    assert all(wanted.items() <= tags.items() for tags in tagged)
    subnets = {found.name: found.inputs["tags"] for found in graph.all("aws:ec2/subnet:Subnet")}
    found_by = {name: {key: value for key, value in tags.items() if "/" in key} for name, tags in subnets.items() if name.endswith("a")}
    assert found_by == {
        "core-private-eu-central-1a": {"karpenter.sh/discovery": "ml", "kubernetes.io/role/internal-elb": "1"},
        "core-public-eu-central-1a": {"kubernetes.io/role/elb": "1"},
        "core-intra-eu-central-1a": {},
    }


@pytest.mark.parametrize(
    ("args", "path", "said"),
    [
        ({"cidr": "10.0.0.0/24"}, "cidr", "take /23 or larger"),
        ({"cidr": "10.0.0.1/16"}, "cidr", "write 10.0.0.0/16"),
        ({"zones": ["eu-central-1a"]}, "zones", "2 or more"),
        ({"zones": ["eu-central-1a", "eu-west-1a"]}, "zones", "zones of one region"),
        ({"zones": ["eu-central-1a", "eu-central-1"]}, "zones[1]", "the name of an availability zone"),
        ({"zones": ["eu-central-1a", "eu-central-1a"]}, "zones[1]", "each zone once"),
        ({"zones": ["eu-central-1a", "eu-centrol-1b"]}, "zones[1]", "did you mean eu-central-1?"),
        ({"zones": "eu-central-1a"}, "zones", "a list"),
        ({"nat": "two"}, "nat", "one of none, single, per-zone"),
        ({"nats": "single"}, "nats", "did you mean nat?"),
        ({"tags": {"environment": "dev"}}, "tags.owner", "give it"),
        ({"flow_log_days": 4}, "flow_log_days", "CloudWatch Logs keeps for 1, 3, 5"),
    ],
)
def test_what_cannot_be_is_refused_by_its_path_before_anything_is_made(args: dict[str, Any], path: str, said: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(**args)
    assert [(problem.where, said in problem.expected) for problem in refused.value.problems] == [(path, True)]


@pytest.mark.parametrize("name", ["", "Core", "core vpc", "c" * 48])
def test_a_name_that_its_parts_could_not_have_is_refused(name: str) -> None:
    with pytest.raises(ArgumentsError) as refused:
        Network(name, NetworkArgs(**USUAL))
    assert [problem.where for problem in refused.value.problems] == ["name"]


def test_a_name_leaves_room_for_its_longest_part_and_what_pulumi_adds() -> None:
    role = record(program(USUAL, "c" * 47)).one("aws:iam/role:Role")
    assert len(f"{role.name}-1234567") == 64, "IAM takes no longer one"


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ArgumentsError) as refused:
        recorded(cidr="10.0.0.0/24", zones=["eu-central-1a", "b"], flow_log_days=4)
    assert {problem.where for problem in refused.value.problems} == {"cidr", "zones[1]", "flow_log_days"}


def test_a_network_that_is_there_already_is_taken_as_it_is() -> None:
    theirs = Network.existing("vpc-1", ZONES, ["subnet-1", "subnet-2", "subnet-3"])
    assert (theirs.vpc_id, theirs.zones, list(theirs.public_subnet_ids)) == ("vpc-1", ZONES, [])


@pytest.mark.parametrize("nat", Nat)
def test_who_starts_machines_in_subnets_waits_for_their_ways_and_who_starts_none_does_not(nat: Nat) -> None:
    def nodes_and_control_plane() -> None:
        import pulumi_aws as aws

        from mlgate_components.aws import Network

        made = Network("core", NetworkArgs(**{**USUAL, "nat": nat}))
        scaling = {"min_size": 1, "desired_size": 1, "max_size": 1}
        aws.eks.NodeGroup("nodes", cluster_name="ml", node_role_arn="r", scaling_config=scaling, subnet_ids=made.private_subnet_ids)
        aws.eks.Cluster("ml", role_arn="r", vpc_config={"subnet_ids": made.intra_subnet_ids})

    graph = record(nodes_and_control_plane)
    nodes, control_plane = graph.one("aws:eks/nodeGroup:NodeGroup"), graph.one("aws:eks/cluster:Cluster")
    ways = [found for kind in ("route:Route", "routeTableAssociation:RouteTableAssociation") for found in graph.all(f"aws:ec2/{kind}")]
    private = [*(way for way in ways if "private" in way.name), *graph.all("aws:ec2/vpcEndpoint:VpcEndpoint")]
    assert len(private) == 3 + (0 if nat is Nat.NONE else 3) + 10
    assert all(nodes.needs(way) for way in private)
    assert all(nodes.needs(found) for found in graph.all("aws:ec2/natGateway:NatGateway"))
    assert not [way for way in private if control_plane.needs(way)], "it would be held up for minutes"
    assert nodes.inputs["subnetIds"] == [f"<id of Subnet core-private-eu-central-1{letter}>" for letter in "abc"]
