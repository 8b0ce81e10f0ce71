"""What every bucket has, whatever lies in it: shown on the two of `ModelStorage`, and of the one that only a service writes to."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlgate_components.arguments import Wrong
from mlgate_components.aws.storage.buckets import check_store_name
from mlgate_testkit.lint import assert_clean
from mlgate_testkit.record import Graph, record

from .stores import ANSWERS, LOCK, TAGS, bucket_policy

BUCKETS = ("audit", "audit-logs", "models", "models-logs")
EVERYTHING = ["<arn of Bucket {0}>", "<arn of Bucket {0}>/*"]


def program() -> None:
    from mlgate_components.aws.storage.audit_trail import AuditTrail, AuditTrailArgs
    from mlgate_components.aws.storage.model_storage import ModelStorage, ModelStorageArgs

    models = ModelStorage("models", ModelStorageArgs(tags=TAGS))
    AuditTrail("audit", AuditTrailArgs(tags=TAGS, bucket_arns=[models.bucket_arn], lock=LOCK))


@pytest.fixture(scope="module")
def graph() -> Graph:
    return record(program, invokes=ANSWERS)


def setting(graph: Graph, kind: str, name: str) -> dict[str, Any]:
    return graph.one(f"aws:s3/{kind[0].lower()}{kind[1:]}:{kind}", name).inputs


@pytest.mark.parametrize("name", BUCKETS)
def test_nobody_reaches_it_from_outside_and_it_keeps_versions(graph: Graph, name: str) -> None:
    blocks = setting(graph, "BucketPublicAccessBlock", name)
    assert all(blocks[each] is True for each in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    assert setting(graph, "BucketOwnershipControls", name)["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert setting(graph, "BucketVersioning", name)["versioningConfiguration"] == {"status": "Enabled"}


@pytest.mark.parametrize("name", BUCKETS)
def test_it_is_reached_by_tls_of_today_alone(graph: Graph, name: str) -> None:
    policy = bucket_policy(graph, name)
    for sid, condition in (
        ("PlainHttp", {"Bool": {"aws:SecureTransport": "false"}}),
        ("OldTls", {"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
    ):
        assert policy[sid] == {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [each.format(name) for each in EVERYTHING],
            "Condition": condition,
        }


@pytest.mark.parametrize("name", BUCKETS)
def test_its_policy_lets_nobody_in_but_the_service_that_writes_to_it(graph: Graph, name: str) -> None:
    allowed = [each["Principal"] for each in bucket_policy(graph, name).values() if each["Effect"] == "Allow"]
    service = {"models-logs": "logging.s3.amazonaws.com", "audit-logs": "logging.s3.amazonaws.com", "audit": "cloudtrail.amazonaws.com"}
    assert all(each == {"Service": service[name]} for each in allowed)
    assert bool(allowed) == (name in service)
    if name in service:
        barred = bucket_policy(graph, name)["WriteForAnybodyElse"]
        assert (barred["Effect"], barred["Action"]) == ("Deny", "s3:PutObject")
        assert barred["Condition"] == {"StringNotEquals": {"aws:PrincipalServiceName": service[name]}}


@pytest.mark.parametrize("name", ["models", "audit"])
def test_it_is_encrypted_with_a_key_of_its_own_by_way_of_a_bucket_key(graph: Graph, name: str) -> None:
    (rule,) = setting(graph, "BucketServerSideEncryptionConfiguration", name)["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": f"<arn of Key {name}>"}
    assert rule["bucketKeyEnabled"] is True


def test_nothing_is_put_under_another_key(graph: Graph) -> None:
    policy = bucket_policy(graph, "models")
    assert policy["AnotherKey"]["Condition"] == {
        "Null": {"s3:x-amz-server-side-encryption": "false"},
        "StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": "<arn of Key models>"},
    }
    assert policy["KeyOfTheirOwn"]["Condition"] == {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}}
    for sid in ("AnotherKey", "KeyOfTheirOwn"):
        assert (policy[sid]["Effect"], policy[sid]["Principal"], policy[sid]["Action"]) == ("Deny", "*", "s3:PutObject")
        assert policy[sid]["Resource"] == "<arn of Bucket models>/*"


def test_accesses_are_logged_into_a_bucket_that_s3_can_write_to(graph: Graph) -> None:
    logging = graph.one("aws:s3/bucketLogging:BucketLogging", "models")
    assert logging.inputs["targetBucket"] == "<id of Bucket models-logs>"
    assert logging.needs(graph.one("aws:s3/bucketPolicy:BucketPolicy", "models-logs"))
    (rule,) = setting(graph, "BucketServerSideEncryptionConfiguration", "models-logs")["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "AES256"}, "S3 delivers to a bucket under its own key only"
    assert setting(graph, "Bucket", "models-logs")["objectLockEnabled"] is False, "S3 delivers to no bucket with a lock"
    written = bucket_policy(graph, "models-logs")["Write"]
    assert written["Condition"] == {
        "ArnEquals": {"aws:SourceArn": "<arn of Bucket models>"},
        "StringEquals": {"aws:SourceAccount": "123456789012"},
    }
    assert not [each for each in graph.all("aws:s3/bucketLogging:BucketLogging") if each.name.endswith("-logs")]


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("models", {"noncurrentVersionExpiration": {"noncurrentDays": 90}}),
        ("models-logs", {"noncurrentVersionExpiration": {"noncurrentDays": 1}, "expiration": {"days": 365}}),
        ("audit", {"noncurrentVersionExpiration": {"noncurrentDays": 1}, "expiration": {"days": 400}}),
    ],
)
def test_what_nobody_needs_any_more_goes(graph: Graph, name: str, versions: dict[str, Any]) -> None:
    lifecycle = graph.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", name)
    everything = {"status": "Enabled", "filter": {"prefix": ""}}
    assert lifecycle.inputs["rules"] == [
        {"id": "versions", **everything, **versions},
        {"id": "uploads", **everything, "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7}},
    ]
    assert lifecycle.needs(graph.one("aws:s3/bucketVersioning:BucketVersioning", name))


def test_all_of_it_is_kept_and_tagged(graph: Graph) -> None:
    made = [found for found in graph.resources if found.type.startswith("aws:")]
    assert len(made) > 30
    assert all(found.protect and found.retain_on_delete for found in made)
    wanted = {"environment": "dev", "owner": "platform", "managed-by": "mlgate"}
    assert all(wanted.items() <= found.inputs["tags"].items() for found in made if "tags" in found.inputs)
    assert_clean(graph)


@example("sthree-models")
@example("m" * 50)
@example("m" * 51)
@given(st.from_regex(r"[a-z0-9A-Z.-]{0,60}", fullmatch=True))
def test_whatever_name_is_taken_gives_buckets_that_s3_takes(name: str) -> None:
    from mlgate_testkit.aws.models.s3_bucket import bucket_name  # moto takes a second to load

    wrong = Wrong("ModelStorage", name)
    check_store_name(name, wrong)
    automatic = [f"{name}{what}-0123abc" for what in ("", "-logs")]
    refused = [failure for each in automatic for failure in bucket_name()({"bucket": each})]
    assert wrong or not refused
    plain = re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)
    assert bool(wrong) == (not plain or bool(refused)), "and what S3 takes is refused only where a name would not do for other services"
