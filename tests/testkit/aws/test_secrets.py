"""Secrets."""

from __future__ import annotations

import pytest

from mlgate_testkit.provider.provider import ProviderError
from mlgate_testkit.provider.values import Secret

from .cloud import Cloud
from .samples import secret

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"


def test_a_deleted_secret_keeps_its_name_unless_it_goes_at_once(cloud: Cloud) -> None:
    cloud.delete(SECRET, cloud.up(SECRET, name="kept"))
    with pytest.raises(ProviderError, match="scheduled for deletion"):
        cloud.up(SECRET, name="kept")
    cloud.delete(SECRET, cloud.up(SECRET, name="token", recoveryWindowInDays=0))
    assert cloud.up(SECRET, name="token").id


@pytest.mark.parametrize("days", [1, 6, 31])
def test_a_secret_waits_seven_to_thirty_days_or_not_at_all(cloud: Cloud, days: int) -> None:
    (failure,) = cloud.check(SECRET, recoveryWindowInDays=days)
    assert "to be 0 or in the range (7 - 30)" in failure.reason


def test_a_new_value_is_a_new_version_and_secret(cloud: Cloud) -> None:
    found = secret(cloud)
    one = cloud.up(VERSION, **found, secretString="hunter2")
    assert one.outputs["secretString"] == Secret("hunter2")
    assert cloud.diff(VERSION, one, **found, secretString="hunter3").replace == {"secretString"}
    two = cloud.up(VERSION, **found, secretString="hunter3")
    assert two.outputs["versionId"] != one.outputs["versionId"]
    assert cloud.boto("secretsmanager").get_secret_value(SecretId=found["secretId"])["SecretString"] == "hunter3"


def test_a_version_holds_one_value(cloud: Cloud) -> None:
    (none,) = cloud.check(VERSION, secretId="s")
    assert "must be specified" in none.reason
    (both,) = cloud.check(VERSION, secretId="s", secretString="a", secretBinary="YQ==")
    assert "only one of" in both.reason
