"""For every component its usual arguments, and another value for each argument: what `docs/platform-changes.md` tells the effect of."""

from __future__ import annotations

from typing import Any

from ..storage.stores import ANSWERS, GATE, KEY, LOCK, REPLICA
from .changing import Case

_TAGS = {"environment": "dev", "owner": "platform"}
_OTHER_TAGS = {"environment": "dev", "owner": "vision"}
_ROLE = "arn:aws:iam::123456789012:role/"
_OTHER_KEY = KEY[:-1] + "1"
_ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
_CLUSTER_ARN = "arn:aws:eks:eu-central-1:123456789012:cluster/"
_BLOCK = {"buy": "block", "reservations": [{"id": "cr-1a", "zone": "eu-central-1a", "instance_type": "p5.48xlarge"}]}
_FLOOR = {"rate_per_s": 100.0, "replica_rate_per_s": 30.0, "node_start_s": 60.0, "image_pull_s": 90.0, "model_start_s": 40.0}
_CALLER = {"aws:index/getCallerIdentity:getCallerIdentity": {"arn": "arn:aws:sts::123456789012:assumed-role/deployer/ci"}}
_IMAGE = {"aws:ssm/getParameter:getParameter": {"value": "ami-9"}}
_ADDON_VERSION = {"aws:eks/getAddonVersion:getAddonVersion": {"version": "v1.0.0-eksbuild.1"}}
_EKS_ADDONS = ("aws-ebs-csi-driver", "coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni")
_PIPELINE = {"pipelines": [{"host": "github", "repository": "acme/ml", "environment": "dev"}]}


def _pool_cluster(**other: str) -> dict[str, str]:
    return {
        "cluster_name": "ml",
        "endpoint": "https://ml.eks",
        "certificate_authority": "QQ==",
        "version": "1.35",
        "security_group_id": "sg-1",
        "node_role_name": "nodes",
        "node_role_arn": f"{_ROLE}nodes",
        **other,
    }


def _taken_by(name: str) -> dict[str, Any]:
    return {"principals": [f"{_ROLE}{name}"]}


CASES = (
    Case(
        "Network",
        {"cidr": "10.0.0.0/16", "zones": _ZONES, "tags": _TAGS},
        {
            "cidr": "10.1.0.0/16",
            "zones": [*_ZONES, "eu-central-1d"],
            "tags": _OTHER_TAGS,
            "nat": "single",
            "flow_log_days": 30,
            "cluster": "ml",
        },
    ),
    Case(
        "Key",
        {"description": "queues", "tags": _TAGS},
        {"description": "queues of the shop", "tags": _OTHER_TAGS, "users": [f"{_ROLE}app"], "services": ["sqs"], "deletion_days": 7},
        ANSWERS,
    ),
    Case(
        "ModelStorage",
        {"tags": _TAGS},
        {
            "tags": _OTHER_TAGS,
            "lock": LOCK,
            "noncurrent_days": 30,
            "log_days": 30,
            "replica": REPLICA,
            "deletion_days": 7,
        },
        ANSWERS,
    ),
    Case(
        "EvidenceStorage",
        {"tags": _TAGS, "lock": LOCK, "gate_role_arn": GATE},
        {
            "tags": _OTHER_TAGS,
            "lock.mode": "GOVERNANCE",
            "lock.days": 500,
            "gate_role_arn": f"{_ROLE}other-gate",
            "log_days": 30,
            "replica": REPLICA,
            "deletion_days": 7,
        },
        ANSWERS,
    ),
    Case(
        "AuditTrail",
        {"tags": _TAGS, "bucket_arns": ["arn:aws:s3:::models"], "lock": LOCK},
        {
            "tags": _OTHER_TAGS,
            "bucket_arns": ["arn:aws:s3:::models", "arn:aws:s3:::evidence"],
            "lock.mode": "GOVERNANCE",
            "lock.days": 500,
            "log_days": 30,
            "deletion_days": 7,
        },
        ANSWERS,
    ),
    Case(
        "Access",
        {"who": {"ci": _PIPELINE, "deployer": _taken_by("platform"), "gate": _taken_by("gates")}, "tags": _TAGS},
        {
            "who.ci": {"pipelines": [{"host": "github", "repository": "acme/ml", "environment": "other"}]},
            "who.deployer": _taken_by("others"),
            "who.gate": _taken_by("other-gates"),
            "who.promoter": _taken_by("releasers"),
            "who.auditor": _taken_by("auditors"),
            "who.break_glass": {"principals": ["arn:aws:iam::123456789012:user/on-call"]},
            "tags": _OTHER_TAGS,
            "oidc_provider_arns": {"github": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
            "boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
        },
    ),
    Case(
        "Permissions",
        {
            "role_arn": f"{_ROLE}digits",
            "flows": [{"verb": "signs", "resource": {"signing_key_arn": KEY}}],
        },
        {
            "role_arn": f"{_ROLE}other",
            "flows": [{"verb": "reads", "resource": {"bucket_arn": "arn:aws:s3:::models", "key_arn": KEY}}],
        },
    ),
    Case(
        "ServiceIdentity",
        {
            "cluster": {"cluster_name": "ml", "cluster_arn": f"{_CLUSTER_ARN}ml"},
            "namespace": "vision",
            "service_account": "digits",
            "tags": _TAGS,
        },
        {
            "cluster.cluster_name": "other",
            "cluster.cluster_arn": f"{_CLUSTER_ARN}other",
            "namespace": "other",
            "service_account": "other",
            "tags": _OTHER_TAGS,
            "flows": [{"verb": "reads", "resource": {"bucket_arn": "arn:aws:s3:::models", "key_arn": KEY}}],
            "boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
        },
    ),
    Case(
        "ImageRepository",
        {"key_arn": KEY, "tags": _TAGS, "pushers": [f"{_ROLE}ci"], "pullers": [f"{_ROLE}nodes"]},
        {
            "key_arn": _OTHER_KEY,
            "tags": _OTHER_TAGS,
            "pushers": [f"{_ROLE}ci", f"{_ROLE}other-ci"],
            "pullers": [f"{_ROLE}other-nodes"],
            "untagged_days": 7,
            "kept_images": 20,
        },
    ),
    Case(
        "Secret",
        {"description": "opens the feature store", "key_arn": KEY, "readers": [f"{_ROLE}digits"], "tags": _TAGS},
        {
            "description": "opens the other store",
            "key_arn": _OTHER_KEY,
            "readers": [f"{_ROLE}digits", f"{_ROLE}other"],
            "tags": _OTHER_TAGS,
            "recovery_days": 7,
        },
    ),
    Case(
        "Cluster",
        {
            "cluster_name": "ml",
            "version": "1.34",
            "network": {"private_subnet_ids": ["subnet-1", "subnet-2"], "intra_subnet_ids": ["subnet-3", "subnet-4"]},
            "nodes": {"instance_types": ["m7i.large"], "release": "1.34.0-20260101"},
            "admins": {"deployer": f"{_ROLE}deployer"},
            "addon_versions": dict.fromkeys(_EKS_ADDONS, "v1.2.3-eksbuild.4"),
            "tags": _TAGS,
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
            "admins": {"deployer": f"{_ROLE}deployer", "other": f"{_ROLE}other"},
            "viewers": {"auditor": f"{_ROLE}auditor"},
            "public_from": ["198.51.100.0/24"],
            "key_arn": KEY,
            "deletion_days": 7,
            "log_days": 30,
            "addon_versions": {**dict.fromkeys(_EKS_ADDONS, "v1.2.3-eksbuild.4"), "coredns": "v1.2.4-eksbuild.1"},
            "pinned": True,
            "deletion_protection": False,
            "kubeconfig": '{"current-context": "tunnel"}',
            "tags": _OTHER_TAGS,
        },
        _CALLER,
    ),
    Case(
        "ClusterAddons",
        {
            "cluster": {
                "cluster_name": "ml",
                "cluster_arn": f"{_CLUSTER_ARN}ml",
                "version": "1.34",
                "security_group_id": "sg-1",
                "node_role_arn": f"{_ROLE}nodes",
            },
            "vpc_id": "vpc-1",
            "dns_zone_ids": ["Z0123456789ABCDEFGHIJ"],
            "tags": _TAGS,
        },
        {
            "cluster.cluster_name": "other",
            "cluster.cluster_arn": f"{_CLUSTER_ARN}other",
            "cluster.version": "1.35",
            "cluster.security_group_id": "sg-2",
            "cluster.node_role_arn": f"{_ROLE}other-nodes",
            "vpc_id": "vpc-2",
            "dns_zone_ids": ["Z0123456789ABCDEFGHIK"],
            "tags": _OTHER_TAGS,
            "mirror": "registry.example.com/mirror",
            "pinned": False,
            "deletion_protection": False,
            "addons": {"keda": {"on": False}},
        },
        _ADDON_VERSION,
        {"aws:sqs/queue:Queue": {"arn": "arn:aws:sqs:eu-central-1:123456789012:ml"}},
        in_cluster=True,
    ),
    Case("InterruptionQueue", {"tags": _TAGS}, {"tags": _OTHER_TAGS}),
    Case(
        "GpuNodePool",
        {
            "accelerator": "l4",
            "replicas": 8,
            "cluster": _pool_cluster(),
            "network": {"zones": _ZONES, "private_subnet_ids": ["subnet-1", "subnet-2", "subnet-3"]},
            "capacity": [{"buy": "spot"}, {"buy": "on-demand"}],
            "ami": {"family": "bottlerocket", "version": "1.53.0"},
            "tags": _TAGS,
        },
        {
            "accelerator": "a10g",
            "replicas": 16,
            "cluster.cluster_name": "other",
            "cluster.endpoint": "https://other.eks",
            "cluster.certificate_authority": "Qg==",
            "cluster.version": "1.36",
            "cluster.security_group_id": "sg-2",
            "cluster.node_role_name": "other-nodes",
            "cluster.node_role_arn": f"{_ROLE}other-nodes",
            "cluster.service_cidr": "172.20.0.0/16",
            "network.zones": ["eu-central-1a", "eu-central-1c", "eu-central-1b"],
            "network.private_subnet_ids": ["subnet-1", "subnet-2", "subnet-4"],
            "capacity": [{"buy": "on-demand"}],
            "ami": {"family": "al2023", "id": "ami-1", "architecture": "amd64"},
            "ami.version": "1.54.0",
            "count": 4,
            "floor": _FLOOR,
            "zones": _ZONES[:2],
            "least_zones": 2,
            "efa": True,
            "pinned": False,
            "image_disk_gib": 400,
            "disk_key_arn": KEY,
            "labels": {"team": "vision"},
            "disruption.idle_s": 600,
            "disruption.move_pods": True,
            "disruption.nodes_at_once": 2,
            "disruption.expire_after_h": 24,
            "disruption.drain_s": 60,
            "check_quota": False,
            "tags": _OTHER_TAGS,
        },
        _IMAGE,
        in_cluster=True,
    ),
    Case(
        "GpuNodePool",
        {
            "accelerator": "l4",
            "replicas": 8,
            "cluster": _pool_cluster(),
            "network": {"zones": _ZONES, "private_subnet_ids": ["subnet-1", "subnet-2", "subnet-3"]},
            "zones": _ZONES[:1],
            "capacity": [{"buy": "on-demand"}],
            "ami": {"family": "bottlerocket", "version": "1.53.0"},
            "share": {"time_slices": 2},
            "tags": _TAGS,
        },
        {
            "replicas": 16,
            "cluster.cluster_name": "other",
            "cluster.version": "1.36",
            "cluster.node_role_arn": f"{_ROLE}other-nodes",
            "zones": _ZONES[1:2],
            "share": {"time_slices": 4},
            "placement": "cluster",
            "image_disk_gib": 400,
            "labels": {"team": "vision"},
        },
        _IMAGE,
        in_cluster=True,
        of="of fixed size",
    ),
    Case(
        "Budget",
        {"monthly_limit": 30000.0, "tags": _TAGS, "emails": ["ml@example.com"]},
        {
            "monthly_limit": 20000.0,
            "currency": "EUR",
            "tags": _OTHER_TAGS,
            "alerts": [{"percent": 50}],
            "emails": ["other@example.com"],
            "topic_arn": "arn:aws:sns:eu-central-1:123456789012:budgets",
        },
    ),
)
