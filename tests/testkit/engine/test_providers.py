"""The fixtures of simulated providers, as a user has them: attached without a word, emptied between tests."""

from __future__ import annotations

import boto3
import pytest

from mlgate_testkit.engine import Simulated, UpdateError, no_clouds, recover

pytestmark = pytest.mark.engine
BUCKET = "aws:s3/bucket:Bucket"


def buckets() -> None:
    import pulumi
    import pulumi_aws as aws

    config = pulumi.Config()
    for name in config.require_object("names"):
        bucket = aws.s3.Bucket(name, bucket=config.get("bucket"), tags={"team": config.get("team") or "data"})
        pulumi.export(name, bucket.arn)


def settings() -> None:
    import pulumi_kubernetes as kubernetes

    kubernetes.core.v1.ConfigMap("settings", metadata={"name": "settings"}, data={"colour": "red"})


def test_a_stack_on_simulated_aws_goes_up_and_sees_drift(stack, simulated_aws):
    prod = stack("prod", program=buckets, config={"names": ["logs"]})
    changes = prod.up()
    assert changes.created(BUCKET)
    assert prod.outputs["logs"].startswith("arn:aws:s3:::logs-")
    assert prod.preview().nothing()
    by_hand = boto3.client(
        "s3",
        endpoint_url=simulated_aws.endpoint(),
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106
    )
    by_hand.delete_bucket(Bucket=changes.of("logs").new_outputs["bucket"])
    assert [step.name for step in prod.refresh().deleted(BUCKET)] == ["logs"]


def test_it_is_empty_for_the_next_test_and_a_rename_replaces(stack, simulated_aws):
    assert simulated_aws.alive() == []
    assert simulated_aws.calls("create") == []
    prod = stack("prod", program=buckets, config={"names": ["logs"], "bucket": "logs-of-a-test"})
    prod.up()
    prod.change(config={"bucket": "other-logs-of-a-test"})
    assert prod.preview().replaced(BUCKET)[0].replace_reasons == ("bucket",)


def test_a_crash_in_mid_create_is_recovered_from(stack, simulated_aws):
    prod = stack("prod", program=buckets, config={"names": ["logs", "data"]})
    simulated_aws.fail("create", BUCKET, nth=2, how="refuse afterwards", message="connection reset")
    with pytest.raises(UpdateError, match="connection reset"):
        prod.up()
    assert len(simulated_aws.alive()) == 2
    assert len(recover(prod).reaped) == 1
    prod.up()
    assert len(simulated_aws.alive()) == 2


def test_the_simulated_cloud_heeds_no_profile_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "the-real-one")
    process = Simulated("aws", "mlgate_testkit.engine.packages:aws", no_clouds(tmp_path))
    process.close()


@pytest.mark.cluster
def test_a_stack_on_the_control_plane_goes_up_and_its_objects_go_with_the_test(stack, kubernetes_standin, kubernetes_cluster):
    dev = stack("dev", program=settings)
    dev.up()
    assert kubernetes_cluster.objects.find("ConfigMap", "settings")["data"] == {"colour": "red"}
    assert dev.preview().nothing()
    assert [made.name for made in kubernetes_standin.alive()] == ["settings"]


@pytest.mark.cluster
def test_the_next_test_finds_none_of_them(kubernetes_standin, kubernetes_cluster):
    assert kubernetes_standin.alive() == []
    assert "settings" not in {found["metadata"]["name"] for found in kubernetes_cluster.objects.list("ConfigMap", "default")}
