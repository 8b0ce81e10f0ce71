"""Who writes to a bucket, how it is reached and under which key: what its own policy says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from mlgate_components.aws.policies import Statement, policy_text

__all__ = ["Writer", "bucket_policy"]

_TLS = 1.2


@dataclass(frozen=True, slots=True)
class Writer:
    """A service of AWS that alone writes to a bucket, where `asked` says on whose behalf."""

    service: str
    prefix: pulumi.Input[str]
    asked: Mapping[str, Any]
    writes_with: Mapping[str, Any] = field(default_factory=dict)
    """Further conditions of its writing."""
    reads_acl: bool = False


def bucket_policy(arn: pulumi.Input[str], key: pulumi.Input[str] | None, writer: Writer | None) -> pulumi.Output[str]:
    """Of the bucket `arn`, which is encrypted with `key`. Nobody is let in but `writer`: everybody else comes by a policy of their own."""
    inside = pulumi.Output.concat(arn, "/*")
    encrypted = _only_under(key, inside) if key is not None and writer is None else []
    return policy_text(*_by_tls([arn, inside]), *encrypted, *(_written_by(writer, arn, inside) if writer else []))


def _by_tls(everything: list[Any]) -> list[Statement]:
    return [
        _denied("PlainHttp", "s3:*", everything, {"Bool": {"aws:SecureTransport": "false"}}),
        _denied("OldTls", "s3:*", everything, {"NumericLessThan": {"s3:TlsVersion": str(_TLS)}}),
    ]


def _only_under(key: pulumi.Input[str], inside: pulumi.Input[str]) -> list[Statement]:
    """Whoever writes says nothing of a key, and gets the bucket's, or says its ARN: `aws:kms` alone would be AWS's key (PutObject)."""
    said = {"Null": {"s3:x-amz-server-side-encryption": "false"}}
    other = {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}}
    own = {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}
    return [_denied("AnotherKey", "s3:PutObject", inside, {**said, **other}), _denied("KeyOfTheirOwn", "s3:PutObject", inside, own)]


def _written_by(writer: Writer, arn: pulumi.Input[str], inside: pulumi.Input[str]) -> list[Statement]:
    let = {"Effect": "Allow", "Principal": {"Service": writer.service}}
    put = {"Action": "s3:PutObject", "Resource": pulumi.Output.concat(arn, "/", writer.prefix)}
    reading = {"Action": "s3:GetBucketAcl", "Resource": arn, "Condition": writer.asked}
    return [
        *([{"Sid": "ReadAcl", **let, **reading}] if writer.reads_acl else []),
        {"Sid": "Write", **let, **put, "Condition": _joined(writer.asked, writer.writes_with)},
        _denied("WriteForAnybodyElse", "s3:PutObject", inside, {"StringNotEquals": {"aws:PrincipalServiceName": writer.service}}),
    ]


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Both conditions: their operators, each with the keys of either."""
    return {operator: {**one.get(operator, {}), **other.get(operator, {})} for operator in {**one, **other}}


def _denied(sid: str, action: str, resource: Any, condition: Mapping[str, Any]) -> Statement:
    return {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, "Condition": condition}
