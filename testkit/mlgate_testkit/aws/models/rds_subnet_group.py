"""The subnets that databases are put in: with a group of them, a database stands in a VPC of the program's own."""

from __future__ import annotations

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.rules import conflicting, holds, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]

_NAME = r"[0-9a-z_ .-]+"
_SAYS = "has lower-case letters, digits, hyphens, underscores, periods and spaces only"


def _create(aws: Aws, inputs: Inputs) -> str:
    made = aws.client("rds").create_db_subnet_group(
        DBSubnetGroupName=inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}",
        DBSubnetGroupDescription=inputs["description"],
        SubnetIds=inputs["subnetIds"],
        Tags=tag_list(inputs["tags"]),
    )
    return str(made["DBSubnetGroup"]["DBSubnetGroupName"])


def _read(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    rds = aws.client("rds")
    (found,) = rds.describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"]
    return {
        "name": found["DBSubnetGroupName"],
        "arn": found["DBSubnetGroupArn"],
        "description": found["DBSubnetGroupDescription"],
        "subnetIds": [each["SubnetIdentifier"] for each in found["Subnets"]],
        "vpcId": found["VpcId"],
        "tags": tags_of(rds.list_tags_for_resource(ResourceName=found["DBSubnetGroupArn"])["TagList"]),
    }


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    rds = aws.client("rds")
    if any(olds[each] != news[each] for each in ("description", "subnetIds")):
        rds.modify_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=news["description"], SubnetIds=news["subnetIds"])
    arn = aws.arn("rds", f"subgrp:{name}")
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        rds.remove_tags_from_resource(ResourceName=arn, TagKeys=removed)
    if news["tags"]:
        rds.add_tags_to_resource(ResourceName=arn, Tags=tag_list(news["tags"]))


def _delete(aws: Aws, name: str, _inputs: Inputs) -> None:
    aws.client("rds").delete_db_subnet_group(DBSubnetGroupName=name)


MODELS = (
    ResourceModel(
        type="aws:rds/subnetGroup:SubnetGroup",
        noun="RDS DB Subnet Group",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("name", 255, instead=("namePrefix",)),
        defaults={"description": "Managed by Pulumi"},
        forces_new=frozenset({"name"}),
        equivalent={"subnetIds": same_set},
        absent=frozenset({"supportedNetworkTypes"}),
        rules=(
            conflicting("name", "namePrefix"),
            text("name", _NAME, _SAYS, at_most=255),
            text("namePrefix", _NAME, _SAYS, at_most=229),
            holds("name", lambda name: '"Default" is not allowed as "name"' if name.lower() == "default" else ""),
        ),
        behaviours=(
            Behaviour(
                "its subnets exist, are of one VPC, and in at least two zones; they can change within that VPC",
                "RDS API reference, CreateDBSubnetGroup and ModifyDBSubnetGroup; messages: see mlgate_testkit/aws/apis/rds.py",
                "test_rds.py::test_a_subnet_group_lies_in_one_vpc_and_two_zones",
            ),
            Behaviour(
                "it is not deleted while an instance is in it",
                "RDS API reference, DeleteDBSubnetGroup (InvalidDBSubnetGroupStateFault)",
                "test_rds.py::test_a_subnet_group_in_use_is_not_deleted",
            ),
        ),
    ),
)
