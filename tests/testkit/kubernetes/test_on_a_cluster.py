"""What is created, changed, refreshed and imported, one resource at a time on a real API server, asked as the engine asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.provider.provider import Kind, ProviderError
from mlgate_testkit.provider.values import UNKNOWN, Secret

from .values import Asked, annotated, deployment, made, resource

pytestmark = pytest.mark.cluster

DATA = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xyz \n", max_size=5), max_size=4)
ON_A_CLUSTER = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_preview_asks_the_server_and_makes_nothing(asked: Asked, cluster: Cluster, namespace: str) -> None:
    planned = asked.preview(deployment())
    assert planned["spec"]["template"]["spec"]["containers"][0]["terminationMessagePath"] == "/dev/termination-log"
    assert planned["metadata"]["uid"] is UNKNOWN
    assert planned["status"] is UNKNOWN
    assert cluster.objects.list("Deployment", namespace) == []


def test_a_preview_asks_nothing_about_what_is_not_known_yet(asked: Asked) -> None:
    unknown = made("ServiceAccount", "robot", secrets=[{"name": UNKNOWN}])
    planned = asked.preview(unknown)
    assert planned["secrets"] == [{"name": UNKNOWN}]
    old = asked.create(made("ServiceAccount", "robot"))
    planned = asked.update(old, unknown, preview=True).outputs
    assert planned["secrets"] == [{"name": UNKNOWN}]
    assert planned["metadata"]["uid"] == old.outputs["metadata"]["uid"]


def test_what_is_created_lies_there_with_the_names_of_the_real_provider(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = asked.create(made("ConfigMap", data={"a": "1"}), name="settings")
    name = old.outputs["metadata"]["name"]
    assert old.id == f"{namespace}/{name}"
    assert name.startswith("settings-")
    found = cluster.objects.find("ConfigMap", name, namespace)
    assert found
    assert found["data"] == {"a": "1"}
    assert found["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert [entry["manager"] for entry in found["metadata"]["managedFields"]] == ["pulumi-kubernetes"]
    assert found["metadata"]["uid"] == old.outputs["metadata"]["uid"]


def test_the_name_of_the_preview_is_that_of_the_update_and_stays(asked: Asked) -> None:
    planned = asked.preview(made("ConfigMap", data={}), name="settings")
    old = asked.create(made("ConfigMap", data={}), name="settings")
    assert planned["metadata"]["name"] == old.outputs["metadata"]["name"]
    assert asked.diff(old, made("ConfigMap", data={})).changed == {}


@ON_A_CLUSTER
@given(first=DATA, second=DATA)
def test_any_config_map_is_settled_and_changes_by_a_new_one(asked: Asked, first: dict[str, str], second: dict[str, str]) -> None:
    old = asked.create(made("ConfigMap", data=first))
    try:
        assert asked.diff(old, made("ConfigMap", data=first)).changed == {}
        refreshed = asked.refresh(old)
        assert refreshed
        assert asked.diff(refreshed, made("ConfigMap", data=first)).changed == {}
        change = asked.diff(old, made("ConfigMap", data=second))
        assert set(change.replace) == set(change.changed)
        assert bool(change.changed) == (first != second)
        assert not change.delete_before_replace
    finally:
        asked.delete(old)


@ON_A_CLUSTER
@given(
    before=st.tuples(st.integers(0, 3), st.sampled_from(["web:1", "web:2"]), st.sampled_from(["100m", "1000m", "1", "0.5"])),
    after=st.tuples(st.integers(0, 3), st.sampled_from(["web:1", "web:2"]), st.sampled_from(["100m", "1000m", "1", "0.5"])),
)
def test_any_deployment_is_settled_and_changes_in_place(asked: Asked, before: tuple[int, str, str], after: tuple[int, str, str]) -> None:
    def program(replicas: int, image: str, cpu: str) -> dict[str, Any]:
        value = deployment("web", replicas=replicas, image=image)
        value["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": cpu}}
        return annotated(value, skipAwait="true")

    old = asked.create(program(*before))
    try:
        refreshed = asked.refresh(old)
        assert refreshed
        for known in (old, refreshed):
            assert asked.diff(known, program(*before)).changed == {}
            change = asked.diff(known, program(*after))
            assert not change.replace
            assert bool(change.changed) == (before != after)
        new = asked.update(refreshed, program(*after))
        assert new.outputs["spec"]["replicas"] == after[0]
        assert asked.diff(new, program(*after)).changed == {}
    finally:
        asked.delete(replace(old, inputs=deployment()))  # not annotated, so that it is waited for


def test_a_changed_selector_needs_a_new_deployment_and_with_a_name_of_ones_own_the_old_one_goes_first(asked: Asked) -> None:
    for name, first in (("web", True), ("", False)):
        old = asked.create(annotated(deployment(name), skipAwait="true"))
        change = asked.diff(old, annotated(deployment(name, label="other"), skipAwait="true"))
        assert change.replace == {"spec.selector.matchLabels.app"}
        assert change.delete_before_replace == first


def test_another_namespace_is_another_object(asked: Asked) -> None:
    old = asked.create(made("ServiceAccount", "robot"))
    moved = made("ServiceAccount", "robot")
    moved["metadata"]["namespace"] = "default"
    change = asked.diff(old, moved)
    assert change.replace == {"metadata.namespace"}
    assert not change.delete_before_replace


def test_a_field_that_the_server_calls_immutable_fails_in_the_preview_with_the_remedy(asked: Asked) -> None:
    old = asked.create(made("ConfigMap", "fixed", data={"a": "1"}, immutable=True))
    loosened = made("ConfigMap", "fixed", data={"a": "1"}, immutable=False)
    assert not asked.diff(old, loosened).replace
    with pytest.raises(ProviderError, match=r"immutable.*replace_on_changes=\['immutable'\]"):
        asked.update(old, loosened, preview=True)


def test_drift_made_by_hand_is_seen_by_a_refresh_and_put_right(asked: Asked, cluster: Cluster, namespace: str) -> None:
    program = annotated(deployment(), skipAwait="true")
    old = asked.create(program)
    cluster.objects.patch("Deployment", "web", {"spec": {"replicas": 4}, "metadata": {"labels": {"by": "hand"}}}, namespace)
    drifted = asked.refresh(old)
    assert drifted
    assert asked.diff(drifted, program).changed == {"spec.replicas": Kind.UPDATE}
    with pytest.raises(ProviderError, match="belongs to"):
        asked.update(drifted, program)
    assert asked.update(drifted, annotated(deployment(), skipAwait="true", patchForce="true")).outputs["spec"]["replicas"] == 1


def test_what_was_deleted_by_hand_is_gone_in_a_refresh_and_an_update_says_so(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = asked.create(made("ServiceAccount", "robot"))
    cluster.objects.delete("ServiceAccount", "robot", namespace)
    cluster.wait_for(lambda: cluster.objects.find("ServiceAccount", "robot", namespace) is None, "it is gone")
    assert asked.refresh(old) is None
    with pytest.raises(ProviderError, match="gone from the cluster; run `pulumi refresh`"):
        asked.update(old, made("ServiceAccount", "robot", automountServiceAccountToken=False))
    asked.delete(old)


def test_an_import_reads_what_a_program_has_to_declare(asked: Asked, cluster: Cluster, namespace: str) -> None:
    cluster.apply(made("ConfigMap", "there", data={"a": "1"}), namespace=namespace)
    found = asked.provider.read(resource("kubernetes:core/v1:ConfigMap"), f"{namespace}/there", None)
    assert found
    assert found.inputs == {**made("ConfigMap", "there", data={"a": "1"}), "metadata": {"name": "there", "namespace": namespace}}
    assert asked.provider.read(resource("kubernetes:core/v1:ConfigMap"), f"{namespace}/absent", None) is None


def test_the_content_of_a_secret_is_marked_in_inputs_and_outputs(asked: Asked) -> None:
    inputs, _ = asked.provider.check(resource("kubernetes:core/v1:Secret"), {}, made("Secret", "s", stringData={"k": "hunter2"}), b"")
    assert isinstance(inputs["stringData"], Secret)
    planned = asked.preview(made("Secret", "s", stringData={"k": "hunter2"}))
    assert "hunter2" not in repr(planned)
    old = asked.create(made("Secret", "s", stringData={"k": "hunter2"}))
    assert old.outputs["data"] == {"k": "aHVudGVyMg=="}
    assert asked.diff(old, made("Secret", "s", stringData={"k": "other"})).replace == {"stringData.k"}


def definition(group: str) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer"}, "any": {"x_kubernetes_int_or_string": True}}}
        },
    }
    return made(
        "CustomResourceDefinition",
        f"widgets.{group}",
        api="apiextensions.k8s.io/v1",
        spec={
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    )


def test_a_definition_brings_a_kind_which_is_validated_updated_and_goes_with_it(asked: Asked, namespace: str) -> None:
    group = f"{namespace}.example.com"
    known = asked.create(definition(group))
    widget = asked.create(made("Widget", "w", api=f"{group}/v1", spec={"size": 1, "any": "1"}))
    with pytest.raises(ProviderError, match="sise"):
        asked.preview(made("Widget", "v", api=f"{group}/v1", spec={"sise": 1}))
    assert asked.update(widget, made("Widget", "w", api=f"{group}/v1", spec={"size": 2})).outputs["spec"] == {"size": 2}
    wider = definition(group)
    wider["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["sise"] = {"type": "integer"}
    assert not asked.diff(known, wider).replace
    known = asked.update(known, wider)
    assert asked.refresh(widget), "its objects stay"
    asked.delete(known)
    asked.delete(widget)
    assert asked.refresh(widget) is None


def test_manifests_are_decoded_for_the_sdks_yaml_resources(asked: Asked) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {day: 2026-01-02}\n---\n---\nkind: None\n"
    arguments = {"text": text, "defaultNamespace": "web"}
    (found,) = asked.provider.invoke("kubernetes:yaml:decode", arguments, preview=False)["result"]
    assert found == {**made("ConfigMap", "a", data={"day": "2026-01-02"}), "metadata": {"name": "a", "namespace": "web"}}
    (node,) = asked.provider.invoke(
        "kubernetes:yaml:decode", {"text": "{apiVersion: v1, kind: Node, metadata: {name: n}}", "defaultNamespace": "web"}, preview=False
    )["result"]
    assert "namespace" not in node["metadata"]


def test_what_the_api_server_adds_to_a_pod_is_no_drift_and_survives_an_update(asked: Asked) -> None:
    container = {"name": "main", "image": "web:1", "volumeMounts": [{"name": "own", "mountPath": "/own"}]}
    pod = made("Pod", "web", spec={"containers": [container], "volumes": [{"name": "own", "emptyDir": {}}]})
    old = asked.create(pod)
    volumes = [each["name"].split("-")[0] for each in old.outputs["spec"]["volumes"]]
    assert volumes == ["own", "kube"], "the token of its service account"
    refreshed = asked.refresh(old)
    assert refreshed
    assert not asked.diff(refreshed, pod).changed
    container["image"] = "web:2"
    assert asked.update(refreshed, pod).outputs["spec"]["containers"][0]["image"] == "web:2"
