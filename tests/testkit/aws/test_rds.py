"""Databases."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import DATABASE, zones

INSTANCE = "aws:rds/instance:Instance"
GROUP = "aws:rds/subnetGroup:SubnetGroup"
SECURITY = "aws:ec2/securityGroup:SecurityGroup"


def test_an_instance_is_not_deleted_while_it_is_protected(cloud: Cloud) -> None:
    state = cloud.up(INSTANCE, **DATABASE, deletionProtection=True)
    with pytest.raises(ProviderError, match="InvalidParameterCombination: Cannot delete protected DB Instance"):
        cloud.delete(INSTANCE, state)
    state = cloud.change(INSTANCE, state, **DATABASE, deletionProtection=False)
    with pytest.raises(ProviderError, match="final_snapshot_identifier is required when skip_final_snapshot is false"):
        cloud.delete(INSTANCE, state)
    cloud.delete(INSTANCE, cloud.change(INSTANCE, state, **DATABASE, finalSnapshotIdentifier="last"))
    assert [each["DBSnapshotIdentifier"] for each in cloud.boto("rds").describe_db_snapshots()["DBSnapshots"]] == ["last"]
    assert cloud.refresh(INSTANCE, state) is None


def test_what_the_program_no_longer_protects_is_no_longer_protected(cloud: Cloud) -> None:
    state = cloud.up(INSTANCE, **DATABASE, deletionProtection=True, iamDatabaseAuthenticationEnabled=True)
    state = cloud.change(INSTANCE, state, **DATABASE)
    assert (state.outputs["deletionProtection"], state.outputs["iamDatabaseAuthenticationEnabled"]) == (False, False)


def test_an_instance_is_imported_by_its_name(cloud: Cloud) -> None:
    state = cloud.up(INSTANCE, **DATABASE, identifier="features")
    assert state.id.startswith("db-")
    found = cloud.imported(INSTANCE, "features")
    assert found
    assert found.outputs["resourceId"] == state.id


def test_protection_lifted_by_hand_is_seen(cloud: Cloud) -> None:
    state = cloud.up(INSTANCE, **DATABASE, identifier="features", deletionProtection=True)
    cloud.boto("rds").modify_db_instance(DBInstanceIdentifier="features", DeletionProtection=False, ApplyImmediately=True)
    found = cloud.refresh(INSTANCE, state)
    assert found
    assert found.inputs["deletionProtection"] is False


def test_what_an_instance_needs_is_named(cloud: Cloud) -> None:
    failures = cloud.check(INSTANCE, instanceClass="db.t4g.medium")
    assert [failure.property for failure in failures] == ["engine", "allocatedStorage", "username", "password"]
    (unsimulated,) = cloud.check(INSTANCE, instanceClass="db.t4g.medium", snapshotIdentifier="last")
    assert "is not simulated" in unsimulated.reason


def test_a_subnet_group_lies_in_one_vpc_and_two_zones(cloud: Cloud) -> None:
    here, there = zones(cloud)["subnetIds"], zones(cloud, "other", "10.1")["subnetIds"]
    with pytest.raises(ProviderError, match=r"DBSubnetGroupDoesNotCoverEnoughAZs: .* Current AZ coverage: eu-central-1a\. Add"):
        cloud.up(GROUP, subnetIds=here[:1])
    with pytest.raises(ProviderError, match="InvalidSubnet: "):
        cloud.up(GROUP, subnetIds=[here[0], there[1]])
    with pytest.raises(ProviderError, match=r"InvalidParameterValue: Some input subnets in :\[subnet-0\] are invalid"):
        cloud.up(GROUP, subnetIds=["subnet-0"])
    state = cloud.up(GROUP, name="databases", subnetIds=here)
    with pytest.raises(ProviderError, match=r"DBSubnetGroupAlreadyExists: The DB subnet group 'databases' already exists\."):
        cloud.up(GROUP, name="databases", subnetIds=there)
    with pytest.raises(ProviderError, match="The new Subnets are not in the same Vpc as the existing subnet group"):
        cloud.change(GROUP, state, name="databases", subnetIds=there)
    third = cloud.up(
        "aws:ec2/subnet:Subnet", "c", vpcId=state.outputs["vpcId"], cidrBlock="10.0.2.0/24", availabilityZone="eu-central-1c"
    ).id
    assert set(cloud.change(GROUP, state, name="databases", subnetIds=[*here, third]).outputs["subnetIds"]) == {*here, third}


def test_a_subnet_group_has_a_name_that_rds_takes(cloud: Cloud) -> None:
    assert "lower-case" in cloud.check(GROUP, "Databases", **zones(cloud))[0].reason
    assert "not allowed" in cloud.check(GROUP, name="default", subnetIds=[])[0].reason


def test_a_subnet_group_in_use_is_not_deleted(cloud: Cloud) -> None:
    group = cloud.up(GROUP, name="databases", **zones(cloud))
    instance = cloud.up(INSTANCE, **DATABASE, identifier="features", dbSubnetGroupName=group.id, skipFinalSnapshot=True)
    with pytest.raises(ProviderError, match=r"InvalidDBSubnetGroupStateFault: .* one database instance: features is still using it"):
        cloud.delete(GROUP, group)
    cloud.delete(INSTANCE, instance)
    cloud.delete(GROUP, group)
    assert cloud.refresh(GROUP, group) is None


def test_an_instance_is_in_the_vpc_of_its_subnet_group(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="DBSubnetGroupNotFoundFault: Subnet Group nope not found"):
        cloud.up(INSTANCE, **DATABASE, dbSubnetGroupName="nope")
    group = cloud.up(GROUP, name="databases", **zones(cloud))
    state = cloud.up(INSTANCE, **DATABASE, dbSubnetGroupName=group.id)
    assert state.outputs["dbSubnetGroupName"] == "databases"
    (given,) = cloud.boto("ec2").describe_security_groups(GroupIds=state.outputs["vpcSecurityGroupIds"])["SecurityGroups"]
    assert (given["GroupName"], given["VpcId"]) == ("default", group.outputs["vpcId"])


def test_security_groups_of_an_instance_are_those_of_its_vpc(cloud: Cloud) -> None:
    group = cloud.up(GROUP, name="databases", **zones(cloud))
    inside = cloud.up(SECURITY, "inside", vpcId=group.outputs["vpcId"]).id
    with pytest.raises(ProviderError, match="InvalidParameterCombination: The DB instance and EC2 security group are in different VPCs"):
        cloud.up(INSTANCE, **DATABASE, vpcSecurityGroupIds=[inside])
    with pytest.raises(ProviderError, match="InvalidParameterValue: Invalid security group , groupId= sg-0, groupName="):
        cloud.up(INSTANCE, **DATABASE, vpcSecurityGroupIds=["sg-0"])
    state = cloud.up(INSTANCE, **DATABASE, identifier="features", dbSubnetGroupName=group.id, vpcSecurityGroupIds=[inside])
    with pytest.raises(ProviderError, match="groupId= sg-0"):
        cloud.change(INSTANCE, state, **DATABASE, identifier="features", dbSubnetGroupName=group.id, vpcSecurityGroupIds=["sg-0"])


def test_a_security_group_of_an_instance_is_not_deleted(cloud: Cloud) -> None:
    group = cloud.up(GROUP, name="databases", **zones(cloud))
    inside = cloud.up(SECURITY, "inside", vpcId=group.outputs["vpcId"])
    instance = cloud.up(INSTANCE, **DATABASE, dbSubnetGroupName=group.id, vpcSecurityGroupIds=[inside.id], skipFinalSnapshot=True)
    with pytest.raises(ProviderError, match=f"DependencyViolation: resource {inside.id} has a dependent object"):
        cloud.delete(SECURITY, inside)
    cloud.delete(INSTANCE, instance)
    cloud.delete(SECURITY, inside)
    assert cloud.refresh(SECURITY, inside) is None


def test_an_instance_moves_to_a_subnet_group_of_another_vpc_only(cloud: Cloud) -> None:
    here = zones(cloud)
    first, beside = cloud.up(GROUP, name="first", **here), cloud.up(GROUP, "beside", name="beside", **here)
    away = cloud.up(GROUP, "away", name="away", **zones(cloud, "other", "10.1"))
    state = cloud.up(INSTANCE, **DATABASE, identifier="features", dbSubnetGroupName=first.id)
    with pytest.raises(ProviderError, match="InvalidVPCNetworkStateFault: You cannot move DB instance features to subnet group beside"):
        cloud.change(INSTANCE, state, **DATABASE, identifier="features", dbSubnetGroupName=beside.id)
    moved = cloud.change(INSTANCE, state, **DATABASE, identifier="features", dbSubnetGroupName=away.id)
    assert moved.outputs["dbSubnetGroupName"] == "away"


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({"password": "hunter2"}, "MasterUserPassword is not a valid password because it is shorter than 8 characters"),
        ({"password": "hunter2@home"}, "MasterUserPassword is not a valid password. Only printable ASCII"),
        ({"username": "admin"}, "MasterUsername admin cannot be used as it is a reserved word used by the engine"),
        ({"username": "ml-team"}, "MasterUsername must begin with a letter and contain only alphanumeric characters or underscores"),
        ({"engine": "mysql", "username": "rdsadmin"}, "MasterUsername rdsadmin cannot be used"),
        ({"dbName": "shop-db"}, "DBName must begin with a letter and contain only alphanumeric characters"),
    ],
)
def test_what_rds_refuses_of_a_new_instance(cloud: Cloud, given: dict[str, str], refused: str) -> None:
    with pytest.raises(ProviderError, match=f"InvalidParameterValue: .*{refused}"):
        cloud.up(INSTANCE, **DATABASE | given)


def test_what_only_another_engine_refuses_is_taken(cloud: Cloud) -> None:
    assert cloud.up(INSTANCE, **DATABASE | {"engine": "mysql", "username": "admin", "dbName": "shop_db"})


def test_a_key_of_an_instance_exists_and_is_enabled(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match=r"KMSKeyNotAccessibleFault: Specified KMS key \[.*:key/nope\] does not exist, is not enabled"):
        cloud.up(INSTANCE, **DATABASE, kmsKeyId="arn:aws:kms:eu-central-1:123456789012:key/nope")
    with pytest.raises(ProviderError, match=r"KMSKeyNotAccessibleFault: Specified KMS key \[alias/nope\]"):
        cloud.up(INSTANCE, **DATABASE, kmsKeyId="alias/nope")
    key = cloud.up("aws:kms/key:Key")
    state = cloud.up(INSTANCE, **DATABASE, kmsKeyId=key.outputs["arn"], identifier="features")
    assert state.outputs["kmsKeyId"] == key.outputs["arn"]
    cloud.boto("kms").disable_key(KeyId=key.id)
    with pytest.raises(ProviderError, match="KMSKeyNotAccessibleFault"):
        cloud.up(INSTANCE, "second", **DATABASE, kmsKeyId=key.outputs["arn"])


def test_each_of_two_instances_has_an_id_of_its_own(cloud: Cloud) -> None:
    first, second = (cloud.up(INSTANCE, name, **DATABASE, identifier=name) for name in ("features", "labels"))
    assert first.id != second.id
    found = cloud.refresh(INSTANCE, second)
    assert found
    assert found.outputs["identifier"] == "labels"
