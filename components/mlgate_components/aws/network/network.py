"""`Network`: a VPC with private, public and intra subnets over some zones, and the ways out of it and to AWS's own services."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws  # lazy: an annotation that is read at import would load its parts

from mlgate.addresses import INTRA, PRIVATE, PUBLIC, divide, network_of, wrong_division
from mlgate.log_days import LOG_DAYS
from mlgate.regions import region_of, wrong_zones
from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.names import ROLE_NAME, check_name
from mlgate_components.aws.network.services import FLOW_LOG, FLOW_LOG_DAYS, create_endpoints, create_flow_log
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.tags import Tags

__all__ = ["ExistingNetwork", "Nat", "Network", "NetworkArgs"]

TYPE = "mlgate:index:Network"
_ANYWHERE = "0.0.0.0/0"


class Nat(enum.Enum):
    """Where private subnets go out: not at all, by one gateway, or by one in each zone, so that a lost zone takes no other's along."""

    NONE = "none"
    SINGLE = "single"
    PER_ZONE = "per-zone"


class NetworkArgs(TypedDict):
    """What a network is made of."""

    cidr: str
    """The block of all its addresses, /16 to /23 for four zones: half for private subnets, an eighth each for public and intra ones."""
    zones: list[str]
    """The availability zones by name, two or more. A zone added at the end moves none of the others' subnets, up to four."""
    tags: Tags
    """What every resource of it carries."""
    nat: NotRequired[Nat]
    """Where private subnets go out; one gateway for each zone unless said. Without any there are no public subnets either."""
    flow_log_days: NotRequired[int]
    """How long the record of all connections is kept, in days that CloudWatch Logs knows; 90 unless said."""
    cluster: NotRequired[str]
    """The EKS cluster whose load balancers and nodes find its subnets by their tags; none unless said."""


@dataclass(frozen=True, slots=True)
class ExistingNetwork:
    """A network of your own, of which nothing is made or changed. Its subnets stand in the order of the zones."""

    vpc_id: pulumi.Input[str]
    zones: Sequence[str]
    private_subnet_ids: Sequence[pulumi.Input[str]]
    public_subnet_ids: Sequence[pulumi.Input[str]] = ()
    intra_subnet_ids: Sequence[pulumi.Input[str]] = ()


class Network(pulumi.ComponentResource):
    """A VPC whose nodes reach AWS's services inside of it, and the internet by NAT only; its default security group lets nothing pass."""

    vpc_id: pulumi.Output[str]
    """The VPC."""
    zones: pulumi.Output[list[str]]
    """Its zones; the lists of subnets are in their order."""
    private_subnet_ids: pulumi.Output[list[str]]
    """Subnets for nodes and pods: out by NAT, in from the VPC alone."""
    public_subnet_ids: pulumi.Output[list[str]]
    """Subnets for load balancers that the internet may reach; none without NAT."""
    intra_subnet_ids: pulumi.Output[list[str]]
    """Subnets with no way out at all, for the cluster's control plane."""

    existing = ExistingNetwork

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        self._parts = Parts(name, args["tags"], self)
        self._cluster = args.get("cluster")
        self._vpc = self._create_vpc(str(plan.block))
        self.vpc_id = self._vpc.id
        self.zones = pulumi.Output.from_input(list(plan.zones))
        subnets = {kind: self._create_subnets(kind, blocks) for kind, blocks in plan.subnets.items()}
        self._ways: dict[str, list[pulumi.Resource]] = {kind: [] for kind in (PRIVATE, PUBLIC, INTRA)}
        tables = self._create_routes(plan, subnets)
        self._ways[PRIVATE] += create_endpoints(
            self._parts, self._vpc, plan.region, str(plan.block), list(subnets[PRIVATE].values()), tables
        )
        create_flow_log(self._parts, self._vpc, args.get("flow_log_days", FLOW_LOG_DAYS))
        self.private_subnet_ids, self.public_subnet_ids, self.intra_subnet_ids = (
            _usable(subnets.get(kind, {}).values(), self._ways[kind]) for kind in (PRIVATE, PUBLIC, INTRA)
        )
        register_declared(self)

    def _create_vpc(self, block: str) -> "aws.ec2.Vpc":
        vpc = aws.ec2.Vpc(
            self._parts.called(),
            cidr_block=block,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._parts.tagged(),
            opts=self._parts.opts(),
        )
        # Nothing should be in the default group; what is there all the same, by default, neither hears nor says anything. Both lists are
        # given, since what is left out is taken as it is found: a rule that somebody adds by hand would stay.
        aws.ec2.DefaultSecurityGroup(
            self._parts.called("default"),
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=self._parts.tagged("default"),
            opts=self._parts.opts(),
        )
        return vpc

    def _create_subnets(self, kind: str, blocks: Mapping[str, IPv4Network]) -> "dict[str, aws.ec2.Subnet]":
        return {
            zone: aws.ec2.Subnet(
                self._parts.called(f"{kind}-{zone}"),
                vpc_id=self._vpc.id,
                availability_zone=zone,
                cidr_block=str(block),
                map_public_ip_on_launch=False,
                tags={**self._parts.tagged(f"{kind}-{zone}"), **self._found_by(kind)},
                opts=self._parts.opts(),
            )
            for zone, block in blocks.items()
        }

    def _create_routes(self, plan: "_Plan", subnets: "Mapping[str, Mapping[str, aws.ec2.Subnet]]") -> "list[aws.ec2.RouteTable]":
        """One table for all public subnets, one for all intra ones, and one for each private one. Returns all but that of intra ones."""
        self._create_table(INTRA, subnets[INTRA])
        private = {zone: self._create_table(f"{PRIVATE}-{zone}", {zone: subnet}) for zone, subnet in subnets[PRIVATE].items()}
        if not plan.nat_zones:
            return list(private.values())
        gateway = aws.ec2.InternetGateway(self._parts.called(), vpc_id=self._vpc.id, tags=self._parts.tagged(), opts=self._parts.opts())
        public = self._create_table(PUBLIC, subnets[PUBLIC])
        out = self._create_route(PUBLIC, public, gateway_id=gateway.id)
        nats = {zone: self._create_nat(zone, subnets[PUBLIC][zone], out) for zone in plan.nat_zones}
        for zone, table in private.items():
            self._create_route(f"{PRIVATE}-{zone}", table, nat_gateway_id=nats.get(zone, nats[plan.nat_zones[0]]).id)
        return [public, *private.values()]

    def _create_table(self, what: str, subnets: "Mapping[str, aws.ec2.Subnet]") -> "aws.ec2.RouteTable":
        table = aws.ec2.RouteTable(self._parts.called(what), vpc_id=self._vpc.id, tags=self._parts.tagged(what), opts=self._parts.opts())
        for zone, subnet in subnets.items():
            name = self._parts.called(what if what.endswith(zone) else f"{what}-{zone}")
            self._way(what, aws.ec2.RouteTableAssociation(name, subnet_id=subnet.id, route_table_id=table.id, opts=self._parts.opts()))
        return table

    def _create_route(self, what: str, table: "aws.ec2.RouteTable", **target: pulumi.Output[str]) -> "aws.ec2.Route":
        route = aws.ec2.Route(
            self._parts.called(what), route_table_id=table.id, destination_cidr_block=_ANYWHERE, **target, opts=self._parts.opts()
        )
        self._way(what, route)
        return route

    def _way(self, what: str, part: pulumi.Resource) -> None:
        """Subnets of that kind are of no use before it is there."""
        self._ways[what.partition("-")[0]].append(part)

    def _create_nat(self, zone: str, subnet: "aws.ec2.Subnet", out: "aws.ec2.Route") -> "aws.ec2.NatGateway":
        after = self._parts.opts(out)  # neither comes up, nor goes, without the way out
        address = aws.ec2.Eip(self._parts.called(f"nat-{zone}"), domain="vpc", tags=self._parts.tagged(f"nat-{zone}"), opts=after)
        return aws.ec2.NatGateway(
            self._parts.called(zone), subnet_id=subnet.id, allocation_id=address.id, tags=self._parts.tagged(f"nat-{zone}"), opts=after
        )

    def _found_by(self, kind: str) -> dict[str, str]:
        """How the cluster's controllers know their subnets: load balancers by their role, Karpenter's nodes by the cluster's name."""
        if kind == PUBLIC:
            return {"kubernetes.io/role/elb": "1"}
        if kind == PRIVATE:
            return {"kubernetes.io/role/internal-elb": "1", **({"karpenter.sh/discovery": self._cluster} if self._cluster else {})}
        return {}


def _usable(subnets: "Iterable[aws.ec2.Subnet]", ways: Iterable[pulumi.Resource]) -> pulumi.Output[list[str]]:
    """The ids of subnets, for whoever starts machines in them: a node that has no way to its cluster and to its images yet never joins.

    So they wait for all of `ways`, by the URNs, which a preview knows: another way makes no id unknown, and replaces no group of nodes.
    """
    ids = [subnet.id for subnet in subnets]
    return pulumi.Output.all(*ids, *(way.urn for way in ways)).apply(lambda known: known[: len(ids)])


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the arguments come to. `nat_zones`: where a NAT gateway stands; the first one serves zones that have none of their own."""

    block: IPv4Network
    region: str
    zones: Sequence[str]
    subnets: Mapping[str, Mapping[str, IPv4Network]]
    nat_zones: Sequence[str]


def _planned(name: str, args: NetworkArgs) -> _Plan:
    """Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("Network", name)
    check(NetworkArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=ROLE_NAME - len(f"-{FLOW_LOG}"))
    zones, nat = args["zones"], Nat(args.get("nat", Nat.PER_ZONE))
    for index, found, expected in wrong_zones(zones):
        wrong.add("zones" if index is None else f"zones[{index}]", found, expected)
    days = args.get("flow_log_days", FLOW_LOG_DAYS)
    if days not in LOG_DAYS:
        wrong.add("flow_log_days", f"is {days}", f"CloudWatch Logs keeps for {', '.join(map(str, LOG_DAYS))} days")
    block = None
    try:
        block = network_of(args["cidr"])
        if reason := wrong_division(block, len(zones)):
            wrong.add("cidr", f"is {args['cidr']}", reason)
    except ValueError as error:
        wrong.add("cidr", "is wrong", str(error))
    wrong.stop()
    region = region_of(zones[0])
    assert block
    assert region
    subnets = dict(divide(block, zones))
    if nat is Nat.NONE:
        del subnets[PUBLIC]
    return _Plan(block, region, zones, subnets, {Nat.NONE: [], Nat.SINGLE: zones[:1], Nat.PER_ZONE: zones}[nat])
