"""Databases."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import DATABASE

INSTANCE = "aws:rds/instance:Instance"


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
