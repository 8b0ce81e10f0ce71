"""RDS: subnet groups, and what CreateDBInstance and ModifyDBInstance refuse. No database answers behind an instance.

Constraints: RDS API reference, CreateDBInstance, ModifyDBInstance and the operations on subnet groups. Messages are those of the API, as
users have reported them: terraform-aws-modules/terraform-aws-vpc#821 (zones), wallix/awless#175 (subnets that do not exist),
aws-samples/aws-apprunner-terraform#9 (another VPC), anomalyco/sst#4026 (in use), hashicorp/terraform-provider-aws#512 (moving),
terraform-aws-modules/terraform-aws-rds#451 (security group of another VPC), ansible/ansible#6794 (security group that does not exist),
poanetwork/blockscout-terraform#9 and crossplane/crossplane#88 (password), terraform-aws-modules/terraform-aws-rds#475 (database name),
aws-cloudformation/cfn-lint#4425 (user name), awslabs/aurora-snapshot-tool#25 (key).
"""

from __future__ import annotations

import re
import secrets
from string import ascii_uppercase, digits
from typing import Any

from moto.ec2.models import ec2_backends
from moto.kms.models import kms_backends

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused

__all__ = ["OPERATIONS"]

_SHORTEST_PASSWORD = 8
_RESERVED = {"postgres": {"admin", "rdsadmin"}}
_NAMED_ALIKE = {"mariadb", "mysql", "postgres"}  # engines with one rule for the names of databases; others have rules of their own
_NAME = r"[A-Za-z][A-Za-z0-9_]*"


def _wrong(message: str) -> Refused:
    return Refused("InvalidParameterValue", message)


# -- subnet groups


def _subnets(place: Place, ids: list[str]) -> list[Any]:
    """moto's subnets of these ids, all of one VPC and in two zones."""
    known = {subnet.id: subnet for zone in ec2_backends[place.account][place.region].subnets.values() for subnet in zone.values()}
    if absent := [each for each in ids if each not in known]:
        raise _wrong(f"Some input subnets in :[{', '.join(absent)}] are invalid.")
    found = [known[each] for each in ids]
    if len({subnet.vpc_id for subnet in found}) > 1:
        raise Refused("InvalidSubnet", f"The subnets [{', '.join(ids)}] are not all in a common VPC.")
    zones = sorted({subnet.availability_zone for subnet in found})
    if len(zones) < 2:
        raise Refused(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least 2 AZs.",
        )
    return found


def _create_group(place: Place, wanted: dict[str, Any]) -> None:
    name = wanted["db_subnet_group_name"]
    if name in place.backend.subnet_groups:
        raise Refused("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    _subnets(place, wanted["subnet_ids"])


def _modify_group(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    """In moto's place, which loses the group."""
    (group,) = place.backend.describe_db_subnet_groups(wanted["db_subnet_group_name"])
    subnets = _subnets(place, wanted["subnet_ids"])
    if subnets[0].vpc_id != group.vpc_id:
        raise _wrong("The new Subnets are not in the same Vpc as the existing subnet group")
    group.subnets = subnets
    group.description = wanted.get("db_subnet_group_description") or group.description
    return {"DBSubnetGroup": group}


def _delete_group(place: Place, wanted: dict[str, Any]) -> None:
    name = wanted["db_subnet_group_name"]
    for instance in place.backend.databases.values():
        if (getattr(instance, "_db_subnet_group_name", None) or "").lower() == name.lower():
            raise Refused(
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database instance: {instance.db_instance_identifier} "
                "is still using it.",
            )


# -- instances


def _create_instance(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    """In moto's place, which gives all instances one resource id, and to each without a security group the default VPC's own."""
    _require_login(wanted)
    _require_key(place, wanted.get("kms_key_id"))
    vpc_id = _vpc(place, wanted.get("db_subnet_group_name"))
    _require_groups(place, wanted.get("vpc_security_group_ids") or [], vpc_id)
    if not wanted.get("vpc_security_group_ids"):
        default = ec2_backends[place.account][place.region].get_default_security_group(vpc_id)
        wanted["vpc_security_group_ids"] = [default.id] if default else []
    made = place.backend.create_db_instance(wanted)
    made.dbi_resource_id = f"db-{''.join(secrets.choice(ascii_uppercase + digits) for _ in range(26))}"
    return {"DBInstance": made}


def _modify_instance(place: Place, wanted: dict[str, Any]) -> None:
    (instance,) = place.backend.describe_db_instances(wanted["db_instance_identifier"])
    _require_password(wanted.get("master_user_password"))
    before, name = _vpc(place, instance._db_subnet_group_name), wanted.get("db_subnet_group_name")
    after = _vpc(place, name) if name else before
    if name and name != instance._db_subnet_group_name and after == before:
        raise Refused(
            "InvalidVPCNetworkStateFault",
            f"You cannot move DB instance {instance.db_instance_identifier} to subnet group {name}. The specified DB subnet group and DB "
            "instance are in the same VPC. Choose a DB subnet group in different VPC than the specified DB instance and try again.",
        )
    _require_groups(place, wanted.get("vpc_security_group_ids") or [], after)


def _vpc(place: Place, group: str | None) -> str:
    """Where an instance is: in the VPC of its subnet group, or in the default one."""
    if group:
        return str(place.backend.describe_db_subnet_groups(group)[0].vpc_id)
    return str(ec2_backends[place.account][place.region].default_vpc.id)


def _require_groups(place: Place, ids: list[str], vpc_id: str) -> None:
    for each in ids:
        group = ec2_backends[place.account][place.region].get_security_group_from_id(each)
        if group is None:
            raise _wrong(f"Invalid security group , groupId= {each}, groupName=.")
        if group.vpc_id != vpc_id:
            raise Refused(
                "InvalidParameterCombination",
                "The DB instance and EC2 security group are in different VPCs. "
                f"The DB instance is in {vpc_id} and the EC2 security group is in {group.vpc_id}",
            )


def _require_login(wanted: dict[str, Any]) -> None:
    engine, user, database = wanted["engine"], wanted.get("master_username") or "", wanted.get("db_name")
    if user and not re.fullmatch(_NAME, user):
        raise _wrong("MasterUsername must begin with a letter and contain only alphanumeric characters or underscores.")
    if user.lower() in _RESERVED.get(engine, {"rdsadmin"}):
        raise _wrong(f"MasterUsername {user} cannot be used as it is a reserved word used by the engine")
    _require_password(wanted.get("master_user_password"))
    if database and engine in _NAMED_ALIKE and not re.fullmatch(_NAME, database):
        raise _wrong("DBName must begin with a letter and contain only alphanumeric characters.")


def _require_password(password: str | None) -> None:
    told = "The parameter MasterUserPassword is not a valid password"
    if password is None:
        return
    if len(password) < _SHORTEST_PASSWORD:
        raise _wrong(f"{told} because it is shorter than {_SHORTEST_PASSWORD} characters.")
    if not re.fullmatch(r"[!-~]+", password) or set(password) & set('/@"'):
        raise _wrong(f"""{told}. Only printable ASCII characters besides '/', '@', '"', ' ' may be used.""")


def _require_key(place: Place, key: str | None) -> None:
    """Keys of other accounts cannot be asked, and AWS makes its own (alias/aws/rds) once they are used."""
    if not key or "alias/aws/" in key or (key.startswith("arn:") and f":{place.account}:" not in key):
        return
    elsewhere = key.startswith("arn:") and f":kms:{place.region}:" not in key
    kms = kms_backends[place.account][place.region]
    name = kms.get_alias_name(key)
    found = kms.keys.get((kms.get_key_id_from_alias(name) if name.startswith("alias/") else kms.get_key_id(key)) or "")
    if elsewhere or found is None or not found.enabled:
        raise Refused(
            "KMSKeyNotAccessibleFault",
            f"Specified KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it.",
        )


OPERATIONS: dict[str, Operation] = {
    "CreateDBSubnetGroup": _create_group,
    "ModifyDBSubnetGroup": _modify_group,
    "DeleteDBSubnetGroup": _delete_group,
    "CreateDBInstance": _create_instance,
    "ModifyDBInstance": _modify_instance,
}
