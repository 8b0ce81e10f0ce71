"""A pool of GPUs as most tests have it: its usual arguments, its recording, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from mlgate_components.arguments import ArgumentsError
from mlgate_components.aws.gpu.checks import planned
from mlgate_testkit.record import Graph, Resource, record

ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
FLOOR = {"rate_per_s": 100.0, "replica_rate_per_s": 30.0, "node_start_s": 60.0, "image_pull_s": 90.0, "model_start_s": 40.0}
BLOCK = {"id": "cr-1a", "zone": "us-east-1b", "instance_type": "p5.48xlarge"}
LOCAL = {"id": "cr-2b", "zone": "eu-central-1a", "instance_type": "g6.xlarge"}
AL2023 = {"family": "al2023", "id": "ami-1"}
VIRGINIA = {"zones": ["us-east-1a", "us-east-1b"], "private_subnet_ids": ["subnet-1", "subnet-2"]}
CLUSTER = {
    "cluster_name": "ml",
    "endpoint": "https://ml.eks",
    "certificate_authority": "QQ==",
    "version": "1.35",
    "security_group_id": "sg-1",
    "node_role_name": "nodes",
    "node_role_arn": "arn:aws:iam::123456789012:role/nodes",
}
USUAL: dict[str, Any] = {
    "accelerator": "l4",
    "replicas": 8,
    "cluster": CLUSTER,
    "network": {"zones": ZONES, "private_subnet_ids": ["subnet-1", "subnet-2", "subnet-3"]},
    "capacity": [{"buy": "spot"}, {"buy": "on-demand"}],
    "ami": {"family": "bottlerocket", "version": "1.46.0"},
    "tags": {"environment": "dev", "owner": "platform"},
}
OUTPUTS = ("node_class_name", "node_pool_names", "instance_types", "rejected", "labels", "resource", "device_plugin", "vcpu_quotas", "said")
POOL, CLASS, GROUP = "kubernetes:karpenter.sh/v1:NodePool", "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass", "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
QUOTA = "aws:servicequotas/getServiceQuota:getServiceQuota"
IMAGE = "aws:ssm/getParameter:getParameter"


def program(args: Mapping[str, Any], provider: bool) -> Callable[[], None]:
    def pool() -> None:
        import pulumi
        import pulumi_kubernetes as kubernetes

        from mlgate_components.aws.gpu.pool import GpuNodePool

        providers = [kubernetes.Provider("eks", kubeconfig="{}")] if provider else []
        made = GpuNodePool("gpu", args, pulumi.ResourceOptions(providers=providers))  # type: ignore[arg-type]
        for output in OUTPUTS:
            pulumi.export(output, getattr(made, output))

    return pool


def recorded(*, provider: bool = True, invokes: Mapping[str, Any] | None = None, **args: Any) -> Graph:
    return record(program({**USUAL, **args}, provider), invokes=invokes)


def refused(**args: Any) -> dict[str, str]:
    """What is wrong, and what would do instead, by path."""
    with pytest.raises(ArgumentsError) as caught:
        planned("gpu", {**USUAL, **args})  # type: ignore[typeddict-item]
    return {problem.where: f"{problem.found}: {problem.expected}" for problem in caught.value.problems}


def requirements(pool: Resource) -> dict[str, list[str]]:
    return {each["key"]: each["values"] for each in pool.inputs["spec"]["template"]["spec"]["requirements"]}


def told(template: Resource) -> str:
    return base64.b64decode(template.inputs["userData"]).decode()
