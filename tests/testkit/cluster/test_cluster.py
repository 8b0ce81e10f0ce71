"""A control plane with fake nodes does what a real one does: schedules, replaces, refuses, and tells what is wrong."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from functools import partialmethod
from typing import Any

import psutil
import pytest

from mlgate.errors import UsageError
from mlgate_testkit.cluster import Cluster, ClusterError, nodes
from mlgate_testkit.cluster.nodes import is_ready

pytestmark = pytest.mark.cluster
Make = Callable[..., dict[str, Any]]

PARTS = ["etcd", "keeper", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"]


def test_every_part_is_a_process_of_its_own_and_alive(cluster: Cluster) -> None:
    parts = cluster.status()
    assert [part.name for part in parts] == PARTS
    assert all(part.alive and part.memory_bytes > 10**6 for part in parts)
    assert len({part.pid for part in parts}) == len(parts)


def test_the_kubeconfig_is_its_owners_alone_and_leads_to_loopback(cluster: Cluster) -> None:
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600
    access = json.loads(cluster.kubeconfig.read_text())
    assert access["clusters"][0]["cluster"]["server"].startswith("https://127.0.0.1:")


def test_nothing_of_it_listens_beyond_loopback(cluster: Cluster) -> None:
    pids = {part.pid for part in cluster.status()}
    listening = [found for found in psutil.net_connections("tcp") if found.status == psutil.CONN_LISTEN and found.pid in pids]
    assert listening
    assert {found.laddr.ip for found in listening} == {"127.0.0.1"}


def test_whoever_has_no_certificate_is_let_in_nowhere(cluster: Cluster) -> None:
    server = json.loads(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    asked = ["curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "*", f"{server}/api/v1/nodes"]
    assert subprocess.run(asked, capture_output=True, text=True, check=False).stdout == "401"


def test_a_deployments_pods_are_scheduled_to_fake_gpu_nodes_and_become_ready(cluster: Cluster, deployment: Make) -> None:
    names = cluster.add_nodes(2, accelerator="l4", gpus=4, labels={"for": "scheduled"})
    cluster.apply(deployment("scheduled", 8, nodeSelector={"for": "scheduled"}))
    pods = cluster.wait_for(lambda: ready if len(ready := cluster.pods(labels="app=scheduled", ready=True)) == 8 else [], "8 pods ready")
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == sorted(names * 4)
    assert all(pod["status"]["podIP"].startswith("10.244.") for pod in pods)


def test_a_fake_node_is_as_large_as_the_smallest_machine_with_that_many_gpus(cluster: Cluster) -> None:
    (name,) = cluster.add_nodes(1, accelerator="a100-80g", gpus=8)
    node = cluster.objects.find("Node", name)
    assert node is not None
    assert node["metadata"]["labels"]["node.kubernetes.io/instance-type"] == "p4de.24xlarge"
    assert node["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    assert node["status"]["allocatable"]["cpu"] == "96"
    with pytest.raises(UsageError, match="no machine has 3 l4"):
        cluster.add_nodes(1, accelerator="l4", gpus=3)


def test_nodes_that_do_not_get_ready_come_with_what_kwok_says(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "ready_nodes", lambda _objects: set())
    monkeypatch.setattr(Cluster, "wait_for", partialmethod(Cluster.wait_for, limit_s=0.5))
    with pytest.raises(ClusterError, match=r"1 nodes ready: not so after 0\.5 s") as caught:
        cluster.add_nodes(1, labels={"for": "nothing"})
    assert '; the end of kwok\'s log:\n{"time":' in caught.value.problem
    assert "mlgate testkit cluster kubectl" in caught.value.remedy


def test_a_pod_that_fits_nowhere_stays_pending_and_the_wait_says_why(cluster: Cluster, deployment: Make) -> None:
    cluster.apply(deployment("too-large", 1, gpus=64))
    with pytest.raises(ClusterError, match="1 pod ready: not so after 3 s") as caught:
        cluster.wait_for(lambda: cluster.pods(labels="app=too-large", ready=True), "1 pod ready", limit_s=3)
    assert "Insufficient nvidia.com/gpu" in caught.value.problem
    (pod,) = cluster.pods(labels="app=too-large")
    assert pod["status"]["phase"] == "Pending"
    cluster.objects.delete("Deployment", "too-large")


def test_a_slow_pod_runs_first_and_is_ready_later(cluster: Cluster, deployment: Make) -> None:
    cluster.add_nodes(1, labels={"for": "slow"})
    cluster.apply(deployment("slow", 1, gpus=0, annotations={"testkit.mlgate/ready-after": "4s"}, nodeSelector={"for": "slow"}))
    running = cluster.wait_for(lambda: [pod for pod in cluster.pods(labels="app=slow") if pod["status"]["phase"] == "Running"], "running")
    assert not is_ready(running[0])
    assert running[0]["status"]["containerStatuses"][0]["ready"] is False
    assert cluster.wait_for(lambda: cluster.pods(labels="app=slow", ready=True), "ready")


def test_a_failing_pod_never_becomes_ready_and_its_deployment_is_not_available(cluster: Cluster, deployment: Make) -> None:
    cluster.add_nodes(1, labels={"for": "failing"})
    annotations = {"testkit.mlgate/fails": "CrashLoopBackOff"}
    cluster.apply(deployment("failing", 1, gpus=0, annotations=annotations, nodeSelector={"for": "failing"}))
    waiting = cluster.wait_for(
        lambda: [pod for pod in cluster.pods(labels="app=failing") if "containerStatuses" in pod["status"]], "started"
    )
    assert waiting[0]["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "CrashLoopBackOff"}}
    assert not is_ready(waiting[0])
    found = cluster.objects.find("Deployment", "failing")
    assert found is not None
    assert not found["status"].get("availableReplicas")


def test_a_ready_pod_can_stop_being_ready_and_recover(cluster: Cluster, deployment: Make) -> None:
    cluster.add_nodes(1, labels={"for": "moody"})
    cluster.apply(deployment("moody", 1, gpus=0, nodeSelector={"for": "moody"}))
    (pod,) = cluster.wait_for(lambda: cluster.pods(labels="app=moody", ready=True), "ready")
    cluster.objects.patch("Pod", pod["metadata"]["name"], {"metadata": {"annotations": {"testkit.mlgate/unready": "true"}}})
    cluster.wait_for(lambda: cluster.pods(labels="app=moody", ready=False), "unready")
    cluster.objects.patch("Pod", pod["metadata"]["name"], {"metadata": {"annotations": {"testkit.mlgate/unready": None}}})
    cluster.wait_for(lambda: cluster.pods(labels="app=moody", ready=True), "ready again")


def test_a_lost_nodes_pods_are_replaced_elsewhere_and_the_node_can_come_back(cluster: Cluster, deployment: Make) -> None:
    names = set(cluster.add_nodes(2, accelerator="l4", labels={"for": "lost"}))
    cluster.apply(deployment("lost", 1, nodeSelector={"for": "lost"}))
    (pod,) = cluster.wait_for(lambda: cluster.pods(labels="app=lost", ready=True), "ready")
    lost = pod["spec"]["nodeName"]
    cluster.lose_node(lost)
    (other,) = names - {lost}

    def replaced() -> bool:
        return [pod["spec"].get("nodeName") for pod in cluster.pods(labels="app=lost", ready=True)] == [other]

    cluster.wait_for(replaced, "the pod on the other node")
    cluster.find_node(lost)
    cluster.wait_for(lambda: is_ready(cluster.objects.find("Node", lost) or {}), "the node ready again")


def test_what_nobody_knows_is_refused_with_its_field(cluster: Cluster, deployment: Make) -> None:
    wrong = deployment("wrong", 1)
    wrong["spec"]["replicsa"] = 2
    with pytest.raises(ClusterError, match="replicsa"):
        cluster.apply(wrong)
    assert cluster.objects.find("Deployment", "wrong") is None


def pod(name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    """A pod that no controller makes anew when it is refused."""
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": about, "spec": {"containers": [{"name": "main", "image": "web:1"}], **spec}}


def test_a_pod_that_names_a_missing_service_account_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match='error looking up service account default/robot: serviceaccount "robot" not found'):
        cluster.apply(pod("machine", "default", serviceAccountName="robot"))


def test_a_pod_may_come_with_its_namespace_although_its_service_account_is_made_meanwhile(cluster: Cluster) -> None:
    with cluster.tidied():
        _, first = cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "just-made"}}, pod("first", "just-made")])
        assert first["spec"]["serviceAccountName"] == "default"


def test_an_object_to_patch_that_is_not_there_is_named_with_those_that_are(cluster: Cluster) -> None:
    with pytest.raises(ClusterError, match="there is no Namespace defalt") as caught:
        cluster.objects.patch("Namespace", "defalt", {"metadata": {"labels": {"a": "b"}}})
    assert "that is there: default, kube-" in caught.value.remedy
    with pytest.raises(ClusterError, match="there is no ConfigMap default/kube-root") as caught:
        cluster.objects.patch("ConfigMap", "kube-root", {})
    assert "default/kube-root-ca.crt" in caught.value.remedy
    with pytest.raises(ClusterError, match="Namespace default has no part 'scale'"):
        cluster.objects.patch("Namespace", "default", {}, part="scale")


def test_a_kind_that_is_not_served_is_named(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlgate_testkit.cluster.objects._SERVED_S", 0.0)
    with pytest.raises(ClusterError, match=r"no kind 'karpenter\.sh/v1/NodePool'") as caught:
        cluster.apply({"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": "x"}})
    assert "karpenter" in caught.value.remedy


def test_a_definition_its_objects_and_their_namespace_can_come_in_one_text_in_any_order(cluster: Cluster) -> None:
    applied = cluster.apply(
        """
apiVersion: example.com/v1
kind: Widget
metadata: {name: one, namespace: widgets}
spec: {size: 3}
---
apiVersion: v1
kind: Namespace
metadata: {name: widgets}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
"""
    )
    assert [thing["kind"] for thing in applied] == ["Widget", "Namespace", "CustomResourceDefinition"]
    found = cluster.objects.find("Widget", "one", "widgets")
    assert found is not None
    assert found["spec"] == {"size": 3}


def test_applying_the_same_again_changes_nothing(cluster: Cluster) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "same"}, "data": {"key": "value"}}
    (first,) = cluster.apply(config)
    (again,) = cluster.apply(config)
    assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    cluster.objects.delete("ConfigMap", "same")
    assert cluster.objects.find("ConfigMap", "same") is None
    cluster.objects.delete("ConfigMap", "same")


@pytest.mark.parametrize(("name", "why"), [("kube-schedular", "is no part of this cluster"), ("keeper", "holds the network")])
def test_what_cannot_be_started_anew_is_said_with_what_can(cluster: Cluster, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        cluster.restart(name)
    assert caught.value.remedy == f"what can be started anew: {', '.join(part for part in PARTS if part != 'keeper')}"
    assert all(part.alive for part in cluster.status())


def test_kubectl_speaks_to_the_cluster_and_its_refusals_are_errors(cluster: Cluster) -> None:
    assert "kube-system" in cluster.kubectl("get", "namespaces", "-o", "name")
    with pytest.raises(ClusterError, match="nobody-has-this"):
        cluster.kubectl("get", "nobody-has-this")
