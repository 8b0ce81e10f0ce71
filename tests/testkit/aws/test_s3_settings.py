"""What is set on a bucket, and what S3 refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_testkit.provider.provider import ProviderError, State

from .cloud import Cloud
from .samples import ROOT, own_bucket, policy, trust

BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
POLICY = "aws:s3/bucketPolicy:BucketPolicy"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
ENCRYPTION = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
LOGGING = "aws:s3/bucketLogging:BucketLogging"
OWNERSHIP = "aws:s3/bucketOwnershipControls:BucketOwnershipControls"
PUBLIC = own_bucket("*")


@pytest.fixture(autouse=True)
def models(cloud: Cloud) -> None:
    cloud.up("aws:s3/bucket:Bucket", bucket="models")


def test_a_block_that_is_left_out_is_off(cloud: Cloud) -> None:
    cloud.up(BLOCK, bucket="models", blockPublicAcls=True)
    found = cloud.boto("s3").get_public_access_block(Bucket="models")["PublicAccessBlockConfiguration"]
    assert found == {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


def test_a_new_bucket_blocks_whatever_is_public(cloud: Cloud) -> None:
    found = cloud.boto("s3").get_public_access_block(Bucket="models")["PublicAccessBlockConfiguration"]
    blocks = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert found == dict.fromkeys(blocks, True)


def test_a_new_bucket_has_an_owner_whom_the_program_may_change(cloud: Cloud) -> None:
    def owner() -> str:
        found = cloud.boto("s3").get_bucket_ownership_controls(Bucket="models")["OwnershipControls"]["Rules"]
        return str(found[0]["ObjectOwnership"])

    assert owner() == "BucketOwnerEnforced"
    cloud.up(OWNERSHIP, bucket="models", rule={"objectOwnership": "ObjectWriter"})
    assert owner() == "ObjectWriter"


def test_an_ownership_that_s3_does_not_know_is_refused(cloud: Cloud) -> None:
    (failure,) = cloud.check(OWNERSHIP, bucket="models", rule={"objectOwnership": "Everybody"})
    assert failure.property == "rule.objectOwnership"
    assert '["BucketOwnerPreferred" "ObjectWriter" "BucketOwnerEnforced"]' in failure.reason


def test_a_public_policy_is_refused_unless_the_block_is_lifted(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match=r"api error AccessDenied: .*prevented by the BlockPublicPolicy setting"):
        cloud.up(POLICY, bucket="models", policy=PUBLIC)
    cloud.up(BLOCK, bucket="models", blockPublicAcls=True)
    assert cloud.up(POLICY, bucket="models", policy=PUBLIC).id == "models"


def test_a_policy_about_another_bucket_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ProviderError, match="MalformedPolicy: Policy has invalid resource"):
        cloud.up(POLICY, bucket="models", policy=policy("s3:GetObject", "arn:aws:s3:::others/*", Principal={"AWS": ROOT}))


def test_a_policy_for_a_role_that_is_not_there_is_refused(cloud: Cloud) -> None:
    document = own_bucket("arn:aws:iam::123456789012:role/trainer")
    with pytest.raises(ProviderError, match="MalformedPolicy: Invalid principal in policy"):
        cloud.up(POLICY, bucket="models", policy=document)
    cloud.up("aws:iam/role:Role", name="trainer", assumeRolePolicy=trust())
    assert cloud.up(POLICY, bucket="models", policy=document).id == "models"


def test_a_policy_given_as_an_object_becomes_text_with_unknowns_kept(cloud: Cloud) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Principal": "*", "Resource": "*"}]}
    assert cloud.checked(POLICY, bucket="models", policy=document)["policy"].startswith('{"Statement":[{"Action":["s3:GetObject"],')


def test_a_policy_that_says_the_same_otherwise_is_no_difference(cloud: Cloud) -> None:
    state = cloud.up(POLICY, bucket="models", policy=own_bucket(ROOT))
    again = own_bucket(ROOT).replace('"s3:GetObject"', '["s3:GetObject"]').replace(": ", ":   ")
    assert cloud.diff(POLICY, state, bucket="models", policy=again).changed == {}


def test_versioning_cannot_be_disabled_again(cloud: Cloud) -> None:
    state = cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
    with pytest.raises(ProviderError, match="cannot be updated from 'Enabled' to 'Disabled'"):
        cloud.change(VERSIONING, state, bucket="models", versioningConfiguration={"status": "Disabled"})


def test_deleting_versioning_suspends_it(cloud: Cloud) -> None:
    state = cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
    cloud.delete(VERSIONING, state)
    assert cloud.boto("s3").get_bucket_versioning(Bucket="models")["Status"] == "Suspended"


def test_versioning_suspended_by_hand_is_seen(cloud: Cloud) -> None:
    state = cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
    cloud.boto("s3").put_bucket_versioning(Bucket="models", VersioningConfiguration={"Status": "Suspended"})
    found = cloud.refresh(VERSIONING, state)
    assert found
    assert found.inputs["versioningConfiguration"] == {"status": "Suspended"}
    assert set(cloud.diff(VERSIONING, found, bucket="models", versioningConfiguration={"status": "Enabled"}).changed) == {
        "versioningConfiguration.status"
    }


def test_a_setting_is_gone_with_its_bucket(cloud: Cloud) -> None:
    state = cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
    cloud.boto("s3").delete_bucket(Bucket="models")
    assert cloud.refresh(VERSIONING, state) is None


def test_a_key_without_kms_is_refused(cloud: Cloud) -> None:
    rules = [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256", "kmsMasterKeyId": "alias/models"}}]
    (failure,) = cloud.check(ENCRYPTION, bucket="models", rules=rules)
    assert failure.property == "rules[0].applyServerSideEncryptionByDefault.kmsMasterKeyId"


@pytest.mark.parametrize(
    ("rules", "place", "said"),
    [
        ([{"id": "a", "status": "On", "expiration": {"days": 1}}], "rules[0].status", 'one of ["Enabled" "Disabled"], got On'),
        ([{"id": "a", "status": "Enabled"}], "rules[0]", "At least one action"),
        ([{"id": "a", "status": "Enabled", "expiration": {"days": 1}}] * 2, "rules[1].id", "must be unique"),
        (
            [{"id": "a", "status": "Enabled", "transitions": [{"days": 7, "storageClass": "STANDARD_IA"}]}],
            "rules[0].transitions[0].days",
            "greater than or equal to 30",
        ),
        ([{"id": "a", "status": "Enabled", "expiration": {"date": "soon"}}], "rules[0].expiration.date", "write it as 2030-01-01"),
    ],
)
def test_lifecycle_rules_that_s3_refuses_are_named(cloud: Cloud, rules: list[dict[str, Any]], place: str, said: str) -> None:
    (failure,) = cloud.check(LIFECYCLE, bucket="models", rules=rules)
    assert failure.property == place
    assert said in failure.reason


def test_logs_need_a_target_that_lets_the_service_write(cloud: Cloud) -> None:
    cloud.up("aws:s3/bucket:Bucket", bucket="logs")
    with pytest.raises(ProviderError, match="InvalidTargetBucketForLogging"):
        cloud.up(LOGGING, bucket="models", targetBucket="logs", targetPrefix="models/")
    for source in ("others", "models"):
        let = {
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{source}"}},
        }
        document = json.loads(policy("s3:PutObject", "arn:aws:s3:::logs/*", **let))
        refused = {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::logs/*"}
        document["Statement"].insert(0, refused)
        cloud.up("aws:s3/bucketPolicy:BucketPolicy", bucket="logs", policy=json.dumps(document))
        if source == "others":
            with pytest.raises(ProviderError, match="InvalidTargetBucketForLogging"):
                cloud.up(LOGGING, bucket="models", targetBucket="logs", targetPrefix="models/")
    assert cloud.up(LOGGING, bucket="models", targetBucket="logs", targetPrefix="models/").id == "models"


def test_only_a_deny_without_a_condition_bars_anybody(cloud: Cloud) -> None:
    s3 = cloud.boto("s3")
    plain = {"Effect": "Deny", "Principal": "*", "Resource": "arn:aws:s3:::models/*"}
    by_http = {**plain, "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    document = {"Version": "2012-10-17", "Statement": [by_http]}
    state = cloud.up(POLICY, bucket="models", policy=json.dumps(document))
    s3.put_object(Bucket="models", Key="a", Body=b"x")
    document["Statement"] = [by_http, {**plain, "Action": "s3:DeleteObject"}]
    cloud.change(POLICY, state, bucket="models", policy=json.dumps(document))
    with pytest.raises(s3.exceptions.ClientError, match="Forbidden"):
        s3.delete_object(Bucket="models", Key="a")
    assert s3.get_object(Bucket="models", Key="a")["Body"].read() == b"x"


def test_a_lock_needs_versioning(cloud: Cloud) -> None:
    rule = {"defaultRetention": {"mode": "GOVERNANCE", "days": 5}}
    with pytest.raises(ProviderError, match="InvalidBucketState: Versioning must be 'Enabled'"):
        cloud.up(LOCK, bucket="models", rule=rule)
    cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
    assert cloud.up(LOCK, bucket="models", rule=rule).id == "models"


def test_a_website_has_the_endpoint_of_its_region(cloud: Cloud) -> None:
    state = cloud.up(
        "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration", bucket="models", indexDocument={"suffix": "index.html"}
    )
    assert state.outputs["websiteEndpoint"] == "models.s3-website.eu-central-1.amazonaws.com"
    assert cloud.refresh("aws:s3/bucket:Bucket", State("models", {"bucket": "models"}, {})) is not None


def test_a_lock_lasts_days_or_years(cloud: Cloud) -> None:
    (failure,) = cloud.check(LOCK, bucket="models", rule={"defaultRetention": {"mode": "GOVERNANCE", "days": 5, "years": 1}})
    assert "days,years" in failure.reason
