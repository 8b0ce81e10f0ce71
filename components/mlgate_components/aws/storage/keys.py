"""`Key`: a symmetric KMS key that its account administers, and that nobody uses but whom its own policy names."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws  # lazy: an annotation that is read at import would load its parts

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.names import AUTOMATIC, ROLE, check_arn, check_days, check_name, check_once
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, account_root, policy_text
from mlgate_components.aws.tags import Tags

__all__ = ["DELETION_DAYS", "ExistingKey", "Key", "KeyArgs", "administered", "check_deletion", "create_key", "used_through"]

TYPE = "mlgate:index:Key"
DELETION_DAYS = 30  # the longest: whatever lies under a deleted key is lost, and until then an administrator can take the deletion back
_ALIAS = 256  # KMS API reference, CreateAlias
# KMS developer guide, "Key administrators", but for CreateGrant, by which an administrator could give itself the use of the key.
_ADMINISTRATION = (
    "kms:CancelKeyDeletion",
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:DisableKey",
    "kms:DisableKeyRotation",
    "kms:EnableKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RevokeGrant",
    "kms:RotateKeyOnDemand",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
# KMS developer guide, "Key users".
_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)


class KeyArgs(TypedDict):
    """What a key is for, and for whom."""

    description: str
    """What lies under it."""
    tags: Tags
    """What every resource of it carries."""
    users: NotRequired[list[pulumi.Input[str]]]
    """ARNs of the roles that encrypt and decrypt with it; none unless said."""
    services: NotRequired[list[str]]
    """Services, such as secretsmanager, through which this account's identities use it as their own policies let them; none unless said."""
    deletion_days: NotRequired[int]
    """How long it waits before it is deleted, 7 to 30 days; 30 unless said."""


@dataclass(frozen=True, slots=True)
class ExistingKey:
    """A key of your own, of which nothing is made or changed. Its policy must let those use it who are to."""

    key_arn: pulumi.Input[str]


class Key(pulumi.ComponentResource):
    """A KMS key that rotates every year, with an alias. It is protected and stays when the stack goes: without it its data is lost."""

    key_arn: pulumi.Output[str]
    """The key."""

    existing = ExistingKey

    def __init__(self, name: str, args: KeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        days = _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts = Parts(name, args["tags"], self)
        root = account_root(self)
        grants = [*_used_by(args.get("users", [])), *used_through(args.get("services", []), root)]
        self.key_arn = create_key(parts, "", args["description"], [administered(root), *grants], days).arn
        register_declared(self)


def create_key(parts: Parts, what: str, description: str, statements: Sequence[Statement], days: int, **asymmetric: Any) -> "aws.kms.Key":
    """A key with its alias, both kept. `asymmetric`: usage and spec of one that does not encrypt, which KMS does not rotate."""
    key = aws.kms.Key(
        parts.called(what),
        description=description,
        policy=policy_text(*statements),
        enable_key_rotation=not asymmetric,
        deletion_window_in_days=days,
        tags=parts.tagged(what),
        opts=parts.opts(kept=True),
        **asymmetric,
    )
    aws.kms.Alias(parts.called(what), target_key_id=key.key_id, opts=parts.opts(kept=True))
    return key


def administered(root: pulumi.Input[str]) -> Statement:
    """The account administers the key as its own policies say, and uses it for nothing."""
    return {"Sid": "Administration", "Effect": "Allow", "Principal": {"AWS": root}, "Action": list(_ADMINISTRATION), "Resource": "*"}


def _used_by(users: Sequence[pulumi.Input[str]]) -> list[Statement]:
    """These roles use the key, and let services of AWS that work for them use it."""
    return _used("Use", {"AWS": list(users)}, {}) if users else []


def used_through(services: Sequence[str], root: pulumi.Input[str]) -> list[Statement]:
    """Whoever the account's policies let use the key does so by these services alone. A key has but one region, so any will do."""
    through = {"StringLike": {"kms:ViaService": [f"{service}.*.amazonaws.com" for service in services]}}
    return _used("UseThroughServices", {"AWS": root}, through) if services else []


def _used(sid: str, principal: Mapping[str, Any], condition: Mapping[str, Any]) -> list[Statement]:
    about = {"Effect": "Allow", "Principal": principal, "Resource": "*"}
    lent = {**condition, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    return [
        {"Sid": sid, **about, "Action": list(_USE), **({"Condition": condition} if condition else {})},
        {"Sid": f"{sid}Lent", **about, "Action": "kms:CreateGrant", "Condition": lent},
    ]


def check_deletion(args: Mapping[str, Any], wrong: Wrong) -> int:
    """The days of `deletion_days`."""
    days: int = args.get("deletion_days", DELETION_DAYS)
    check_days(days, wrong, "deletion_days", least=7, most=30)  # KMS API reference, ScheduleKeyDeletion
    return days


def _planned(name: str, args: KeyArgs) -> int:
    """The days of its deletion. Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("Key", name)
    check(KeyArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=_ALIAS - len("alias/") - AUTOMATIC)
    days = check_deletion(args, wrong)
    if not args["description"]:
        wrong.add("description", "is empty", "say what lies under the key")
    check_once(args.get("users", []), wrong, "users")
    check_once(args.get("services", []), wrong, "services")
    for index, user in enumerate(args.get("users", [])):
        if isinstance(user, str) and user:
            check_arn(user, wrong, f"users[{index}]", ROLE)
    for index, service in enumerate(args.get("services", [])):
        if service and not re.fullmatch(r"[a-z][a-z0-9-]*", service):
            wrong.add(f"services[{index}]", f"is {service!r}", "the name of a service before its region, such as secretsmanager")
    wrong.stop()
    return days
