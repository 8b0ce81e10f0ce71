"""What is awaited until it is ready or gone, and what is said of what does not come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import yaml

from mlgate_testkit.cluster import Cluster
from mlgate_testkit.kubernetes import KubernetesStandIn, waiting
from mlgate_testkit.kubernetes.connection import ApiError, Connection, Unreachable
from mlgate_testkit.provider.provider import ProviderError, State, Unhealthy
from mlgate_testkit.provider.values import UNKNOWN

from .values import Asked, annotated, deployment, made

pytestmark = pytest.mark.cluster


@pytest.fixture
def on_refusal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """What is given to it is called whenever the API server says that a namespace is not there."""
    whole = Connection.request

    def given(then: Callable[[], None]) -> None:
        def watched(self: Connection, *request: Any, **more: Any) -> dict[str, Any]:
            try:
                return whole(self, *request, **more)
            except ApiError as error:
                if error.about == "namespaces":
                    then()
                raise

        monkeypatch.setattr(Connection, "request", watched)

    return given


def test_a_namespace_of_the_same_update_is_waited_for_and_unknown_in_the_preview(
    asked: Asked, cluster: Cluster, namespace: str, on_refusal: Callable[[Callable[[], None]], None]
) -> None:
    refused = threading.Event()
    inside = made("ConfigMap", "a", data={})
    inside["metadata"]["namespace"] = f"{namespace}-late"
    assert asked.preview(inside)["status"] is UNKNOWN
    on_refusal(refused.set)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asked.create, inside)
        assert refused.wait(20)
        cluster.apply(made("Namespace", f"{namespace}-late"))
        assert waiting.result(30).id == f"{namespace}-late/a"
    cluster.objects.delete("Namespace", f"{namespace}-late")


def test_a_create_with_nowhere_to_go_ends_with_ctrl_c(asked: Asked, on_refusal: Callable[[Callable[[], None]], None]) -> None:
    inside = made("ConfigMap", "a", data={})
    inside["metadata"]["namespace"] = "nowhere"
    on_refusal(asked.cancelled.set)
    with pytest.raises(ProviderError, match=r'not written: the run was cancelled before \(namespaces "nowhere" not found\)'):
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


@pytest.fixture
def no_nodes(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(waiting, "_NODELESS_S", 0.2)
    for node in cluster.objects.list("Node"):
        cluster.objects.delete("Node", node["metadata"]["name"])
    yield
    cluster.add_nodes(1)


def on_the_tests_own(kubeconfig: str, namespace: str) -> Asked:
    """A provider whose cluster nobody but the tests works on."""
    package = KubernetesStandIn()
    package.use(kubeconfig, throwaway=True)
    return Asked(package.configure({"namespace": namespace}))


def why_unready(asked: Asked, name: str) -> str:
    """What a wait ends with that has 2 s."""
    with pytest.raises(Unhealthy) as failure:
        asked.create(deployment(name, label=name), timeout_s=2)
    return "; ".join(failure.value.reasons[1:])


@pytest.mark.usefixtures("no_nodes")
def test_pods_are_not_waited_for_where_only_the_tests_would_bring_a_node(asked: Asked, cluster: Cluster, namespace: str) -> None:
    own = on_the_tests_own(str(cluster.kubeconfig), namespace)
    assert why_unready(own, "web").startswith("it has failed; the cluster has no node")
    assert why_unready(asked, "other").startswith("it was not so within 2 s")


@pytest.mark.usefixtures("no_nodes")
def test_pods_are_waited_for_where_somebody_brought_karpenter_meanwhile(cluster: Cluster, namespace: str) -> None:
    own = on_the_tests_own(str(cluster.kubeconfig), namespace)
    assert "has no node" in why_unready(own, "before")
    schema = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
    names = {"kind": "NodePool", "plural": "nodepools"}
    spec = {"group": "karpenter.sh", "scope": "Cluster", "names": names, "versions": [schema]}
    definition = made("CustomResourceDefinition", "nodepools.karpenter.sh", api="apiextensions.k8s.io/v1", spec=spec)
    try:
        cluster.apply(definition)
        assert why_unready(own, "with").startswith("it was not so within 2 s")
    finally:
        cluster.objects.delete("CustomResourceDefinition", "nodepools.karpenter.sh")


@pytest.mark.usefixtures("no_nodes")
def test_who_may_not_look_for_nodes_waits(cluster: Cluster, namespace: str) -> None:
    everything = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}
    user = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "all"}
    cluster.apply(
        [
            made("Role", "all", api="rbac.authorization.k8s.io/v1", rules=[everything]),
            made("RoleBinding", "all", api="rbac.authorization.k8s.io/v1", roleRef=role, subjects=[user]),
        ],
        namespace=namespace,
    )
    token = cluster.kubectl("create", "token", "default", f"--namespace={namespace}").strip()
    kubeconfig = yaml.safe_load(cluster.kubeconfig.read_text(encoding="utf-8"))
    for each in kubeconfig["users"]:
        each["user"] = {"token": token}
    assert why_unready(on_the_tests_own(yaml.safe_dump(kubeconfig), namespace), "web").startswith("it was not so within 2 s")


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


def test_ctrl_c_ends_the_wait_for_a_rollout(asked: Asked, cluster: Cluster, namespace: str) -> None:
    stuck = deployment()
    stuck["spec"]["template"]["spec"]["nodeSelector"] = {"is": "not-there"}
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(asked.create, stuck, timeout_s=600)
        cluster.wait_for(lambda: cluster.objects.find("Deployment", "web", namespace), "the Deployment")
        asked.cancelled.set()
        with pytest.raises(Unhealthy, match="the wait was cancelled"):
            waiting.result(30)


def test_nothing_is_written_once_the_run_is_cancelled(asked: Asked, cluster: Cluster, namespace: str) -> None:
    asked.cancelled.set()
    with pytest.raises(ProviderError, match="was not written: the run was cancelled before"):
        asked.create(deployment())
    assert cluster.objects.find("Deployment", "web", namespace) is None


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


def test_a_service_that_selects_no_pod_is_ready_as_with_the_real_provider(asked: Asked) -> None:
    assert asked.create(made("Service", "nobodys", spec={"selector": {"app": "nobody"}, "ports": [{"port": 80}]}), timeout_s=20)


def test_a_missing_service_account_is_what_a_rollout_waits_for(asked: Asked, cluster: Cluster, namespace: str) -> None:
    robots = deployment()
    robots["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
    with pytest.raises(Unhealthy) as failure:
        asked.create(robots, timeout_s=2)
    why = f'error looking up service account {namespace}/robot: serviceaccount "robot" not found'
    assert any(reason.startswith("[FailedCreate]") and reason.endswith(why) for reason in failure.value.reasons)
    cluster.apply(made("ServiceAccount", "robot"), namespace=namespace)
    old = State(failure.value.resource_id, failure.value.inputs, failure.value.outputs)
    assert asked.update(old, robots).outputs["status"]["readyReplicas"] == 1


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
