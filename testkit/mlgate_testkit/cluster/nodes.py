"""Fake nodes: as large as a machine of the accelerator catalogue, played by kwok, lost and found again at will."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from mlgate.accelerators import InstanceType, smallest
from mlgate_testkit.cluster.objects import Objects
from mlgate_testkit.cluster.parts import NODE_LABEL

GPU = "nvidia.com/gpu"
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c")

_CPUS, _MEMORY_MIB, _PODS = 8, 32768, 110


def add_nodes(objects: Objects, count: int, accelerator: str | None, gpus: int, labels: Mapping[str, str]) -> list[str]:
    """Make nodes and return their names. Raises UsageError for an accelerator or a number of it that no machine has."""
    kind = smallest(accelerator, gpus) if accelerator else None
    first = f"{accelerator or 'cpu'}-{secrets.token_hex(3)}"
    names = [f"{first}-{number}" for number in range(count)]
    for number, name in enumerate(names):
        objects.create(_node(name, kind, {"topology.kubernetes.io/zone": ZONES[number % len(ZONES)], **labels}))
    return names


def ready_nodes(objects: Objects) -> set[str]:
    """The names of the nodes that say they are ready."""
    return {node["metadata"]["name"] for node in objects.list("Node") if is_ready(node)}


def is_ready(thing: Mapping[str, Any]) -> bool:
    """Whether the condition `Ready` of a node, a pod or a claim is True."""
    conditions = (thing.get("status") or {}).get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def lose(objects: Objects, name: str) -> None:
    """From now on the node reports nothing, as if its machine had gone. Raises ClusterError if there is none of that name."""
    objects.patch("Node", name, {"metadata": {"labels": {NODE_LABEL: None}}})


def find_again(objects: Objects, name: str) -> None:
    """The node reports again. Raises ClusterError if there is none of that name."""
    objects.patch("Node", name, {"metadata": {"labels": {NODE_LABEL: "fake"}}})


def _node(name: str, kind: InstanceType | None, labels: Mapping[str, str]) -> dict[str, Any]:
    resources = {
        "cpu": str(kind.cpus if kind else _CPUS),
        "memory": f"{kind.memory_mib if kind else _MEMORY_MIB}Mi",
        "pods": str(_PODS),
        **({GPU: str(kind.count)} if kind else {}),
    }
    architecture = kind.architecture if kind else "amd64"
    about = {
        NODE_LABEL: "fake",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        **({"node.kubernetes.io/instance-type": kind.name, **gpu_labels(kind)} if kind else {}),
        **labels,
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": about},
        "spec": {},
        "status": {"capacity": resources, "allocatable": resources, "nodeInfo": _node_info(architecture)},
    }


def gpu_labels(kind: InstanceType) -> dict[str, str]:
    """What NVIDIA's device plugin and Karpenter's AWS provider say of a machine's GPUs."""
    return {
        "nvidia.com/gpu.count": str(kind.count),
        "nvidia.com/gpu.memory": str(kind.accelerator_memory_mib),
        **aws_gpu_labels(kind),
    }


def aws_gpu_labels(kind: InstanceType) -> dict[str, str]:
    """What Karpenter's AWS provider says of a machine's GPUs: of the A100 of either size "a100", and its memory."""
    name = {"a100-40g": "a100", "a100-80g": "a100", "rtx-pro-6000": "rtx-pro-server-6000"}.get(kind.accelerator, kind.accelerator)
    group = "karpenter.k8s.aws/instance-gpu"
    return {
        f"{group}-name": name,
        f"{group}-manufacturer": "nvidia",
        f"{group}-count": str(kind.count),
        f"{group}-memory": str(kind.accelerator_memory_mib),
    }


def _node_info(architecture: str) -> dict[str, str]:
    # All of them are required; what a kubelet would say is empty.
    names = ("bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "machineID", "osImage", "systemUUID")
    return {**dict.fromkeys(names, ""), "architecture": architecture, "kubeletVersion": "fake", "operatingSystem": "linux"}
