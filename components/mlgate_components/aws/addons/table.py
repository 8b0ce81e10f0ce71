"""The add-ons of a cluster, one row each: how each is installed, from where, at which version, and where its images are named.

A version stands here where a public source says it, with the day that source was read; whatever has none is asked of whoever runs it.
Which of them EKS offers itself: EKS user guide, "Available Amazon EKS add-ons from AWS" and "Community add-ons".
A chart is taken from a registry, where it has a digest, if its publisher names one. The charts of KEDA, of NVIDIA and of the load balancer
controller have none: their release workflows and READMEs, read at the commits below, know a repository alone, and the last two are asked
for one (NVIDIA/dcgm-exporter#466, aws/eks-charts#1070, both open when read on 2026-11-27).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TABLE", "Addon", "Chart"]


@dataclass(frozen=True, slots=True)
class Chart:
    """Where a chart is published, and in which version it was read.

    `place` is a registry's folder (oci://...) or a repository's address; `images` are paths in the chart's values, with what stands there
    upstream: a registry, or a registry and repository. `started`: the same for images that only the chart's controller starts, which it
    knows by itself unless a value says them; the registry among `images` goes before them, or in the place of theirs. `digest`: of that
    version in that registry, where a public source says it.
    """

    place: str
    name: str
    version: str
    source: str
    images: Mapping[str, str] = field(default_factory=dict)
    started: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Addon:
    """`eks`: EKS's own name of it, where EKS offers it; else a chart. `after`: what must be there before it, if that is on.

    `monitors`: values by which it is watched, where the Prometheus operator is on. `owns`: what it makes outside of the cluster, which
    is left behind if the cluster goes first.
    """

    namespace: str
    eks: str = ""
    chart: Chart | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    monitors: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    owns: str = ""


def _only_on(label: Mapping[str, Any]) -> Mapping[str, Any]:
    terms = [{"matchExpressions": [label]}]
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}


_TOLERATED = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
_OFF = {"enabled": False}
_KARPENTER = "github.com/aws/karpenter-provider-aws v1.15.1 (2026-10-23), hack/release/common.sh: its charts carry the release's version"

TABLE: Mapping[str, Addon] = {
    "prometheus-operator": Addon(
        "monitoring",
        chart=Chart(
            "oci://ghcr.io/prometheus-community/charts",
            "kube-prometheus-stack",
            "88.5.3",
            "prometheus-community/helm-charts at cf408a29, charts/kube-prometheus-stack, Chart.yaml and README.md (registry), 2026-08-22",
            {
                "prometheusOperator.image.registry": "quay.io",
                "prometheusOperator.prometheusConfigReloader.image.registry": "quay.io",
                "prometheusOperator.thanosImage.registry": "quay.io",
                "prometheusOperator.prometheusDefaultBaseImageRegistry": "quay.io",
                "prometheusOperator.alertmanagerDefaultBaseImageRegistry": "quay.io",
                "prometheusOperator.admissionWebhooks.patch.image.registry": "ghcr.io",
            },
            {
                "prometheusOperator.prometheusDefaultBaseImage": "prometheus/prometheus",
                "prometheusOperator.alertmanagerDefaultBaseImage": "prometheus/alertmanager",
            },
        ),
        # The operator and its definitions alone: what is watched, and by how many servers, is said where services are.
        values={
            **dict.fromkeys(("prometheus", "alertmanager", "grafana", "nodeExporter", "kubeStateMetrics"), _OFF),
            **dict.fromkeys(
                ("kubeApiServer", "kubelet", "kubeControllerManager", "coreDns", "kubeEtcd", "kubeScheduler", "kubeProxy"), _OFF
            ),
            "defaultRules": {"create": False},
        },
    ),
    "metrics-server": Addon("kube-system", eks="metrics-server"),
    "cert-manager": Addon("cert-manager", eks="cert-manager"),
    # Helm never changes a definition that a chart brings along with its templates, so Karpenter has a chart for its own.
    "karpenter-crd": Addon("kube-system", chart=Chart("oci://public.ecr.aws/karpenter", "karpenter-crd", "1.15.1", _KARPENTER)),
    "karpenter": Addon(
        "kube-system",
        chart=Chart(
            "oci://public.ecr.aws/karpenter",
            "karpenter",
            "1.15.1",
            _KARPENTER,
            {"controller.image.repository": "public.ecr.aws/karpenter/controller"},
        ),
        monitors={"serviceMonitor": {"enabled": True}},
        after=("prometheus-operator", "karpenter-crd"),
        owns="nodes",
    ),
    "keda": Addon(
        "keda",
        chart=Chart(
            "https://kedacore.github.io/charts",
            "keda",
            "2.20.2",
            "kedacore/charts at 1444d00d, keda/Chart.yaml, 2026-08-13",
            {"global.image.registry": "ghcr.io"},
        ),
        monitors={
            "prometheus": {
                part: {"enabled": True, "serviceMonitor": {"enabled": True}} for part in ("operator", "metricServer", "webhooks")
            }
        },
        after=("prometheus-operator",),
    ),
    "nvidia-device-plugin": Addon(
        "nvidia",
        chart=Chart(
            "https://nvidia.github.io/k8s-device-plugin",
            "nvidia-device-plugin",
            "0.20.0",
            "NVIDIA/k8s-device-plugin at 1b826acc, tag v0.20.0, deployments/helm/nvidia-device-plugin/Chart.yaml, 2026-08-19",
            {"image.repository": "nvcr.io/nvidia/k8s-device-plugin"},
        ),
        # On nodes whose image has none, which GpuNodePool labels so. As the chart comes it goes to whatever node feature discovery finds
        # an NVIDIA GPU in as well: on Bottlerocket, whose image has a plugin, a second one would hand out the same GPUs again.
        values={"affinity": _only_on({"key": "nvidia.com/gpu.present", "operator": "In", "values": ["true"]})},
    ),
    "dcgm-exporter": Addon(
        "nvidia",
        chart=Chart(
            "https://nvidia.github.io/dcgm-exporter/helm-charts",
            "dcgm-exporter",
            "4.8.2",
            "NVIDIA/dcgm-exporter at d5e5f510, deployment/Chart.yaml, 2026-05-12",
            {"image.repository": "nvcr.io/nvidia/k8s/dcgm-exporter"},
        ),
        values={
            "affinity": _only_on({"key": "mlgate/accelerator", "operator": "Exists"}),  # on nodes of GpuNodePool
            "tolerations": _TOLERATED,
            "serviceMonitor": {"enabled": False},  # the chart's own default needs definitions that may not be there
        },
        monitors={"serviceMonitor": {"enabled": True}},
        after=("prometheus-operator",),
    ),
    "aws-load-balancer-controller": Addon(
        "kube-system",
        chart=Chart(
            "https://aws.github.io/eks-charts",
            "aws-load-balancer-controller",
            "3.5.0",
            "aws/eks-charts at 52396092, stable/aws-load-balancer-controller/Chart.yaml, 2026-08-03",
            {"image.repository": "public.ecr.aws/eks/aws-load-balancer-controller"},
        ),
        values={
            # Its webhook on Services would refuse all of them, everybody's, for as long as the controller is not ready.
            "enableServiceMutatorWebhook": False,
            # Its role may not touch web ACLs and Shield.
            **dict.fromkeys(("enableShield", "enableWaf", "enableWafv2"), False),
        },
        owns="load balancers",
    ),
    "gateway": Addon(
        "envoy-gateway-system",
        chart=Chart(
            "oci://docker.io/envoyproxy",
            "gateway-helm",
            "v1.9.1",
            "github.com/envoyproxy/gateway v1.9.1 (2026-08-28), charts/gateway-helm, which is published at its module's version",
            {"global.imageRegistry": "docker.io"},
            # The proxies that carry the traffic; the chart adds the tag of its own version (templates/_helpers.tpl, eg.envoyProxy.image).
            {"global.images.envoyProxy.image": "docker.io/envoyproxy/envoy"},
            # What `helm pull` printed in two clusters, which agree: kkonstantin08/trafficops at 6d01d498, docs/evidence, 2026-10-03;
            # stevetosak/hetzner-cloud-infra at a1a52154, docs/runbook/cluster-services.md, 2026-09-21.
            "sha256:91bae9aedb91ab34731e987afe01a3ccf454393015abeca705eea8ee15553e86",
        ),
        after=("aws-load-balancer-controller",),
        owns="load balancers",
    ),
    "external-dns": Addon(
        "external-dns",
        eks="external-dns",
        after=("gateway",),
        owns="DNS records",
    ),
}
"""In an order in which each stands behind what it needs."""
