"""Objects as plain values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlgate_testkit.kubernetes.objects import (
    as_manifest,
    as_outputs,
    as_planned,
    automatic_name,
    declared,
    echo,
    identity,
    prune,
    split_identity,
    to_check,
)
from mlgate_testkit.provider.values import UNKNOWN, Secret

from .values import made

texts = st.text("ab", min_size=1, max_size=2)
values = st.recursive(
    st.booleans() | st.integers(-3, 3) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=4)


def test_an_automatic_name_is_the_name_and_eight_digits_of_the_seed() -> None:
    assert automatic_name("web", b"1") == automatic_name("web", b"1")
    assert automatic_name("web", b"1") != automatic_name("web", b"2")
    name, _, digits = automatic_name("web-front", b"1").rpartition("-")
    assert name == "web-front"
    assert len(bytes.fromhex(digits)) == 4


@given(texts, texts)
def test_an_identity_is_namespace_and_name_and_back(namespace: str, name: str) -> None:
    value = {"metadata": {"name": name, "namespace": namespace}}
    assert identity(value) == f"{namespace}/{name}"
    assert split_identity(identity(value)) == (namespace, name)


def test_an_object_outside_namespaces_is_its_name() -> None:
    assert identity({"metadata": {"name": "node"}}) == "node"
    assert split_identity("node") == ("", "node")


def test_what_only_the_server_sets_is_no_input() -> None:
    inputs = made("Pod", "a", spec=None)
    inputs["metadata"] |= {"uid": "1", "resourceVersion": "2", "managedFields": [], "labels": {"a": None}}
    assert to_check(inputs) == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {}}}
    assert inputs["metadata"]["uid"] == "1"


@given(objects, objects)
def test_pruning_keeps_the_shape_and_takes_the_values_of_what_lies_there(live: dict[str, Any], shape: dict[str, Any]) -> None:
    pruned = prune(live, shape)
    assert set(pruned) == set(live) & set(shape)
    assert prune(live, live) == live
    assert prune(pruned, shape) == pruned


@given(objects)
def test_what_the_server_adds_is_pruned_away(wanted: dict[str, Any]) -> None:
    def grown(value: Any) -> Any:
        if isinstance(value, dict):
            return {**{key: grown(member) for key, member in value.items()}, "added": 1}
        return [grown(member) for member in value] if isinstance(value, list) else value

    assert prune(grown(wanted), wanted) == wanted


def test_a_list_of_another_length_is_told_whole() -> None:
    assert prune({"a": [{"b": 1, "c": 2}, {"b": 3}]}, {"a": [{"b": 1}]}) == {"a": [{"b": 1, "c": 2}, {"b": 3}]}


def test_the_schema_of_a_definition_goes_with_dashes_and_comes_back_with_underscores() -> None:
    inputs = {"schema": [{"x_kubernetes_int_or_string": True, "x_other": 1}]}
    assert as_manifest(inputs) == {"schema": [{"x-kubernetes-int-or-string": True, "x_other": 1}]}
    assert as_outputs(as_manifest(inputs), "me") == {**inputs, "__fieldManager": "me"}


def test_the_content_of_a_secret_is_secret_whatever_the_program_says() -> None:
    outputs = as_outputs(made("Secret", "a", data={"key": "dmFsdWU="}), "me")
    assert outputs["data"] == Secret({"key": "dmFsdWU="})
    assert as_outputs(made("ConfigMap", "a", data={"key": "value"}), "me")["data"] == {"key": "value"}


def test_a_preview_without_a_cluster_repeats_the_inputs_and_knows_no_status() -> None:
    outputs = echo(made("Pod", "a", spec={"x": UNKNOWN}))
    assert outputs["spec"] == {"x": UNKNOWN}
    assert outputs["status"] is UNKNOWN
    assert outputs["metadata"] == {"name": "a", "creationTimestamp": UNKNOWN, "uid": UNKNOWN, "resourceVersion": UNKNOWN}


def test_the_identity_of_an_object_that_stays_is_known_in_a_preview() -> None:
    assert echo(made("Pod", "a"), {"metadata": {"uid": "1"}})["metadata"]["uid"] == "1"


def test_what_a_dry_run_makes_up_is_unknown() -> None:
    planned = made("Service", "a", spec={"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ports": [{"port": 80, "nodePort": 30001}]})
    planned["metadata"] |= {"uid": "1", "resourceVersion": "2", "creationTimestamp": "now", "managedFields": []}
    outputs = as_planned(planned, {"spec": {"ports": [{"port": 80}]}}, "me", creating=True)
    assert outputs["spec"] == {"clusterIP": UNKNOWN, "clusterIPs": UNKNOWN, "ports": [{"port": 80, "nodePort": UNKNOWN}]}
    assert outputs["metadata"] == {"name": "a", "uid": UNKNOWN, "resourceVersion": UNKNOWN, "creationTimestamp": UNKNOWN}
    asked = as_planned(planned, {"spec": {"clusterIP": "10.0.0.7", "ports": [{"port": 80, "nodePort": 30001}]}}, "me", creating=True)
    assert asked["spec"]["clusterIP"] == "10.0.0.7"
    assert asked["spec"]["ports"] == [{"port": 80, "nodePort": 30001}]


@pytest.mark.parametrize("kept", [{"team": "web"}, {}])
def test_an_import_declares_what_the_server_did_not_add(kept: dict[str, str]) -> None:
    live = made("Deployment", "a", api="apps/v1", spec={"replicas": 1}, status={"replicas": 1})
    live["metadata"] |= {"uid": "1", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": "1", **kept}}
    about = {"name": "a", "annotations": kept} if kept else {"name": "a"}
    assert declared(live) == {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": {"replicas": 1}}
