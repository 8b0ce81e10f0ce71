"""Key pairs: by which somebody signs in to a machine."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.models.ec2_common import first, retag, tagged
from mlgate_testkit.aws.rules import Rule, conflicting, holds
from mlgate_testkit.aws.tags import tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _create(aws: Aws, inputs: Inputs) -> str:
    name = inputs.get("keyName") or f"{inputs['keyNamePrefix']}{aws.unique()}"
    aws.client("ec2").import_key_pair(KeyName=name, PublicKeyMaterial=inputs["publicKey"].encode(), **tagged("key-pair", inputs))
    return str(name)


def _read(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    found = aws.client("ec2").describe_key_pairs(Filters=[{"Name": "key-name", "Values": [name]}])["KeyPairs"]
    key: dict[str, Any] = first(found, "InvalidKeyPair.NotFound", f"The key pair '{name}' does not exist")
    return {
        "arn": aws.arn("ec2", f"key-pair/{name}"),
        "keyName": key["KeyName"],
        "keyPairId": key["KeyPairId"],
        "keyType": key.get("KeyType") or "rsa",
        "fingerprint": key["KeyFingerprint"],
        "tags": tags_of(key.get("Tags")),
    }


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    key = _read(aws, name, news)
    retag(aws, str(key and key["keyPairId"]), olds, news)


def _delete(aws: Aws, name: str, _inputs: Inputs) -> None:
    aws.client("ec2").delete_key_pair(KeyName=name)


def _openssh() -> Rule:
    def wrong(value: Any) -> str:
        known = ("ssh-rsa ", "ssh-ed25519 ", "-----BEGIN", "---- BEGIN")
        return "" if str(value).startswith(known) else "Key is not in valid OpenSSH public key format"

    return holds("publicKey", wrong)


MODELS = (
    ResourceModel(
        type="aws:ec2/keyPair:KeyPair",
        noun="EC2 Key Pair",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("keyName", 255, instead=("keyNamePrefix",)),
        forces_new=frozenset({"keyName", "publicKey"}),
        state_only=frozenset({"publicKey"}),
        rules=(conflicting("keyName", "keyNamePrefix"), _openssh()),
        behaviours=(
            Behaviour(
                "a key is in OpenSSH form, and its name is taken once",
                "EC2 API reference, ImportKeyPair; error codes InvalidKey.Format and InvalidKeyPair.Duplicate",
                "test_ec2_compute.py::test_a_key_pair_has_an_openssh_key_and_a_name_of_its_own",
            ),
        ),
    ),
)
