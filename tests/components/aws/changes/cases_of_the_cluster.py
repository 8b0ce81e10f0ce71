"""Usual arguments and other values for each: the cluster and its add-ons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlgate_components.aws.addons.plan import addon_plans

from ..storage.stores import KEY
from .changing import Case, With
from .values import CLUSTER_ARN, OTHER_TAGS, ROLE, TAGS

_EKS_ADDONS = ("aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni")
_PIN = {"version": "v1.2.3-eksbuild.4", "digest": f"sha256:{0:064x}"}
_PINNED = {name: {plan.unpinned[0]: _PIN[plan.unpinned[0]]} for name, plan in addon_plans({}, "").items() if plan.unpinned}


def _default_version(asked: Mapping[str, Any]) -> dict[str, str]:
    """EKS has another default for each version of Kubernetes."""
    return {"version": f"v{asked['kubernetesVersion']}.0-eksbuild.1"}


_ANSWERS = {
    "aws:index/getCallerIdentity:getCallerIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/deployer/ci"},
    "aws:eks/getAddonVersion:getAddonVersion": _default_version,
}
CASES = (
    Case(
        "Cluster",
        {
            "cluster_name": "ml",
            "version": "1.34",
            "network": {"private_subnet_ids": ["subnet-1", "subnet-2"], "intra_subnet_ids": ["subnet-3", "subnet-4"]},
            "nodes": {"instance_types": ["m7i.large"], "release": "1.34.0-20260101"},
            "admins": {"deployer": f"{ROLE}deployer"},
            "tags": TAGS,
        },
        {
            "cluster_name": "other",
            "version": "1.35",
            "network.private_subnet_ids": ["subnet-1", "subnet-5"],
            "network.intra_subnet_ids": ["subnet-3", "subnet-6"],
            "nodes.instance_types": ["m6i.large"],
            "nodes.min": 3,
            "nodes.max": 6,
            "nodes.disk_gib": 100,
            "nodes.image": "bottlerocket",
            "nodes.release": "1.34.1-20260201",
            "admins": {"deployer": f"{ROLE}deployer", "other": f"{ROLE}other"},
            "viewers": {"auditor": f"{ROLE}auditor"},
            "public_from": ["198.51.100.0/24"],
            "key_arn": KEY,
            "deletion_days": 7,
            "log_days": 30,
            "addon_versions": {"coredns": "v1.2.4-eksbuild.1"},
            "pinned": With(True, {"addon_versions": dict.fromkeys(_EKS_ADDONS, _PIN["version"])}),
            "deletion_protection": False,
            "kubeconfig": '{"current-context": "tunnel"}',
            "tags": OTHER_TAGS,
        },
        _ANSWERS,
    ),
    Case(
        "ClusterAddons",
        {
            "cluster": {
                "cluster_name": "ml",
                "cluster_arn": f"{CLUSTER_ARN}ml",
                "version": "1.34",
                "security_group_id": "sg-1",
                "node_role_arn": f"{ROLE}nodes",
            },
            "vpc_id": "vpc-1",
            "dns_zone_ids": ["Z0123456789ABCDEFGHIJ"],
            "tags": TAGS,
        },
        {
            "cluster.cluster_name": "other",
            "cluster.cluster_arn": f"{CLUSTER_ARN}other",
            "cluster.version": "1.35",
            "cluster.security_group_id": "sg-2",
            "cluster.node_role_arn": f"{ROLE}other-nodes",
            "vpc_id": "vpc-2",
            "dns_zone_ids": ["Z0123456789ABCDEFGHIK"],
            "tags": OTHER_TAGS,
            "mirror": "registry.example.com/mirror",
            "pinned": With(True, {"addons": _PINNED}),
            "deletion_protection": False,
            "addons.keda.on": False,
            "addons.keda.version": "2.20.1",
            "addons.keda.values": {"replicas": 3},
            "addons.karpenter.digest": _PIN["digest"],
            "addons.cert-manager.version": "v1.18.2-eksbuild.2",
        },
        _ANSWERS,
        {"aws:sqs/queue:Queue": {"arn": "arn:aws:sqs:eu-central-1:123456789012:ml"}},
        in_cluster=True,
    ),
    Case("InterruptionQueue", {"tags": TAGS}, {"tags": OTHER_TAGS}),
)
