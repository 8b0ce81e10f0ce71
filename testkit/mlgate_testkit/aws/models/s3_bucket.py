"""S3 buckets. Own configuration of a bucket (versioning, encryption, ...) is resources of their own, in s3_settings.py."""

from __future__ import annotations

import re
from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.rules import Rule, conflicting, holds
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["BUCKET", "MODELS", "bucket_name"]

BUCKET = "aws:s3/bucket:Bucket"

_HOSTED_ZONES = {  # of S3 website endpoints: AWS General Reference, "Amazon S3 website endpoints"
    "us-east-1": "Z3AQBSTGFYJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-central-1": "Z21DNDUVLTQW6Q",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-west-2": "Z3GKZC51ZF0DB4",
    "eu-west-3": "Z3R1K369G5AVDG",
    "eu-north-1": "Z3BAZG2TWCNX0D",
    "ap-northeast-1": "Z2M4EHUR26P7ZW",
    "ap-southeast-1": "Z3O0J2DXBE1FTB",
    "ap-southeast-2": "Z1WCIGYICN2BYD",
}


def bucket_name(path: str = "bucket") -> Rule:
    """The rules for names of general purpose buckets (S3 user guide, "Bucket naming rules")."""

    def wrong(name: str) -> str:
        if not 3 <= len(name) <= 63:
            return f"{name!r} has {len(name)} characters; a bucket's name has 3 to 63"
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*[a-z0-9]", name) or ".." in name:
            return f"{name!r}: a bucket's name has lower-case letters, digits, dots and hyphens, and starts and ends with a letter or digit"
        if re.fullmatch(r"\d+(\.\d+){3}", name):
            return f"{name!r} looks like an IP address"
        if name.startswith(("xn--", "sthree-", "amzn-s3-demo-")) or name.endswith(("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")):
            return f"{name!r} has a prefix or suffix that S3 keeps for itself"
        return ""

    return holds(path, wrong)


def _create(aws: Aws, inputs: Inputs) -> str:
    s3, name = aws.client("s3"), inputs.get("bucket") or f"{inputs['bucketPrefix']}{aws.unique()}"
    aws.require("L-DC2B2D3D", len(s3.list_buckets()["Buckets"]) + 1)
    request: dict[str, Any] = {"Bucket": name}
    if aws.region != "us-east-1":
        request["CreateBucketConfiguration"] = {"LocationConstraint": aws.region}
    if inputs.get("objectLockEnabled"):
        request["ObjectLockEnabledForBucket"] = True
    s3.create_bucket(**request)
    # Since April 2023 a new bucket is private and its ACLs are off (S3 user guide, "Default settings for new buckets"); moto knows neither.
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(_BLOCKS, True))
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    _tag(s3, name, inputs["tags"])
    return str(name)


_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def _tag(s3: Any, name: str, tags: dict[str, str]) -> None:
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
    else:
        s3.delete_bucket_tagging(Bucket=name)


def _read(aws: Aws, name: str, _known: Inputs) -> Outputs | None:
    s3 = aws.client("s3")
    region = s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region") or "us-east-1"
    versioning = s3.get_bucket_versioning(Bucket=name)
    return {
        "bucket": name,
        "arn": f"arn:{aws.partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.{aws.suffix}",
        "bucketRegionalDomainName": f"{name}.s3.{region}.{aws.suffix}",
        "bucketRegion": region,
        "hostedZoneId": _HOSTED_ZONES.get(region),
        "objectLockEnabled": _locked(s3, name),
        "requestPayer": "BucketOwner",
        "versioning": {"enabled": versioning.get("Status") == "Enabled", "mfaDelete": versioning.get("MFADelete") == "Enabled"},
        "tags": _tags(s3, name),
    }


def _tags(s3: Any, name: str) -> dict[str, str]:
    try:
        return tags_of(s3.get_bucket_tagging(Bucket=name)["TagSet"])
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchTagSet":
            return {}
        raise


def _locked(s3: Any, name: str) -> bool:
    try:
        found = s3.get_object_lock_configuration(Bucket=name)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "ObjectLockConfigurationNotFoundError":
            return False
        raise
    return bool(found["ObjectLockConfiguration"].get("ObjectLockEnabled") == "Enabled")


def _update(aws: Aws, name: str, olds: Inputs, news: Inputs) -> None:
    if olds["tags"] != news["tags"]:
        _tag(aws.client("s3"), name, news["tags"])


def _delete(aws: Aws, name: str, inputs: Inputs) -> None:
    s3 = aws.client("s3")
    if inputs.get("forceDestroy"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for each in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]:
                s3.delete_object(Bucket=name, Key=each["Key"], VersionId=each["VersionId"], BypassGovernanceRetention=True)
    s3.delete_bucket(Bucket=name)


MODELS = (
    ResourceModel(
        type=BUCKET,
        noun="S3 Bucket",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        name=AutoName("bucket", 63, str.lower, instead=("bucketPrefix",)),
        defaults={"forceDestroy": False},
        forces_new=frozenset({"bucket", "objectLockEnabled", "bucketNamespace"}),
        computed=frozenset({"bucketPrefix", "versioning", "requestPayer", "objectLockEnabled"}),
        state_only=frozenset({"forceDestroy"}),
        rules=(conflicting("bucket", "bucketPrefix"), bucket_name()),
        behaviours=(
            Behaviour(
                "a bucket that holds objects is not deleted unless forceDestroy is set",
                "S3 API reference, DeleteBucket; aws_s3_bucket, force_destroy",
                "test_s3_bucket.py::test_a_bucket_with_objects_is_deleted_only_by_force",
            ),
        ),
    ),
)
