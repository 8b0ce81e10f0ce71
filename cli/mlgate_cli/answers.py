"""What a cloud would answer to a program that no engine runs. Made up: no price, and nothing of what is kept, depends on any of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Answers"]

_KEY = "1234abcd-12ab-34cd-56ef-1234567890ab"


class Answers(Mapping[str, Any]):
    """Results of functions by token: of those that components of mlgate call such as they have, of any other the names of its fields.

    `account`: the one that everything is in.
    """

    def __init__(self, account: str = "123456789012") -> None:
        caller = {"accountId": account, "arn": f"arn:aws:sts::{account}:assumed-role/nobody/bill", "id": account, "userId": "nobody"}
        self._known: dict[str, Any] = {
            "aws:index/getCallerIdentity:getCallerIdentity": caller,
            "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com", "id": "aws"},
            "aws:kms/getAlias:getAlias": {"targetKeyArn": f"arn:aws:kms:us-east-1:{account}:key/{_KEY}"},
            "aws:kms/getPublicKey:getPublicKey": {"publicKeyPem": _public_key()},
            "aws:eks/getAddonVersion:getAddonVersion": {"version": "v1.0.0-eksbuild.1"},
            "aws:ssm/getParameter:getParameter": {"value": "ami-00000000000000000"},
            "aws:servicequotas/getServiceQuota:getServiceQuota": _any_quota,
        }

    def __getitem__(self, token: str) -> Any:
        return self._known.get(token) or _texts(token)

    def __contains__(self, token: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _texts(token: str) -> dict[str, str]:
    from mlgate_testkit.record.sdk import result_types

    function = token.rpartition(":")[2]
    return {field: f"<{field} of {function}>" for field, kind in result_types(token).items() if kind is str}


def _any_quota(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Enough of everything: whether the account has it is asked when it is brought up."""
    return {"quotaName": asked.get("quotaCode", ""), "value": 1e9}


def _public_key() -> str:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.derive_private_key(1, ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
