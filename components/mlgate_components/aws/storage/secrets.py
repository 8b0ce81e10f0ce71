"""`Secret`: the container of a value that its readers get and that nothing here ever holds."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.access.permissions import check_roles
from mlgate_components.aws.names import AUTOMATIC, KMS_KEY, check_arn, check_days, check_name
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, policy_text
from mlgate_components.aws.tags import Tags

__all__ = ["Secret", "SecretArgs"]

TYPE = "mlgate:index:Secret"
_RECOVERY_DAYS = 30
_FEWEST_DAYS, _MOST_DAYS = 7, 30  # Secrets Manager API reference, DeleteSecret
_NAME = 512  # Secrets Manager API reference, CreateSecret


class SecretArgs(TypedDict):
    """Under which key a secret lies, and who reads it. Its value is no argument: somebody puts it there by hand, see the docs."""

    description: str
    """What it is for."""
    key_arn: pulumi.Input[str]
    """The KMS key that it is encrypted with; its policy lets the account use it through `secretsmanager`."""
    readers: list[pulumi.Input[str]]
    """ARNs of the roles that read it. Everybody else is denied, the account's administrators included."""
    tags: Tags
    """What every resource of it carries."""
    recovery_days: NotRequired[int]
    """For how many days it can be brought back after it was deleted, 7 to 30; 30 unless said."""


class Secret(pulumi.ComponentResource):
    """A secret without its value, which therefore is in no program, state or log. It stays when the stack goes."""

    secret_arn: pulumi.Output[str]
    """Its ARN."""
    key_arn: pulumi.Output[str]
    """The key that it is encrypted with."""

    def __init__(self, name: str, args: SecretArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts = Parts(name, args["tags"], self)
        secret = aws.secretsmanager.Secret(
            name,
            description=args["description"],
            kms_key_id=args["key_arn"],
            policy=policy_text(_read_by_none_but(args["readers"])),
            recovery_window_in_days=args.get("recovery_days", _RECOVERY_DAYS),
            tags=parts.tagged(),
            opts=parts.opts(kept=True),
        )
        self.secret_arn = secret.arn
        self.key_arn = pulumi.Output.from_input(args["key_arn"])
        register_declared(self)


def _read_by_none_but(readers: "Sequence[pulumi.Input[str]]") -> Statement:
    """Denies reading alone: who administers the account can still change this, seen by CloudTrail, so it cannot lock itself out.

    Secrets Manager API reference, BatchGetSecretValue: that too needs GetSecretValue on each secret.
    """
    others = {"ArnNotEquals": {"aws:PrincipalArn": list(readers)}} if readers else {}
    denied: Statement = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    return {**denied, "Condition": others} if others else denied


def _planned(name: str, args: SecretArgs) -> None:
    """Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("Secret", name)
    check(SecretArgs, args, wrong)
    wrong.stop()
    check_name(name, wrong, at_most=_NAME - AUTOMATIC)
    check_arn(args["key_arn"], wrong, "key_arn", KMS_KEY)
    check_roles(args["readers"], wrong, "readers")
    check_days(args.get("recovery_days", _RECOVERY_DAYS), wrong, "recovery_days", least=_FEWEST_DAYS, most=_MOST_DAYS)
    if not args["description"]:
        wrong.add("description", "is empty", "say what the secret is for")
    wrong.stop()
