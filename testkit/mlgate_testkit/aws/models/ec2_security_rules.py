"""Rules of security groups as resources of their own: the older one with many peers, and the newer two with one."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import cidr, retag, tagged
from mlgate_testkit.aws.models.ec2_rule_sets import Atom, atoms_of, authorize, found, known_protocol, protocol, revoke
from mlgate_testkit.aws.rules import between, choice, conflicting, exactly_one
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs

__all__ = ["MODELS"]

_PEERS = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_KINDS = dict(zip(_PEERS, ("cidr4", "cidr6", "list", "group"), strict=True))

_IDENTITY = (
    "type",
    "securityGroupId",
    "protocol",
    "fromPort",
    "toPort",
    "self",
    "cidrBlocks",
    "ipv6CidrBlocks",
    "prefixListIds",
    "sourceSecurityGroupId",
)
"""What a rule is: of its arguments all but the description."""


def _atoms(inputs: Inputs) -> list[Atom]:
    source = inputs.get("sourceSecurityGroupId")
    rule = {**inputs, "securityGroups": [source] if source else []}
    return sorted(atoms_of(rule, inputs["securityGroupId"]))


def _create(aws: Aws, inputs: Inputs) -> str:
    group_id, egress = inputs["securityGroupId"], inputs["type"] == "egress"
    authorize(aws, group_id, _atoms(inputs), egress=egress)
    return f"sgrule-{zlib.crc32(repr((group_id, inputs['type'], [atom[:5] for atom in _atoms(inputs)])).encode())}"


def _read(aws: Aws, rule_id: str, known: Inputs) -> Outputs | None:
    """A rule is there if all its atoms are; it has a description if they share one."""
    known = known or _imported(rule_id)
    there = {atom[:5]: (atom, rule_id) for atom, rule_id in found(aws, known["securityGroupId"], egress=known["type"] == "egress").items()}
    wanted = [atom[:5] for atom in _atoms(known)]
    if not wanted or any(atom not in there for atom in wanted):
        return None
    ids = [there[atom][1] for atom in wanted]
    described = {there[atom][0].description for atom in wanted}
    return {
        **{key: known.get(key) for key in _IDENTITY},
        "description": (described.pop() or None) if len(described) == 1 else None,
        "securityGroupRuleId": ids[0] if len(ids) == 1 else "",
    }


def _imported(rule_id: str) -> Inputs:
    """The form in which a rule is imported: "sg-1_ingress_tcp_80_80_10.0.0.0/8_self", peers at the end."""
    group_id, kind, name, low, high, *peers = rule_id.split("_")
    inputs: Inputs = {"securityGroupId": group_id, "type": kind, "protocol": name, "fromPort": int(low), "toPort": int(high)}
    inputs["self"] = "self" in peers
    for peer in peers:
        if peer.startswith("sg-"):
            inputs["sourceSecurityGroupId"] = peer
        elif peer != "self":
            argument = "prefixListIds" if peer.startswith("pl-") else "ipv6CidrBlocks" if ":" in peer else "cidrBlocks"
            inputs.setdefault(argument, []).append(peer)
    return inputs


def _update(aws: Aws, _rule_id: str, _olds: Inputs, news: Inputs) -> None:
    group_id, egress = news["securityGroupId"], news["type"] == "egress"
    there = {atom[:5]: rule_id for atom, rule_id in found(aws, group_id, egress=egress).items()}
    _modify(aws, group_id, {there[atom[:5]]: atom for atom in _atoms(news)})


def _delete(aws: Aws, _rule_id: str, inputs: Inputs) -> None:
    group_id, egress = inputs["securityGroupId"], inputs["type"] == "egress"
    there = {atom[:5]: rule_id for atom, rule_id in found(aws, group_id, egress=egress).items()}
    revoke(aws, group_id, [there[atom[:5]] for atom in _atoms(inputs) if atom[:5] in there], egress=egress)


def _modify(aws: Aws, group_id: str, changes: dict[str, Atom]) -> None:
    names = {"cidr4": "CidrIpv4", "cidr6": "CidrIpv6", "list": "PrefixListId", "group": "ReferencedGroupId"}
    rules = [
        {
            "SecurityGroupRuleId": rule_id,
            "SecurityGroupRule": {
                "IpProtocol": atom.protocol,
                "FromPort": atom.from_port,
                "ToPort": atom.to_port,
                names[atom.kind]: atom.peer,
                "Description": atom.description,
            },
        }
        for rule_id, atom in changes.items()
    ]
    aws.client("ec2").modify_security_group_rules(GroupId=group_id, SecurityGroupRules=rules)


def _atom(inputs: Inputs) -> Atom:
    name = protocol(inputs["ipProtocol"])
    low, high = (-1, -1) if name == "-1" else (inputs.get("fromPort", -1), inputs.get("toPort", -1))
    kind, peer = next((_KINDS[key], inputs[key]) for key in _PEERS if inputs.get(key))
    return Atom(name, low, high, kind, peer, inputs.get("description") or "")


def _ports(inputs: Inputs) -> Iterator[Failure]:
    """AWS wants both ports with TCP and UDP, and the real provider wants none with every protocol."""
    name = protocol(inputs.get("ipProtocol"))
    for argument in ("fromPort", "toPort"):
        port = inputs.get(argument)
        if name == "-1" and isinstance(port, int) and port != -1:
            yield Failure(argument, f'{argument} must be -1 or absent when ipProtocol is "-1", got {port}')
        if name in {"tcp", "udp"} and port is None:
            yield Failure(argument, f"{argument}: Invalid value for portRange. Must specify both from and to ports with TCP/UDP.")
    low, high = inputs.get("fromPort"), inputs.get("toPort")
    if name not in {"tcp", "udp", "-1"} and (low is None) != (high is None):
        yield Failure("toPort" if high is None else "fromPort", "Invalid value for portRange. Must specify both from and to ports.")
    if name in {"tcp", "udp"} and isinstance(low, int) and isinstance(high, int) and low > high:
        yield Failure("toPort", f"Invalid TCP/UDP port range ({low}:{high})")


def _port(there: int, known: int | None) -> int | None:
    """-1 stands for a port that the program leaves out, or is what it says itself."""
    return None if there == -1 and known is None else there


def _one_way(direction: str, egress: bool) -> ResourceModel:
    def create(aws: Aws, inputs: Inputs) -> str:
        made = authorize(aws, inputs["securityGroupId"], [_atom(inputs)], egress=egress, tags=tagged("security-group-rule", inputs))
        return str(made[0]["SecurityGroupRuleId"])

    def read(aws: Aws, rule_id: str, known: Inputs) -> Outputs | None:
        rule: dict[str, Any] = aws.client("ec2").describe_security_group_rules(SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"][0]
        return {
            "arn": aws.arn("ec2", f"security-group-rule/{rule_id}"),
            "securityGroupRuleId": rule_id,
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "fromPort": _port(rule["FromPort"], known.get("fromPort")),
            "toPort": _port(rule["ToPort"], known.get("toPort")),
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": (rule.get("ReferencedGroupInfo") or {}).get("GroupId"),
            "description": rule.get("Description"),
            "tags": tags_of(rule.get("Tags")),
        }

    def update(aws: Aws, rule_id: str, olds: Inputs, news: Inputs) -> None:
        _modify(aws, news["securityGroupId"], {rule_id: _atom(news)})
        retag(aws, rule_id, olds, news)

    def delete(aws: Aws, rule_id: str, inputs: Inputs) -> None:
        revoke(aws, inputs["securityGroupId"], [rule_id], egress=egress)

    return ResourceModel(
        type=f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule",
        noun=f"VPC Security Group {direction} Rule",
        create=create,
        read=read,
        update=update,
        delete=delete,
        forces_new=frozenset({"securityGroupId"}),
        equivalent={"ipProtocol": lambda before, after: protocol(before) == protocol(after)},
        rules=(
            exactly_one(*_PEERS),
            cidr("cidrIpv4"),
            between("fromPort", -1, 65_535),
            between("toPort", -1, 65_535),
            known_protocol("ipProtocol"),
            _ports,
        ),
        behaviours=(
            Behaviour(
                "a rule that the group already has is refused, whatever its description",
                "EC2 API reference, AuthorizeSecurityGroupIngress; error code InvalidPermission.Duplicate",
                "test_ec2_security.py::test_the_same_rule_twice_is_refused",
            ),
            Behaviour(
                "it names one peer, and both ports with TCP and UDP",
                "EC2 API reference, AuthorizeSecurityGroupIngress; terraform-provider-aws, aws_vpc_security_group_ingress_rule",
                "test_ec2_security.py::test_a_rule_names_one_peer_and_both_ports",
            ),
            Behaviour(
                "its range of ports does not end before it begins",
                "EC2 API reference, IpPermission; message: see mlgate_testkit/aws/apis/ec2_rules.py",
                "test_ec2_security.py::test_a_range_of_ports_does_not_end_before_it_begins",
            ),
        ),
    )


MODELS = (
    ResourceModel(
        type="aws:ec2/securityGroupRule:SecurityGroupRule",
        noun="Security Group Rule",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        forces_new=frozenset(_IDENTITY),
        replace_first=True,
        defaults={"self": False},
        equivalent={"protocol": lambda before, after: protocol(before) == protocol(after)},
        computed=frozenset({"sourceSecurityGroupId"}),
        rules=(
            choice("type", "ingress", "egress"),
            conflicting("cidrBlocks", "sourceSecurityGroupId"),
            conflicting("ipv6CidrBlocks", "sourceSecurityGroupId"),
            cidr("cidrBlocks"),
            between("fromPort", -1, 65_535),
            between("toPort", -1, 65_535),
            known_protocol("protocol"),
        ),
        behaviours=(
            Behaviour(
                "it is gone once any of its peers is",
                "terraform-provider-aws, aws_security_group_rule, findRuleMatch",
                "test_ec2_security.py::test_a_rule_is_gone_once_one_of_its_peers_is",
            ),
        ),
    ),
    _one_way("Ingress", egress=False),
    _one_way("Egress", egress=True),
)
