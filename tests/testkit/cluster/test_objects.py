"""Manifests as text and as values; what is no object is named; the public names are complete and light."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mlgate_testkit import cluster
from mlgate_testkit.cluster import ClusterError
from mlgate_testkit.cluster.manifests import parse_manifests
from mlgate_testkit.cluster.objects import Kind

NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
MANIFESTS = st.builds(
    lambda name, data: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data},
    NAMES,
    st.dictionaries(NAMES, NAMES, max_size=3),
)


@given(st.lists(MANIFESTS, max_size=4))
def test_objects_are_the_same_as_text_and_as_values(manifests: list[dict[str, object]]) -> None:
    assert list(parse_manifests(yaml.safe_dump_all(manifests))) == manifests
    assert list(parse_manifests(manifests)) == manifests


def test_one_object_needs_no_list_and_empty_documents_are_none() -> None:
    one = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
    assert list(parse_manifests(one)) == [one]
    assert list(parse_manifests("---\n---\n")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "just text",
        {"kind": "Pod", "metadata": {"name": "x"}},
        {"apiVersion": "v1", "kind": "Pod"},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {}},
    ],
)
def test_what_is_no_object_is_named_with_its_place(wrong: object) -> None:
    sound = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}
    with pytest.raises(ClusterError, match="is no Kubernetes object") as caught:
        parse_manifests([sound, wrong])  # type: ignore[list-item]
    assert caught.value.where == "manifest 2 of 2"


def test_what_is_no_yaml_is_said() -> None:
    with pytest.raises(ClusterError, match="is no YAML"):
        parse_manifests("a: [")


def test_paths_are_those_of_the_api() -> None:
    pod, role = Kind("Pod", "v1", "pods", True), Kind("ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", False)
    assert pod.collection("default") == "/api/v1/namespaces/default/pods"
    assert pod.collection(None) == "/api/v1/pods"
    assert role.collection("default") == "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def test_the_public_names_are_sorted_and_there() -> None:
    assert cluster.__all__ == sorted(cluster.__all__)
    assert all(getattr(cluster, name).__name__ == name for name in cluster.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = cluster.Nothing


def test_the_keeper_needs_neither_the_kubernetes_client_nor_pydantic() -> None:
    """It runs beside every cluster, and each megabyte of it counts."""
    code = (
        "import mlgate_testkit.cluster.keeper, sys\n"
        "assert not {'kubernetes', 'pydantic', 'psutil', 'cryptography', 'yaml'} & set(sys.modules), 'heavy'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
