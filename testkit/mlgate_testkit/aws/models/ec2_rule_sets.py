"""Rules of security groups as values: the rules of a program taken apart into atoms, each with one peer, and read back from the API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.rules import Rule, holds

__all__ = ["Atom", "atoms_of", "authorize", "found", "known_protocol", "protocol", "revoke", "rules_of", "same_rules"]

_PEERS = {"cidrBlocks": "cidr4", "ipv6CidrBlocks": "cidr6", "prefixListIds": "list", "securityGroups": "group"}
_NAMED = frozenset({"-1", "ah", "esp", "icmp", "icmpv6", "tcp", "udp"})
_NUMBERS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}


class Atom(NamedTuple):
    """One rule with one peer, as the API keeps it. `kind` is one of cidr4, cidr6, list and group; ports are -1 where all are meant."""

    protocol: str
    from_port: int
    to_port: int
    kind: str
    peer: str
    description: str = ""


def protocol(value: Any) -> str:
    """A protocol's name where AWS has one: numbers and capitals say the same."""
    text = str(value).lower()
    return _NUMBERS.get(text, text)


def known_protocol(path: str) -> Rule:
    """The protocol must be a name or a number that EC2 knows."""

    def wrong(value: Any) -> str:
        text = protocol(value)
        known = text in _NAMED or (text.isdecimal() and int(text) <= 255)
        return "" if known else f"Invalid value {str(value)!r} for IP protocol. Unknown protocol."

    return holds(path, wrong)


def atoms_of(rule: Mapping[str, Any], group_id: str) -> Iterator[Atom]:
    """The atoms of one rule of a program; `group_id` stands for `self`."""
    name = protocol(rule["protocol"])
    ports = (-1, -1) if name == "-1" else (int(rule["fromPort"]), int(rule["toPort"]))
    description = str(rule.get("description") or "")
    for argument, kind in _PEERS.items():
        for peer in rule.get(argument) or ():
            if not (kind == "group" and peer == group_id and rule.get("self")):
                yield Atom(name, *ports, kind, peer, description)
    if rule.get("self"):
        yield Atom(name, *ports, "group", group_id, description)


def found(aws: Aws, group_id: str, *, egress: bool) -> dict[Atom, str]:
    """The atoms of a group in one direction, each with the id of its rule."""
    rules = aws.client("ec2").describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group_id]}])["SecurityGroupRules"]
    return {_atom(rule): rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] == egress}


def _atom(rule: Mapping[str, Any]) -> Atom:
    group = (rule.get("ReferencedGroupInfo") or {}).get("GroupId")
    peers = {"cidr4": rule.get("CidrIpv4"), "cidr6": rule.get("CidrIpv6"), "list": rule.get("PrefixListId"), "group": group}
    kind, peer = next((kind, str(peer)) for kind, peer in peers.items() if peer)
    name = protocol(rule["IpProtocol"])
    low, high = (-1, -1) if name == "-1" else (rule["FromPort"], rule["ToPort"])
    return Atom(name, low, high, kind, peer, rule.get("Description") or "")


def _permission(atom: Atom) -> dict[str, Any]:
    description = {"Description": atom.description} if atom.description else {}
    peers: dict[str, tuple[str, dict[str, str]]] = {
        "cidr4": ("IpRanges", {"CidrIp": atom.peer}),
        "cidr6": ("Ipv6Ranges", {"CidrIpv6": atom.peer}),
        "list": ("PrefixListIds", {"PrefixListId": atom.peer}),
        "group": ("UserIdGroupPairs", {"GroupId": atom.peer}),
    }
    key, peer = peers[atom.kind]
    ports = {} if atom.protocol == "-1" else {"FromPort": atom.from_port, "ToPort": atom.to_port}
    return {"IpProtocol": atom.protocol, **ports, key: [{**peer, **description}]}


def authorize(aws: Aws, group_id: str, atoms: Iterable[Atom], *, egress: bool, tags: Mapping[str, Any] | None = None) -> list[Any]:
    """Adds rules. Raises ClientError with InvalidPermission.Duplicate for one that is there, whatever its description."""
    ec2 = aws.client("ec2")
    if not (permissions := [_permission(atom) for atom in atoms]):
        return []
    add = ec2.authorize_security_group_egress if egress else ec2.authorize_security_group_ingress
    answer: list[Any] = add(GroupId=group_id, IpPermissions=permissions, **(tags or {}))["SecurityGroupRules"]
    return answer


def revoke(aws: Aws, group_id: str, rule_ids: Iterable[str], *, egress: bool) -> None:
    """Takes rules away, by their ids."""
    ec2, ids = aws.client("ec2"), list(rule_ids)
    if ids:
        remove = ec2.revoke_security_group_egress if egress else ec2.revoke_security_group_ingress
        remove(GroupId=group_id, SecurityGroupRuleIds=ids)


def rules_of(atoms: Iterable[Atom], group_id: str) -> list[dict[str, Any]]:
    """Atoms as a program would write them: those that differ in their peer only are one rule."""
    grouped: dict[tuple[Any, ...], dict[str, Any]] = {}
    for atom in sorted(atoms):
        key = (atom.protocol, atom.from_port, atom.to_port, atom.description)
        ports = (0, 0) if atom.protocol == "-1" else (atom.from_port, atom.to_port)
        rule = grouped.setdefault(key, {"protocol": atom.protocol, "fromPort": ports[0], "toPort": ports[1]})
        if atom.description:
            rule["description"] = atom.description
        if atom.kind == "group" and atom.peer == group_id:
            rule["self"] = True
        else:
            argument = next(argument for argument, kind in _PEERS.items() if kind == atom.kind)
            rule.setdefault(argument, []).append(atom.peer)
    return list(grouped.values())


def same_rules(before: Any, after: Any) -> bool:
    """Whether two lists of inline rules allow the same with the same descriptions."""
    try:
        return {atom for rule in before for atom in atoms_of(rule, "self")} == {atom for rule in after for atom in atoms_of(rule, "self")}
    except (KeyError, TypeError, ValueError):  # a rule that is not known yet, or not whole
        return bool(before == after)
