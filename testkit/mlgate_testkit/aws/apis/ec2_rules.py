"""Rules of security groups one by one, as DescribeSecurityGroupRules and ModifySecurityGroupRules see them: moto loses some fields.

A range of ports that ends before it begins is refused: EC2 API reference, IpPermission and "Error codes"; the text is the one that others
who serve EC2's API give, Eucalyptus and OpenStack's nova.
"""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused

__all__ = ["OPERATIONS"]


def _describe(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    filters = {each["Name"]: each["Values"] for each in wanted.get("Filters") or ()}
    groups, ids = filters.get("group-id"), wanted.get("SecurityGroupRuleIds") or filters.get("security-group-rule-id")
    found = [
        _described(place, group, rule, is_egress)
        for in_vpc in place.backend.groups.values()
        for group in in_vpc.values()
        if groups is None or group.id in groups
        for rules, is_egress in ((group.ingress_rules, False), (group.egress_rules, True))
        for rule in rules
        if ids is None or rule.id in ids
    ]
    missing = set(wanted.get("SecurityGroupRuleIds") or ()) - {each["SecurityGroupRuleId"] for each in found}
    if missing:
        raise Refused("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{sorted(missing)[0]}' does not exist")
    return {"SecurityGroupRules": found}


def _described(place: Place, group: Any, rule: Any, is_egress: bool) -> dict[str, Any]:
    source = rule.source_group or {}
    prefix_list = rule.prefix_list_id
    return {
        "SecurityGroupRuleId": rule.id,
        "GroupId": group.id,
        "GroupOwnerId": place.account,
        "IsEgress": is_egress,
        "IpProtocol": rule.ip_protocol,
        "FromPort": -1 if rule.from_port is None else rule.from_port,
        "ToPort": -1 if rule.to_port is None else rule.to_port,
        "CidrIpv4": rule.ip_range.get("CidrIp"),
        "CidrIpv6": rule.ip_range.get("CidrIpv6"),
        "PrefixListId": prefix_list.get("PrefixListId") if isinstance(prefix_list, dict) else prefix_list,
        "ReferencedGroupInfo": {"GroupId": source["GroupId"], "UserId": place.account} if source else None,
        "Description": rule.ip_range.get("Description") or source.get("Description"),
        "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in rule.get_tags()],
    }


def _modify(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    group = place.backend.get_security_group_from_id(wanted["GroupId"])
    if group is None:
        raise Refused("InvalidGroup.NotFound", f"The security group '{wanted['GroupId']}' does not exist")
    for each in wanted["SecurityGroupRules"]:
        rule, change = group.get_rule(each["SecurityGroupRuleId"]), each["SecurityGroupRule"]
        if rule is None:
            raise Refused(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{each['SecurityGroupRuleId']}' does not exist"
            )
        _require_range(change)
        rule.ip_protocol = change["IpProtocol"]
        everything = rule.ip_protocol == "-1"
        rule.from_port, rule.to_port = (None, None) if everything else (change["FromPort"], change["ToPort"])
        description = {"Description": change["Description"]} if change.get("Description") else {}
        cidr = {key: change[name] for key, name in (("CidrIp", "CidrIpv4"), ("CidrIpv6", "CidrIpv6")) if change.get(name)}
        rule.ip_range = cidr | description if cidr else {}
        rule.source_group = {"GroupId": change["ReferencedGroupId"], **description} if change.get("ReferencedGroupId") else {}
        rule.prefix_list_id = {"PrefixListId": change["PrefixListId"]} if change.get("PrefixListId") else {}
    return {"Return": True}


def _authorize(_place: Place, wanted: dict[str, Any]) -> None:
    for permission in wanted.get("IpPermissions") or ():
        _require_range(permission)


def _require_range(permission: dict[str, Any]) -> None:
    """Of ICMP the two are no ports, but a type and a code."""
    low, high = permission.get("FromPort"), permission.get("ToPort")
    if permission.get("IpProtocol") in {"tcp", "udp"} and low is not None and high is not None and low > high:
        raise Refused("InvalidParameterValue", f"Invalid TCP/UDP port range ({low}:{high})")


OPERATIONS: dict[str, Operation] = {
    "DescribeSecurityGroupRules": _describe,
    "ModifySecurityGroupRules": _modify,
    "AuthorizeSecurityGroupIngress": _authorize,
    "AuthorizeSecurityGroupEgress": _authorize,
}
