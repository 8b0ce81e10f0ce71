"""When an object is in a good state, and if not, why: pure functions of the object and of what lies around it.

Each follows the await logic of the real provider (pulumi-kubernetes, provider/pkg/await/, read at 94977969), with two exceptions: a Pod or
Job that has failed for good is told at once, and a CustomResourceDefinition is waited for until it is established.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mlgate_testkit.kubernetes.kinds import ObjectKind
from mlgate_testkit.kubernetes.pods import trouble

__all__ = ["RULES", "Around", "Progress", "Rule", "conditions", "rule_of"]

Object = Mapping[str, Any]
Around = Callable[[str], list[Object]]
"""Lists the objects of a kind (its plural: "pods") in the namespace of the object that is judged; asked only when needed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Whether the object is ready; if not, why, and whether it never will be."""

    done: bool
    reasons: tuple[str, ...] = ()
    hopeless: bool = False


Rule = Callable[[Object, Around], Progress]
_READY = Progress(done=True)


def conditions(value: Object) -> dict[str, Object]:
    """The object's status conditions by type."""
    return {condition.get("type", ""): condition for condition in _status(value).get("conditions") or []}


def rule_of(kind: ObjectKind) -> Rule | None:
    """The rule for objects of this kind, None where none is waited for."""
    return RULES.get((kind.group, kind.kind))


def _deployment(value: Object, around: Around) -> Progress:
    if early := _unseen(value):
        return early
    found = conditions(value)
    told = [_said(found[name]) for name in ("Progressing", "Available") if name in found and not _true(found[name])]
    told += [_said(found["ReplicaFailure"])] if _true(found.get("ReplicaFailure")) else []
    if not _true(found.get("Progressing")) or found["Progressing"].get("reason") != "NewReplicaSetAvailable":
        return _waiting(*told, _counted(value, "updatedReplicas", "replicas are updated"))
    if not _true(found.get("Available")):
        return _waiting(*told, _counted(value, "availableReplicas", "replicas are available"))
    revision = _revision(value)
    current = next((each for each in _owned(around("replicasets"), value) if _revision(each) == revision), None)
    if current is None:
        return _waiting(f"revision {revision} has no ReplicaSet yet")
    if _status(current).get("readyReplicas", 0) < _wanted(current):
        return _waiting(_counted(current, "readyReplicas", f"pods of ReplicaSet {_name(current)} are ready"))
    return _claims(value, around)


def _claims(value: Object, around: Around) -> Progress:
    """The volume claims that the pods mount are bound."""
    volumes = value["spec"]["template"]["spec"].get("volumes") or []
    wanted = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}
    claims = [claim for claim in around("persistentvolumeclaims") if _name(claim) in wanted] if wanted else []
    open_ = [f"PersistentVolumeClaim {_name(claim)} is {_phase(claim) or 'new'}" for claim in claims if _phase(claim) != "Bound"]
    return _waiting(*open_) if open_ else _READY


def _stateful_set(value: Object, _around: Around) -> Progress:
    if early := _unseen(value):
        return early
    status, wanted = _status(value), _wanted(value)
    on_delete = value["spec"].get("updateStrategy", {}).get("type") == "OnDelete" and value["metadata"].get("generation", 1) > 1
    counts = ("replicas", "readyReplicas") if on_delete else ("replicas", "readyReplicas", "currentReplicas")
    if any(status.get(count, 0) != wanted for count in counts):
        return _waiting(_counted(value, "readyReplicas", "pods are ready"))
    if not on_delete and status.get("currentRevision") != status.get("updateRevision"):
        return _waiting(f"pods still have revision {status.get('currentRevision')}, not {status.get('updateRevision')}")
    return _READY


def _daemon_set(value: Object, _around: Around) -> Progress:
    if early := _unseen(value):
        return early
    status = _status(value)
    wanted = status.get("desiredNumberScheduled")
    if wanted is None:
        return _waiting("the controller has not counted the nodes yet")
    counts = ("currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady")
    short = [f"{count} is {status.get(count, 0)} of {wanted}" for count in counts if status.get(count, 0) < wanted]
    return _waiting(*short) if short else _READY


def _job(value: Object, _around: Around) -> Progress:
    found, status = conditions(value), _status(value)
    if _true(found.get("Failed")):
        return Progress(done=False, reasons=(_said(found["Failed"]),), hopeless=True)
    if _true(found.get("Complete")):
        return _READY
    if status.get("startTime") is None:
        return _waiting("the Job has not started")
    return _waiting(", ".join(f"{status.get(count, 0)} {count}" for count in ("active", "succeeded", "failed")))


def _pod(value: Object, _around: Around) -> Progress:
    if _phase(value) == "Succeeded" or _true(conditions(value).get("Ready")):
        return _READY
    return Progress(done=False, reasons=tuple(trouble(value)), hopeless=_phase(value) == "Failed")


def _claim(value: Object, around: Around) -> Progress:
    if _phase(value) == "Bound":
        return _READY
    wanted = value["spec"].get("storageClassName")
    mode = next((each.get("volumeBindingMode") for each in around("storageclasses") if _name(each) == wanted), None)
    if mode == "WaitForFirstConsumer" and _phase(value) == "Pending":
        return _READY
    return _waiting(f"the claim is {_phase(value) or 'new'}; its storage class is {wanted or 'not set'}")


def _service(value: Object, around: Around) -> Progress:
    spec = value["spec"]
    if spec.get("type") == "LoadBalancer" and not _balanced(value):
        return _waiting("no load balancer gave the Service an address; a control plane without a cloud has none")
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return _READY
    slices = [each for each in around("endpointslices") if each["metadata"].get("labels", {}).get(_SERVICE) == _name(value)]
    if not slices:
        return _waiting("the controller has not looked for the Service's pods yet")
    endpoints = [endpoint for each in slices for endpoint in each.get("endpoints") or []]
    pending = [endpoint.get("targetRef", {}).get("name", "?") for endpoint in endpoints if not endpoint["conditions"].get("ready", True)]
    return _waiting(f"pods are not ready: {', '.join(sorted(pending))}") if pending else _READY


def _ingress(value: Object, around: Around) -> Progress:
    if not _balanced(value):
        return _waiting("no controller gave the Ingress an address")
    paths = [path for rule in value["spec"].get("rules") or [] for path in rule.get("http", {}).get("paths") or []]
    wanted = {path["backend"]["service"]["name"] for path in paths if "service" in path["backend"]}
    external = {_name(each) for each in around("services") if each["spec"].get("type") == "ExternalName"} if wanted else set()
    reached = {each["metadata"].get("labels", {}).get(_SERVICE) for each in around("endpointslices")} if wanted else set()
    missing = sorted(wanted - external - reached)
    return _waiting(f"no endpoints of Service {', '.join(missing)}") if missing else _READY


def _definition(value: Object, _around: Around) -> Progress:
    found = conditions(value)
    if _true(found.get("Established")):
        return _READY
    refused = found.get("NamesAccepted", {})
    if refused.get("status") == "False":
        return Progress(done=False, reasons=(_said(refused),), hopeless=True)
    return _waiting("the definition is not established")


def _volume(value: Object, _around: Around) -> Progress:
    return _READY if _phase(value) in {"Available", "Bound"} else _waiting(f"the volume is {_phase(value) or 'new'}")


def _replication_controller(value: Object, _around: Around) -> Progress:
    available = _status(value).get("availableReplicas", 0)
    return _READY if available == _wanted(value) else _waiting(_counted(value, "availableReplicas", "replicas are available"))


def _quota(value: Object, _around: Around) -> Progress:
    return _READY if value["spec"].get("hard") == _status(value).get("hard") else _waiting("the quota is not counted yet")


def _secret(value: Object, _around: Around) -> Progress:
    waits = value.get("type") == "kubernetes.io/service-account-token" and not value.get("data")
    return _waiting("the ServiceAccount's token is not written yet") if waits else _READY


_SERVICE = "kubernetes.io/service-name"
RULES: Mapping[tuple[str, str], Rule] = MappingProxyType(
    {
        ("", "PersistentVolume"): _volume,
        ("", "PersistentVolumeClaim"): _claim,
        ("", "Pod"): _pod,
        ("", "ReplicationController"): _replication_controller,
        ("", "ResourceQuota"): _quota,
        ("", "Secret"): _secret,
        ("", "Service"): _service,
        ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
        ("apps", "DaemonSet"): _daemon_set,
        ("apps", "Deployment"): _deployment,
        ("apps", "StatefulSet"): _stateful_set,
        ("batch", "Job"): _job,
        ("networking.k8s.io", "Ingress"): _ingress,
    }
)


def _unseen(value: Object) -> Progress | None:
    generation, observed = value["metadata"].get("generation", 1), _status(value).get("observedGeneration", 0)
    return _waiting(f"the controller has seen generation {observed}, not {generation}") if observed < generation else None


def _owned(others: list[Object], owner: Object) -> list[Object]:
    uid = owner["metadata"].get("uid")
    return [each for each in others if uid in {reference.get("uid") for reference in each["metadata"].get("ownerReferences") or []}]


def _waiting(*reasons: str) -> Progress:
    return Progress(done=False, reasons=tuple(reason for reason in reasons if reason))


def _counted(value: Object, count: str, what: str) -> str:
    return f"{_status(value).get(count, 0)} of {_wanted(value)} {what}"


def _wanted(value: Object) -> int:
    replicas = value["spec"].get("replicas")
    return 1 if replicas is None else int(replicas)


def _said(condition: Object) -> str:
    return f"[{condition.get('reason') or condition.get('type')}] {condition.get('message') or 'no message'}"


def _true(condition: Object | None) -> bool:
    return condition is not None and condition.get("status") == "True"


def _status(value: Object) -> Object:
    return value.get("status") or {}


def _balanced(value: Object) -> bool:
    return bool((_status(value).get("loadBalancer") or {}).get("ingress"))


def _phase(value: Object) -> str:
    return str(_status(value).get("phase") or "")


def _name(value: Object) -> str:
    return str(value["metadata"].get("name", ""))


def _revision(value: Object) -> str:
    return str((value["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", ""))
