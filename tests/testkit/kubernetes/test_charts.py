"""A chart of our own through the real helm: rendered against a real control plane, applied, changed, refused, removed."""

from __future__ import annotations

import json
import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.engine import Stacks, UpdateError
from mlgate_testkit.kubernetes.kinds import RELEASE
from mlgate_testkit.kubernetes.rendering import find_helm
from mlgate_testkit.provider.provider import ProviderError, State, Unhealthy
from mlgate_testkit.provider.values import plain
from tests.rungs import not_run

from . import programs
from .values import Asked, made, resource

pytestmark = pytest.mark.cluster

IT = resource(RELEASE, "shop")
BANNERS = "banners.shop.example"
OBJECTS = {
    "Banner.shop.example/shop.example/v1": ["shop"],
    "ClusterRole.rbac.authorization.k8s.io/rbac.authorization.k8s.io/v1": ["{namespace}-reader"],
    "ConfigMap/v1": ["shop-ledger", "shop-orders", "shop-returns", "shop-settings"],
    "Deployment.apps/apps/v1": ["shop-web"],
    "Ingress.networking.k8s.io/networking.k8s.io/v1": ["shop-web"],
    "Service/v1": ["shop-web"],
    "ServiceAccount/v1": ["{namespace}/shop"],
}


@pytest.fixture(scope="module", autouse=True)
def _helm() -> None:
    if find_helm() is None:
        not_run("helm is not on this machine; run `python -m mlgate_tools cluster`")


@pytest.fixture
def chart(cluster: Cluster, tmp_path: Path) -> Iterator[Path]:
    """A copy of the chart, for the test to change. Its definition goes with the test, which helm would leave."""
    folder = tmp_path / "shop"
    shutil.copytree(Path(__file__).parent / "charts" / "shop", folder)
    yield folder
    if cluster.objects.find("CustomResourceDefinition", BANNERS):
        cluster.objects.delete("CustomResourceDefinition", BANNERS)
        # Asked for is not gone: helm would find it for the next test, leave it as it is, and then not know its kind.
        cluster.wait_for(lambda: cluster.objects.find("CustomResourceDefinition", BANNERS) is None, f"{BANNERS} gone")


def checked(asked: Asked, chart: Path, **inputs: Any) -> dict[str, Any]:
    found, failures = asked.provider.check(IT, {}, {"chart": str(chart), "name": "shop", **inputs}, b"seed")
    assert not failures
    return found


def released(asked: Asked, chart: Path, **inputs: Any) -> State:
    """The release as the engine would keep it."""
    news = checked(asked, chart, **inputs)
    made_id, outputs = asked.provider.create(IT, news, asked.run())
    return State(made_id, news, plain(outputs))


def updated(asked: Asked, old: State, chart: Path, **inputs: Any) -> State:
    news = checked(asked, chart, **inputs)
    return State(old.id, news, plain(asked.provider.update(IT, old, news, asked.run())))


def data(cluster: Cluster, namespace: str, name: str) -> dict[str, str]:
    found = cluster.objects.find("ConfigMap", name, namespace)
    assert found
    content: dict[str, str] = found["data"]
    return content


def config_maps(cluster: Cluster, namespace: str) -> set[str]:
    return {name for each in cluster.objects.list("ConfigMap", namespace) if (name := each["metadata"]["name"]) != "kube-root-ca.crt"}


def test_what_helm_renders_is_on_the_cluster_where_helm_would_put_it(asked: Asked, cluster: Cluster, namespace: str, chart: Path) -> None:
    shop = released(asked, chart)
    assert shop.outputs["resourceNames"] == {kind: [name.format(namespace=namespace) for name in names] for kind, names in OBJECTS.items()}
    about = {"name": "shop", "namespace": namespace, "chart": "shop", "version": "1.2.3", "appVersion": "4.5", "revision": 1}
    assert shop.outputs["status"] == {**about, "status": "deployed"}
    web = cluster.objects.find("Deployment", "shop-web", namespace)
    assert web
    assert web["status"]["readyReplicas"] == 1, "it was waited for"
    assert web["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert web["metadata"]["annotations"]["meta.helm.sh/release-name"] == "shop"
    assert web["metadata"]["annotations"]["meta.helm.sh/release-namespace"] == namespace
    reader = cluster.objects.find("ClusterRole", f"{namespace}-reader")
    assert reader
    assert "namespace" not in reader["metadata"]


def test_a_template_sees_the_clusters_own_version_kinds_and_objects(asked: Asked, cluster: Cluster, namespace: str, chart: Path) -> None:
    shop = released(asked, chart)
    settings = data(cluster, namespace, "shop-settings")
    assert settings == {
        "greeting": "hello",
        "kubernetes": "v1.35.0",
        "banners": "true",
        "oldBudgets": "false",
        "phase": "install",
        "before": "none",
    }
    updated(asked, shop, chart, values={"greeting": "good morning"})
    assert data(cluster, namespace, "shop-settings") == {**settings, "greeting": "good morning", "phase": "upgrade", "before": "hello"}


def test_hooks_and_tests_are_no_objects_and_the_warning_names_what_did_not_run(
    asked: Asked, cluster: Cluster, namespace: str, chart: Path
) -> None:
    released(asked, chart)
    assert cluster.objects.list("Job", namespace) == []
    assert cluster.objects.find("Pod", "shop-ping", namespace) is None
    assert asked.warnings == [
        f"this Helm release is simulated: 10 objects of {chart} are rendered by helm and applied; "
        "its hooks do not run: Job shop-migrate (pre-install,pre-upgrade)"
    ]


def test_a_preview_waits_for_the_charts_own_definitions_and_changes_nothing(
    asked: Asked, cluster: Cluster, namespace: str, chart: Path
) -> None:
    made_id, _ = asked.provider.create(IT, checked(asked, chart), asked.run(preview=True))
    assert made_id == ""
    assert asked.warnings[-1].endswith(f"{chart} is rendered in the update, once its definitions are there: {BANNERS}")
    assert cluster.objects.find("CustomResourceDefinition", BANNERS) is None
    asked.provider.create(IT, checked(asked, chart, skipCrds=True, values={"banner": False}), asked.run(preview=True))
    assert "9 objects" in asked.warnings[-1]
    assert config_maps(cluster, namespace) == set()
    assert cluster.objects.list("Secret", namespace) == []


def test_definitions_come_first_and_stay_when_the_release_goes(asked: Asked, cluster: Cluster, namespace: str, chart: Path) -> None:
    shop = released(asked, chart)
    (banner,) = cluster.objects.list("shop.example/v1/Banner", namespace)
    assert banner["spec"] == {"text": "HELLO"}
    asked.provider.delete(IT, shop, asked.run())
    assert cluster.objects.list("shop.example/v1/Banner", namespace) == []
    assert cluster.objects.find("Deployment", "shop-web", namespace) is None
    assert cluster.objects.find("ClusterRole", f"{namespace}-reader") is None
    assert config_maps(cluster, namespace) == {"shop-ledger"}, "the chart says to keep it"
    assert cluster.objects.find("CustomResourceDefinition", BANNERS), "helm leaves what lies in crds/"
    assert asked.provider.read(IT, shop.id, shop) is None


def test_a_definition_that_is_there_is_left_as_it_is(asked: Asked, cluster: Cluster, chart: Path) -> None:
    cluster.apply((chart / "crds" / "banners.yaml").read_text())
    path = chart / "crds" / "banners.yaml"
    path.write_text(path.read_text().replace("{text: {type: string}}", "{text: {type: string}, size: {type: integer}}"))
    released(asked, chart)
    found = cluster.objects.find("CustomResourceDefinition", BANNERS)
    assert found
    schema = found["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert set(schema["properties"]["spec"]["properties"]) == {"text"}


def test_without_its_definitions_a_chart_that_needs_them_is_refused(asked: Asked, cluster: Cluster, namespace: str, chart: Path) -> None:
    with pytest.raises(ProviderError, match=r'no matches for kind "Banner" in version "shop\.example/v1"'):
        released(asked, chart, skipCrds=True)
    assert cluster.objects.find("CustomResourceDefinition", BANNERS) is None
    assert config_maps(cluster, namespace) == set()
    released(asked, chart, skipCrds=True, values={"banner": False})
    assert data(cluster, namespace, "shop-settings")["banners"] == "false"


def test_what_the_chart_no_longer_renders_goes_unless_it_is_kept(asked: Asked, cluster: Cluster, namespace: str, chart: Path) -> None:
    shop = released(asked, chart)
    assert config_maps(cluster, namespace) == {"shop-ledger", "shop-orders", "shop-returns", "shop-settings"}
    shop = updated(asked, shop, chart, values={"mailer": False, "replicas": 2})
    assert config_maps(cluster, namespace) == {"shop-ledger", "shop-settings"}
    web = cluster.objects.find("Deployment", "shop-web", namespace)
    assert web
    assert web["status"]["readyReplicas"] == 2
    assert shop.outputs["status"]["revision"] == 2


@pytest.mark.parametrize("preview", [True, False])
def test_a_chart_that_does_not_render_is_named_with_what_helm_says(
    asked: Asked, cluster: Cluster, namespace: str, chart: Path, preview: bool
) -> None:
    inputs = checked(asked, chart, skipCrds=True, values={"greeting": None, "banner": False})
    said = rf"helm does not take {chart} as release {namespace}/shop: Error: .*settings\.yaml.*a shop needs a greeting; mend the template"
    with pytest.raises(ProviderError, match=said):
        asked.provider.create(IT, inputs, asked.run(preview=preview))
    assert cluster.objects.list("Secret", namespace) == [], "nothing is recorded either"


def test_a_chart_for_another_kubernetes_is_refused(asked: Asked, chart: Path) -> None:
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace(">=1.30.0-0", "<1.30.0-0"))
    with pytest.raises(ProviderError, match=r"chart requires kubeVersion: <1\.30\.0-0 which is incompatible with Kubernetes v1\.35\.0"):
        released(asked, chart)


def test_an_object_of_somebody_elses_is_not_taken_over(asked: Asked, cluster: Cluster, namespace: str, chart: Path) -> None:
    cluster.apply(made("ConfigMap", "shop-settings", data={"greeting": "theirs"}), namespace=namespace)
    with pytest.raises(ProviderError, match=r'ConfigMap "shop-settings" .*exists and cannot be imported .*invalid ownership metadata'):
        released(asked, chart)
    assert data(cluster, namespace, "shop-settings") == {"greeting": "theirs"}


def test_a_release_that_does_not_get_ready_is_kept_as_failed_and_goes_whole(
    asked: Asked, cluster: Cluster, namespace: str, chart: Path
) -> None:
    inputs = checked(asked, chart, timeout=2, values={"nodeSelector": {"is": "not-there"}})
    with pytest.raises(Unhealthy, match=r"Deployment .*shop-web is not ready") as caught:
        asked.provider.create(IT, inputs, asked.run())
    assert caught.value.resource_id == f"{namespace}/shop"
    assert caught.value.outputs["status"]["status"] == "failed"
    half = State(caught.value.resource_id, inputs, plain(caught.value.outputs))
    whole = updated(asked, half, chart)
    assert whole.outputs["status"]["status"] == "deployed"
    asked.provider.delete(IT, whole, asked.run())
    assert cluster.objects.list("Deployment", namespace) == []


def test_another_version_of_the_chart_is_a_change_and_another_template_alone_is_none(asked: Asked, chart: Path) -> None:
    old = State("web/shop", checked(asked, chart), {})
    (chart / "templates" / "mail.yaml").unlink()
    assert not asked.provider.diff(IT, old, checked(asked, chart)).changed
    about = chart / "Chart.yaml"
    about.write_text(about.read_text().replace("1.2.3", "1.3.0"))
    assert set(asked.provider.diff(IT, old, checked(asked, chart)).changed) == {"version"}


@pytest.mark.engine
@pytest.mark.usefixtures("kubernetes_standin")
def test_a_release_goes_through_the_engine(cluster: Cluster, namespace: str, chart: Path, stack: Stacks) -> None:
    shop = stack("dev", program=programs.chart, config={"namespace": namespace, "chart": str(chart)})
    shop.up()
    assert shop.outputs["names"] == ["shop-ledger", "shop-orders", "shop-returns", "shop-settings"]
    assert shop.preview().nothing()
    shop.change(config={"greeting": "good morning"})
    assert [step.name for step in shop.up().updated(RELEASE)] == ["shop"]
    assert data(cluster, namespace, "shop-settings")["greeting"] == "good morning"
    secret = cluster.objects.find("Secret", "mlgate-testkit-release.shop", namespace)
    assert secret
    assert json.loads(b64decode(secret["data"]["release"]))["revision"] == 2
    settings = chart / "templates" / "settings.yaml"
    settings.write_text(settings.read_text().replace("| quote", "| quot"))
    shop.change(config={"greeting": "good evening"})
    with pytest.raises(UpdateError, match=rf'helm does not take {chart} as release {namespace}/shop: .*function "quot" not defined'):
        shop.preview()
