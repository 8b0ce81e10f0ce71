"""S3 buckets. Own configuration of a bucket (versioning, encryption, ...) is resources of their own, see s3_setting.py."""

from __future__ import annotations

import re
from typing import Any

from mlgate_testkit.aws.account import Aws, refusal
from mlgate_testkit.aws.model import AutoName, Behaviour, ResourceModel
from mlgate_testkit.aws.rules import Rule, choice, conflicting, holds
from mlgate_testkit.aws.tags import tag_list, tags_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["BUCKET", "MODELS", "bucket_name", "website_domain"]

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


def website_domain(aws: Aws, region: str) -> str:
    """The domain of S3's website endpoints: with a dash before the region in the oldest ones (AWS General Reference)."""
    dash = region in {"us-east-1", "us-west-1", "us-west-2", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "eu-west-1", "sa-east-1"}
    return f"s3-website{'-' if dash else '.'}{region}.{aws.suffix}"


def _create(aws: Aws, inputs: Inputs) -> str:
    s3, name = aws.client("s3"), inputs.get("bucket") or f"{inputs['bucketPrefix']}{aws.unique()}"
    request: dict[str, Any] = {"Bucket": name}
    if aws.region != "us-east-1":
        request["CreateBucketConfiguration"] = {"LocationConstraint": aws.region}
    if inputs.get("objectLockEnabled"):
        request["ObjectLockEnabledForBucket"] = True
    with aws.within("L-DC2B2D3D", lambda: len(s3.list_buckets()["Buckets"]) + 1):
        s3.create_bucket(**request)
    # Since April 2023 a new bucket is private and its ACLs are off (S3 user guide, "Default settings for new buckets"); moto knows neither.
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(_BLOCKS, True))
    s3.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    return str(name)


_INLINE = frozenset(  # deprecated in the SDK in favour of resources of their own; kept in state, without effect
    {
        "accelerationStatus",
        "acl",
        "corsRules",
        "grants",
        "lifecycleRules",
        "logging",
        "objectLockConfiguration",
        "policy",
        "replicationConfiguration",
        "serverSideEncryptionConfiguration",
    }
)
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def _settle(aws: Aws, name: str, inputs: Inputs) -> None:
    s3 = aws.client("s3")
    if inputs.get("acl", "private") != "private":
        raise refusal("AccessControlListNotSupported", "The bucket does not allow ACLs", "PutBucketAcl")
    if versioning := inputs.get("versioning"):
        status = "Enabled" if versioning.get("enabled") else "Suspended"
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
    if site := inputs.get("website"):
        documents = {"IndexDocument": {"Suffix": site["indexDocument"]}} if site.get("indexDocument") else {}
        documents |= {"ErrorDocument": {"Key": site["errorDocument"]}} if site.get("errorDocument") else {}
        s3.put_bucket_website(Bucket=name, WebsiteConfiguration=documents)
    _tag(s3, name, inputs["tags"])


def _tag(s3: Any, name: str, tags: dict[str, str]) -> None:
    if tags:
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
    else:
        s3.delete_bucket_tagging(Bucket=name)


def _read(aws: Aws, name: str, known: Inputs) -> Outputs | None:
    s3 = aws.client("s3")
    region = s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region") or "us-east-1"
    website = website_domain(aws, region)
    versioning = s3.get_bucket_versioning(Bucket=name)
    return {
        "bucket": name,
        "arn": f"arn:{aws.partition}:s3:::{name}",
        "bucketDomainName": f"{name}.s3.{aws.suffix}",
        "bucketRegionalDomainName": f"{name}.s3.{region}.{aws.suffix}",
        "bucketRegion": region,
        "hostedZoneId": _HOSTED_ZONES.get(region, ""),
        "websiteEndpoint": f"{name}.{website}" if (site := _website(s3, name)) else "",
        "websiteDomain": website if site else "",
        "website": site,
        "objectLockEnabled": _locked(s3, name),
        "requestPayer": known.get("requestPayer") or "BucketOwner",
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


def _website(s3: Any, name: str) -> dict[str, str] | None:
    try:
        found = s3.get_bucket_website(Bucket=name)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchWebsiteConfiguration":
            return None
        raise
    site = {"indexDocument": found.get("IndexDocument", {}).get("Suffix"), "errorDocument": found.get("ErrorDocument", {}).get("Key")}
    return {key: document for key, document in site.items() if document}


def _update(aws: Aws, name: str, _olds: Inputs, news: Inputs) -> None:
    _settle(aws, name, news)


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
        settle=_settle,
        update=_update,
        delete=_delete,
        name=AutoName("bucket", 63, adjust=str.lower, instead=("bucketPrefix",)),
        defaults={"forceDestroy": False},
        forces_new=frozenset({"bucket", "objectLockEnabled", "bucketNamespace", "objectLockConfiguration.objectLockEnabled"}),
        computed=_INLINE | {"versioning", "website", "requestPayer", "objectLockEnabled"},
        state_only=_INLINE | {"forceDestroy", "bucketNamespace"},
        rules=(
            conflicting("bucket", "bucketPrefix"),
            conflicting("acl", "grants"),
            bucket_name(),
            choice("requestPayer", "BucketOwner", "Requester"),
        ),
        behaviours=(
            Behaviour(
                "a bucket that holds objects is not deleted unless forceDestroy is set",
                "S3 API reference, DeleteBucket; aws_s3_bucket, force_destroy",
                "test_s3_bucket.py::test_a_bucket_with_objects_is_deleted_only_by_force",
            ),
        ),
    ),
)
