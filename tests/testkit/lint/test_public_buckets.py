"""A bucket is public if anybody may reach what is in it, whatever the policy calls that."""

import json

import pulumi_aws as aws
import pytest

from .found import found


def policy(principal, **more) -> str:
    return json.dumps({"Statement": {"Sid": "s", "Effect": "Allow", "Principal": principal, "Action": ["s3:GetObject"], **more}})


@pytest.mark.parametrize(
    ("document", "public"),
    [
        (policy("*"), True),
        (policy({"AWS": "*"}), True),
        (policy({"AWS": ["arn:aws:iam::1:root", "*"]}), True),
        (policy({"AWS": "arn:aws:iam::1:root"}), False),
        (policy("*", Effect="Deny"), False),
        (json.dumps({"Statement": [{"Effect": "Allow", "NotPrincipal": {"AWS": "arn:aws:iam::1:root"}, "Action": "s3:*"}]}), True),
        ("no json", False),
    ],
)
def test_a_policy_for_everybody_makes_a_bucket_public(document, public):
    told = found(lambda: aws.s3.BucketPolicy("p", bucket="b", policy=document) and None, "public-bucket")
    assert [finding.property for finding in told] == (["policy"] if public else [])


@pytest.mark.parametrize(
    ("condition", "public"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({"StringEquals": {"AWS:principalorgid": ["o-1", "o-2"]}}, False),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/*"}}, False),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}, False),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::shop"}}, False),
        ({"StringEquals": {"aws:SourceVpce": "<id of VpcEndpoint s3>"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32"]}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceAccount": "123456789012"}}, False),
        # These hold for anybody who meets them.
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringLike": {"aws:Referer": "https://example.org/*"}}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": ["o-1", "*"]}}, True),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, True),
        ({"StringEquals": {"aws:userid": "${aws:userid}"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/reader"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ({"IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "128.0.0.0/1"]}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, True),
        ({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, True),
        # These hold where the request has no such key, as that of a stranger.
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}, True),
        ({"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-1/"}}, True),
        ({"Null": {"aws:PrincipalOrgID": "true"}}, True),
    ],
)
def test_a_condition_closes_a_statement_only_if_it_says_who_or_from_where(condition, public):
    told = found(lambda: aws.s3.BucketPolicy("p", bucket="b", policy=policy("*", Condition=condition)) and None, "public-bucket")
    assert [finding.property for finding in told] == (["policy"] if public else [])


def test_a_bucket_without_a_block_and_a_public_acl_are_found():
    def program() -> None:
        aws.s3.Bucket("bare")
        aws.s3.BucketAcl("acl", bucket="x", acl="public-read")
        block = {"block_public_acls": True, "block_public_policy": True, "ignore_public_acls": True, "restrict_public_buckets": True}
        aws.s3.BucketPublicAccessBlock("b", bucket=aws.s3.Bucket("blocked").id, **block)
        aws.s3.Bucket("named", bucket="by-name")
        aws.s3.BucketPublicAccessBlock("n", bucket="by-name", **block)

    told = [(finding.path, finding.property) for finding in found(program, "public-bucket")]
    assert told == [("bare", "BucketPublicAccessBlock"), ("acl", "acl")]
