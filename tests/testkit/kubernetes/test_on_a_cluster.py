"""One resource at a time on a real API server, asked as the engine asks."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.kubernetes import KubernetesStandIn
from mlgate_testkit.kubernetes.connection import ApiError, Connection, Unreachable
from mlgate_testkit.provider.provider import Kind, ProviderError, State, Unhealthy
from mlgate_testkit.provider.values import UNKNOWN, Secret

from .values import Asked, annotated, deployment, made, resource

pytestmark = pytest.mark.cluster

UNWAITED = {"pulumi.com/skipAwait": "true"}
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


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        (made("ConfigMap", "a", dta={"x": "y"}), 'unknown field "dta"'),
        (deployment(replica=3), 'unknown field "spec.replica"'),
        (made("Service", "s", spec={"port": [], "ports": [{"port": "x"}]}), "port"),
    ],
)
def test_a_misspelt_field_is_named_in_the_preview(asked: Asked, inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(ProviderError, match=f"{inputs['kind']} .*{field}"):
        asked.preview(inputs)


def test_a_misspelt_field_is_named_in_an_update(asked: Asked) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    for preview in (True, False):
        with pytest.raises(ProviderError, match="replica"):
            asked.update(old, annotated(deployment(replica=2), skipAwait="true"), preview=preview)


def test_a_value_that_breaks_a_rule_is_told_in_the_servers_words(asked: Asked) -> None:
    with pytest.raises(ProviderError, match=r"spec.ports"):
        asked.preview(made("Service", "web", spec={"ports": [{"port": 99999}]}))


def test_a_kind_that_no_cluster_has_is_refused_with_the_nearest(asked: Asked) -> None:
    with pytest.raises(ProviderError, match=r"apps/v1 Deploymnt is not served.*nearest kind that is: apps/v1 Deployment"):
        asked.check(made("Deploymnt", "a", api="apps/v1"))
    with pytest.raises(ProviderError, match="policy/v1 PodDisruptionBudget"):
        asked.check(made("PodDisruptionBudget", "a", api="policy/v1beta1"))


def test_a_custom_kind_may_come_with_the_same_update_so_a_preview_only_warns(asked: Asked) -> None:
    planned = asked.preview(made("Widget", "w", api="example.com/v1", spec={"size": 1}))
    assert planned["spec"] == {"size": 1}
    assert planned["status"] is UNKNOWN
    assert "example.com/v1 Widget is not served" in asked.warnings[0]


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


def test_an_object_that_exists_already_is_not_taken_over(asked: Asked, cluster: Cluster, namespace: str) -> None:
    cluster.apply(made("ConfigMap", "there", data={"a": "theirs"}), namespace=namespace)
    with pytest.raises(ProviderError, match="exists on the cluster already; import it"):
        asked.create(made("ConfigMap", "there", data={"a": "ours"}))
    found = cluster.objects.find("ConfigMap", "there", namespace)
    assert found
    assert found["data"] == {"a": "theirs"}


def test_an_object_that_exists_already_is_taken_over_where_the_provider_says_so(cluster: Cluster, namespace: str) -> None:
    cluster.apply(made("ConfigMap", "there", data={"a": "theirs"}), namespace=namespace)
    given = {"kubeconfig": str(cluster.kubeconfig), "namespace": namespace, "upsertExistingObjects": "true", "enablePatchForce": "true"}
    old = Asked(KubernetesStandIn().configure(given)).create(made("ConfigMap", "there", data={"a": "ours"}))
    assert old.outputs["data"] == {"a": "ours"}


def test_a_field_of_another_owner_is_not_overwritten_and_both_are_named(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    old = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true"))
    manager = old.outputs["__fieldManager"]
    cluster.objects.patch("Deployment", "web", {"spec": {"replicas": 5}}, namespace)
    for preview in (True, False):
        with pytest.raises(ProviderError, match=rf"Deployment {namespace}/web: the field manager {manager} .*spec\.replicas belongs to"):
            asked.update(old, annotated(deployment(replicas=2), skipAwait="true"), preview=preview)
    forced = asked.update(old, annotated(deployment(replicas=2), skipAwait="true", patchForce="true"))
    assert forced.outputs["spec"]["replicas"] == 2


def test_a_field_that_the_program_ignores_is_left_to_whoever_scales_it(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    old = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true"))
    cluster.objects.patch("Deployment", "web", {"spec": {"replicas": 5}}, namespace)
    changed = annotated(deployment(image="web:3"), skipAwait="true")
    for preview in (True, False):
        new = asked.update(old, changed, preview=preview, ignored=("spec.replicas",))
        assert new.outputs["spec"]["replicas"] == 5
        assert new.outputs["spec"]["template"]["spec"]["containers"][0]["image"] == "web:3"


def test_the_first_update_does_not_conflict_with_the_create(asked: Asked) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    changed = annotated(deployment(replicas=2), skipAwait="true")
    assert asked.update(old, changed, preview=True).outputs["spec"]["replicas"] == 2
    new = asked.update(old, changed)
    managers = {entry["manager"] for entry in new.outputs["metadata"]["managedFields"] if not entry.get("subresource")}
    assert managers == {new.outputs["__fieldManager"]}


def test_a_program_that_chooses_another_manager_leaves_nothing_to_the_old_one(asked: Asked) -> None:
    old = asked.create(annotated(deployment(), skipAwait="true"))
    old = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true"))
    new = asked.update(old, annotated(deployment(image="web:2"), skipAwait="true", patchFieldManager="mine"))
    assert new.outputs["__fieldManager"] == "mine"
    refreshed = asked.refresh(new)
    assert refreshed
    owners = {entry["manager"] for entry in refreshed.outputs["metadata"]["managedFields"] if entry["operation"] == "Apply"}
    assert owners == {"mine"}


def test_a_field_that_the_program_gives_up_goes(asked: Asked) -> None:
    old = asked.create(made("ServiceAccount", "robot", automountServiceAccountToken=False))
    new = asked.update(old, made("ServiceAccount", "robot"))
    assert "automountServiceAccountToken" not in new.outputs


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


def test_a_patch_changes_some_fields_of_an_object_and_gives_them_up_again(asked: Asked, cluster: Cluster, namespace: str) -> None:
    cluster.apply(made("ConfigMap", "shared", data={"theirs": "1"}), namespace=namespace)
    ours = asked.create(made("ConfigMap", "shared", data={"ours": "2"}), suffix="Patch")
    assert ours.outputs["data"] == {"theirs": "1", "ours": "2"}
    ours = asked.update(ours, made("ConfigMap", "shared", data={"ours": "3"}), suffix="Patch")
    assert not asked.diff(ours, made("ConfigMap", "shared", data={"ours": "4"}), suffix="Patch").replace
    asked.delete(ours, suffix="Patch")
    found = cluster.objects.find("ConfigMap", "shared", namespace)
    assert found
    assert found["data"] == {"theirs": "1"}


def test_a_patch_needs_a_name_and_does_not_give_up_what_the_object_needs(asked: Asked) -> None:
    _, failures = asked.check_all(made("Deployment", api="apps/v1", spec={"replicas": 2}), suffix="Patch")
    assert [failure.property for failure in failures] == ["metadata.name"]
    whole = asked.create(annotated(deployment(), skipAwait="true"), suffix="Patch")
    with pytest.raises(ProviderError, match=r"spec.*which only this Patch resource sets; set retain_on_delete"):
        asked.delete(whole, suffix="Patch")


def test_a_namespace_of_the_same_update_is_waited_for_and_unknown_in_the_preview(
    asked: Asked, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = threading.Event()
    whole = Connection.request

    def watched(self: Connection, *request: Any, **more: Any) -> dict[str, Any]:
        try:
            return whole(self, *request, **more)
        except ApiError as error:
            if error.about == "namespaces":
                refused.set()
            raise

    inside = made("ConfigMap", "a", data={})
    inside["metadata"]["namespace"] = f"{namespace}-late"
    assert asked.preview(inside)["status"] is UNKNOWN
    monkeypatch.setattr(Connection, "request", watched)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asked.create, inside)
        assert refused.wait(20)
        cluster.apply(made("Namespace", f"{namespace}-late"))
        assert waiting.result(30).id == f"{namespace}-late/a"
    cluster.objects.delete("Namespace", f"{namespace}-late")


def test_a_create_with_nowhere_to_go_ends_with_ctrl_c(asked: Asked) -> None:
    inside = made("ConfigMap", "a", data={})
    inside["metadata"]["namespace"] = "nowhere"
    asked.cancelled.set()
    with pytest.raises(ProviderError, match='namespaces "nowhere" not found'):
        asked.create(inside)


def test_a_deployment_is_awaited_until_its_pods_are_ready(asked: Asked) -> None:
    old = asked.create(deployment(replicas=2))
    assert old.outputs["status"]["readyReplicas"] == 2
    new = asked.update(old, deployment(replicas=3, image="web:2"))
    assert new.outputs["status"]["readyReplicas"] == 3
    assert new.outputs["status"]["updatedReplicas"] == 3
    assert asked.refresh(new)


def test_a_rollout_that_cannot_succeed_names_its_pods_and_is_kept_for_the_next_update(asked: Asked) -> None:
    stuck = deployment()
    stuck["spec"]["template"]["spec"]["nodeSelector"] = {"is": "not-there"}
    with pytest.raises(Unhealthy) as failure:
        asked.create(stuck, timeout_s=2)
    said = failure.value.reasons
    assert said[0].endswith("/web is not ready")
    assert said[1] == "it was not so within 2 s"
    assert any(reason.startswith("Pod web-") and "node" in reason for reason in said)
    old = State(failure.value.resource_id, failure.value.inputs, failure.value.outputs)
    with pytest.raises(Unhealthy, match="is not ready"):
        asked.refresh(old)
    assert asked.update(old, deployment()).outputs["status"]["readyReplicas"] == 1


def test_an_object_is_not_lost_when_the_server_dies_while_it_is_waited_for(
    asked: Asked, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Connection.request

    def dying(self: Connection, method: str, path: str, *rest: Any, **more: Any) -> dict[str, Any]:
        if method == "GET" and path.endswith("/deployments/web"):
            raise Unreachable("the API server does not answer")
        return whole(self, method, path, *rest, **more)

    monkeypatch.setattr(Connection, "request", dying)
    with pytest.raises(Unhealthy, match="does not answer") as failure:
        asked.create(deployment())
    assert failure.value.resource_id == f"{namespace}/web"
    assert failure.value.outputs["metadata"]["uid"]


def test_ctrl_c_ends_the_wait_for_a_rollout(asked: Asked) -> None:
    stuck = deployment()
    stuck["spec"]["template"]["spec"]["nodeSelector"] = {"is": "not-there"}
    asked.cancelled.set()
    with pytest.raises(Unhealthy, match="the wait was cancelled"):
        asked.create(stuck, timeout_s=600)


def job(**spec: Any) -> dict[str, Any]:
    pods = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "train:1"}]}}
    return made("Job", "train", api="batch/v1", spec={"backoffLimit": 0, "template": pods, **spec})


def test_a_job_that_fails_is_told_with_its_reason_and_its_pods(asked: Asked, cluster: Cluster, namespace: str) -> None:
    stuck = job()
    stuck["spec"]["template"]["spec"]["nodeSelector"] = {"is": "not-there"}  # so that kwok does not play it to its end
    ended = {
        "name": "main",
        "image": "",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": {"exitCode": 3, "reason": "Error"}},
    }
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asked.create, stuck, timeout_s=60)
        (pod,) = cluster.wait_for(lambda: cluster.objects.list("Pod", namespace), "a pod")
        cluster.objects.patch(
            "Pod", pod["metadata"]["name"], {"status": {"phase": "Failed", "containerStatuses": [ended]}}, namespace, part="status"
        )
        with pytest.raises(Unhealthy) as failure:
            waiting.result(60)
    said = failure.value.reasons
    assert said[1] == "it has failed"
    assert any("[BackoffLimitExceeded]" in reason for reason in said)
    assert any(f"Pod {pod['metadata']['name']}" in reason and "exit code 3" in reason for reason in said)


def test_a_job_is_awaited_to_its_end_and_made_anew_when_its_pods_change(asked: Asked) -> None:
    old = asked.create(job())
    assert old.outputs["status"]["succeeded"] == 1
    changed = job()
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "train:2"
    assert asked.diff(old, changed).replace == {"spec.template.spec.containers[0].image"}
    assert asked.diff(old, annotated(job(), replaceUnready="true")).replace == frozenset()


def test_a_service_is_awaited_until_its_pods_are_ready(asked: Asked) -> None:
    asked.create(annotated(deployment(), skipAwait="true"))
    old = asked.create(made("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80}]}))
    assert old.outputs["spec"]["clusterIP"]
    assert asked.create(made("Service", "headless", spec={"clusterIP": "None", "selector": {"app": "none"}, "ports": [{"port": 80}]}))


def test_a_stateful_set_and_a_daemon_set_are_awaited(asked: Asked) -> None:
    pods = deployment(label="db")["spec"]["template"]
    spec = {"selector": {"matchLabels": {"app": "db"}}, "template": pods}
    assert (
        asked.create(made("StatefulSet", "db", api="apps/v1", spec={**spec, "serviceName": "db"})).outputs["status"]["readyReplicas"] == 1
    )
    assert asked.create(made("DaemonSet", "agent", api="apps/v1", spec=spec)).outputs["status"]["numberReady"] == 1


def test_deletion_takes_what_belongs_to_the_object_along_unless_told_otherwise(asked: Asked, cluster: Cluster, namespace: str) -> None:
    asked.delete(asked.create(deployment("gone", label="gone")))
    assert cluster.objects.find("Deployment", "gone", namespace) is None
    assert [each for each in cluster.objects.list("ReplicaSet", namespace) if each["metadata"]["name"].startswith("gone-")] == []
    asked.delete(asked.create(annotated(deployment("left", label="left"), deletionPropagationPolicy="orphan")))
    assert cluster.objects.find("Deployment", "left", namespace) is None
    assert [each for each in cluster.objects.list("ReplicaSet", namespace) if each["metadata"]["name"].startswith("left-")]


def test_a_deletion_in_the_foreground_waits_for_what_belongs_to_the_object(asked: Asked, cluster: Cluster, namespace: str) -> None:
    def held(name: str, **annotations: str) -> State:
        old = asked.create(annotated(deployment(name, label=name), **annotations))
        (below,) = [each for each in cluster.objects.list("ReplicaSet", namespace) if each["metadata"]["name"].startswith(name)]
        cluster.objects.patch("ReplicaSet", below["metadata"]["name"], {"metadata": {"finalizers": ["example.com/held"]}}, namespace)
        return old

    try:
        with pytest.raises(ProviderError, match="foregroundDeletion"):
            asked.delete(held("front"), timeout_s=1)
        asked.delete(held("behind", deletionPropagationPolicy="background"), timeout_s=5)
    finally:
        for each in cluster.objects.list("ReplicaSet", namespace):
            cluster.objects.patch("ReplicaSet", each["metadata"]["name"], {"metadata": {"finalizers": None}}, namespace)


def test_a_deletion_that_somebody_holds_up_names_the_finalizer(asked: Asked, cluster: Cluster, namespace: str) -> None:
    held = made("ConfigMap", "held", data={})
    held["metadata"]["finalizers"] = ["example.com/disk"]
    old = asked.create(held)
    with pytest.raises(ProviderError, match=r"is being deleted and is not gone.*example.com/disk"):
        asked.delete(old, timeout_s=1)
    cluster.objects.patch("ConfigMap", "held", {"metadata": {"finalizers": None}}, namespace)
    asked.delete(old)


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


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        ("kubernetes:helm:template", {"jsonOpts": "{}"}, "kubernetes:helm:template is not in the stand-in"),
        ("kubernetes:kustomize:directory", {}, "kubernetes:kustomize:directory"),
        ("kubernetes:yaml:decode", {"text": "a: [\n"}, "no YAML.*line"),
        ("kubernetes:yaml:decode", {}, "takes `text`"),
    ],
)
def test_functions_that_cannot_be_answered_are_named(asked: Asked, function: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ProviderError, match=f"(?s){said}"):
        asked.provider.invoke(function, arguments, preview=False)


def test_warnings_of_the_server_reach_the_user_unless_suppressed(asked: Asked, cluster: Cluster, namespace: str) -> None:
    old = made("Endpoints", "old")  # deprecated since 1.33, and still served
    asked.create(old)
    assert any("deprecated" in warning for warning in asked.warnings)
    given = {"kubeconfig": str(cluster.kubeconfig), "namespace": namespace, "suppressDeprecationWarnings": "true"}
    quiet = Asked(KubernetesStandIn().configure(given))
    quiet.create(made("Endpoints", "older"))
    assert quiet.warnings == []


def test_a_list_is_not_an_object(asked: Asked) -> None:
    with pytest.raises(ProviderError, match="declare its members"):
        asked.check({**made("ConfigMapList"), "items": []})


def test_a_generated_name_is_refused_as_by_the_real_provider(asked: Asked) -> None:
    inputs = made("ConfigMap")
    inputs["metadata"]["generateName"] = "a-"
    assert [failure.property for failure in asked.check_all(inputs)[1]] == ["metadata.generateName"]
