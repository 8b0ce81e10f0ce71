"""A provider's configuration."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlgate_testkit.aws import SimulatedAws
from mlgate_testkit.provider.provider import Kind, ProviderError

from .cloud import Cloud

BUCKET = "aws:s3/bucket:Bucket"


@pytest.fixture(autouse=True)
def nowhere(package: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    package.reset()
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)


def wrong(package: SimulatedAws, **config: Any) -> dict[str, str]:
    return {failure.property: failure.reason for failure in package.check_config(config)}


def test_a_region_is_needed_from_the_stack_or_the_environment(package: SimulatedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "the stack has to name one as `aws:region`" in wrong(package)["region"]
    with pytest.raises(ProviderError, match="no region is configured"):
        package.configure({})
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert package.configure({}).aws.region == "us-west-2"


def test_a_region_that_does_not_exist_is_refused(package: SimulatedAws) -> None:
    assert wrong(package, region="eu-central-9")["region"].startswith("invalid AWS Region: eu-central-9; did you mean 'eu-central-")
    assert wrong(package, region="eu-central-9", skipRegionValidation="true") == {}
    (failure,) = Cloud(package).check("aws:sqs/queue:Queue", region="mars-1")
    assert failure.reason == "invalid AWS Region: mars-1"


def test_a_setting_that_does_not_exist_names_the_nearest(package: SimulatedAws) -> None:
    assert "did you mean 'allowedAccountIds'?" in wrong(package, region="us-east-1", allowedAccountId="1")["allowedAccountId"]


def test_another_account_than_allowed_is_refused(package: SimulatedAws) -> None:
    assert wrong(package, region="us-east-1", allowedAccountIds='["123456789012"]', skipCredentialsValidation="true") == {}
    assert wrong(package, region="us-east-1", allowedAccountIds='["1"]') == {
        "allowedAccountIds": "AWS account ID not allowed: 123456789012"
    }
    assert wrong(package, region="us-east-1", forbiddenAccountIds='["123456789012"]')


def test_an_assumed_role_is_another_account(package: SimulatedAws) -> None:
    role = {"roleArn": "arn:aws:iam::999999999999:role/deploy", "sessionName": "ci"}
    cloud = Cloud(package, {"region": "eu-central-1", "assumeRoles": json.dumps([role]), "allowedAccountIds": '["999999999999"]'})
    assert cloud.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == "999999999999"
    assert cloud.up("aws:sqs/queue:Queue", name="jobs").outputs["arn"] == "arn:aws:sqs:eu-central-1:999999999999:jobs"
    assert "jobs" not in str(cloud.boto("sqs").list_queues())


def test_default_tags_reach_the_cloud_and_the_resources_own_win(package: SimulatedAws) -> None:
    cloud = Cloud(package, {"region": "eu-central-1", "defaultTags": json.dumps({"tags": {"team": "ml", "env": "dev"}})})
    state = cloud.up(BUCKET, bucket="models", tags={"env": "prod"})
    assert state.outputs["tags"] == {"env": "prod"}
    assert state.outputs["tagsAll"] == {"team": "ml", "env": "prod"}
    found = cloud.boto("s3").get_bucket_tagging(Bucket="models")["TagSet"]
    assert {each["Key"]: each["Value"] for each in found} == {"team": "ml", "env": "prod"}
    refreshed = cloud.refresh(BUCKET, state)
    assert refreshed
    assert refreshed.inputs == state.inputs


def test_other_default_tags_are_a_difference_of_every_resource(package: SimulatedAws) -> None:
    state = Cloud(package).up(BUCKET, bucket="models")
    tagged = Cloud(package, {"region": "eu-central-1", "defaultTags": json.dumps({"tags": {"team": "ml"}})})
    assert tagged.diff(BUCKET, state, bucket="models").changed == {"tagsAll": Kind.UPDATE}
    assert tagged.change(BUCKET, state, bucket="models").outputs["tagsAll"] == {"team": "ml"}


def test_ignored_tags_are_neither_read_nor_drift(package: SimulatedAws) -> None:
    cloud = Cloud(package, {"region": "eu-central-1", "ignoreTags": json.dumps({"keyPrefixes": ["kubernetes.io/"], "keys": ["cost"]})})
    state = cloud.up(BUCKET, bucket="models")
    tags = [{"Key": "kubernetes.io/cluster", "Value": "x"}, {"Key": "cost", "Value": "y"}]
    cloud.boto("s3").put_bucket_tagging(Bucket="models", Tagging={"TagSet": tags})
    refreshed = cloud.refresh(BUCKET, state)
    assert refreshed
    assert refreshed.inputs == state.inputs


def test_tags_that_no_service_accepts_are_refused(package: SimulatedAws) -> None:
    cloud = Cloud(package)
    (reserved,) = cloud.check(BUCKET, tags={"aws:owner": "me"})
    assert "reserved for AWS" in reserved.reason
    (many,) = cloud.check(BUCKET, tags={str(number): "x" for number in range(51)})
    assert "51 tags" in many.reason
    assert cloud.check(BUCKET, tags={"a": "x" * 257})


def test_a_resource_lives_in_its_own_region_and_moves_only_as_a_new_one(package: SimulatedAws) -> None:
    cloud = Cloud(package)
    state = cloud.up("aws:sqs/queue:Queue", name="jobs", region="us-west-2")
    assert state.outputs["region"] == "us-west-2"
    assert "QueueUrls" in cloud.boto("sqs", "us-west-2").list_queues()
    refreshed = cloud.refresh("aws:sqs/queue:Queue", state)
    assert refreshed
    assert refreshed.inputs == state.inputs
    assert cloud.diff("aws:sqs/queue:Queue", state, name="jobs").replace == {"region"}


def test_two_partitions_have_two_spellings(package: SimulatedAws) -> None:
    china = Cloud(package, {"region": "cn-north-1"})
    assert china.invoke("aws:index/getPartition:getPartition")["reverseDnsPrefix"] == "cn.com.amazonaws"
    assert china.up(BUCKET, bucket="models").outputs["arn"] == "arn:aws-cn:s3:::models"
