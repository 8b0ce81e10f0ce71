"""What a test orders: throttling, quotas, lag, an empty account."""

from __future__ import annotations

import pytest

from mlgate.errors import UsageError
from mlgate_testkit.aws import SimulatedAws
from mlgate_testkit.provider.provider import ProviderError

from .cloud import Cloud
from .samples import trust

BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"


def test_throttling_within_the_providers_patience_is_not_noticed(cloud: Cloud) -> None:
    cloud.package.throttle("s3", 24)
    assert cloud.up(BUCKET, bucket="models").id == "models"


def test_throttling_beyond_it_is_told_in_awss_words(cloud: Cloud) -> None:
    cloud.package.throttle("s3", 25)
    with pytest.raises(
        ProviderError,
        match=r"creating S3 Bucket \(models\): .*exceeded maximum number of attempts, 25, .*api error ThrottlingException: Rate exceeded",
    ):
        cloud.up(BUCKET, bucket="models")
    assert cloud.up(BUCKET, bucket="models").id == "models"


def test_a_provider_with_fewer_retries_has_less_patience(package: SimulatedAws) -> None:
    package.reset()
    impatient = Cloud(package, {"region": "eu-central-1", "maxRetries": "3"})
    package.throttle("iam", 3)
    with pytest.raises(ProviderError, match="attempts, 3,"):
        impatient.up("aws:iam/role:Role", name="trainer", assumeRolePolicy=trust())


def test_throttling_one_service_leaves_the_others_alone(cloud: Cloud) -> None:
    cloud.package.throttle("iam", 1000)
    assert cloud.up(BUCKET).id


def test_a_quota_refuses_one_more(cloud: Cloud) -> None:
    cloud.package.quota("General purpose buckets", 1)
    cloud.up(BUCKET, bucket="models")
    with pytest.raises(ProviderError, match=r"TooManyBuckets: You have attempted to create more buckets than allowed \(quota L-DC2B2D3D\)"):
        cloud.up(BUCKET, bucket="others")
    cloud.package.quota("L-DC2B2D3D", 2)
    cloud.up(BUCKET, bucket="others")


def test_a_quota_that_is_not_simulated_names_the_nearest(cloud: Cloud) -> None:
    with pytest.raises(UsageError, match="did you mean 'L-DC2B2D3D'"):
        cloud.package.quota("L-DC2B2D3", 1)


def test_a_bucket_that_aws_does_not_show_yet_is_waited_for_and_then_not(cloud: Cloud) -> None:
    cloud.package.lag(5, BUCKET)
    cloud.up(BUCKET, bucket="models")
    cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
    cloud.package.lag(1000, BUCKET)
    cloud.up(BUCKET, bucket="others")
    with pytest.raises(ProviderError, match="api error NoSuchBucket"):
        cloud.up(VERSIONING, bucket="others", versioningConfiguration={"status": "Enabled"})


def test_a_reset_empties_the_account_and_forgets_every_order(cloud: Cloud) -> None:
    cloud.up(BUCKET, bucket="models")
    cloud.package.quota("L-DC2B2D3D", 0)
    cloud.package.throttle("s3", 1000)
    cloud.package.lag(1000)
    cloud.package.reset()
    assert cloud.boto("s3").list_buckets()["Buckets"] == []
    cloud.up(BUCKET, bucket="models")
    cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
