"""Flows: what an identity does to a resource, and the permissions of AWS that this takes, no more.

A flow is a verb on a resource, in stores below a prefix. `TABLE` says what each verb takes; each row has its source, and a test holds it
against AWS's own list of actions and of the resources that they are for. Nothing else in the platform grants anything to anybody.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlgate_components.aws.names import BUCKET, KMS_KEY, Arn

__all__ = [
    "CLUSTER",
    "OPENS_TRAFFIC",
    "REPOSITORY",
    "SECRET",
    "SIGNS",
    "TABLE",
    "Act",
    "At",
    "Right",
    "Verb",
    "arns_of",
    "document",
    "statements",
    "wrong_flow",
]

_PREFIX = re.compile(r"([\w!.'()=-]+/)+", re.ASCII)  # S3 user guide, "Safe characters" but for the asterisk, which would be a pattern


class Verb(enum.Enum):
    """What an identity does to a resource."""

    READS = "reads"
    WRITES = "writes"
    AUDITS = "audits"
    VALIDATES = "validates"
    KEEPS_STATE = "keeps-state"
    SIGNS = "signs"
    VERIFIES = "verifies"
    PULLS = "pulls"
    PUSHES = "pushes"
    READS_SECRET = "reads-secret"  # noqa: S105 - a verb
    WRITES_SECRET = "writes-secret"  # noqa: S105 - a verb
    OPERATES = "operates"
    VIEWS = "views"


class At(enum.Enum):
    """What an action is allowed on, and the ARN of the resource that says where that is."""

    OBJECTS = "objects below the prefix"
    LISTING = "the bucket, asked for names below the prefix"
    BUCKET = "the bucket"
    KEY = "the key, through the service that keeps the resource"
    KEY_ITSELF = "the key"
    SIGNING_KEY = "the signing key"
    REPOSITORY = "the repository"
    SECRET = "the secret"  # noqa: S105 - the resource's name
    CLUSTER = "the cluster"
    ACCOUNT = "what has no resource"


@dataclass(frozen=True, slots=True)
class Act:
    """Actions that are allowed at one place."""

    at: At
    actions: tuple[str, ...]


# Actions and what they are for: Service Authorization Reference, as in iam-data 0.21.202609261 (2026-09-26). What an operation needs:
# S3 user guide, "Required permissions for Amazon S3 API operations" and "Using SSE-KMS": a download decrypts, an upload makes a data key,
# and one in parts decrypts besides. AWS Secrets Manager user guide, "Secret encryption and decryption". Amazon ECR user guide, "IAM
# permissions for pushing an image" and "Repository policy examples", and "Encryption at rest": it uses the key by a grant of its own, so
# who pushes and pulls needs no key. A token for the registry is for no repository: it opens none by itself.
_REGISTRY = Act(At.ACCOUNT, ("ecr:GetAuthorizationToken",))
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PUSH = ("ecr:CompleteLayerUpload", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart")
TABLE: Mapping[Verb, tuple[Act, ...]] = {
    Verb.READS: (
        Act(At.OBJECTS, ("s3:GetObject",)),
        Act(At.LISTING, ("s3:ListBucket",)),
        Act(At.KEY, ("kms:Decrypt",)),
    ),
    Verb.WRITES: (
        Act(At.OBJECTS, ("s3:AbortMultipartUpload", "s3:PutObject")),
        Act(At.KEY, ("kms:Decrypt", "kms:GenerateDataKey")),
    ),
    # What was overwritten or deleted, and for how long nobody can: all that an auditor asks of a store.
    Verb.AUDITS: (
        Act(At.OBJECTS, ("s3:GetObject", "s3:GetObjectLegalHold", "s3:GetObjectRetention", "s3:GetObjectVersion")),
        Act(At.LISTING, ("s3:ListBucket", "s3:ListBucketVersions")),
        Act(At.BUCKET, ("s3:GetBucketObjectLockConfiguration", "s3:GetBucketVersioning")),
        Act(At.KEY, ("kms:Decrypt",)),
    ),
    # What `aws cloudtrail validate-logs` asks besides, of a trail's bucket and of CloudTrail: AWS CLI command reference, and the command's
    # own source (aws-cli, awscli/customizations/cloudtrail). Which trail it is and the keys that sign its digests have no resource.
    Verb.VALIDATES: (
        Act(At.BUCKET, ("s3:GetBucketLocation",)),
        Act(At.ACCOUNT, ("cloudtrail:DescribeTrails", "cloudtrail:ListPublicKeys")),
    ),
    # Pulumi's backend in a bucket: a lock is an object that is deleted again. Its secrets are encrypted by the key itself (gocloud.dev,
    # secrets/awskms: Encrypt and Decrypt), and so may the bucket be.
    Verb.KEEPS_STATE: (
        Act(At.OBJECTS, ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")),
        Act(At.LISTING, ("s3:ListBucket",)),
        Act(At.KEY_ITSELF, ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey")),
    ),
    # securesystemslib's AWSSigner asks for the public key, then for signatures.
    Verb.SIGNS: (Act(At.SIGNING_KEY, ("kms:DescribeKey", "kms:GetPublicKey", "kms:Sign")),),
    Verb.VERIFIES: (Act(At.SIGNING_KEY, ("kms:DescribeKey", "kms:GetPublicKey", "kms:Verify")),),
    Verb.PULLS: (Act(At.REPOSITORY, _PULL), _REGISTRY),
    Verb.PUSHES: (Act(At.REPOSITORY, (*_PULL, *_PUSH)), _REGISTRY),
    Verb.READS_SECRET: (
        Act(At.SECRET, ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")),
        Act(At.KEY, ("kms:Decrypt",)),
    ),
    Verb.WRITES_SECRET: (
        Act(At.SECRET, ("secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue")),
        Act(At.KEY, ("kms:Decrypt", "kms:GenerateDataKey")),
    ),
    # EKS user guide, "Create a kubeconfig file": its address. What is done there is the access entry's, among the cluster's administrators
    # or among its viewers.
    Verb.OPERATES: (Act(At.CLUSTER, ("eks:DescribeCluster",)),),
    Verb.VIEWS: (Act(At.CLUSTER, ("eks:DescribeCluster",)),),
}
SIGNS = frozenset({Verb.SIGNS})
OPENS_TRAFFIC = frozenset({Verb.OPERATES})
"""Traffic is moved by objects in the cluster: who administers it can open it."""

_ARNS = {
    At.OBJECTS: "bucket_arn",
    At.LISTING: "bucket_arn",
    At.BUCKET: "bucket_arn",
    At.KEY: "key_arn",
    At.KEY_ITSELF: "key_arn",
    At.SIGNING_KEY: "signing_key_arn",
    At.REPOSITORY: "repository_arn",
    At.SECRET: "secret_arn",
    At.CLUSTER: "cluster_arn",
}
_OPTIONAL = frozenset({"key_arn"})  # a resource that AWS encrypts with keys of its own has none
REPOSITORY = Arn(
    r"arn:aws[a-z-]*:ecr:[a-z0-9-]+:\d{12}:repository/[a-z0-9._/-]+", "arn:aws:ecr:eu-west-1:123456789012:repository/digits-1a2b3c4"
)
SECRET = Arn(
    r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+",
    "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-1a2b3c4-AbCdEf",
)
CLUSTER = Arn(r"arn:aws[a-z-]*:eks:[a-z0-9-]+:\d{12}:cluster/[\w-]+", "arn:aws:eks:eu-west-1:123456789012:cluster/ml")
_KINDS = {
    "bucket_arn": BUCKET,
    "key_arn": KMS_KEY,
    "signing_key_arn": KMS_KEY,
    "repository_arn": REPOSITORY,
    "secret_arn": SECRET,
    "cluster_arn": CLUSTER,
}


@dataclass(frozen=True, slots=True)
class Right:
    """A flow whose resource is known: ARNs by name, such as bucket_arn and key_arn. An empty prefix is the whole store."""

    verb: Verb
    arns: Mapping[str, str]
    prefix: str = ""


def arns_of(verb: Verb) -> tuple[str, ...]:
    """The names of the ARNs that the verb takes, what it is about first."""
    return tuple(dict.fromkeys(_ARNS[act.at] for act in TABLE[verb] if act.at in _ARNS))


def wrong_flow(verb: Verb, arns: Mapping[str, object], prefix: str) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a flow: the part of it, what was found, what would be accepted. ARNs that are no text yet are taken unseen."""
    taken = arns_of(verb)
    for name in taken:
        if name not in arns and name not in _OPTIONAL:
            yield f"resource.{name}", "is missing", f"what {verb.value} is about"
    for name, arn in arns.items():
        if name not in taken:
            yield f"resource.{name}", "is nothing to it", f"{verb.value} takes {', '.join(taken)}"
        elif isinstance(arn, str) and not (kind := _KINDS[name]).fits(arn):
            yield f"resource.{name}", f"is {arn!r}", f"the ARN of one resource, such as {kind.example}"
    if prefix and all(act.at is not At.OBJECTS for act in TABLE[verb]):
        yield "prefix", f"is {prefix!r}", f"none: {verb.value} is about nothing that is in a store"
    elif prefix and not _PREFIX.fullmatch(prefix):
        yield "prefix", f"is {prefix!r}", "a path that ends in /, such as digits/: digits would be the start of digits-old too, * a pattern"


def statements(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """What an identity with these flows is allowed, the same for any order of them."""
    allowed: dict[tuple[str, str], set[str]] = {}
    for right in rights:
        for act in TABLE[right.verb]:
            name = _ARNS.get(act.at)
            if name in _OPTIONAL and name not in right.arns:
                continue
            resource = right.arns[name] if name else "*"
            if act.at is At.OBJECTS:
                resource = f"{resource}/{right.prefix}*"
            condition = json.dumps(_condition(act.at, right))
            allowed.setdefault((resource, condition), set()).update(act.actions)
    return [_statement(actions, *place) for place, actions in sorted(allowed.items())]


def document(of: Sequence[dict[str, Any]]) -> str:
    """The policy of these statements, as AWS takes it."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(of)})


def _statement(actions: set[str], resource: str, condition: str) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": resource}
    return {**statement, "Condition": known} if (known := json.loads(condition)) else statement


def _condition(at: At, right: Right) -> dict[str, dict[str, str]]:
    if at is At.LISTING and right.prefix:
        return {"StringLike": {"s3:prefix": f"{right.prefix}*"}}
    if at is At.KEY:
        # A key is of one region, so this leaves that one alone, and the key opens nothing but what the service hands out.
        return {"StringLike": {"kms:ViaService": f"{'s3' if 'bucket_arn' in right.arns else 'secretsmanager'}.*.amazonaws.com"}}
    return {}
