"""When an object is in a good state, and if not, why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mlgate_testkit.kubernetes.conditions import Progress, rule_of
from mlgate_testkit.kubernetes.kinds import of_inputs
from mlgate_testkit.kubernetes.pods import blamed, complaints, trouble

from .values import deployment, made

Object = dict[str, Any]
READY = Progress(done=True)


def judged(value: Object, **around: list[Object]) -> Progress:
    rule = rule_of(of_inputs("", value))
    assert rule
    return rule(value, lambda plural: list[Mapping[str, Any]](around.get(plural, [])))


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def owned(kind: str, name: str, by: str, *, uid: str = "", revision: str = "", **fields: Any) -> Object:
    about = {"name": name, "uid": uid, "ownerReferences": [{"uid": by}], "annotations": {"deployment.kubernetes.io/revision": revision}}
    return {"kind": kind, "metadata": about, **fields}


def rolled_out(**status: Any) -> Object:
    value = deployment(replicas=2)
    value["metadata"] |= {"uid": "D", "generation": 3, "annotations": {"deployment.kubernetes.io/revision": "7"}}
    good = [condition("Progressing", reason="NewReplicaSetAvailable"), condition("Available")]
    return {**value, "status": {"observedGeneration": 3, "updatedReplicas": 2, "availableReplicas": 2, "conditions": good, **status}}


def replica_set(ready: int, revision: str = "7") -> Object:
    return owned(
        "ReplicaSet", f"web-{revision}", "D", uid=f"R{revision}", revision=revision, spec={"replicas": 2}, status={"readyReplicas": ready}
    )


def test_a_deployment_is_ready_once_its_newest_replica_set_is() -> None:
    assert judged(rolled_out(), replicasets=[replica_set(0, "6"), replica_set(2)]) == READY


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (rolled_out(observedGeneration=2), "the controller has seen generation 2, not 3"),
        (rolled_out(conditions=[condition("Progressing", reason="ReplicaSetUpdated")], updatedReplicas=1), "1 of 2 replicas are updated"),
        (
            rolled_out(conditions=[condition("Progressing", "False", "ProgressDeadlineExceeded", "too long")]),
            "[ProgressDeadlineExceeded] too long",
        ),
        (
            rolled_out(
                availableReplicas=0,
                conditions=[
                    condition("Progressing", reason="NewReplicaSetAvailable"),
                    condition("Available", "False", "MinimumReplicasUnavailable", "too few"),
                ],
            ),
            "[MinimumReplicasUnavailable] too few",
        ),
        (rolled_out(conditions=[condition("ReplicaFailure", "True", "FailedCreate", "quota")]), "[FailedCreate] quota"),
        (rolled_out(), "1 of 2 pods of ReplicaSet web-7 are ready"),
    ],
)
def test_a_deployment_that_is_not_ready_says_why(value: Object, why: str) -> None:
    progress = judged(value, replicasets=[replica_set(1)])
    assert not progress.done
    assert why in progress.reasons


def test_a_deployment_without_its_replica_set_waits_for_it() -> None:
    assert judged(rolled_out(), replicasets=[replica_set(2, "6")]).reasons == ("revision 7 has no ReplicaSet yet",)


def test_a_deployment_of_nothing_is_ready() -> None:
    value = rolled_out()
    value["spec"]["replicas"] = 0
    none = {**replica_set(0), "spec": {"replicas": 0}, "status": {}}
    assert judged(value, replicasets=[none]) == READY


def test_a_deployment_waits_for_the_volumes_that_it_mounts() -> None:
    value = rolled_out()
    value["spec"]["template"]["spec"]["volumes"] = [
        {"name": "d", "persistentVolumeClaim": {"claimName": "data"}},
        {"name": "e", "emptyDir": {}},
    ]
    claims = [{"metadata": {"name": "data"}, "status": {"phase": "Pending"}}, {"metadata": {"name": "x"}, "status": {"phase": "Lost"}}]
    assert judged(value, replicasets=[replica_set(2)], persistentvolumeclaims=claims).reasons == ("PersistentVolumeClaim data is Pending",)


@pytest.mark.parametrize(
    ("status", "done"),
    [
        ({"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "currentRevision": "a", "updateRevision": "a"}, True),
        ({"replicas": 2, "readyReplicas": 1, "currentReplicas": 2, "currentRevision": "a", "updateRevision": "a"}, False),
        ({"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "currentRevision": "a", "updateRevision": "b"}, False),
        ({}, False),
    ],
)
def test_a_stateful_set_is_ready_once_all_pods_have_the_newest_revision(status: Object, done: bool) -> None:
    value = made("StatefulSet", "db", api="apps/v1", spec={"replicas": 2}, status={"observedGeneration": 1, **status})
    assert judged(value).done == done


def test_a_stateful_set_that_is_updated_by_hand_is_not_waited_for_beyond_its_pods() -> None:
    status = {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "currentRevision": "a", "updateRevision": "b"}
    value = made("StatefulSet", "db", api="apps/v1", spec={"replicas": 2, "updateStrategy": {"type": "OnDelete"}}, status=status)
    value["metadata"]["generation"] = 2
    assert judged(value) == READY


def test_a_daemon_set_is_ready_on_every_node_that_it_wants() -> None:
    counts = ("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
    status = {"observedGeneration": 1, "desiredNumberScheduled": 3, **dict.fromkeys(counts, 3)}
    value = made("DaemonSet", "agent", api="apps/v1", spec={})
    assert judged({**value, "status": status}) == READY
    assert judged({**value, "status": {**status, "numberReady": 1}}).reasons == ("numberReady is 1 of 3",)
    assert not judged({**value, "status": {"observedGeneration": 1}}).done


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"startTime": "now", "conditions": [condition("Complete")]}, READY),
        (
            {"startTime": "now", "conditions": [condition("Failed", "True", "BackoffLimitExceeded", "too often")]},
            Progress(False, ("[BackoffLimitExceeded] too often",), hopeless=True),
        ),
        ({"startTime": "now", "active": 1}, Progress(False, ("1 active, 0 succeeded, 0 failed",))),
        ({}, Progress(False, ("the Job has not started",))),
    ],
)
def test_a_job_is_awaited_to_its_end_and_a_failed_one_is_hopeless(status: Object, expected: Progress) -> None:
    assert judged(made("Job", "train", api="batch/v1", spec={}, status=status)) == expected


@pytest.mark.parametrize(
    ("status", "done", "hopeless"),
    [
        ({"phase": "Running", "conditions": [condition("Ready")]}, True, False),
        ({"phase": "Succeeded", "conditions": [condition("Ready", "False", "PodCompleted")]}, True, False),
        ({"phase": "Failed"}, False, True),
        ({"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", "no node")]}, False, False),
        ({}, False, False),
    ],
)
def test_a_pod_is_ready_or_has_succeeded(status: Object, done: bool, hopeless: bool) -> None:
    progress = judged(made("Pod", "a", spec={}, status=status))
    assert (progress.done, progress.hopeless) == (done, hopeless)
    assert bool(progress.reasons) != done


@pytest.mark.parametrize(
    ("phase", "mode", "done"),
    [
        ("Bound", "", True),
        ("Pending", "WaitForFirstConsumer", True),
        ("Pending", "Immediate", False),
        ("Pending", "", False),
        ("", "WaitForFirstConsumer", False),
    ],
)
def test_a_claim_that_waits_for_its_first_consumer_is_not_waited_for(phase: str, mode: str, done: bool) -> None:
    value = made("PersistentVolumeClaim", "data", spec={"storageClassName": "fast"}, status={"phase": phase})
    classes = [{"metadata": {"name": "slow"}, "volumeBindingMode": "Immediate"}, {"metadata": {"name": "fast"}, "volumeBindingMode": mode}]
    assert judged(value, storageclasses=classes).done == done


def endpoints(service: str, *ready: bool) -> Object:
    listed = [{"conditions": {"ready": each}, "targetRef": {"name": f"pod-{number}"}} for number, each in enumerate(ready)]
    return {"metadata": {"labels": {"kubernetes.io/service-name": service}}, "endpoints": listed}


@pytest.mark.parametrize(
    ("spec", "slices", "done"),
    [
        ({"selector": {"a": "b"}}, [endpoints("web", True)], True),
        ({"selector": {"a": "b"}}, [endpoints("web")], True),
        ({"selector": {"a": "b"}}, [endpoints("web", True, False)], False),
        ({"selector": {"a": "b"}}, [endpoints("other", True)], False),
        ({"selector": {"a": "b"}, "clusterIP": "None"}, [], True),
        ({}, [], True),
        ({"type": "ExternalName"}, [], True),
        ({"type": "LoadBalancer", "selector": {"a": "b"}}, [endpoints("web", True)], False),
    ],
)
def test_a_service_waits_for_the_pods_that_it_selects(spec: Object, slices: list[Object], done: bool) -> None:
    assert judged(made("Service", "web", spec=spec), endpointslices=slices).done == done


def test_a_service_names_the_pods_that_are_not_ready() -> None:
    value = made("Service", "web", spec={"selector": {"a": "b"}})
    assert judged(value, endpointslices=[endpoints("web", True, False)]).reasons == ("pods are not ready: pod-1",)


def test_a_service_that_selects_no_pod_is_ready_once_its_controller_has_looked_as_in_the_real_provider_since_4_17() -> None:
    value = made("Service", "web", spec={"selector": {"a": "b"}})
    assert judged(value).reasons == ("the controller has not looked for the Service's pods yet",)
    assert judged(value, endpointslices=[endpoints("web")]) == READY


def test_a_balanced_service_needs_an_address() -> None:
    value = made("Service", "web", spec={"type": "LoadBalancer"}, status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}})
    assert judged(value) == READY


def test_an_ingress_needs_an_address_and_endpoints_behind_every_path() -> None:
    paths = [{"backend": {"service": {"name": name}}} for name in ("web", "docs", "out")]
    value = made("Ingress", "front", api="networking.k8s.io/v1", spec={"rules": [{"http": {"paths": paths}}]})
    assert judged(value).reasons == ("no controller gave the Ingress an address",)
    value["status"] = {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}
    outside = [{"metadata": {"name": "out"}, "spec": {"type": "ExternalName"}}]
    assert judged(value, endpointslices=[endpoints("web")], services=outside).reasons == ("no endpoints of Service docs",)
    assert judged(value, endpointslices=[endpoints("web"), endpoints("docs")], services=outside) == READY


def test_a_definition_is_awaited_until_it_is_established() -> None:
    value = made("CustomResourceDefinition", "a.b", api="apiextensions.k8s.io/v1")
    assert not judged(value).done
    assert judged({**value, "status": {"conditions": [condition("Established")]}}) == READY
    refused = judged({**value, "status": {"conditions": [condition("NamesAccepted", "False", "PluralConflict", "taken")]}})
    assert refused == Progress(False, ("[PluralConflict] taken",), hopeless=True)


@pytest.mark.parametrize(
    ("value", "done"),
    [
        (made("PersistentVolume", "v", status={"phase": "Available"}), True),
        (made("PersistentVolume", "v", status={"phase": "Pending"}), False),
        (made("ResourceQuota", "q", spec={"hard": {"pods": "1"}}, status={"hard": {"pods": "1"}}), True),
        (made("ResourceQuota", "q", spec={"hard": {"pods": "1"}}), False),
        (made("ReplicationController", "r", spec={"replicas": 2}, status={"availableReplicas": 2}), True),
        (made("ReplicationController", "r", spec={"replicas": 2}), False),
        (made("Secret", "s", type="kubernetes.io/service-account-token"), False),
        (made("Secret", "s", type="kubernetes.io/service-account-token", data={"token": "eA=="}), True),
        (made("Secret", "s", type="Opaque"), True),
    ],
)
def test_the_lesser_kinds_are_awaited_as_well(value: Object, done: bool) -> None:
    progress = judged(value)
    assert progress.done == done
    assert bool(progress.reasons) != done


@pytest.mark.parametrize("kind", ["ConfigMap", "Namespace", "LimitRange"])
def test_what_has_no_state_is_not_awaited(kind: str) -> None:
    assert rule_of(of_inputs("", made(kind))) is None


def test_the_trouble_of_a_pod_is_told_in_the_words_of_scheduler_and_kubelet() -> None:
    pod = {
        "metadata": {"name": "web-1"},
        "status": {
            "phase": "Pending",
            "conditions": [condition("PodScheduled", "False", "Unschedulable", "0/1 nodes")],
            "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 3, "message": "no evidence"}}}],
            "containerStatuses": [
                {"name": "ok", "ready": True},
                {"name": "new", "state": {"waiting": {"reason": "ContainerCreating"}}},
                {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}},
                {"name": "crashes", "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
            ],
        },
    }
    assert trouble(pod) == [
        "[Unschedulable] 0/1 nodes",
        "container init ended with exit code 3: no evidence",
        "container main waits: [ImagePullBackOff] no such image",
        "container crashes ended before with exit code 137: OOMKilled",
    ]


def test_only_the_unready_pods_of_the_newest_revision_are_blamed() -> None:
    def pod(name: str, by: str, ready: bool) -> Object:
        return owned("Pod", name, by, status={"phase": "Running", "conditions": [condition("Ready", str(ready), "r", "unready")]})

    pods = [pod("a", "R7", False), pod("b", "R7", True), pod("old", "R6", False), pod("stranger", "X", False)]
    around = {"replicasets": [replica_set(1), replica_set(1, "6")], "pods": pods}
    assert blamed(rolled_out(), lambda plural: list(around[plural])) == ["Pod a: [r] unready"]


def test_a_hundred_pods_with_the_same_trouble_are_counted() -> None:
    pods = [owned("Pod", f"p{number:03}", "J", status={"phase": "Pending"}) for number in range(100)]
    job = made("Job", "train", api="batch/v1")
    job["metadata"]["uid"] = "J"
    told = blamed(job, lambda _plural: list[Mapping[str, Any]](pods))
    assert len(told) == 11
    assert told[-1] == "and 90 more pods"


def test_complaints_are_the_warnings_about_the_object_each_once() -> None:
    job = {"metadata": {"uid": "J"}}
    about = {"involvedObject": {"uid": "J"}, "reason": "FailedCreate", "message": "quota"}
    events = [{"type": "Warning", **about}, {"type": "Warning", **about}, {"type": "Normal", **about}]
    assert complaints(job, [*events, {"type": "Warning", **about, "involvedObject": {"uid": "K"}}]) == ["[FailedCreate] quota"]
