"""KMS keys and their aliases."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.documents import listed, malformed, statements
from mlgate_testkit.aws.grants import allows
from mlgate_testkit.aws.model import AutoName, Behaviour, FunctionModel, ResourceModel
from mlgate_testkit.aws.principals import require_principals
from mlgate_testkit.aws.rules import between, choice, conflicting, text
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs, ProviderError

__all__ = ["FUNCTIONS", "MODELS"]

_PEM_LINE = 64
_SPECS = (
    "SYMMETRIC_DEFAULT",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SM2",
)
# KMS API reference, EnableKeyRotation, Errors
_UNSUPPORTED = (
    "The request was rejected because a specified parameter is not supported or a specified resource is not valid for this operation."
)


def _checked(aws: Aws, inputs: Inputs, operation: str) -> str:
    policy: str = inputs["policy"]
    if problem := malformed(policy, "resource"):
        raise refusal("MalformedPolicyDocumentException", problem, operation)
    error = refusal("MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals.", operation)
    require_principals(aws, policy, error)
    if not inputs["bypassPolicyLockoutSafetyCheck"] and not any(_keeps_it_open(aws, each) for each in statements(policy)):
        message = "The new key policy will not allow you to update the key policy in the future."
        raise refusal("MalformedPolicyDocumentException", message, operation)
    return policy


def _keeps_it_open(aws: Aws, statement: Mapping[str, Any]) -> bool:
    """Whether a statement lets this account, or anybody in it, put another policy. AWS asks that of the caller, who may be any of these."""
    if statement["Effect"] != "Allow" or not allows(statement, "kms:PutKeyPolicy"):
        return False
    principal = statement.get("Principal", "*")  # without one it has a NotPrincipal
    named = listed(principal.get("AWS")) if isinstance(principal, Mapping) else ["*"]
    return any(each in {"*", aws.account_id} or f"::{aws.account_id}:" in each for each in named)


def _create(aws: Aws, inputs: Inputs) -> str:
    request: dict[str, Any] = {
        "KeyUsage": inputs["keyUsage"],
        "KeySpec": inputs["customerMasterKeySpec"],
        "Tags": tag_list(inputs["tags"], "TagKey", "TagValue"),
    }
    if inputs.get("description"):
        request["Description"] = inputs["description"]
    if inputs.get("multiRegion"):
        request["MultiRegion"] = True
    if inputs.get("policy"):
        request["Policy"] = _checked(aws, inputs, "CreateKey")
    return str(aws.client("kms").create_key(**request)["KeyMetadata"]["KeyId"])


def _settle(aws: Aws, key: str, inputs: Inputs) -> None:
    kms = aws.client("kms")
    if inputs["enableKeyRotation"]:
        if inputs["customerMasterKeySpec"] != "SYMMETRIC_DEFAULT":  # which moto lets pass
            raise refusal("UnsupportedOperationException", _UNSUPPORTED, "EnableKeyRotation")
        days = {"RotationPeriodInDays": int(inputs["rotationPeriodInDays"])} if inputs.get("rotationPeriodInDays") else {}
        kms.enable_key_rotation(KeyId=key, **days)
    if not inputs["isEnabled"]:
        kms.disable_key(KeyId=key)


def _read(aws: Aws, key: str, known: Inputs) -> Outputs | None:
    kms = aws.client("kms")
    found = kms.describe_key(KeyId=key)["KeyMetadata"]
    if found["KeyState"] in {"PendingDeletion", "PendingReplicaDeletion"}:
        return None
    rotation = kms.get_key_rotation_status(KeyId=key) if found["KeySpec"] == "SYMMETRIC_DEFAULT" else {"KeyRotationEnabled": False}
    return {
        "keyId": found["KeyId"],
        "arn": found["Arn"],
        "description": found.get("Description") or None,
        "keyUsage": found["KeyUsage"],
        "customerMasterKeySpec": found["KeySpec"],
        "isEnabled": found["Enabled"],
        "multiRegion": bool(found.get("MultiRegion")),
        "enableKeyRotation": rotation["KeyRotationEnabled"],
        "rotationPeriodInDays": known.get("rotationPeriodInDays") if rotation["KeyRotationEnabled"] else None,  # moto keeps none
        "policy": kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"],
        "tags": tags_of(kms.list_resource_tags(KeyId=key)["Tags"], "TagKey", "TagValue"),
    }


def _update(aws: Aws, key: str, olds: Inputs, news: Inputs) -> None:
    kms = aws.client("kms")
    if news["isEnabled"]:  # before all else: a disabled key takes no changes of its rotation
        kms.enable_key(KeyId=key)
    if news.get("description") != olds.get("description"):
        kms.update_key_description(KeyId=key, Description=news.get("description") or "")
    if news.get("policy") and news["policy"] != olds.get("policy"):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=_checked(aws, news, "PutKeyPolicy"))
    if olds["enableKeyRotation"] and not news["enableKeyRotation"]:
        kms.disable_key_rotation(KeyId=key)
    _settle(aws, key, news)
    if removed := [tag for tag in olds["tags"] if tag not in news["tags"]]:
        kms.untag_resource(KeyId=key, TagKeys=removed)
    if news["tags"]:
        kms.tag_resource(KeyId=key, Tags=tag_list(news["tags"], "TagKey", "TagValue"))


def _delete(aws: Aws, key: str, inputs: Inputs) -> None:
    kms = aws.client("kms")
    if kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=int(inputs.get("deletionWindowInDays") or 30))


# -- aliases


def _target(aws: Aws, key: str) -> Any:
    return aws.client("kms").describe_key(KeyId=key)["KeyMetadata"]


def _create_alias(aws: Aws, inputs: Inputs) -> str:
    name: str = inputs.get("name") or f"{inputs['namePrefix']}{aws.unique()}"
    aws.client("kms").create_alias(AliasName=name, TargetKeyId=_target(aws, inputs["targetKeyId"])["KeyId"])
    return name


def _read_alias(aws: Aws, name: str, known: Inputs) -> Outputs | None:
    pages = aws.client("kms").get_paginator("list_aliases").paginate()
    alias = next((each for page in pages for each in page["Aliases"] if each["AliasName"] == name), None)
    if alias is None or "TargetKeyId" not in alias:
        return None
    arn, key = aws.arn("kms", f"key/{alias['TargetKeyId']}"), alias["TargetKeyId"]
    target = arn if known.get("targetKeyId") == arn else key
    return {"name": name, "arn": aws.arn("kms", name), "targetKeyId": target, "targetKeyArn": arn}


def _update_alias(aws: Aws, name: str, _olds: Inputs, news: Inputs) -> None:
    aws.client("kms").update_alias(AliasName=name, TargetKeyId=_target(aws, news["targetKeyId"])["KeyId"])


def _delete_alias(aws: Aws, name: str, _inputs: Inputs) -> None:
    aws.client("kms").delete_alias(AliasName=name)


# -- what anybody may know of an asymmetric one


def _public_key(aws: Aws, arguments: Inputs) -> Outputs:
    kms = aws.client("kms")
    if kms.describe_key(KeyId=arguments["keyId"])["KeyMetadata"]["KeySpec"] == "SYMMETRIC_DEFAULT":  # at which moto breaks down
        raise refusal("UnsupportedOperationException", _UNSUPPORTED, "GetPublicKey")
    found = kms.get_public_key(KeyId=arguments["keyId"])
    text = b64encode(found["PublicKey"]).decode()
    lines = "\n".join(text[at : at + _PEM_LINE] for at in range(0, len(text), _PEM_LINE))
    arn = aws.arn("kms", f"key/{found['KeyId']}")
    return {
        "id": arn,
        "arn": arn,
        "keyId": arguments["keyId"],
        "grantTokens": arguments.get("grantTokens"),
        "customerMasterKeySpec": found["CustomerMasterKeySpec"],
        "keyUsage": found["KeyUsage"],
        "publicKey": text,
        "publicKeyPem": f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n",
        "region": aws.region,
        "encryptionAlgorithms": found.get("EncryptionAlgorithms") or [],
        "signingAlgorithms": found.get("SigningAlgorithms") or [],
    }


def _alias(aws: Aws, arguments: Inputs) -> Outputs:
    kms, name = aws.client("kms"), arguments["name"]
    pages = kms.get_paginator("list_aliases").paginate()
    found = next((alias for page in pages for alias in page["Aliases"] if alias["AliasName"] == name), None)
    if found is None:
        raise ProviderError(f"reading KMS Alias ({name}): couldn't find resource")
    key = kms.describe_key(KeyId=found["TargetKeyId"])["KeyMetadata"]
    return {
        "id": found["AliasArn"],
        "arn": found["AliasArn"],
        "name": name,
        "region": aws.region,
        "targetKeyArn": key["Arn"],
        "targetKeyId": key["KeyId"],
    }


def _prefixed(name: str) -> str:
    return name if name.startswith("alias/") else f"alias/{name}"


MODELS = (
    ResourceModel(
        type="aws:kms/key:Key",
        noun="KMS Key",
        create=_create,
        settle=_settle,
        read=_read,
        update=_update,
        delete=_delete,
        defaults={
            "bypassPolicyLockoutSafetyCheck": False,
            "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
            "enableKeyRotation": False,
            "isEnabled": True,
            "keyUsage": "ENCRYPT_DECRYPT",
        },
        forces_new=frozenset({"customKeyStoreId", "customerMasterKeySpec", "keyUsage", "multiRegion", "xksKeyId"}),
        computed=frozenset({"description", "multiRegion", "policy", "rotationPeriodInDays"}),
        state_only=frozenset({"bypassPolicyLockoutSafetyCheck", "customKeyStoreId", "deletionWindowInDays", "xksKeyId"}),
        json=frozenset({"policy"}),
        rules=(
            between("deletionWindowInDays", 7, 30),
            between("rotationPeriodInDays", 90, 2560),
            choice("keyUsage", "ENCRYPT_DECRYPT", "SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"),
            choice("customerMasterKeySpec", *_SPECS),
        ),
        behaviours=(
            Behaviour(
                "a deleted key waits 7 to 30 days (30 unless said) and counts as gone",
                "KMS API reference, ScheduleKeyDeletion; aws_kms_key",
                "test_kms.py::test_a_deleted_key_waits_and_counts_as_gone",
                ("test_kms.py::test_a_key_waits_seven_to_thirty_days",),
            ),
            Behaviour(
                "only symmetric keys rotate (UnsupportedOperationException)",
                "KMS API reference, EnableKeyRotation",
                "test_kms.py::test_only_a_symmetric_key_rotates",
            ),
            Behaviour(
                "a key policy for a role that AWS does not show yet is tried again for two minutes, then refused",
                "KMS developer guide, Changes that I make are not always immediately visible",
                "test_kms.py::test_a_key_policy_for_a_role_not_seen_for_too_long_is_refused",
            ),
            Behaviour(
                "a policy that lets nobody of the account change it is refused, unless bypassPolicyLockoutSafetyCheck is on",
                "KMS API reference, CreateKey and PutKeyPolicy; message: terraform-aws-modules/terraform-aws-kms#14",
                "test_kms.py::test_a_key_policy_that_locks_its_owner_out_is_refused",
            ),
        ),
    ),
    ResourceModel(
        type="aws:kms/alias:Alias",
        noun="KMS Alias",
        create=_create_alias,
        read=_read_alias,
        update=_update_alias,
        delete=_delete_alias,
        name=AutoName("name", 256, adjust=_prefixed, instead=("namePrefix",)),
        forces_new=frozenset({"name"}),
        renewed={"targetKeyArn": frozenset({"targetKeyId"})},
        rules=(
            conflicting("name", "namePrefix"),
            text("name", r"alias/(?!aws/)[a-zA-Z0-9/_-]+", "must begin with 'alias/' and be comprised of only [a-zA-Z0-9/_-]", at_most=256),
        ),
        behaviours=(
            Behaviour(
                "a name without alias/, or below alias/aws/, is refused",
                "KMS API reference, CreateAlias",
                "test_kms.py::test_an_alias_is_called_alias",
            ),
        ),
    ),
)

FUNCTIONS = (
    FunctionModel(
        "aws:kms/getAlias:getAlias",
        _alias,
        behaviours=(
            Behaviour(
                "an alias that is not there is an error",
                "terraform-provider-aws, internal/service/kms/alias_data_source.go and find.go; retry.NotFoundError (text)",
                "test_kms.py::test_an_alias_is_looked_up_by_its_whole_name",
            ),
        ),
    ),
    FunctionModel(
        "aws:kms/getPublicKey:getPublicKey",
        _public_key,
        behaviours=(
            Behaviour(
                "only an asymmetric key has a public one (UnsupportedOperationException), which is told in PEM too",
                "KMS API reference, GetPublicKey; aws_kms_public_key",
                "test_kms.py::test_only_an_asymmetric_key_has_a_public_one",
            ),
        ),
    ),
)
