"""`mlgate bootstrap` against moto: what is made, that it is made once, and that it is put right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from mlgate import Platform, StackError, UsageError
from mlgate.platform_files import Source
from mlgate.platform_state import LONGEST_NAME
from mlgate_delivery.bootstrap import bootstrap
from mlgate_delivery.remote_state import RemoteState
from tests.core.platforms import USUAL, varied

Hook = Callable[[Callable[[str], None]], None]
ACCOUNT = "123456789012"  # moto's own
VALUES = varied({"account": ACCOUNT, "cost_center": "4711"})
PLATFORM = Platform.model_validate(VALUES)
BUCKET = f"mlgate-state-dev-{ACCOUNT}"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of moto's account, and nothing of the user's."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def account(credentials: None) -> Iterator[None]:
    """An empty account."""
    with mock_aws():
        yield


def told(platform: Platform = PLATFORM) -> list[str]:
    """What a run says that it did."""
    said: list[str] = []
    bootstrap(RemoteState("dev", platform, Source("", {})), said.append)
    return said


def s3() -> Any:
    return boto3.client("s3", region_name="eu-central-1")


def kms() -> Any:
    return boto3.client("kms", region_name="eu-central-1")


@pytest.mark.usefixtures("account")
def test_the_bucket_is_closed_versioned_encrypted_under_its_own_key_and_reached_by_tls_alone() -> None:
    told()
    client, key = s3(), kms().describe_key(KeyId="alias/mlgate-state-dev")["KeyMetadata"]
    assert all(client.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    assert client.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    (rule,) = client.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["Arn"]}
    (denied,) = json.loads(client.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    (rule,) = client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert "Expiration" not in rule, "what is current stays"
    assert client.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert kms().get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    wanted = {"Name": BUCKET, "environment": "dev", "owner": "ml-platform", "cost-center": "4711", "managed-by": "mlgate"}
    assert {tag["Key"]: tag["Value"] for tag in client.get_bucket_tagging(Bucket=BUCKET)["TagSet"]} == wanted
    assert {tag["TagKey"]: tag["TagValue"] for tag in kms().list_resource_tags(KeyId=key["KeyId"])["Tags"]} == wanted


@pytest.mark.usefixtures("account")
def test_a_second_run_does_nothing_and_a_later_one_puts_right_what_was_changed_by_hand() -> None:
    assert told()
    assert told() == []
    s3().delete_bucket_policy(Bucket=BUCKET)
    s3().put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3().put_public_access_block(
        Bucket=BUCKET,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": False,
            "RestrictPublicBuckets": True,
        },
    )
    assert [line.split(": ", 1)[1] for line in told()] == ["closed to the public", "keeps versions", "reached by TLS alone"]
    assert told() == []


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Hook:
    """Has something done after each call to AWS, with its name."""
    real = BaseClient._make_api_call

    def hook(after: Callable[[str], None]) -> None:
        def made(self: BaseClient, name: str, given: dict[str, Any]) -> Any:
            try:
                return real(self, name, given)
            finally:
                after(name)

        monkeypatch.setattr(BaseClient, "_make_api_call", made)

    return hook


@pytest.mark.usefixtures("credentials")
def test_a_run_that_was_killed_after_any_change_is_finished_by_the_next_and_leaves_nothing_twice(calls: Hook) -> None:
    class Killed(BaseException):
        pass

    changes: list[str] = []
    with mock_aws():
        calls(lambda name: changes.append(name) if name.startswith(("Create", "Put", "Enable")) else None)
        told()
    assert len(changes) == 10
    for last in changes:
        with mock_aws():

            def kill(name: str, last: str = last) -> None:
                if name == last:
                    raise Killed

            calls(kill)
            with pytest.raises(Killed):
                told()
            calls(lambda _name: None)
            told()
            assert told() == [], f"killed after {last}"
            assert len(kms().list_keys()["Keys"]) == 1


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("region", ["us-east-1", "eu-west-2"])
def test_the_bucket_is_in_the_environments_region(region: str) -> None:
    zones = [f"{region}a", f"{region}b"]
    told(Platform.model_validate(varied({"region": region, "network.zones": zones}, VALUES)))
    assert s3().get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == (None if region == "us-east-1" else region)


@pytest.mark.usefixtures("account")
def test_credentials_of_another_account_make_nothing() -> None:
    with pytest.raises(UsageError, match=f"^account: account is 111122223333, and the credentials are of {ACCOUNT} ") as error:
        told(Platform.model_validate(USUAL))
    assert "AWS_PROFILE" in error.value.remedy
    assert s3().list_buckets()["Buckets"] == []
    assert kms().list_keys()["Keys"] == []


@pytest.mark.usefixtures("account")
def test_a_key_that_is_being_deleted_is_said_with_the_command_that_brings_it_back() -> None:
    told()
    key = kms().describe_key(KeyId="alias/mlgate-state-dev")["KeyMetadata"]["KeyId"]
    kms().schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    with pytest.raises(StackError, match="the key is PendingDeletion") as error:
        told()
    assert f"cancel-key-deletion --key-id {key}" in error.value.remedy


@pytest.mark.usefixtures("account")
def test_a_bucket_of_somebody_else_is_said_in_awss_words(monkeypatch: pytest.MonkeyPatch) -> None:
    real = BaseClient._make_api_call  # moto does not hold buckets against accounts

    def refusing(self: BaseClient, name: str, given: dict[str, Any]) -> Any:
        if name == "HeadBucket":
            answer: Any = {"Error": {"Code": "403", "Message": "Forbidden"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            assert given["ExpectedBucketOwner"] == ACCOUNT
            raise ClientError(answer, name)
        return real(self, name, given)

    monkeypatch.setattr(BaseClient, "_make_api_call", refusing)
    with pytest.raises(StackError, match="AWS refuses HeadBucket: Forbidden") as error:
        told()
    assert error.value.where == f"bucket {BUCKET}"


def test_names_keep_within_what_aws_takes() -> None:
    state = RemoteState("e" * LONGEST_NAME, PLATFORM, Source("", {}))
    assert len(state.bucket) == 63
    assert "endpoint" not in state.backend
