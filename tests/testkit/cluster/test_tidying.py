"""What is made within `tidied` is gone at its end, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlgate_testkit.cluster import Cluster, ClusterError, tidying

pytestmark = pytest.mark.cluster


def config_map(name: str, **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}}


def policy(name: str) -> list[dict[str, Any]]:
    """It lets nobody delete the ConfigMap "kept"."""
    api = "admissionregistration.k8s.io/v1"
    deleted = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["DELETE"]}
    rule = {"expression": "oldObject.metadata.name != 'kept'", "message": "this one stays"}
    return [
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {"matchConstraints": {"resourceRules": [deleted]}, "validations": [rule]},
        },
        {
            "apiVersion": api,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"]},
        },
    ]


def kept(cluster: Cluster) -> bool:
    """Whether the policy is in force by now, and "kept" there for good."""
    cluster.apply(config_map("kept"))
    try:
        cluster.objects.delete("ConfigMap", "kept")
    except ClusterError:
        return True
    return False


def test_what_was_there_before_stays_and_what_came_goes_by_whatever_way(
    cluster: Cluster, deployment: Callable[..., dict[str, Any]]
) -> None:
    before = cluster.add_nodes(1)
    cluster.apply([config_map("before"), deployment("before", 1, gpus=0)])
    cluster.wait_for(lambda: cluster.pods(labels="app=before", ready=True), "1 pod ready")
    with cluster.tidied():
        lost, _ = cluster.add_nodes(2, accelerator="l4")
        cluster.apply([config_map("before", labels={"a": "b"}), config_map("within"), deployment("within", 2)])
        cluster.kubectl("create", "namespace", "of-kubectl")
        cluster.kubectl("create", "configmap", "within", "--namespace=of-kubectl")
        cluster.wait_for(lambda: len(cluster.pods(labels="app=within", ready=True)) == 2, "2 pods ready")
        cluster.lose_node(lost)
    assert [node["metadata"]["name"] for node in cluster.objects.list("Node")] == before
    assert cluster.objects.find("ConfigMap", "within") is None
    assert cluster.objects.find("Namespace", "of-kubectl") is None
    assert cluster.objects.list("Pod", labels="app=within") == []
    assert cluster.objects.list("ReplicaSet", labels="app=within") == []
    assert cluster.objects.find("ConfigMap", "before")
    assert len(cluster.pods(labels="app=before", ready=True)) == 1


def test_a_pod_of_others_on_a_node_that_goes_is_made_anew(cluster: Cluster, deployment: Callable[..., dict[str, Any]]) -> None:
    cluster.apply(deployment("others", 1))
    with cluster.tidied():
        cluster.add_nodes(1, accelerator="l4")
        (pod,) = cluster.wait_for(lambda: cluster.pods(labels="app=others", ready=True), "1 pod ready")
    cluster.wait_for(lambda: cluster.pods(labels="app=others", ready=False), "1 pod that waits for a node")
    assert pod["metadata"]["name"] not in {each["metadata"]["name"] for each in cluster.objects.list("Pod", labels="app=others")}


def test_what_does_not_go_is_named_with_what_holds_it(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "_LIMIT_S", 0.5)
    nodes: list[str] = []

    def hold() -> None:
        with cluster.tidied():
            nodes.extend(cluster.add_nodes(1))
            cluster.apply(config_map("held", finalizers=["example.com/disk"]))

    with pytest.raises(ClusterError, match=r"configmaps/held: is being deleted and is not gone.*example.com/disk"):
        hold()
    assert cluster.objects.find("Node", nodes[0]) is None, "what can go goes"
    cluster.objects.patch("ConfigMap", "held", {"metadata": {"finalizers": None}})


def test_what_the_tests_own_policy_refuses_goes_once_the_policy_has_gone(cluster: Cluster) -> None:
    with cluster.tidied():
        cluster.apply([config_map("older"), *policy("of-the-test")])
        cluster.wait_for(lambda: kept(cluster), "the policy in force")
    assert cluster.objects.find("ConfigMap", "kept") is None
    assert cluster.objects.find("ConfigMap", "older") is None
    assert cluster.objects.find("ValidatingAdmissionPolicy", "of-the-test") is None


def test_one_refusal_is_told_and_keeps_nothing_else_there(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tidying, "_LIMIT_S", 0.5)
    cluster.apply(policy("of-others"))

    def leave() -> None:
        with cluster.tidied():
            cluster.apply(config_map("older"))
            cluster.wait_for(lambda: kept(cluster), "the policy in force")

    with pytest.raises(ClusterError, match=r"configmaps/kept.*refused DELETE.*this one stays") as refused:
        leave()
    assert "end in the test whatever refuses that" in refused.value.remedy
    assert cluster.objects.find("ConfigMap", "older") is None
    for each in reversed(policy("of-others")):
        cluster.objects.delete(each["kind"], "of-others")
    cluster.wait_for(lambda: not kept(cluster), "the policy out of force")


def test_a_failure_within_is_what_is_told(cluster: Cluster) -> None:
    def fail() -> None:
        with cluster.tidied():
            cluster.apply(config_map("failed"))
            raise ValueError("of the test")

    with pytest.raises(ValueError, match="of the test"):
        fail()
    assert cluster.objects.find("ConfigMap", "failed") is None
