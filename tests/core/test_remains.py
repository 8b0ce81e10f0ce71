"""What stays after a destroy: what is protected, all that it stands on, and until when."""

from __future__ import annotations

from datetime import date
from typing import Any

from mlgate.remains import Kept, Remaining, remaining, waiting

BUCKET, KEY, LOCK = "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
ROLE, POLICY = "aws:iam/role:Role", "aws:s3/bucketPolicy:BucketPolicy"


def made(token: str, name: str, *needs: str, kept: bool = True, component: bool = False, **inputs: Any) -> Kept:
    return Kept(name, token, name, inputs, kept, needs, component)


def test_what_is_not_protected_goes_and_what_the_protected_stands_on_stays_by_way_of_components_too() -> None:
    found = remaining(
        [
            made("ml:index:Access", "access", "policy", kept=False, component=True),
            made("aws:iam/policy:Policy", "policy", kept=False),
            made(ROLE, "gate", "access", kept=False),
            made(ROLE, "other", "access", kept=False),
            made("pulumi:providers:aws", "aws", kept=False),
            made(BUCKET, "models", "aws"),
            made(POLICY, "grants", "models", "gate"),
        ]
    )
    assert [each.name for each in found] == ["policy", "gate", "models", "grants"]
    assert [each.holds for each in found] == ["", "", "objects", ""]


def test_it_is_said_until_when_a_bucket_a_key_and_a_secret_stay() -> None:
    rule = {"defaultRetention": {"mode": "COMPLIANCE", "days": 30}}
    found = remaining(
        [
            made(BUCKET, "evidence"),
            made(LOCK, "lock", "evidence", rule=rule),
            made(BUCKET, "models"),
            made(LOCK, "open", "models"),
            made(KEY, "key", deletionWindowInDays=7),
            made(BUCKET, "archive"),
            made(LOCK, "years", "archive", rule={"defaultRetention": {"mode": "GOVERNANCE", "years": 7}}),
            made("aws:secretsmanager/secret:Secret", "feature-store", recoveryWindowInDays=9),
        ]
    )
    said = {each.name: each.until for each in found}
    assert said["evidence"] == "somebody empties it, each version 30 days after it was written at the earliest (COMPLIANCE)"
    assert said["archive"] == "somebody empties it, each version 7 years after it was written at the earliest (GOVERNANCE)"
    assert said["models"] == "somebody deletes it"
    assert said["key"] == "somebody schedules its deletion, and 7 days more"
    assert said["feature-store"] == "somebody deletes it, and 9 days more"
    assert found[4] == Remaining(KEY, "key", "the key of everything encrypted or signed with it", said["key"])


def test_the_day_on_which_the_lock_of_what_is_written_on_a_day_ends_is_told_where_it_is_of_so_many_days() -> None:
    def told(**period: int) -> str:
        rule = {"defaultRetention": {"mode": "COMPLIANCE", **period}}
        bucket, _lock = remaining([made(BUCKET, "evidence"), made(LOCK, "lock", "evidence", rule=rule)], on=date(2028, 2, 1))
        return bucket.until

    assert told(days=30).endswith("(COMPLIANCE), one of 2028-02-01 on 2028-03-02")
    assert told(years=7).endswith("7 years after it was written at the earliest (COMPLIANCE)"), "S3 does not say which day that is"


def test_a_cluster_that_is_protected_is_told_to_stay_and_to_cost() -> None:
    (found,) = remaining([made("aws:eks/cluster:Cluster", "cluster")])
    assert "by the hour" in found.holds
    assert "deletion_protection: false" in found.until
    assert remaining([made("aws:eks/cluster:Cluster", "cluster", kept=False)]) == []


def test_keys_and_secrets_that_nothing_keeps_are_told_to_wait() -> None:
    made_here = [
        made(KEY, "of-the-cluster", kept=False, deletionWindowInDays=9),
        made("aws:secretsmanager/secret:Secret", "token", kept=False),
        made(KEY, "models"),
        made(KEY, "named", kept=False),
        made(POLICY, "grants", "named"),
        made(ROLE, "gate", kept=False),
    ]
    assert [(each.name, each.until.split(" after ")[0]) for each in waiting(made_here)] == [
        ("of-the-cluster", "9 days"),
        ("token", "30 days"),
    ]
    assert [each.name for each in remaining(made_here)] == ["models", "named", "grants"]
