"""Keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import ROOT, policy, trust

KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
ROLE = "aws:iam/role:Role"


def test_a_deleted_key_waits_and_counts_as_gone(cloud: Cloud) -> None:
    state = cloud.up(KEY, deletionWindowInDays=7)
    cloud.delete(KEY, state)
    assert cloud.boto("kms").describe_key(KeyId=state.id)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert cloud.refresh(KEY, state) is None
    unsaid = cloud.up(KEY, "unsaid")
    cloud.delete(KEY, unsaid)
    ends = cloud.boto("kms").describe_key(KeyId=unsaid.id)["KeyMetadata"]["DeletionDate"]
    assert timedelta(days=29) < ends - datetime.now(UTC) <= timedelta(days=30)


def test_only_a_symmetric_key_rotates(cloud: Cloud) -> None:
    signing = {"keyUsage": "SIGN_VERIFY", "customerMasterKeySpec": "RSA_2048"}
    with pytest.raises(ProviderError, match=r"EnableKeyRotation, .* api error UnsupportedOperationException"):
        cloud.up(KEY, **signing, enableKeyRotation=True)
    assert cloud.up(KEY, **signing).outputs["enableKeyRotation"] is False


@pytest.mark.parametrize("days", [6, 31])
def test_a_key_waits_seven_to_thirty_days(cloud: Cloud, days: int) -> None:
    (failure,) = cloud.check(KEY, deletionWindowInDays=days)
    assert f"to be in the range (7 - 30), got {days}" in failure.reason


def test_a_key_policy_for_a_role_not_seen_for_too_long_is_refused(cloud: Cloud) -> None:
    cloud.package.lag(23)
    document = policy("kms:*", Principal={"AWS": cloud.up(ROLE, name="near", assumeRolePolicy=trust()).outputs["arn"]})
    assert cloud.up(KEY, policy=document).id
    cloud.package.lag(24)
    document = policy("kms:*", Principal={"AWS": cloud.up(ROLE, name="far", assumeRolePolicy=trust()).outputs["arn"]})
    with pytest.raises(ProviderError, match=r"MalformedPolicyDocumentException: .*invalid principals"):
        cloud.up(KEY, policy=document)


LOCKED = [
    policy("kms:*", Principal={"Service": "logs.amazonaws.com"}),
    policy("kms:Decrypt", Principal={"AWS": ROOT}),
    policy("kms:*", Principal={"AWS": "arn:aws:iam::999999999999:root"}),
]
OPEN = [
    policy("kms:*", Principal={"AWS": ROOT}),
    policy("kms:Put*", Principal={"AWS": "123456789012"}),
    policy("*", Principal="*"),
]


@pytest.mark.parametrize("document", LOCKED)
def test_a_key_policy_that_locks_its_owner_out_is_refused(cloud: Cloud, document: str) -> None:
    refused = r"MalformedPolicyDocumentException: The new key policy will not allow you to update the key policy in the future\."
    with pytest.raises(ProviderError, match=f"CreateKey.*{refused}"):
        cloud.up(KEY, policy=document)
    made = cloud.up(KEY)
    with pytest.raises(ProviderError, match=f"PutKeyPolicy.*{refused}"):
        cloud.change(KEY, made, policy=document)
    assert cloud.up(KEY, policy=document, bypassPolicyLockoutSafetyCheck=True)


@pytest.mark.parametrize("document", OPEN)
def test_a_key_policy_that_its_owner_can_change_is_taken(cloud: Cloud, document: str) -> None:
    assert cloud.up(KEY, policy=document)


@pytest.mark.parametrize("name", ["models", "alias/aws/s3", "alias/a b"])
def test_an_alias_is_called_alias(cloud: Cloud, name: str) -> None:
    (failure,) = cloud.check(ALIAS, name=name, targetKeyId="k")
    assert "must begin with 'alias/'" in failure.reason


def test_an_alias_without_a_name_gets_one_below_alias(cloud: Cloud) -> None:
    assert cloud.checked(ALIAS, "models", targetKeyId="k")["name"].startswith("alias/models-")


def test_an_alias_moves_to_another_key(cloud: Cloud) -> None:
    one, two = cloud.up(KEY), cloud.up(KEY)
    alias = cloud.up(ALIAS, name="alias/models", targetKeyId=one.id)
    moved = cloud.change(ALIAS, alias, name="alias/models", targetKeyId=two.outputs["arn"])
    assert moved.outputs["targetKeyArn"] == two.outputs["arn"]
    assert moved.outputs["targetKeyId"] == two.outputs["arn"]


def test_rotation_switched_off_by_hand_is_seen(cloud: Cloud) -> None:
    state = cloud.up(KEY, enableKeyRotation=True)
    cloud.boto("kms").disable_key_rotation(KeyId=state.id)
    found = cloud.refresh(KEY, state)
    assert found
    assert found.inputs["enableKeyRotation"] is False


def test_only_an_asymmetric_key_has_a_public_one(cloud: Cloud) -> None:
    signing = cloud.up(KEY, keyUsage="SIGN_VERIFY", customerMasterKeySpec="ECC_NIST_P256")
    found = cloud.invoke("aws:kms/getPublicKey:getPublicKey", keyId=signing.outputs["arn"])
    assert found["signingAlgorithms"] == ["ECDSA_SHA_256"]
    public = load_pem_public_key(found["publicKeyPem"].encode())
    assert isinstance(public, EllipticCurvePublicKey)
    signed = cloud.boto("kms").sign(KeyId=signing.id, Message=b"it", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    public.verify(signed, b"it", ECDSA(SHA256()))
    with pytest.raises(ProviderError, match=r"GetPublicKey, .* api error UnsupportedOperationException"):
        cloud.invoke("aws:kms/getPublicKey:getPublicKey", keyId=cloud.up(KEY).id)


def test_an_alias_is_looked_up_by_its_whole_name(cloud: Cloud) -> None:
    key = cloud.up(KEY)
    cloud.up(ALIAS, name="alias/state", targetKeyId=key.id)
    found = cloud.invoke("aws:kms/getAlias:getAlias", name="alias/state")
    assert (found["targetKeyArn"], found["targetKeyId"]) == (key.outputs["arn"], key.id)
    with pytest.raises(ProviderError, match=r"reading KMS Alias \(alias/stat\): couldn't find resource"):
        cloud.invoke("aws:kms/getAlias:getAlias", name="alias/stat")
