"""Who may see what is in a bucket: its blocks, its owner and its policy."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.documents import listed, malformed, public, statements
from mlgate_testkit.aws.model import Behaviour
from mlgate_testkit.aws.models.s3_setting import setting
from mlgate_testkit.aws.principals import require_principals
from mlgate_testkit.aws.rules import choice
from mlgate_testkit.aws.spelling import upper
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]

_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _put_block(aws: Aws, bucket: str, inputs: Inputs) -> None:
    blocks = {upper(name): bool(inputs[name]) for name in _BLOCKS}
    aws.client("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=blocks)


def _get_block(s3: Any, bucket: str) -> Outputs:
    found = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    return {name: found[upper(name)] for name in _BLOCKS}


def _delete_block(aws: Aws, bucket: str, inputs: Inputs) -> None:
    if not inputs.get("skipDestroy"):
        aws.client("s3").delete_public_access_block(Bucket=bucket)


def _put_ownership(aws: Aws, bucket: str, inputs: Inputs) -> None:
    rules = [{"ObjectOwnership": inputs["rule"]["objectOwnership"]}]
    aws.client("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})


def _get_ownership(s3: Any, bucket: str) -> Outputs:
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    return {"rule": {"objectOwnership": rules[0]["ObjectOwnership"]}}


def _delete_ownership(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").delete_bucket_ownership_controls(Bucket=bucket)


def _put_policy(aws: Aws, bucket: str, inputs: Inputs) -> None:
    s3, policy = aws.client("s3"), inputs["policy"]
    if problem := malformed(policy, "resource") or _elsewhere(bucket, policy):
        raise refusal("MalformedPolicy", problem, "PutBucketPolicy")
    require_principals(aws, policy, refusal("MalformedPolicy", "Invalid principal in policy", "PutBucketPolicy"))
    if public(policy) and _blocks_public_policy(s3, bucket):
        message = f"public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access (bucket {bucket})"
        raise refusal("AccessDenied", message, "PutBucketPolicy")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)


def _elsewhere(bucket: str, policy: str) -> str:
    """S3 takes only statements about the bucket that the policy is put on."""
    for statement in statements(policy):
        for resource in listed(statement.get("Resource")):
            name = resource.rsplit(":::", 1)[-1].partition("/")[0]
            if resource != "*" and name != bucket and not any(mark in name for mark in "*?$"):
                return f"Policy has invalid resource ({resource} is not in bucket {bucket})"
    return ""


def _blocks_public_policy(s3: Any, bucket: str) -> bool:
    try:
        found = s3.get_public_access_block(Bucket=bucket)
    except s3.exceptions.ClientError:
        return False
    return bool(found["PublicAccessBlockConfiguration"]["BlockPublicPolicy"])


def _get_policy(s3: Any, bucket: str) -> Outputs:
    return {"policy": s3.get_bucket_policy(Bucket=bucket)["Policy"]}


def _delete_policy(aws: Aws, bucket: str, _inputs: Inputs) -> None:
    aws.client("s3").delete_bucket_policy(Bucket=bucket)


MODELS = (
    setting(
        "BucketPublicAccessBlock",
        "S3 Bucket Public Access Block",
        _put_block,
        _get_block,
        _delete_block,
        defaults=dict.fromkeys(_BLOCKS, False),
        state_only=frozenset({"skipDestroy"}),
        behaviours=(
            Behaviour(
                "every block that the program leaves out is off",
                "aws_s3_bucket_public_access_block: each defaults to false",
                "test_s3_settings.py::test_a_block_that_is_left_out_is_off",
            ),
        ),
    ),
    setting(
        "BucketOwnershipControls",
        "S3 Bucket Ownership Controls",
        _put_ownership,
        _get_ownership,
        _delete_ownership,
        rules=(choice("rule.objectOwnership", "BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"),),
        behaviours=(
            Behaviour(
                "a new bucket belongs to its owner alone (BucketOwnerEnforced) before the program says anything",
                "S3 user guide, Controlling ownership of objects and disabling ACLs",
                "test_s3_settings.py::test_a_new_bucket_has_an_owner_whom_the_program_may_change",
            ),
            Behaviour(
                "an ownership that S3 does not know is refused with those it knows",
                "S3 API reference, OwnershipControlsRule",
                "test_s3_settings.py::test_an_ownership_that_s3_does_not_know_is_refused",
            ),
        ),
    ),
    setting(
        "BucketPolicy",
        "S3 Bucket Policy",
        _put_policy,
        _get_policy,
        _delete_policy,
        json=frozenset({"policy"}),
        behaviours=(
            Behaviour(
                "a public policy is refused while the bucket blocks public policies",
                "S3 user guide, Blocking public access",
                "test_s3_settings.py::test_a_public_policy_is_refused_unless_the_block_is_lifted",
            ),
            Behaviour(
                "a policy about another bucket is refused (MalformedPolicy)",
                "S3 API reference, PutBucketPolicy",
                "test_s3_settings.py::test_a_policy_about_another_bucket_is_refused",
            ),
            Behaviour(
                "a principal that does not exist is refused",
                "S3 user guide, Principals for bucket policies",
                "test_s3_settings.py::test_a_policy_for_a_role_that_is_not_there_is_refused",
            ),
            Behaviour(
                "whom a Deny without a condition names cannot read, write or delete objects; conditions are not judged",
                "S3 user guide, How Amazon S3 authorizes a request; moto",
                "test_s3_settings.py::test_only_a_deny_without_a_condition_bars_anybody",
            ),
        ),
    ),
)
