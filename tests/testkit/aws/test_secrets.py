"""Secrets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mlgate_testkit.provider.provider import ProviderError, Unhealthy
from mlgate_testkit.provider.values import Secret

from .cloud import Cloud
from .samples import policy, secret, trust

SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105 - a type
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"


def test_a_deleted_secret_keeps_its_name_unless_it_goes_at_once(cloud: Cloud) -> None:
    kept = cloud.up(SECRET, name="kept")
    cloud.delete(SECRET, kept)
    ends = cloud.boto("secretsmanager").describe_secret(SecretId=kept.id)["DeletedDate"]
    assert timedelta(days=29) < ends - datetime.now(UTC) <= timedelta(days=30)
    with pytest.raises(ProviderError, match="scheduled for deletion"):
        cloud.up(SECRET, name="kept")
    cloud.delete(SECRET, cloud.up(SECRET, name="token", recoveryWindowInDays=0))
    assert cloud.up(SECRET, name="token").id


@pytest.mark.parametrize("days", [1, 6, 31])
def test_a_secret_waits_seven_to_thirty_days_or_not_at_all(cloud: Cloud, days: int) -> None:
    (failure,) = cloud.check(SECRET, recoveryWindowInDays=days)
    assert "to be 0 or in the range (7 - 30)" in failure.reason


def test_a_policy_names_principals_that_exist(cloud: Cloud) -> None:
    allowed = policy("secretsmanager:GetSecretValue", Principal={"AWS": "arn:aws:iam::123456789012:role/trainer"})
    with pytest.raises(Unhealthy, match="MalformedPolicyDocumentException: This resource policy contains an unsupported principal"):
        cloud.up(SECRET, name="early", policy=allowed)
    cloud.up("aws:iam/role:Role", name="trainer", assumeRolePolicy=trust())
    assert "role/trainer" in cloud.up(SECRET, name="late", policy=allowed).outputs["policy"]


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
