"""`EvidenceStorage`: where evidence lies under lock, and the key that signs it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws  # lazy: an annotation that is read at import would load its parts

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.names import ROLE, check_arn
from mlgate_components.aws.outputs import register_declared
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, account_root
from mlgate_components.aws.storage.buckets import Lock, check_lock, check_log_days, check_store_name, create_store, retired
from mlgate_components.aws.storage.keys import administered, check_deletion, create_key, used_through
from mlgate_components.aws.storage.replication import Replica, check_replica, create_replication
from mlgate_components.aws.tags import Tags

__all__ = ["EvidenceStorage", "EvidenceStorageArgs", "ExistingEvidenceStorage"]

TYPE = "mlgate:index:EvidenceStorage"
_SIGNING = "signing"
_ENVIRONMENT = r"[a-z][a-z0-9-]{0,57}"  # the key's name in a trust file is this and -gate, 63 characters at most
_ALGORITHM = "ECDSA_SHA_256"  # the one of P-256, and what securesystemslib's AWSSigner asks for


class EvidenceStorageArgs(TypedDict):
    """How evidence is kept, and who signs it."""

    tags: Tags
    """What every resource of it carries. The environment is the one that the key may sign for."""
    lock: Lock
    """How long no evidence can be deleted. Older versions of it go once it is over."""
    gate_role_arn: pulumi.Input[str]
    """The role of the gate, which alone may sign."""
    log_days: NotRequired[int]
    """How long the record of accesses stays, 1 to 36,500 days; 365 unless said."""
    replica: NotRequired[Replica]
    """Where copies go; nowhere unless said."""
    deletion_days: NotRequired[int]
    """How long its keys wait before they are deleted, 7 to 30 days; 30 unless said."""


@dataclass(frozen=True, slots=True)
class ExistingEvidenceStorage:
    """A bucket and a signing key of your own, of which nothing is made or changed."""

    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]
    signing_key_arn: pulumi.Input[str]
    signing_public_key: pulumi.Input[str]
    trust: pulumi.Input[str]


class EvidenceStorage(pulumi.ComponentResource):
    """A locked bucket for evidence, and a P-256 key in KMS with which the gate signs it and nobody else. It stays when the stack goes."""

    bucket_name: pulumi.Output[str]
    """The bucket."""
    bucket_arn: pulumi.Output[str]
    """The bucket, for policies."""
    key_arn: pulumi.Output[str]
    """The key that all in it is under."""
    signing_key_arn: pulumi.Output[str]
    """The key that signs."""
    signing_public_key: pulumi.Output[str]
    """What verifies its signatures, in PEM."""
    trust: pulumi.Output[str]
    """A trust.yaml that believes this key for this environment: to be reviewed and committed by people."""

    existing = ExistingEvidenceStorage

    def __init__(self, name: str, args: EvidenceStorageArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = _planned(name, args)
        super().__init__(TYPE, name, None, opts)
        parts, root = Parts(name, args["tags"], self), account_root(self)
        key = create_key(parts, "", f"evidence in {name}", [administered(root), *used_through(["s3"], root)], plan["deletion_days"])
        store = create_store(parts, key, root, lifecycle=retired(args["lock"]["days"]), lock=args["lock"], log_days=plan["log_days"])
        if replica := args.get("replica"):
            create_replication(parts, "EvidenceStorage", store, key, replica)
        signing = create_key(
            parts,
            _SIGNING,
            f"signs the evidence in {name}",
            [administered(root), *_signed_by(args["gate_role_arn"], root)],
            plan["deletion_days"],
            key_usage="SIGN_VERIFY",
            customer_master_key_spec="ECC_NIST_P256",
        )
        self.bucket_name, self.bucket_arn, self.key_arn = store.bucket.bucket, store.bucket.arn, key.arn
        self.signing_key_arn = signing.arn
        public = aws.kms.get_public_key_output(key_id=signing.arn, opts=pulumi.InvokeOutputOptions(parent=self))
        self.signing_public_key = public.public_key_pem
        environment = args["tags"]["environment"]
        self.trust = self.signing_public_key.apply(lambda pem: _trust(environment, pem))
        register_declared(self)


def _signed_by(gate: pulumi.Input[str], root: pulumi.Input[str]) -> list[Statement]:
    """Nothing here lets the account's own policies give Sign away, and nobody may lend it: so it is the gate's alone."""
    role = {"Effect": "Allow", "Principal": {"AWS": gate}, "Resource": "*"}
    return [
        {"Sid": "Sign", **role, "Action": "kms:Sign", "Condition": {"StringEquals": {"kms:SigningAlgorithm": _ALGORITHM}}},
        {"Sid": "Know", **role, "Action": ["kms:DescribeKey", "kms:GetPublicKey"]},
        {"Sid": "Verify", "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:Verify", "Resource": "*"},
    ]


def _trust(environment: str, pem: str) -> str:
    from mlgate_evidence.trust import trust_text  # what verifies signatures is not loaded where components only are

    return trust_text(f"{environment}-gate", environment, pem)


def _planned(name: str, args: EvidenceStorageArgs) -> Mapping[str, Any]:
    """The numbers of days. Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("EvidenceStorage", name)
    check(EvidenceStorageArgs, args, wrong)
    wrong.stop()
    check_store_name(name, wrong)
    check_lock(args["lock"], wrong, "lock")
    check_arn(args["gate_role_arn"], wrong, "gate_role_arn", ROLE)
    check_replica(args.get("replica"), name, wrong, "replica")
    environment = args["tags"]["environment"]
    if not re.fullmatch(_ENVIRONMENT, environment):
        wrong.add("tags.environment", f"is {environment!r}", "lower-case letters, digits and hyphens, 58 at most: the trust file names it")
    days = {"log_days": check_log_days(args, wrong), "deletion_days": check_deletion(args, wrong)}
    wrong.stop()
    return days
