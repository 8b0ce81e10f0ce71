"""What tests of stores, keys and the trail have in common: what AWS answers, and the statements of a policy by their names."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mlgate_testkit.record import Graph

TAGS = {"environment": "dev", "owner": "platform"}
LOCK = {"mode": "COMPLIANCE", "days": 400}
ROOT = "arn:aws:iam::123456789012:root"
GATE = "arn:aws:iam::123456789012:role/gate"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
REPLICA = {"bucket_arn": "arn:aws:s3:::models-copy", "key_arn": KEY}
PEM = derive_private_key(1, SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
ANSWERS = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "arn": "arn:aws:sts::123456789012:assumed-role/deployer/ci",
        "accountId": "123456789012",
    },
    "aws:kms/getPublicKey:getPublicKey": {"publicKeyPem": PEM},
}


def statements(graph: Graph, kind: str, name: str) -> dict[str, dict[str, Any]]:
    """Those of the policy of a key ("kms/key:Key") or a bucket ("s3/bucketPolicy:BucketPolicy"), by Sid."""
    document = json.loads(graph.one(f"aws:{kind}", name).inputs["policy"])
    return {statement["Sid"]: statement for statement in document["Statement"]}


def key_policy(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return statements(graph, "kms/key:Key", name)


def bucket_policy(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    return statements(graph, "s3/bucketPolicy:BucketPolicy", name)
