"""Helm releases, simulated: what is recorded, and where a chart lies. What helm makes of one is in test_charts."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.kubernetes import KubernetesStandIn, rendering
from mlgate_testkit.kubernetes.charts import find_chart
from mlgate_testkit.kubernetes.kinds import RELEASE
from mlgate_testkit.provider.provider import Difference, ProviderError, State
from mlgate_testkit.provider.values import UNKNOWN, Asset, plain
from mlgate_tools.tool import Tool

from .values import Asked, resource

IT = resource(RELEASE, "metrics")


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    folder = tmp_path / "metrics"
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: metrics\nversion: 1.2.3\nappVersion: '4.5'\n")
    (folder / "templates" / "config.yaml").write_text("a: 1\n")
    return folder


def released(asked: Asked, inputs: dict[str, Any]) -> State:
    checked, failures = asked.provider.check(IT, {}, inputs, b"seed")
    assert not failures
    made_id, outputs = asked.provider.create(IT, checked, asked.run())
    return State(made_id, checked, plain(outputs))


def record(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    secret = cluster.objects.find("Secret", f"mlgate-testkit-release.{name}", namespace)
    assert secret
    content: dict[str, Any] = json.loads(b64decode(secret["data"]["release"]))
    return content


def test_the_digest_of_a_chart_is_that_of_its_content(chart: Path, tmp_path: Path) -> None:
    first = find_chart(str(chart))
    moved = tmp_path / "moved"
    shutil.copytree(chart, moved)
    assert first
    assert (first.name, first.version, first.app_version) == ("metrics", "1.2.3", "4.5")
    assert find_chart(str(moved)) == type(first)(moved, first.digest, "metrics", "1.2.3", "4.5")
    (moved / "templates" / "config.yaml").write_text("a: 2\n")
    changed = find_chart(str(moved))
    assert changed
    assert changed.digest != first.digest


def test_a_chart_may_be_an_archive_and_one_in_a_repository_is_not_at_hand(chart: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "metrics-1.2.3.tgz", "w:gz") as archive:
        archive.add(chart, "metrics")
    found = find_chart(str(tmp_path / "metrics-1.2.3.tgz"))
    assert found
    assert (found.name, found.version) == ("metrics", "1.2.3")
    assert find_chart("prometheus-community/metrics") is None


def test_what_is_no_chart_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "notes.tgz").write_text("no archive")
    for path in (tmp_path, tmp_path / "notes.tgz"):
        with pytest.raises(ProviderError, match=f"{path} is no Helm chart"):
            find_chart(str(path))


@pytest.mark.parametrize("named", ["./charts/metrics", "../metrics", "/nowhere/metrics", "~/nowhere/metrics", "metrics-1.2.3.tgz"])
def test_a_chart_that_can_only_be_on_this_machine_and_is_not_is_an_error(nowhere: Asked, named: str) -> None:
    _, failures = nowhere.provider.check(IT, {}, {"chart": named}, b"")
    (reason,) = [failure.reason for failure in failures if failure.property == "chart"]
    assert re.fullmatch(r"there is no Helm chart at /.*; a relative path begins in the program's folder", reason)
    assert find_chart("https://charts.example/metrics-1.2.3.tgz") is None
    assert find_chart("oci://registry.example/metrics") is None


@pytest.mark.cluster
def test_a_release_of_a_chart_elsewhere_is_recorded_and_says_that_it_is_simulated(asked: Asked, cluster: Cluster, namespace: str) -> None:
    inputs = {"chart": "metrics", "version": "1.0.0", "repositoryOpts": {"repo": "https://charts.example"}, "values": {"replicas": 2}}
    old = released(asked, inputs)
    assert asked.warnings == [
        "this Helm release is simulated: the chart metrics is not on this machine, so only chart, version and values are recorded"
    ]
    name = old.outputs["name"]
    assert old.id == f"{namespace}/{name}"
    found = record(cluster, namespace, name)
    assert (found["chart"], found["version"], found["repository"]) == ("metrics", "1.0.0", "https://charts.example")
    assert (found["values"], found["digest"], found["rendered"]) == ({"replicas": 2}, "", False)
    assert old.outputs["status"]["status"] == "deployed"
    asked.provider.delete(IT, old, asked.run())
    assert asked.provider.read(IT, old.id, old) is None


@pytest.fixture
def without_helm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgate_testkit.kubernetes.helm.find_helm", lambda: None)


@pytest.mark.cluster
@pytest.mark.usefixtures("without_helm")
def test_a_chart_at_hand_is_recorded_with_its_digest(asked: Asked, cluster: Cluster, namespace: str, chart: Path) -> None:
    old = released(asked, {"chart": str(chart), "name": "metrics"})
    known = find_chart(str(chart))
    assert known
    assert record(cluster, namespace, "metrics")["digest"] == known.digest
    assert "no helm is here (`python -m mlgate_tools cluster` gets it), so only the digest of" in asked.warnings[0]
    assert old.outputs["status"]["version"] == "1.2.3"


@pytest.mark.cluster
def test_a_release_makes_its_namespace_where_it_is_told_to(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = released(asked, {"chart": "metrics", "name": "metrics", "namespace": f"{namespace}-own", "createNamespace": True})
    assert cluster.objects.find("Namespace", f"{namespace}-own")
    asked.provider.delete(IT, old, asked.run())
    assert cluster.objects.find("Namespace", f"{namespace}-own"), "helm leaves it too"
    cluster.objects.delete("Namespace", f"{namespace}-own")


@pytest.mark.cluster
def test_a_preview_of_a_release_knows_no_status_and_records_nothing(asked: Asked, cluster: Cluster, namespace: str) -> None:
    inputs, _ = asked.provider.check(IT, {}, {"chart": UNKNOWN, "values": {"a": UNKNOWN}}, b"")
    made_id, outputs = asked.provider.create(IT, inputs, asked.run(preview=True))
    assert (made_id, outputs["status"]) == ("", UNKNOWN)
    assert cluster.objects.list("Secret", namespace) == []


@pytest.mark.cluster
def test_an_import_and_a_change_by_hand_are_read_from_the_record(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = released(asked, {"chart": "metrics", "name": "metrics", "version": "1.0.0"})
    imported = asked.provider.read(IT, old.id, None)
    assert imported
    assert imported.inputs == {"chart": "metrics", "version": "1.0.0", "name": "metrics", "namespace": namespace}
    by_hand = json.dumps({**record(cluster, namespace, "metrics"), "version": "2.0.0"})
    cluster.objects.patch("Secret", "mlgate-testkit-release.metrics", {"stringData": {"release": by_hand}}, namespace)
    drifted = asked.provider.read(IT, old.id, old)
    assert drifted
    assert set(asked.provider.diff(IT, drifted, old.inputs).changed) == {"version"}


def test_another_name_is_another_release(nowhere: Asked) -> None:
    old = State("web/metrics", {"chart": "metrics", "name": "metrics"}, {})
    difference: Difference = nowhere.provider.diff(IT, old, {"chart": "metrics", "name": "other"})
    assert difference.replace == {"name"}
    assert [failure.property for failure in nowhere.provider.check(IT, {}, {}, b"")[1]] == ["chart"]


def test_the_pinned_helm_comes_before_the_one_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = tmp_path / "helm"
    theirs.write_text("#!/bin/sh\n")
    theirs.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(rendering, "find_module", lambda name: Tool(name, Path("/cache/bin/helm"), "3.20.2", "built"))
    assert rendering.find_helm() == Path("/cache/bin/helm")
    monkeypatch.setattr(rendering, "find_module", lambda _name: None)
    assert rendering.find_helm() == theirs
    theirs.unlink()
    assert rendering.find_helm() is None


def test_values_come_from_text_and_files_and_not_from_the_network(nowhere: Asked, tmp_path: Path) -> None:
    for asset in (Asset(uri="https://example"), Asset(path=str(tmp_path / "absent.yaml"))):
        with pytest.raises(ProviderError, match="valueYamlFiles"):
            nowhere.provider.create(IT, {"chart": "m", "name": "m", "namespace": "n", "valueYamlFiles": [asset]}, nowhere.run(preview=True))


@pytest.fixture
def nowhere() -> Asked:
    return Asked(KubernetesStandIn().configure({"kubeconfig": UNKNOWN}))
