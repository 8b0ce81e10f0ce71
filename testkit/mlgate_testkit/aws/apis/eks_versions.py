"""Kubernetes versions and add-on versions of simulated EKS: an excerpt of what EKS offers, by no means all of it.

Sources: EKS user guide, "Amazon EKS Kubernetes release calendar" and "Amazon EKS add-ons". The version texts have the form of EKS's, and no
more is promised of them: they are for simulated clusters, and which of EKS's own is good for a real one is asked of AWS. A program that
pins one that EKS has and this table has not is refused; `getAddonVersion` says which there are.
"""

from __future__ import annotations

import json
from typing import Any

from mlgate_testkit.aws.apis.dispatch import Operation, Place
from mlgate_testkit.aws.apis.eks_state import invalid, missing

__all__ = ["DEFAULT_VERSION", "OPERATIONS", "VERSIONS", "addon_versions", "minor", "require_addon", "require_configuration"]

VERSIONS = ("1.29", "1.30", "1.31", "1.32", "1.33", "1.34", "1.35")
DEFAULT_VERSION = "1.34"

_ADDONS: dict[str, tuple[str, ...]] = {  # newest first; the second is the default of an older cluster
    "vpc-cni": ("v1.20.4-eksbuild.1", "v1.19.6-eksbuild.7"),
    "coredns": ("v1.12.4-eksbuild.1", "v1.11.4-eksbuild.24"),
    "kube-proxy": (),
    "eks-pod-identity-agent": ("v1.3.9-eksbuild.3", "v1.3.4-eksbuild.1"),
    "eks-node-monitoring-agent": ("v1.4.1-eksbuild.1", "v1.2.0-eksbuild.1"),
    "aws-ebs-csi-driver": ("v1.51.0-eksbuild.1", "v1.44.0-eksbuild.1"),
    "aws-efs-csi-driver": ("v2.1.13-eksbuild.1", "v2.1.4-eksbuild.1"),
    "aws-fsx-csi-driver": ("v1.6.0-eksbuild.1",),
    "aws-mountpoint-s3-csi-driver": ("v2.1.0-eksbuild.1", "v1.15.0-eksbuild.1"),
    "snapshot-controller": ("v8.3.0-eksbuild.1", "v8.2.0-eksbuild.1"),
    "amazon-cloudwatch-observability": ("v4.5.0-eksbuild.1", "v3.7.0-eksbuild.1"),
    "adot": ("v0.131.0-eksbuild.1", "v0.117.0-eksbuild.1"),
    "metrics-server": ("v0.8.0-eksbuild.2", "v0.7.2-eksbuild.4"),
    "kube-state-metrics": ("v2.17.0-eksbuild.2", "v2.16.0-eksbuild.1"),
    "prometheus-node-exporter": ("v1.9.1-eksbuild.3", "v1.9.1-eksbuild.2"),
    "cert-manager": ("v1.18.2-eksbuild.2", "v1.17.2-eksbuild.1"),
    "external-dns": ("v0.19.0-eksbuild.2", "v0.17.0-eksbuild.1"),
}
_OLD = 33  # a cluster of a lower minor version gets the second as its default


def minor(version: str) -> int:
    """33 of "1.33"."""
    return int(version.split(".")[1])


def addon_versions(name: str, cluster_version: str) -> tuple[str, ...]:
    """Versions for a cluster of that version, the default first. Raises InvalidParameterException for an add-on not in the table."""
    if name not in _ADDONS:
        raise invalid(f"Addon {name} specified is not supported in {cluster_version} kubernetes version")
    if name == "kube-proxy":
        return (f"v{cluster_version}.3-eksbuild.2", f"v{cluster_version}.0-eksbuild.2")
    versions = _ADDONS[name]
    return versions if minor(cluster_version) >= _OLD else tuple(reversed(versions))


def require_addon(name: str, cluster_version: str, version: str | None) -> str:
    """The version that is installed. Raises InvalidParameterException."""
    offered = addon_versions(name, cluster_version)
    if version is not None and version not in offered:
        raise invalid(f"Addon version specified is not supported: {name} {version}; for Kubernetes {cluster_version}: {', '.join(offered)}")
    return version or offered[0]


def require_configuration(text: str | None) -> None:
    """Raises InvalidParameterException unless an add-on's configuration is a JSON or YAML object; its schema is not known here."""
    if text and text.lstrip()[:1] in {"{", "[", '"'}:
        try:
            parsed = json.loads(text)
        except ValueError as wrong:
            raise invalid(f"ConfigurationValue is not in valid JSON: {wrong}") from None
        if not isinstance(parsed, dict):
            raise invalid("ConfigurationValue is not in valid JSON: it is no object")


def _describe_addon_versions(_place: Place, parameters: dict[str, Any]) -> dict[str, Any]:
    wanted = parameters.get("kubernetesVersion")
    versions = [wanted] if wanted else list(VERSIONS)
    if wanted and wanted not in VERSIONS:
        raise invalid(f"The specified Kubernetes version {wanted} is not supported")
    names = [parameters["addonName"]] if parameters.get("addonName") else list(_ADDONS)
    if not set(names) <= set(_ADDONS):
        raise missing(f"Addon {names[0]} is not known")
    return {"addons": [_described(name, versions) for name in names]}


def _described(name: str, versions: list[str]) -> dict[str, Any]:
    for_addon: dict[str, list[dict[str, Any]]] = {}
    for version in versions:
        for index, each in enumerate(addon_versions(name, version)):
            compatible = {"clusterVersion": version, "platformVersions": ["*"], "defaultVersion": index == 0}
            for_addon.setdefault(each, []).append(compatible)
    ordered = [each for each in _ADDONS[name] if each in for_addon] or sorted(for_addon, reverse=True)
    return {
        "addonName": name,
        "owner": "aws",
        "publisher": "eks",
        "addonVersions": [
            {"addonVersion": each, "architecture": ["amd64", "arm64"], "compatibilities": for_addon[each]} for each in ordered
        ],
    }


def _describe_cluster_versions(_place: Place, parameters: dict[str, Any]) -> dict[str, Any]:
    wanted = parameters.get("clusterVersions") or VERSIONS
    return {
        "clusterVersions": [
            {"clusterVersion": each, "clusterType": "eks", "defaultVersion": each == DEFAULT_VERSION, "status": "STANDARD_SUPPORT"}
            for each in VERSIONS
            if each in wanted
        ]
    }


OPERATIONS: dict[str, Operation] = {
    "DescribeAddonVersions": _describe_addon_versions,
    "DescribeClusterVersions": _describe_cluster_versions,
}
