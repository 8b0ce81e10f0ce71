"""What is wrong with the pods of a workload, each by name, and what the controllers complained about: pure functions of objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["blamed", "complaints", "trouble"]

Object = Mapping[str, Any]
_MOST = 10  # a rollout of a hundred pods fails a hundred times in the same way


def trouble(pod: Object) -> list[str]:
    """Why this pod is not ready, in the words of scheduler and kubelet; empty for one that is, or has succeeded."""
    status = pod.get("status") or {}
    conditions = {condition.get("type"): condition for condition in status.get("conditions") or []}
    if status.get("phase") == "Succeeded" or conditions.get("Ready", {}).get("status") == "True":
        return []
    found = [
        f"[{condition.get('reason') or kind}] {condition['message']}"
        for kind, condition in conditions.items()
        if kind in {"PodScheduled", "Initialized", "Ready"} and condition.get("status") != "True" and condition.get("message")
    ]
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        found += _container(container)
    found += [str(status["message"])] if status.get("message") else []
    return found or [f"phase {status.get('phase') or 'Pending'}"]


def blamed(owner: Object, around: Callable[[str], list[Object]]) -> list[str]:
    """The unready pods below `owner` (its own, or its newest ReplicaSet's), each with its trouble."""
    owners = {owner["metadata"].get("uid")}
    if owner.get("kind") == "Deployment":
        owners = {each["metadata"].get("uid") for each in _below(around("replicasets"), owners) if _revision(each) == _revision(owner)}
    told = [f"Pod {pod['metadata']['name']}: {'; '.join(why)}" for pod in _below(around("pods"), owners) if (why := trouble(pod))]
    return told[:_MOST] + ([f"and {len(told) - _MOST} more pods"] if len(told) > _MOST else [])


def complaints(owner: Object, events: Iterable[Object]) -> list[str]:
    """The warnings that were recorded about `owner`, each once."""
    uid = owner["metadata"].get("uid")
    about = [event for event in events if event.get("type") == "Warning" and (event.get("involvedObject") or {}).get("uid") == uid]
    return list(dict.fromkeys(f"[{event.get('reason')}] {event.get('message')}" for event in about))[:_MOST]


def _container(status: Object) -> list[str]:
    if status.get("ready"):
        return []
    name, state, last = status.get("name"), status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    found = []
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting and waiting.get("reason") != "ContainerCreating":
        found.append(f"container {name} waits: [{waiting.get('reason')}] {waiting.get('message') or 'no message'}")
    if ended.get("exitCode"):
        why = ended.get("message") or ended.get("reason") or "no message"
        found.append(f"container {name} ended with exit code {ended['exitCode']}: {why}")
    if last:
        found.append(f"container {name} ended before with exit code {last.get('exitCode')}: {last.get('message') or last.get('reason')}")
    return found


def _below(others: Iterable[Object], owners: set[Any]) -> list[Object]:
    return [each for each in others if owners & {reference.get("uid") for reference in each["metadata"].get("ownerReferences") or []}]


def _revision(value: Object) -> str:
    return str((value["metadata"].get("annotations") or {}).get("deployment.kubernetes.io/revision", ""))
