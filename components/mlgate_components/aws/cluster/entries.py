"""Who is let into a cluster, and how this program gets there: access entries of EKS, and the provider of Kubernetes objects."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes

from mlgate.errors import Problem
from mlgate_components.arguments import ArgumentsError, Wrong
from mlgate_components.aws.names import ROLE, check_arn
from mlgate_components.aws.parts import Parts

__all__ = ["ADMIN", "VIEWER", "admit", "check_principals", "create_provider", "provider_of"]

# EKS user guide, "Review access policy permissions". A viewer sees no Secret.
ADMIN, VIEWER = "AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"
_POLICIES = "arn:aws:eks::aws:cluster-access-policy/"


def check_principals(given: Mapping[str, Mapping[str, pulumi.Input[str]]], wrong: Wrong) -> None:
    """Roles by name, for each path; a user, or everybody of an account, is none. EKS has one entry for each."""
    seen: dict[str, str] = {}
    for path, principals in given.items():
        for name, arn in principals.items():
            here = f"{path}.{name}"
            check_arn(arn, wrong, here, ROLE)
            if isinstance(arn, str) and seen.setdefault(arn, here) != here:
                wrong.add(here, f"is the role of {seen[arn]} too", "each role once")


def admit(
    parts: Parts, cluster_name: pulumi.Input[str], principals: Mapping[str, pulumi.Input[str]], policy: str
) -> list[aws.eks.AccessPolicyAssociation]:
    """Each of them by an access entry with that policy, in the whole cluster."""
    admitted = []
    for name, arn in principals.items():
        entry = aws.eks.AccessEntry(
            parts.called(name), cluster_name=cluster_name, principal_arn=arn, tags=parts.tagged(name), opts=parts.opts()
        )
        admitted.append(
            aws.eks.AccessPolicyAssociation(
                parts.called(name),
                cluster_name=cluster_name,
                principal_arn=entry.principal_arn,
                policy_arn=f"{_POLICIES}{policy}",
                access_scope={"type": "cluster"},
                opts=parts.opts(),
            )
        )
    return admitted


def create_provider(
    parts: Parts, cluster: aws.eks.Cluster, given: pulumi.Input[str] | None, after: list[pulumi.Resource]
) -> kubernetes.Provider:
    """Every object of the cluster is made by it, once all of `after` is there: what lets its program in, and nodes for its pods.

    `given`: the kubeconfig to go by instead of our own.

    A cluster is the same one by its ARN: another endpoint, certificate or way to it replaces no object.
    """
    return kubernetes.Provider(
        parts.called(),
        kubeconfig=given if given is not None else _kubeconfig(cluster),
        cluster_identifier=cluster.arn,
        enable_server_side_apply=True,
        opts=parts.opts(*after),
    )


def provider_of(component: pulumi.ComponentResource, name: str) -> pulumi.ProviderResource:
    """What the objects of the component `name` are made by.

    Raises ArgumentsError where it was given none: they would go to whatever cluster the kubeconfig of the person at the keyboard names.
    """
    provider = component.get_provider("kubernetes:core/v1:ConfigMap")
    if provider is None:
        remedy = "opts=pulumi.ResourceOptions(providers=[cluster.kubernetes])"
        raise ArgumentsError(type(component).__name__, name, [Problem("opts.providers", "has no Kubernetes provider", remedy)])
    return provider


def _kubeconfig(cluster: aws.eks.Cluster) -> pulumi.Output[str]:
    """No token stands in it: one is asked for at each use, by the credentials that are there then."""
    token = ["--region", cluster.region, "eks", "get-token", "--cluster-name", cluster.name, "--output", "json"]
    server = {"server": cluster.endpoint, "certificate-authority-data": cluster.certificate_authority.data}
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "aws", "args": token, "interactiveMode": "Never"}}
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "eks", "cluster": server}],
            "users": [{"name": "eks", "user": user}],
            "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "eks"}}],
            "current-context": "eks",
        }
    )
