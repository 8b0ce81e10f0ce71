"""Security groups and their rules, inline and on their own."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate_testkit.aws.models.ec2_rule_sets import Atom, atoms_of, rules_of, same_rules
from mlgate_testkit.provider.provider import Kind, ProviderError, Unhealthy

from .cloud import Cloud
from .samples_compute import GROUP, HTTPS, VPC, group, subnets, vpc

RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"


def test_a_new_group_lets_nothing_out_unless_told(cloud: Cloud) -> None:
    made = cloud.up(GROUP, vpcId=vpc(cloud))
    assert made.outputs["egress"] == made.outputs["ingress"] == []
    assert made.inputs["name"].startswith("it-")
    assert made.outputs["description"] == "Managed by Pulumi"


def test_a_group_is_made_in_a_vpc_that_exists(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match=r"InvalidVpcID\.NotFound: The vpc ID 'vpc-0' does not exist"):
        cloud.up(GROUP, vpcId="vpc-0")


def test_a_range_of_ports_does_not_end_before_it_begins(cloud: Cloud) -> None:
    there, peers = group(cloud), {"cidrBlocks": ["10.0.0.0/8"]}
    wrong, refused = {"fromPort": 5, "toPort": 1}, r"InvalidParameterValue: Invalid TCP/UDP port range \(5:1\)"
    with pytest.raises(ProviderError, match=refused):
        cloud.up(RULE, **there, type="egress", protocol="udp", **wrong, **peers)
    with pytest.raises(Unhealthy) as half:
        cloud.up(GROUP, "inline", ingress=[{"protocol": "tcp", **wrong, **peers}])
    assert "Invalid TCP/UDP port range (5:1)" in half.value.reasons[0]
    (failure,) = cloud.check(INGRESS, **there, ipProtocol="tcp", **wrong, cidrIpv4="10.0.0.0/8")
    assert failure.reason == "Invalid TCP/UDP port range (5:1)"
    assert cloud.up(RULE, "echo", **there, type="ingress", protocol="icmp", fromPort=8, toPort=0, **peers)


def test_the_order_of_rules_and_peers_says_nothing(cloud: Cloud) -> None:
    web = {"protocol": "tcp", **HTTPS, "cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"]}
    dns = {"protocol": "17", "fromPort": 53, "toPort": 53, "self": True}
    arguments = {"vpcId": vpc(cloud), "name": "nodes"}
    made = cloud.up(GROUP, **arguments, ingress=[web, dns])
    turned = {**web, "cidrBlocks": ["10.1.0.0/16", "10.0.0.0/16"]}
    assert cloud.diff(GROUP, made, **arguments, ingress=[{**dns, "protocol": "udp"}, turned]).changed == {}
    assert cloud.refresh(GROUP, made).inputs == made.inputs  # type: ignore[union-attr]
    cloud.boto("ec2").authorize_security_group_ingress(
        GroupId=made.id, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    )
    drifted = cloud.refresh(GROUP, made)
    assert drifted
    assert "ingress" in {path.split("[")[0] for path in cloud.diff(GROUP, drifted, **arguments, ingress=[web, dns]).changed}
    cloud.change(GROUP, drifted, **arguments, ingress=[web, dns])
    assert cloud.refresh(GROUP, made).inputs == made.inputs  # type: ignore[union-attr]


def test_a_group_that_another_one_names_is_not_deleted(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    nodes, cluster = cloud.up(GROUP, "nodes", vpcId=vpc_id), cloud.up(GROUP, "cluster", vpcId=vpc_id)
    rule = cloud.up(INGRESS, securityGroupId=cluster.id, ipProtocol="tcp", **HTTPS, referencedSecurityGroupId=nodes.id)
    with pytest.raises(ProviderError, match=rf"DependencyViolation: resource {nodes.id} has a dependent object"):
        cloud.delete(GROUP, nodes)
    cloud.delete(INGRESS, rule)
    cloud.delete(GROUP, nodes)


def test_a_group_that_an_interface_names_is_not_deleted(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    nodes, ec2 = cloud.up(GROUP, "nodes", vpcId=vpc_id), cloud.boto("ec2")
    made = ec2.create_network_interface(SubnetId=subnets(cloud, vpc_id)[0], Groups=[nodes.id])["NetworkInterface"]
    with pytest.raises(ProviderError, match=rf"DependencyViolation: resource {nodes.id} has a dependent object"):
        cloud.delete(GROUP, nodes)
    ec2.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    cloud.delete(GROUP, nodes)


def test_the_default_group_is_adopted_and_emptied_and_stays(cloud: Cloud) -> None:
    vpc_id = vpc(cloud)
    made = cloud.up(DEFAULT, vpcId=vpc_id)
    assert made.id == cloud.imported(VPC, vpc_id).outputs["defaultSecurityGroupId"]  # type: ignore[union-attr]
    assert made.outputs["egress"] == made.outputs["ingress"] == []
    cloud.delete(DEFAULT, made)
    assert cloud.refresh(DEFAULT, made)
    with pytest.raises(ProviderError, match="CannotDelete"):
        cloud.delete(GROUP, made)


def test_the_same_rule_twice_is_refused(cloud: Cloud) -> None:
    arguments = {**group(cloud), "ipProtocol": "tcp", **HTTPS, "cidrIpv4": "10.0.0.0/16"}
    cloud.up(INGRESS, **arguments)
    with pytest.raises(ProviderError, match=r"InvalidPermission.Duplicate"):
        cloud.up(INGRESS, "again", **arguments, description="another word")
    cloud.up(EGRESS, "out", **arguments)
    with pytest.raises(ProviderError, match=r"InvalidPermission.Duplicate"):
        cloud.up(
            RULE, "older", type="ingress", securityGroupId=arguments["securityGroupId"], protocol="tcp", **HTTPS, cidrBlocks=["10.0.0.0/16"]
        )


def test_a_rule_names_one_peer_and_both_ports(cloud: Cloud) -> None:
    of_group = {"securityGroupId": "sg-1"}
    assert "one of `cidrIpv4" in cloud.check(INGRESS, **of_group, ipProtocol="tcp", **HTTPS)[0].reason
    two = cloud.check(INGRESS, **of_group, ipProtocol="tcp", **HTTPS, cidrIpv4="10.0.0.0/8", prefixListId="pl-1")
    assert "only one of `cidrIpv4" in two[0].reason
    (port,) = cloud.check(INGRESS, **of_group, ipProtocol="tcp", fromPort=443, cidrIpv4="10.0.0.0/8")
    assert (port.property, "both from and to ports" in port.reason) == ("toPort", True)
    everything = cloud.check(INGRESS, **of_group, ipProtocol="-1", **HTTPS, cidrIpv4="10.0.0.0/8")
    assert [each.property for each in everything] == ["fromPort", "toPort"]
    (turned,) = cloud.check(INGRESS, **of_group, ipProtocol="tcp", fromPort=444, toPort=443, cidrIpv4="10.0.0.0/8")
    assert "Invalid TCP/UDP port range (444:443)" in turned.reason


@pytest.mark.parametrize("ports", [{}, {"fromPort": -1}, {"toPort": -1}, {"fromPort": -1, "toPort": -1}])
def test_a_rule_for_every_protocol_has_the_ports_that_the_program_says(cloud: Cloud, ports: dict[str, int]) -> None:
    arguments = {**group(cloud), "ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}
    made = cloud.up(EGRESS, **arguments, **ports)
    seen = cloud.refresh(EGRESS, made)
    assert seen
    assert seen.inputs == made.inputs
    assert {port: seen.outputs[port] for port in ("fromPort", "toPort") if port in seen.outputs} == ports
    back = cloud.change(EGRESS, seen, **arguments)
    assert not {"fromPort", "toPort"} & back.outputs.keys()


def test_a_rule_is_gone_once_one_of_its_peers_is(cloud: Cloud) -> None:
    of_group = group(cloud)
    made = cloud.up(RULE, **of_group, type="ingress", protocol="tcp", **HTTPS, cidrBlocks=["10.0.0.0/16", "10.1.0.0/16"])
    assert cloud.refresh(RULE, made)
    cloud.boto("ec2").revoke_security_group_ingress(
        GroupId=of_group["securityGroupId"],
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}],
    )
    assert cloud.refresh(RULE, made) is None


def test_a_rule_changed_by_hand_is_seen_and_put_right(cloud: Cloud) -> None:
    arguments = {**group(cloud), "ipProtocol": "tcp", **HTTPS, "cidrIpv4": "10.0.0.0/16"}
    made = cloud.up(INGRESS, **arguments)
    wide = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "0.0.0.0/0"}
    cloud.boto("ec2").modify_security_group_rules(
        GroupId=arguments["securityGroupId"], SecurityGroupRules=[{"SecurityGroupRuleId": made.id, "SecurityGroupRule": wide}]
    )
    drifted = cloud.refresh(INGRESS, made)
    assert drifted
    assert cloud.diff(INGRESS, drifted, **arguments).changed == {"cidrIpv4": Kind.UPDATE}
    assert cloud.change(INGRESS, drifted, **arguments).outputs["cidrIpv4"] == "10.0.0.0/16"


PORTS = st.integers(0, 65_535)
BLOCKS = st.integers(0, 255).map(lambda octet: f"10.{octet}.0.0/16")
ATOMS = st.builds(
    Atom,
    st.sampled_from(["tcp", "udp"]),
    PORTS,
    PORTS,
    st.sampled_from(["cidr4", "group"]),
    st.just(""),
    st.sampled_from(["", "web", "inside"]),
).flatmap(lambda atom: st.builds(atom._replace, peer=BLOCKS if atom.kind == "cidr4" else st.sampled_from(["sg-1", "sg-2"])))


@given(st.sets(ATOMS, max_size=8))
def test_rules_taken_apart_and_put_together_are_the_same(atoms: set[Atom]) -> None:
    rules = rules_of(atoms, "sg-1")
    assert {atom for rule in rules for atom in atoms_of(rule, "sg-1")} == atoms
    assert same_rules(rules, rules[::-1])


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.tuples(st.integers(1, 9), BLOCKS), st.sampled_from(["", "web", "inside"]), max_size=4),
    st.dictionaries(st.tuples(st.integers(1, 9), BLOCKS), st.sampled_from(["", "web", "inside"]), max_size=4),
)
def test_any_rules_become_any_others_and_rest(cloud: Cloud, before: dict[tuple[int, str], str], after: dict[tuple[int, str], str]) -> None:
    def rules(wanted: dict[tuple[int, str], str]) -> list[dict[str, object]]:
        return [
            {"protocol": "tcp", "fromPort": port, "toPort": port, "cidrBlocks": [block], **({"description": text} if text else {})}
            for (port, block), text in wanted.items()
        ]

    cloud.package.reset()
    arguments = {"vpcId": vpc(cloud), "name": "nodes"}
    made = cloud.up(GROUP, **arguments, ingress=rules(before))
    changed = cloud.change(GROUP, made, **arguments, ingress=rules(after))
    seen = cloud.refresh(GROUP, changed)
    assert seen
    assert seen.inputs == changed.inputs
    assert cloud.diff(GROUP, seen, **arguments, ingress=rules(after)).changed == {}
    cloud.delete(GROUP, seen)
    assert cloud.refresh(GROUP, seen) is None
