"""Security groups with their inline rules, and the default group of a VPC."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import cidr, first, retag, tagged
from mlgate_testkit.aws.models.ec2_rule_sets import atoms_of, authorize, found, known_protocol, revoke, rules_of, same_rules
from mlgate_testkit.aws.rules import Rule, conflicting, text
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]

_INLINE: tuple[Rule, ...] = (
    cidr("ingress.cidrBlocks"),
    cidr("egress.cidrBlocks"),
    known_protocol("ingress.protocol"),
    known_protocol("egress.protocol"),
)


def _create(aws: Aws, inputs: Inputs) -> str:
    ec2 = aws.client("ec2")
    name = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    vpc_id = inputs.get("vpcId") or _default_vpc(ec2)
    made = ec2.create_security_group(GroupName=name, Description=inputs["description"], VpcId=vpc_id, **tagged("security-group", inputs))
    return str(made["GroupId"])


def _default_vpc(ec2: Any) -> Any:
    found_vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    return first(found_vpcs, "VPCIdNotSpecified", "No default VPC for this user")["VpcId"]


def _settle(aws: Aws, group_id: str, inputs: Inputs) -> None:
    """The real provider takes away the egress rule that AWS gives every new group."""
    revoke(aws, group_id, found(aws, group_id, egress=True).values(), egress=True)
    _change_rules(aws, group_id, {}, inputs)


def _change_rules(aws: Aws, group_id: str, olds: Inputs, news: Inputs) -> None:
    for direction in ("ingress", "egress"):
        if direction not in news and direction not in olds:
            continue
        egress = direction == "egress"
        there = found(aws, group_id, egress=egress)
        wanted = {atom for rule in news.get(direction) or () for atom in atoms_of(rule, group_id)}
        revoke(aws, group_id, (rule_id for atom, rule_id in there.items() if atom not in wanted), egress=egress)
        authorize(aws, group_id, sorted(wanted - there.keys()), egress=egress)


def _read(aws: Aws, group_id: str, _known: Inputs) -> Outputs | None:
    group = aws.client("ec2").describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    return {
        "arn": aws.arn("ec2", f"security-group/{group_id}"),
        "ownerId": aws.account_id,
        "name": group["GroupName"],
        "namePrefix": None,
        "description": group["Description"],
        "vpcId": group["VpcId"],
        "ingress": rules_of(found(aws, group_id, egress=False), group_id),
        "egress": rules_of(found(aws, group_id, egress=True), group_id),
        "tags": tags_of(group.get("Tags")),
    }


def _update(aws: Aws, group_id: str, olds: Inputs, news: Inputs) -> None:
    _change_rules(aws, group_id, olds, news)
    retag(aws, group_id, olds, news)


def _delete(aws: Aws, group_id: str, inputs: Inputs) -> None:
    if inputs.get("revokeRulesOnDelete"):
        for egress in (False, True):
            revoke(aws, group_id, found(aws, group_id, egress=egress).values(), egress=egress)
    aws.client("ec2").delete_security_group(GroupId=group_id)


def _adopt(aws: Aws, inputs: Inputs) -> str:
    """A default group is never made: it is taken over, and everything that it allows is taken away."""
    ec2 = aws.client("ec2")
    of_vpc = [{"Name": "vpc-id", "Values": [inputs.get("vpcId") or _default_vpc(ec2)]}, {"Name": "group-name", "Values": ["default"]}]
    groups = ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
    return str(first(groups, "InvalidGroup.NotFound", "There is no default security group in that VPC")["GroupId"])


def _settle_default(aws: Aws, group_id: str, inputs: Inputs) -> None:
    for egress in (False, True):
        revoke(aws, group_id, found(aws, group_id, egress=egress).values(), egress=egress)
    _change_rules(aws, group_id, {}, inputs)
    retag(aws, group_id, {}, inputs)


def _read_default(aws: Aws, group_id: str, known: Inputs) -> Outputs | None:
    group = _read(aws, group_id, known)
    return None if group is None else {**group, "namePrefix": ""}


def _abandon(_aws: Aws, _group_id: str, _inputs: Inputs) -> None:
    """Nobody can delete it: it only leaves the state."""


MODELS = (
    ResourceModel(
        type="aws:ec2/securityGroup:SecurityGroup",
        noun="Security Group",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 255, instead=("namePrefix",)),
        defaults={"description": "Managed by Pulumi", "revokeRulesOnDelete": False},
        forces_new=frozenset({"name", "description", "vpcId"}),
        computed=frozenset({"ingress", "egress", "vpcId"}),
        state_only=frozenset({"revokeRulesOnDelete"}),
        equivalent={"ingress": same_rules, "egress": same_rules},
        rules=(
            conflicting("name", "namePrefix"),
            text("name", r"(?!sg-).*", 'a group name may not begin with "sg-"', at_most=255),
            text(
                "description",
                r"[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]*",
                "has characters that a group's description may not have",
                at_most=255,
            ),
            *_INLINE,
        ),
        behaviours=(
            Behaviour(
                "a new group allows nothing, not even out: the rule that AWS makes is taken away",
                "terraform-provider-aws, aws_security_group, note on egress",
                "test_ec2_security.py::test_a_new_group_lets_nothing_out_unless_told",
            ),
            Behaviour(
                "its VPC exists",
                "EC2 API reference, CreateSecurityGroup; error code InvalidVpcID.NotFound",
                "test_ec2_security.py::test_a_group_is_made_in_a_vpc_that_exists",
            ),
            Behaviour(
                "a group is not deleted while another group's rule, an interface or a database names it, and the default group never",
                "EC2 API reference, DeleteSecurityGroup; error codes DependencyViolation and CannotDelete",
                "test_ec2_security.py::test_a_group_that_another_one_names_is_not_deleted",
                (
                    "test_ec2_security.py::test_a_group_that_an_interface_names_is_not_deleted",
                    "test_rds.py::test_a_security_group_of_an_instance_is_not_deleted",
                    "test_ec2_security.py::test_the_default_group_is_adopted_and_emptied_and_stays",
                ),
            ),
            Behaviour(
                "inline rules in another order or grouping are the same rules",
                "terraform-provider-aws, aws_security_group (ingress and egress are sets)",
                "test_ec2_security.py::test_the_order_of_rules_and_peers_says_nothing",
            ),
        ),
    ),
    ResourceModel(
        type="aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        noun="Default Security Group",
        create=_adopt,
        settle=_settle_default,
        read=_read_default,
        update=_update,
        delete=_abandon,
        defaults={"revokeRulesOnDelete": False},
        forces_new=frozenset({"vpcId"}),
        computed=frozenset({"ingress", "egress", "vpcId"}),
        state_only=frozenset({"revokeRulesOnDelete"}),
        equivalent={"ingress": same_rules, "egress": same_rules},
        rules=_INLINE,
        behaviours=(
            Behaviour(
                "it is adopted rather than made, loses every rule that is not listed, and stays when it is destroyed",
                "terraform-provider-aws, aws_default_security_group",
                "test_ec2_security.py::test_the_default_group_is_adopted_and_emptied_and_stays",
            ),
        ),
    ),
)
