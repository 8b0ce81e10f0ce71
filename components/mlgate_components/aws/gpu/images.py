"""What the image of a node with GPUs brings, where it is found, and what it must be told where no Karpenter tells it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from mlgate_components.aws.gpu.plan import PoolPlan

__all__ = ["device_plugin", "image_parameter", "user_data"]

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "arm64"}
# What Bottlerocket calls GPUs: bottlerocket-core-kit, nvidia-migmanager/src/main.rs; bottlerocket.dev, settings of 1.54.x.
_MIG_MODELS = {
    "a100-40g": "a100.40gb",
    "a100-80g": "a100.80gb",
    "b200": "b200.180gb",
    "h100": "h100.80gb",
    "h200": "h200.141gb",
}


def device_plugin(family: str) -> str:
    """Who tells Kubernetes of the GPUs (EKS user guide, "Install Kubernetes device plugin for GPUs")."""
    return "brought by the image" if family == "bottlerocket" else "needed: the image of al2023 has none"


def image_parameter(plan: PoolPlan, kubernetes: str) -> str:
    """Where AWS publishes the id of its image with NVIDIA's drivers, in SSM (Karpenter 1.15.1, pkg/providers/amifamily).

    By architecture, though every plan today is of "amd64": no accelerator that a pool can ask for stands on an arm64 machine.
    """
    machine = _ARCHITECTURES[plan.wanted.architecture]
    if plan.family == "bottlerocket":
        return f"/aws/service/bottlerocket/aws-k8s-{kubernetes}-nvidia/{machine}/{plan.ami_version}/image_id"
    release = f"amazon-eks-node-al2023-{machine}-nvidia-{kubernetes}-{plan.ami_version}"
    named = "recommended" if plan.ami_version == "latest" else release
    return f"/aws/service/eks/optimized-ami/{kubernetes}/amazon-linux-2023/{machine}/nvidia/{named}/image_id"


def user_data(plan: PoolPlan, cluster: Mapping[str, str]) -> str:
    """What a node of a managed group with an image by id is started with: EKS adds nothing to it.

    Labels and taints stand in it so that the node registers with them, and no pod gets there before. `cluster`: its name, endpoint,
    certificate authority and, for AL2023, the addresses of its Services, under the names of the arguments.
    """
    if plan.family == "bottlerocket":
        return "\n".join(_bottlerocket(plan, cluster)) + "\n"
    return _al2023(plan, cluster)


def _bottlerocket(plan: PoolPlan, cluster: Mapping[str, str]) -> Iterator[str]:
    """TOML, whose texts are quoted as JSON's are."""
    yield "[settings.kubernetes]"
    for key, name in (("api-server", "endpoint"), ("cluster-certificate", "certificate_authority"), ("cluster-name", "cluster_name")):
        yield f"{key} = {json.dumps(cluster[name])}"
    yield "[settings.kubernetes.node-labels]"
    yield from (f"{json.dumps(key)} = {json.dumps(value)}" for key, value in sorted(plan.labels.items()))
    yield "[settings.kubernetes.node-taints]"
    yield from (f"{json.dumps(taint['key'])} = [{json.dumps(taint['value'] + ':' + taint['effect'])}]" for taint in plan.taints)
    if plan.wanted.mig_profile:
        yield "[settings.kubelet-device-plugins.nvidia]"
        yield 'device-partitioning-strategy = "mig"'
        yield "[settings.kubelet-device-plugins.nvidia.mig.profile]"
        yield f"{json.dumps(_MIG_MODELS[plan.wanted.accelerator])} = {json.dumps(plan.wanted.mig_profile)}"
    if plan.wanted.time_slices:
        yield "[settings.kubelet-device-plugins.nvidia]"
        yield 'device-sharing-strategy = "time-slicing"'
        yield "[settings.kubelet-device-plugins.nvidia.time-slicing]"
        yield f"replicas = {plan.wanted.time_slices}"
        yield "rename-by-default = true"


def _al2023(plan: PoolPlan, cluster: Mapping[str, str]) -> str:
    """nodeadm's NodeConfig (awslabs/amazon-eks-ami at 81fec2e89585, nodeadm/doc), as JSON, which is YAML too.

    It refuses one without any of the four of the cluster (nodeadm/internal/api/validation.go), and asks EKS for none of them.
    """
    labels = ",".join(f"{key}={value}" for key, value in sorted(plan.labels.items()))
    taints = ",".join(f"{taint['key']}={taint['value']}:{taint['effect']}" for taint in plan.taints)
    config = {
        "apiVersion": "node.eks.aws/v1alpha1",
        "kind": "NodeConfig",
        "spec": {
            "cluster": {
                "name": cluster["cluster_name"],
                "apiServerEndpoint": cluster["endpoint"],
                "certificateAuthority": cluster["certificate_authority"],
                "cidr": cluster["service_cidr"],
            },
            "kubelet": {"flags": [f"--node-labels={labels}", f"--register-with-taints={taints}"]},
        },
    }
    head = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="BOUNDARY"\n'
    return f"{head}\n--BOUNDARY\nContent-Type: application/node.eks.aws\n\n{json.dumps(config, indent=1)}\n\n--BOUNDARY--\n"
