"""What a test orders: throttling, quotas, lag, an empty account."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mlgate.errors import UsageError
from mlgate_testkit.aws import SimulatedAws
from mlgate_testkit.aws.orders import LAGGING, SERVICES
from mlgate_testkit.provider.provider import ProviderError

from .all_samples import SAMPLES
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


ASKS = {
    "budgets": "aws:budgets/budget:Budget",
    "cloudtrail": "aws:cloudtrail/trail:Trail",
    "ec2": "aws:ec2/vpc:Vpc",
    "ecr": "aws:ecr/repository:Repository",
    "eks": "aws:eks/cluster:Cluster",
    "events": "aws:cloudwatch/eventRule:EventRule",
    "iam": "aws:iam/role:Role",
    "kms": "aws:kms/key:Key",
    "logs": "aws:cloudwatch/logGroup:LogGroup",
    "rds": "aws:rds/instance:Instance",
    "s3": BUCKET,
    "secretsmanager": "aws:secretsmanager/secret:Secret",
    "sns": "aws:sns/topic:Topic",
    "sqs": "aws:sqs/queue:Queue",
    "ssm": "aws:ssm/parameter:Parameter",
}


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"sts"}))
def test_every_service_can_be_throttled(cloud: Cloud, service: str) -> None:
    sample = SAMPLES[ASKS[service]]
    arguments = {**sample.first(cloud), **sample.arguments}
    cloud.package.throttle(service, 1000)
    with pytest.raises(ProviderError, match="ThrottlingException"):
        cloud.up(ASKS[service], **arguments)


def test_a_function_can_be_throttled_as_well(cloud: Cloud) -> None:
    cloud.package.throttle("sts", 1000)
    with pytest.raises(ProviderError, match="ThrottlingException"):
        cloud.invoke("aws:index/getCallerIdentity:getCallerIdentity")


@pytest.mark.parametrize(("service", "near"), [("S3", "did you mean 's3'?"), ("cloudfront", "those that are asked")])
def test_a_service_that_nothing_asks_is_not_throttled_but_refused(cloud: Cloud, service: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"no simulated type asks a service '{service}'") as refused:
        cloud.package.throttle(service, 3)
    assert near in refused.value.remedy


@pytest.mark.parametrize(
    ("token", "near"),
    [
        ("aws:s3/bukcet:Bucket", "did you mean 'aws:s3/bucket:Bucket'?"),
        ("aws:sqs/queue:Queue", f"what can lag: {', '.join(LAGGING)}"),
    ],
)
def test_a_type_that_nothing_depends_on_being_seen_does_not_lag_but_is_refused(cloud: Cloud, token: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"no request here depends on whether a {token} is seen") as refused:
        cloud.package.lag(5, token)
    assert near in refused.value.remedy


@pytest.mark.parametrize("token", LAGGING)
def test_every_type_that_can_lag_does(cloud: Cloud, token: str) -> None:
    cloud.package.lag(5, token)
    assert len(cloud.package.unmet()) == 1
    if token == BUCKET:
        cloud.up(BUCKET, bucket="models")
        cloud.up(VERSIONING, bucket="models", versioningConfiguration={"status": "Enabled"})
    else:
        cloud.up(token, name="trainer", assumeRolePolicy=trust())
        cloud.up("aws:iam/instanceProfile:InstanceProfile", name="trainer", role="trainer")
    assert cloud.package.unmet() == []


@pytest.mark.parametrize(
    ("operation", "token", "near"),
    [("create", "aws:s3/bukcet:Bucket", "did you mean 'aws:s3/bucket:Bucket'?"), ("invoke", BUCKET, "nothing of aws:s3 is")],
)
def test_a_failure_of_what_is_not_simulated_is_refused_with_the_nearest(cloud: Cloud, operation: str, token: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"{token} is not simulated, so no {operation} of it ever comes") as refused:
        cloud.package.require_known(operation, token)
    assert near in refused.value.remedy
    cloud.package.require_known("create", BUCKET)
    cloud.package.require_known("invoke", "aws:index/getCallerIdentity:getCallerIdentity")


def test_what_was_ordered_and_never_came_is_named_until_it_comes_or_is_taken_back(cloud: Cloud) -> None:
    cloud.package.throttle("s3", 3)
    cloud.package.throttle("iam", 3)
    cloud.package.lag(2)
    assert [order.partition(":")[0] for order in cloud.package.unmet()] == ["throttle('s3', 3)", "throttle('iam', 3)", "lag(2)"]
    cloud.up(BUCKET, bucket="models")
    cloud.package.throttle("iam", 0)
    (unmet,) = cloud.package.unmet()
    assert unmet == "lag(2): no request depended on a role or bucket that was created after it"
    cloud.package.lag(0)
    assert cloud.package.unmet() == []


def test_an_order_larger_than_needed_is_met(cloud: Cloud) -> None:
    cloud.package.throttle("s3", 1000)
    with pytest.raises(ProviderError, match="ThrottlingException"):
        cloud.up(BUCKET, bucket="models")
    assert cloud.package.unmet() == []


def test_who_only_looks_is_not_throttled(cloud: Cloud) -> None:
    state = cloud.up(BUCKET, bucket="models")
    cloud.package.throttle("s3", 1000)
    with cloud.package.calm():
        assert cloud.refresh(BUCKET, state)
    assert cloud.package.unmet()
    with pytest.raises(ProviderError, match="ThrottlingException"):
        cloud.refresh(BUCKET, state)


def test_who_only_looks_sees_what_lags_and_uses_no_order_up(cloud: Cloud) -> None:
    cloud.package.lag(1, BUCKET)
    cloud.up(BUCKET, bucket="models")
    orders = cloud.package.account.orders
    with cloud.package.calm():
        assert orders.seen(BUCKET, "models")
    assert cloud.package.unmet()
    assert not orders.seen(BUCKET, "models")


@pytest.mark.parametrize("order", [lambda package: package.throttle("s3", -1), lambda package: package.lag(-1)])
def test_less_than_no_request_cannot_be_ordered(cloud: Cloud, order: Callable[[SimulatedAws], None]) -> None:
    with pytest.raises(UsageError, match="-1 requests cannot be ordered"):
        order(cloud.package)


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
