"""Whole programs, run by the real engine, with the stand-in in front of a real API server."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.engine import Simulated, Stack, Stacks, UpdateError
from mlgate_testkit.kubernetes.charts import find_chart
from mlgate_testkit.provider.process import ProviderProcess

from . import programs

pytestmark = [pytest.mark.cluster, pytest.mark.engine]

Brought = Callable[..., Stack]
DEPLOYMENT, CONFIG_MAP = "kubernetes:apps/v1:Deployment", "kubernetes:core/v1:ConfigMap"


@pytest.fixture
def brought(stand_in: ProviderProcess, namespace: str, stack: Stacks) -> Brought:
    """A stack of one of the programs, in the test's namespace. It is destroyed before these go."""

    def make(program: Callable[[], None], *, secrets: dict[str, str] | None = None, **config: Any) -> Stack:
        given = {"namespace": namespace, **config}
        return stack("dev", program=program, config=given, secrets=secrets, providers={"kubernetes": stand_in.port})

    return make


def test_a_program_comes_up_stays_and_goes(brought: Brought, cluster: Cluster, namespace: str) -> None:
    shop = brought(programs.shop)
    assert shop.preview().created(DEPLOYMENT)
    shop.up()
    (web,) = cluster.objects.list("Deployment", namespace)
    assert web["status"]["readyReplicas"] == 2
    assert shop.outputs["address"]
    assert shop.preview().nothing()
    assert shop.refresh().nothing()
    assert shop.preview().nothing()
    shop.destroy()
    assert [each for kind in ("Deployment", "Service", "Secret") for each in cluster.objects.list(kind, namespace)] == []


def test_names_have_one_form_in_the_preview_and_in_the_update(brought: Brought) -> None:
    shop = brought(programs.shop)
    planned = shop.preview().of("settings").new_inputs["metadata"]["name"]
    shop.up()
    for name in (planned, shop.outputs["settings"]):
        assert re.fullmatch("settings-[0-9a-f]{8}", name)


def test_a_new_image_rolls_out_and_another_selector_makes_a_new_deployment(brought: Brought, cluster: Cluster, namespace: str) -> None:
    shop = brought(programs.shop)
    shop.up()
    shop.change(config={"image": "shop:2"})
    assert [step.name for step in shop.up().updated(DEPLOYMENT)] == ["web"]
    shop.change(config={"label": "store"})
    assert shop.preview().replaced(DEPLOYMENT)
    assert shop.up().replaced(DEPLOYMENT)
    (web,) = cluster.objects.list("Deployment", namespace)
    assert web["spec"]["selector"]["matchLabels"] == {"app": "store"}
    assert shop.preview().nothing()


def test_changed_content_is_a_new_config_map_and_the_deployment_follows(brought: Brought, cluster: Cluster, namespace: str) -> None:
    shop = brought(programs.shop)
    shop.up()
    shop.change(config={"greeting": "good morning"})
    changes = shop.up()
    assert changes.replaced(CONFIG_MAP)
    assert changes.updated(DEPLOYMENT)
    found = [each["data"] for each in cluster.objects.list("ConfigMap", namespace) if "greeting" in each["data"]]
    assert found == [{"greeting": "good morning"}]


def test_a_secret_is_nowhere_in_the_state(brought: Brought) -> None:
    shop = brought(programs.shop, secrets={"password": "hunter2hunter2"})
    shop.up()
    shop.refresh()
    state = json.dumps(shop.export())
    assert "hunter2" not in state
    assert "aHVudGVyMmh1bnRlcjI=" not in state


def test_a_definition_and_its_object_come_with_one_update(brought: Brought, cluster: Cluster, namespace: str) -> None:
    widgets = brought(programs.extended, group=f"{namespace}.example.com")
    assert any("Widget is not served" in each.message for each in widgets.preview().diagnostics)
    widgets.up()
    (found,) = cluster.objects.list(f"{namespace}.example.com/v1/Widget", namespace)
    assert found["spec"] == {"size": 1}
    assert widgets.preview().nothing()
    widgets.destroy()


def test_a_job_that_cannot_end_fails_the_update_by_name_and_the_next_one_tries_again(brought: Brought) -> None:
    train = brought(programs.training)
    with pytest.raises(UpdateError) as failure:
        train.up()
    said = str(failure.value)
    assert "is not ready" in said
    assert "it was not so within 3 s" in said
    assert "Pod train-" in said
    train.change(config={"anywhere": "true"})
    train.up()
    assert train.preview().nothing()


def test_drift_made_by_hand_is_found_by_a_refresh_and_put_right(brought: Brought, cluster: Cluster, namespace: str) -> None:
    shop = brought(programs.shop)
    shop.up()
    (settings,) = [each for each in cluster.objects.list("ConfigMap", namespace) if "greeting" in each["data"]]
    cluster.objects.patch("ConfigMap", settings["metadata"]["name"], {"data": {"greeting": "by hand"}}, namespace)
    assert shop.preview().nothing(), "without a refresh the engine does not look"
    assert [step.name for step in shop.refresh().updated(CONFIG_MAP)] == ["settings"]
    assert shop.up().replaced(CONFIG_MAP)
    assert [each["data"] for each in cluster.objects.list("ConfigMap", namespace) if "greeting" in each["data"]] == [{"greeting": "hello"}]


def test_what_another_owner_changed_stops_the_update_by_name(brought: Brought, cluster: Cluster, namespace: str) -> None:
    shop = brought(programs.shop)
    shop.up()
    shop.change(config={"image": "shop:2"})
    shop.up()
    (web,) = cluster.objects.list("Deployment", namespace)
    containers = [{**web["spec"]["template"]["spec"]["containers"][0], "image": "theirs"}]
    cluster.objects.patch("Deployment", web["metadata"]["name"], {"spec": {"template": {"spec": {"containers": containers}}}}, namespace)
    shop.change(config={"image": "shop:3"})
    for ask in (shop.preview, shop.up):
        with pytest.raises(UpdateError, match=r"containers.*image belongs to .*patchForce"):
            ask()


def test_a_cluster_of_the_same_update_is_unknown_in_its_preview(brought: Brought, cluster: Cluster, namespace: str) -> None:
    twice = brought(programs.later, kubeconfig=str(cluster.kubeconfig))
    planned = twice.preview()
    assert {step.name for step in planned.created(CONFIG_MAP)} == {"cluster", "inside"}
    twice.up()
    assert len(twice.outputs["uid"]) == 36
    assert {each["metadata"]["name"].rsplit("-", 1)[0] for each in cluster.objects.list("ConfigMap", namespace)} >= {"cluster", "inside"}
    assert twice.preview().nothing()


def test_yaml_through_the_sdks_component_lies_on_the_cluster(brought: Brought, cluster: Cluster, namespace: str) -> None:
    group = brought(programs.manifests)
    group.up()
    assert cluster.objects.find("ConfigMap", "one", namespace)
    assert cluster.objects.find("ServiceAccount", "two", namespace)
    assert group.preview().nothing()


def test_a_component_inside_the_real_provider_is_refused_by_name(brought: Brought) -> None:
    with pytest.raises(UpdateError, match="kubernetes:yaml/v2:ConfigGroup"):
        brought(programs.second_manifests).preview()


def test_a_helm_release_is_simulated_and_says_so(brought: Brought, cluster: Cluster, namespace: str) -> None:
    metrics = brought(programs.metrics)
    changes = metrics.up()
    assert any("this Helm release is simulated" in each.message for each in changes.diagnostics)
    assert metrics.outputs["status"] == "deployed"
    assert len(cluster.objects.list("Secret", namespace)) == 1
    assert metrics.preview().nothing()
    metrics.destroy()
    assert cluster.objects.list("Secret", namespace) == []


CHART_BESIDE = """
import pulumi
from pulumi_kubernetes.helm.v3 import Release

about = {"name": "metrics", "namespace": pulumi.Config().require("namespace")}
Release("metrics", chart="./charts/metrics", value_yaml_files=[pulumi.FileAsset("values.yaml")], **about)
"""


def test_a_chart_beside_the_program_is_found_from_wherever_the_tests_run(
    cluster: Cluster, namespace: str, stack: Stacks, kubernetes_standin: Simulated, tmp_path: Path
) -> None:
    infra = tmp_path / "infra"
    (infra / "charts" / "metrics").mkdir(parents=True)
    (infra / "charts" / "metrics" / "Chart.yaml").write_text("apiVersion: v2\nname: metrics\nversion: 1.2.3\n")
    (infra / "values.yaml").write_text("replicas: 3\n")
    (infra / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    (infra / "__main__.py").write_text(CHART_BESIDE)
    dev = stack("dev", program=infra, config={"namespace": namespace})
    dev.up()
    assert [made.name for made in kubernetes_standin.alive()] == ["metrics"]
    found = cluster.objects.find("Secret", "mlgate-testkit-release.metrics", namespace)
    assert found
    record = json.loads(b64decode(found["data"]["release"]))
    assert (record["version"], record["values"]) == ("1.2.3", {"replicas": 3})
    chart = find_chart(str(infra / "charts" / "metrics"))
    assert chart
    assert record["digest"] == chart.digest
    (infra / "charts" / "metrics").rename(infra / "charts" / "other")
    dev.change(config={"namespace": f"{namespace}-other"})
    with pytest.raises(UpdateError, match=f"there is no Helm chart at {infra}/charts/metrics"):
        dev.preview()


def test_a_cluster_that_is_gone_is_named_and_can_be_forgotten(brought: Brought, cluster: Cluster) -> None:
    shop = brought(programs.elsewhere, kubeconfig=cluster.kubeconfig.read_text())
    shop.up()
    gone = yaml.safe_load(cluster.kubeconfig.read_text())
    gone["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    shop.change(config={"kubeconfig": yaml.safe_dump(gone)})
    shop.up()
    with pytest.raises(UpdateError, match=r"unreachable.*127\.0\.0\.1:9.*deleteUnreachable"):
        shop.refresh()
    shop.change(config={"delete": "true"})
    shop.up()
    assert [step.name for step in shop.refresh().deleted(CONFIG_MAP)] == ["inside"]
