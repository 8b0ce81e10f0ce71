"""The fixtures of simulated providers, as a user has them: attached without a word, emptied between tests."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mlgate import StackError, UsageError
from mlgate_serving.identity import is_running
from mlgate_testkit.engine import LeakError, Simulated, Stacks, UpdateError, no_clouds, recover
from mlgate_testkit.provider.process import ProviderProcess

from ..aws.cloud import by_hand
from ..listening import listens
from .programs import simulated_boxes
from .until import until

pytestmark = pytest.mark.engine
BUCKET = "aws:s3/bucket:Bucket"
REGION = {"aws:region": "eu-central-1"}
ROLE = "aws:iam/role:Role"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"


def buckets() -> None:
    import pulumi
    import pulumi_aws as aws

    config = pulumi.Config()
    for name in config.require_object("names"):
        bucket = aws.s3.Bucket(name, bucket=config.get("bucket"), tags={"team": config.get("team") or "data"})
        pulumi.export(name, bucket.arn)


def settings() -> None:
    import pulumi
    import pulumi_kubernetes as kubernetes

    where = {"namespace": pulumi.Config().get("namespace") or "default"}
    kubernetes.core.v1.ConfigMap("settings", metadata={"name": "settings", **where}, data={"colour": "red"})


def three_settings() -> None:
    """One of them is somebody else's, and only patched."""
    import pulumi
    import pulumi_kubernetes as kubernetes

    colour = pulumi.Config().get("colour") or "red"
    first = kubernetes.core.v1.ServiceAccount("first", metadata={"name": "first", "labels": {"colour": colour}})
    theirs = kubernetes.core.v1.ConfigMapPatch(
        "theirs", metadata={"name": "theirs"}, data={"ours": "1"}, opts=pulumi.ResourceOptions(depends_on=[first])
    )
    kubernetes.core.v1.ConfigMap("last", metadata={"name": "last"}, data={"a": "b"}, opts=pulumi.ResourceOptions(depends_on=[theirs]))


def web() -> None:
    """A Deployment; key `where`: a node label that its pod asks for."""
    import pulumi
    import pulumi_kubernetes as kubernetes

    labels, where = {"app": "web"}, pulumi.Config().get_object("where") or {}
    pod = {"metadata": {"labels": labels}, "spec": {"nodeSelector": where, "containers": [{"name": "web", "image": "web:1"}]}}
    kubernetes.apps.v1.Deployment("web", metadata={"name": "web"}, spec={"selector": {"matchLabels": labels}, "template": pod})


def test_a_stack_on_simulated_aws_goes_up_and_sees_drift(stack, simulated_aws):
    prod = stack("prod", program=buckets, config={**REGION, "names": ["logs"]})
    changes = prod.up()
    assert changes.created(BUCKET)
    assert prod.outputs["logs"].startswith("arn:aws:s3:::logs-")
    assert prod.preview().nothing()
    s3 = by_hand(simulated_aws.endpoint(), "s3")
    s3.delete_bucket(Bucket=changes.of("logs").new_outputs["bucket"])
    assert [step.name for step in prod.refresh().deleted(BUCKET)] == ["logs"]


def test_it_is_empty_for_the_next_test_and_a_rename_replaces(stack, simulated_aws):
    assert simulated_aws.alive() == []
    assert simulated_aws.calls("create") == []
    prod = stack("prod", program=buckets, config={**REGION, "names": ["logs"], "bucket": "logs-of-a-test"})
    prod.up()
    prod.change(config={"bucket": "other-logs-of-a-test"})
    assert prod.preview().replaced(BUCKET)[0].replace_reasons == ("bucket",)


def test_a_crash_in_mid_create_is_recovered_from(stack, simulated_aws):
    prod = stack("prod", program=buckets, config={**REGION, "names": ["logs", "data"]})
    simulated_aws.fail("create", BUCKET, nth=2, how="refuse afterwards", message="connection reset")
    with pytest.raises(UpdateError, match="connection reset"):
        prod.up()
    assert len(simulated_aws.alive()) == 2
    assert len(recover(prod).reaped) == 1
    prod.up()
    assert len(simulated_aws.alive()) == 2


def test_a_simulated_cloud_that_dies_is_named_and_an_empty_one_takes_its_place(stack, simulated_aws):
    prod = stack("prod", program=buckets, config={**REGION, "names": ["logs"]})
    prod.up()
    pid, ports = simulated_aws.pid, [simulated_aws.port, urlsplit(simulated_aws.endpoint()).port]
    simulated_aws.fail("create", BUCKET, how="die")
    prod.change(config={"names": ["logs", "data"]})
    with pytest.raises(UpdateError, match=f"{BUCKET} data"):
        prod.up()
    with pytest.raises(StackError, match=f"provider aws: nothing listens on port {ports[0]}"):
        prod.preview()
    assert not is_running(pid)
    assert not any(listens(port) for port in ports)
    simulated_aws.reset()
    assert simulated_aws.alive() == []
    assert [step.name for step in prod.refresh().deleted(BUCKET)] == ["logs"]
    prod.up()
    assert len(simulated_aws.alive()) == 2
    assert prod.preview().nothing()


def test_an_order_that_cannot_act_is_refused_at_once(simulated_aws):
    with pytest.raises(UsageError, match="aws:s3/bukcet:Bucket is not simulated, so no create of it ever comes") as refused:
        simulated_aws.fail("create", "aws:s3/bukcet:Bucket")
    assert "did you mean 'aws:s3/bucket:Bucket'?" in refused.value.remedy
    with pytest.raises(UsageError, match="no simulated type asks a service 'S3'"):
        simulated_aws.throttle(service="S3", times=3)


def test_an_order_that_nothing_came_for_is_named_with_what_came(stack, simulated_aws):
    stack("prod", program=buckets, config={**REGION, "names": ["logs"]}).up()
    simulated_aws.fail("create", BUCKET, nth=3)
    simulated_aws.lag(reads=2, token=ROLE)
    with pytest.raises(UsageError) as told:
        simulated_aws.reset()
    assert "fail('create', 'aws:s3/bucket:Bucket', nth=3): 0 such requests came" in told.value.problem
    assert f"lag(2, '{ROLE}'): no request depended on" in told.value.problem
    assert f"order what comes (1 create {BUCKET})" in told.value.remedy
    simulated_aws.reset()


def test_an_order_larger_than_needed_is_no_fault_of_the_test(stack, simulated_aws):
    prod = stack("prod", program=buckets, config={**REGION, "names": ["logs"]})
    simulated_aws.fail("create", BUCKET, times=50)
    with pytest.raises(UpdateError, match="refused on order"):
        prod.up()
    simulated_aws.clear()
    prod.up()
    simulated_aws.throttle(service="s3", times=1000)
    with pytest.raises(UpdateError, match="ThrottlingException"):
        prod.refresh()
    assert len(simulated_aws.alive()) == 1, "who only looks is not throttled"


def test_what_was_made_through_a_port_goes_with_the_test(pulumi_engine, simulated_aws, tmp_path):
    stacks = Stacks(pulumi_engine, tmp_path)
    stacks("prod", program=buckets, config={**REGION, "names": ["logs"]}, providers={"aws": simulated_aws.port}).up()
    assert len(simulated_aws.alive()) == 1
    stacks.close()
    assert simulated_aws.alive() == []


def test_what_was_made_through_a_port_that_serves_no_more_is_named(pulumi_engine, tmp_path):
    stacks = Stacks(pulumi_engine, tmp_path)
    with ProviderProcess("box", "clouds:tracked", environment={"PYTHONPATH": str(Path(__file__).parent)}) as process:
        stacks("dev", program=simulated_boxes, config={"names": '["a"]'}, providers={"box": process.port}).up()
    with pytest.raises(LeakError, match=f"cannot be destroyed: provider box: nothing listens on port {process.port}"):
        stacks.close()


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


@pytest.mark.cluster
def test_what_a_killed_standin_left_is_gone_once_it_is_started_anew(stack, kubernetes_standin, kubernetes_cluster):
    objects = kubernetes_cluster.objects
    objects.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}, "data": {"theirs": "1"}})
    dev = stack("dev", program=three_settings)
    dev.up()
    dev.change(config={"colour": "blue"})
    dev.up()  # by server-side apply, under another manager than the create
    pid, port = kubernetes_standin.pid, kubernetes_standin.port
    kubernetes_standin.fail("update", "kubernetes:core/v1:ServiceAccount", how="die")
    dev.change(config={"colour": "green"})
    with pytest.raises(UpdateError, match="kubernetes:core/v1:ServiceAccount first"):
        dev.up()
    assert not is_running(pid)
    assert not listens(port)
    assert objects.find("ConfigMap", "last")
    kubernetes_standin.reset()
    assert objects.find("ConfigMap", "last") is None
    assert objects.find("ServiceAccount", "first") is None
    assert objects.find("ConfigMap", "theirs")["data"] == {"theirs": "1"}
    assert objects.find("ServiceAccount", "default"), "what the cluster has of itself stays"
    dev.refresh()
    changes = dev.up()
    assert {step.name for step in changes.created()} == {"first", "last"}
    assert {step.name for step in changes.updated()} == {"theirs"}
    assert dev.preview().nothing()
    dev.destroy()
    objects.delete("ConfigMap", "theirs")


@pytest.mark.cluster
def test_a_standin_sweeps_no_cluster_but_a_throwaway(stack, kubernetes_standin, kubernetes_cluster):
    stack("dev", program=settings).up()
    kubernetes_standin.use(kubeconfig=str(kubernetes_cluster.kubeconfig))
    assert kubernetes_standin.sweep() == []
    assert kubernetes_cluster.objects.find("ConfigMap", "settings")
    kubernetes_standin.use(kubeconfig=str(kubernetes_cluster.kubeconfig), throwaway=True)
    assert kubernetes_standin.sweep() == ["ConfigMap default/settings"]


@pytest.mark.cluster
def test_a_create_that_waited_when_the_engine_was_killed_does_not_land_later(stack, kubernetes_standin, kubernetes_cluster):
    dev = stack("dev", program=settings, config={"namespace": "late"})
    with pytest.raises(UpdateError, match="killed on order"):
        dev.up(kill_at=lambda event: event.name == "settings" and until(lambda: kubernetes_standin.calls("create", CONFIG_MAP)))
    kubernetes_cluster.objects.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "late"}})
    time.sleep(1.5)  # a create that waits tries again once a second
    assert kubernetes_cluster.objects.find("ConfigMap", "settings", "late") is None
    assert recover(dev).pending == [f"{CONFIG_MAP} settings"]
    assert [step.name for step in dev.up().created()] == ["settings"]
    dev.destroy()
    kubernetes_cluster.objects.delete("Namespace", "late")


@pytest.mark.cluster
def test_pods_on_a_cluster_without_nodes_are_not_waited_for(stack, kubernetes_standin, kubernetes_cluster):
    with pytest.raises(
        UpdateError, match=r"(?s)Deployment default/web is not ready.*the cluster has no node.*kubernetes_cluster.add_nodes"
    ):
        stack("dev", program=web).up()


@pytest.mark.cluster
def test_a_wait_that_outlasts_the_engine_says_why_its_pods_are_not_ready(
    stack, kubernetes_standin, kubernetes_cluster, pulumi_engine, monkeypatch
):
    kubernetes_cluster.add_nodes(1)
    dev = stack("dev", program=web, config={"where": {"is": "not-there"}})
    monkeypatch.setattr(pulumi_engine, "timeout_s", 8)
    with pytest.raises(UpdateError, match=r"did not end within 8 s, and was ended; what had not ended: create .*Deployment web") as failure:
        dev.up()
    assert "[Unschedulable] 0/1 nodes are available" in failure.value.problem
