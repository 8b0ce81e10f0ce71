"""RDS instances, as far as their protection goes: encryption, deletion, backups, reach. No database answers behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.rules import between, choice, conflicting, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Failure, Inputs, Outputs, ProviderError

__all__ = ["MODELS"]

_PORTS = {"postgres": 5432, "aurora-postgresql": 5432, "mysql": 3306, "mariadb": 3306, "oracle": 1521, "sqlserver": 1433}
_MOST = "L-7B6409FD"
_OWN_DOMAIN = ("domainAuthSecretArn", "domainDnsIps", "domainFqdn", "domainOu")  # an Active Directory that AWS does not manage
_NAMES = {
    "allocatedStorage": "AllocatedStorage",
    "autoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "availabilityZone": "AvailabilityZone",
    "backupRetentionPeriod": "BackupRetentionPeriod",
    "backupWindow": "PreferredBackupWindow",
    "copyTagsToSnapshot": "CopyTagsToSnapshot",
    "dbSubnetGroupName": "DBSubnetGroupName",
    "deletionProtection": "DeletionProtection",
    "engineVersion": "EngineVersion",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "instanceClass": "DBInstanceClass",
    "iops": "Iops",
    "licenseModel": "LicenseModel",
    "maintenanceWindow": "PreferredMaintenanceWindow",
    "multiAz": "MultiAZ",
    "parameterGroupName": "DBParameterGroupName",
    "publiclyAccessible": "PubliclyAccessible",
    "storageType": "StorageType",
    "vpcSecurityGroupIds": "VpcSecurityGroupIds",
}
_ONCE = {
    "dbName": "DBName",
    "engine": "Engine",
    "kmsKeyId": "KmsKeyId",
    "port": "Port",
    "storageEncrypted": "StorageEncrypted",
    "username": "MasterUsername",
}
_FIXED = {"availabilityZone"}
_CHANGED = {"identifier": "NewDBInstanceIdentifier", "port": "DBPortNumber"}  # called otherwise than when it is made
_SWITCHES = ("deletionProtection", "iamDatabaseAuthenticationEnabled")  # off where the program does not say, not left to the cloud
_WHOLE = {"allocatedStorage", "backupRetentionPeriod", "iops", "port"}


def _request(inputs: Inputs, names: dict[str, str]) -> dict[str, Any]:
    given = {argument: inputs[argument] for argument in names if inputs.get(argument) is not None}
    return {names[argument]: int(value) if argument in _WHOLE else value for argument, value in given.items()}


def _create(aws: Aws, inputs: Inputs) -> str:
    rds = aws.client("rds")
    name = inputs.get("identifier") or f"{inputs.get('identifierPrefix') or 'terraform-'}{aws.unique()}"
    request = {**_request(inputs, _NAMES | _ONCE), "DBInstanceIdentifier": name, "Tags": tag_list(inputs["tags"])}
    password = inputs.get("password") or inputs.get("passwordWo")
    if password:
        request["MasterUserPassword"] = password
    elif inputs.get("manageMasterUserPassword"):
        request["ManageMasterUserPassword"] = True
    with aws.within(_MOST, lambda: len(_all(aws)) + 1):
        return str(rds.create_db_instance(**request)["DBInstance"]["DbiResourceId"])


def _all(aws: Aws) -> list[dict[str, Any]]:
    return [each for page in aws.client("rds").get_paginator("describe_db_instances").paginate() for each in page["DBInstances"]]


def _found(aws: Aws, resource_id: str) -> dict[str, Any]:
    """By resource id ("db-...") or, on an import, by name."""
    for instance in _all(aws):
        if resource_id in {instance["DbiResourceId"], instance["DBInstanceIdentifier"]}:
            return dict(instance)
    raise refusal("DBInstanceNotFound", f"DBInstance {resource_id} not found.", "DescribeDBInstances")


def _read(aws: Aws, resource_id: str, _known: Inputs) -> Outputs | None:
    found = _found(aws, resource_id)
    name, engine = found["DBInstanceIdentifier"], found["Engine"]
    address = f"{name}.c{aws.account_id[:11]}.{aws.region}.rds.{aws.suffix}"
    port = found.get("Endpoint", {}).get("Port") or _PORTS.get(engine.split("-")[0], 5432)
    return {
        "identifier": name,
        "arn": found["DBInstanceArn"],
        "resourceId": found["DbiResourceId"],
        "status": found["DBInstanceStatus"],
        "address": address,
        "port": port,
        "endpoint": f"{address}:{port}",
        "hostedZoneId": "Z1RLNUO7B9Q6NB",
        "engine": engine,
        "engineVersion": found.get("EngineVersion"),
        "engineVersionActual": found.get("EngineVersion", ""),
        "username": found.get("MasterUsername"),
        "dbName": found.get("DBName") or None,
        "instanceClass": found["DBInstanceClass"],
        "allocatedStorage": found["AllocatedStorage"],
        "storageType": found.get("StorageType"),
        "storageEncrypted": bool(found.get("StorageEncrypted")),
        "kmsKeyId": found.get("KmsKeyId") or None,
        "publiclyAccessible": bool(found.get("PubliclyAccessible")),
        "deletionProtection": bool(found.get("DeletionProtection")),
        "multiAz": bool(found.get("MultiAZ")),
        "backupRetentionPeriod": found.get("BackupRetentionPeriod", 0),
        "autoMinorVersionUpgrade": bool(found.get("AutoMinorVersionUpgrade")),
        "copyTagsToSnapshot": bool(found.get("CopyTagsToSnapshot")),
        "iamDatabaseAuthenticationEnabled": bool(found.get("IAMDatabaseAuthenticationEnabled")),
        "availabilityZone": found.get("AvailabilityZone"),
        "dbSubnetGroupName": found.get("DBSubnetGroup", {}).get("DBSubnetGroupName"),
        "vpcSecurityGroupIds": [each["VpcSecurityGroupId"] for each in found.get("VpcSecurityGroups", ())],
        "backupWindow": found.get("PreferredBackupWindow"),
        "maintenanceWindow": (found.get("PreferredMaintenanceWindow") or "").lower() or None,
        "licenseModel": found.get("LicenseModel"),
        "iops": found.get("Iops") or None,
        "replicas": found.get("ReadReplicaDBInstanceIdentifiers", []),
        "listenerEndpoints": [],
        "tags": tags_of(found.get("TagList")),
    }


def _update(aws: Aws, resource_id: str, olds: Inputs, news: Inputs) -> None:
    rds, found = aws.client("rds"), _found(aws, resource_id)
    names = {key: name for key, name in (_NAMES | _CHANGED).items() if key not in _FIXED}
    before, after = _request(olds, names), _request(news, names)
    after |= {names[key]: False for key in _SWITCHES if names[key] in before and names[key] not in after}
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    if news.get("password") and news["password"] != olds.get("password"):
        changed["MasterUserPassword"] = news["password"]
    if changed:
        rds.modify_db_instance(DBInstanceIdentifier=found["DBInstanceIdentifier"], ApplyImmediately=True, **changed)
    if removed := [key for key in olds["tags"] if key not in news["tags"]]:
        rds.remove_tags_from_resource(ResourceName=found["DBInstanceArn"], TagKeys=removed)
    if news["tags"]:
        rds.add_tags_to_resource(ResourceName=found["DBInstanceArn"], Tags=tag_list(news["tags"]))


def _delete(aws: Aws, resource_id: str, inputs: Inputs) -> None:
    found = _found(aws, resource_id)
    if found.get("DeletionProtection"):
        message = "Cannot delete protected DB Instance, please disable deletion protection and try again."
        raise refusal("InvalidParameterCombination", message, "DeleteDBInstance")
    snapshot = inputs.get("finalSnapshotIdentifier")
    if not inputs.get("skipFinalSnapshot") and not snapshot:
        raise ProviderError("final_snapshot_identifier is required when skip_final_snapshot is false")
    how = {"SkipFinalSnapshot": True} if inputs.get("skipFinalSnapshot") else {"FinalDBSnapshotIdentifier": snapshot}
    aws.client("rds").delete_db_instance(DBInstanceIdentifier=found["DBInstanceIdentifier"], **how)


def _needs(inputs: Inputs) -> Iterator[Failure]:
    if any(inputs.get(source) for source in ("replicateSourceDb", "snapshotIdentifier", "s3Import", "restoreToPointInTime")):
        yield Failure("replicateSourceDb", "an instance from a replica, a snapshot, S3 or a point in time is not simulated")
        return
    for argument in ("engine", "allocatedStorage", "username"):
        if inputs.get(argument) is None:
            yield Failure(argument, f'"{argument}": required field is not set')
    if inputs.get("password") is None and inputs.get("passwordWo") is None and not inputs.get("manageMasterUserPassword"):
        yield Failure("password", "one of `manageMasterUserPassword,password,passwordWo` must be specified")


MODELS = (
    ResourceModel(
        type="aws:rds/instance:Instance",
        noun="RDS DB Instance",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        defaults={
            "autoMinorVersionUpgrade": True,
            "copyTagsToSnapshot": False,
            "dedicatedLogVolume": False,
            "deleteAutomatedBackups": True,
            "publiclyAccessible": False,
            "skipFinalSnapshot": False,
        },
        forces_new=frozenset(
            {
                "availabilityZone",
                "backupTarget",
                "characterSetName",
                "customIamInstanceProfile",
                "dbName",
                "engine",
                "kmsKeyId",
                "ncharCharacterSetName",
                "restoreToPointInTime",
                "s3Import",
                "snapshotIdentifier",
                "storageEncrypted",
                "timezone",
                "username",
            }
        ),
        computed=frozenset(
            {
                "availabilityZone",
                "backupRetentionPeriod",
                "backupWindow",
                "dbSubnetGroupName",
                "engineVersion",
                "identifier",
                "identifierPrefix",
                "iops",
                "kmsKeyId",
                "licenseModel",
                "maintenanceWindow",
                "multiAz",
                "parameterGroupName",
                "port",
                "storageType",
                "vpcSecurityGroupIds",
            }
        ),
        state_only=frozenset(
            {
                "allowMajorVersionUpgrade",
                "applyImmediately",
                "backupTarget",
                "blueGreenUpdate",
                "caCertIdentifier",
                "characterSetName",
                "customIamInstanceProfile",
                "customerOwnedIpEnabled",
                "databaseInsightsMode",
                "dedicatedLogVolume",
                "deleteAutomatedBackups",
                "domain",
                "domainAuthSecretArn",
                "domainDnsIps",
                "domainFqdn",
                "domainIamRoleName",
                "domainOu",
                "enabledCloudwatchLogsExports",
                "engineLifecycleSupport",
                "finalSnapshotIdentifier",
                "identifierPrefix",
                "manageMasterUserPassword",
                "masterUserSecretKmsKeyId",
                "maxAllocatedStorage",
                "monitoringInterval",
                "monitoringRoleArn",
                "ncharCharacterSetName",
                "networkType",
                "optionGroupName",
                "parameterGroupName",
                "password",
                "passwordWo",
                "passwordWoVersion",
                "performanceInsightsEnabled",
                "performanceInsightsKmsKeyId",
                "performanceInsightsRetentionPeriod",
                "replicaMode",
                "replicateSourceDb",
                "restoreToPointInTime",
                "s3Import",
                "skipFinalSnapshot",
                "snapshotIdentifier",
                "storageThroughput",
                "timezone",
                "upgradeStorageConfig",
                "warningEventCategories",
            }
        ),
        absent=frozenset({"latestRestorableTime", "masterUserSecrets", "upgradeRolloutOrder"}),
        equivalent={
            "vpcSecurityGroupIds": same_set,
            "engineVersion": lambda before, after: f"{after}.".startswith(f"{before}.") or f"{before}.".startswith(f"{after}."),
        },
        secret=frozenset({"password"}),
        rules=(
            conflicting("identifier", "identifierPrefix"),
            conflicting("manageMasterUserPassword", "password", "passwordWo"),
            conflicting("restoreTime", "useLatestRestorableTime", inside="restoreToPointInTime"),
            *(conflicting(managed, own) for managed in ("domain", "domainIamRoleName") for own in _OWN_DOMAIN),
            text(
                "identifier",
                r"[a-z](-?[a-z0-9])*",
                "has lower-case letters, digits and single hyphens, and starts with a letter",
                at_most=63,
            ),
            between("backupRetentionPeriod", 0, 35),
            between("allocatedStorage", 5, 65_536),
            choice("storageType", "standard", "gp2", "gp3", "io1", "io2"),
            _needs,
        ),
        behaviours=(
            Behaviour(
                "a protected instance is not deleted, nor one without a final snapshot unless that is skipped",
                "RDS API reference, DeleteDBInstance; aws_db_instance",
                "test_rds.py::test_an_instance_is_not_deleted_while_it_is_protected",
            ),
            Behaviour(
                "the id is the resource id (db-...), an import takes the name",
                "terraform-provider-aws, version 5 upgrade guide, aws_db_instance",
                "test_rds.py::test_an_instance_is_imported_by_its_name",
            ),
            Behaviour(
                "it is in the VPC of its subnet group (or the default one), as its security groups are; it moves to another VPC only",
                "RDS API reference, CreateDBInstance and ModifyDBInstance; messages: see mlgate_testkit/aws/apis/rds.py",
                "test_rds.py::test_an_instance_is_in_the_vpc_of_its_subnet_group",
                (
                    "test_rds.py::test_security_groups_of_an_instance_are_those_of_its_vpc",
                    "test_rds.py::test_an_instance_moves_to_a_subnet_group_of_another_vpc_only",
                ),
            ),
            Behaviour(
                "user, password, database name and key are refused where RDS refuses them; of reserved words only admin and rdsadmin",
                "RDS API reference, CreateDBInstance; messages: see mlgate_testkit/aws/apis/rds.py",
                "test_rds.py::test_what_rds_refuses_of_a_new_instance",
                ("test_rds.py::test_a_key_of_an_instance_exists_and_is_enabled",),
            ),
            Behaviour(
                "the password is secret in state",
                "pulumi-aws schema",
                "test_every_type.py::test_secret_outputs_are_marked",
            ),
        ),
    ),
)
