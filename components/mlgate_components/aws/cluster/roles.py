"""Roles of a cluster: of its control plane and nodes, which AWS's services take, and of controllers, whose pods take them."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from mlgate_components.aws.access.trusts import pods
from mlgate_components.aws.parts import Parts
from mlgate_components.aws.policies import Statement, policy_text

__all__ = ["MANAGED", "NODE_POLICIES", "create_pod_role", "create_service_role"]

MANAGED = "arn:aws:iam::aws:policy/"
"""Where AWS's own policies stand in its commercial partition, the one of `mlgate.regions.REGIONS`."""

# What a node itself does: join, pull images, and let operators in through Systems Manager instead of by a key. Of Karpenter's own list
# (cloudformation.yaml in its repository, read 2026-08-21) the policy of the CNI is left out: its pods have a role of their own.
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore")


def create_service_role(
    parts: Parts, what: str, description: str, service: str, policies: Sequence[str]
) -> tuple[aws.iam.Role, list[aws.iam.RolePolicyAttachment]]:
    """A role that a service of AWS takes, and what it may do by policies of AWS's own."""
    trust: Statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return _create_role(parts, what, description, trust, policies)


def create_pod_role(
    parts: Parts,
    what: str,
    *,
    cluster_name: pulumi.Input[str],
    cluster_arn: pulumi.Input[str],
    namespace: str,
    service_account: str,
    policies: Sequence[str] = (),
    policy: pulumi.Input[str] | None = None,
) -> aws.eks.PodIdentityAssociation:
    """A role that the pods of one service account of one cluster take, by EKS Pod Identity. Whoever needs it waits for what is returned."""
    trust = pods(cluster_arn, namespace, service_account)
    role, granted = _create_role(parts, what, f"taken by pods of {namespace}/{service_account}", trust, policies)
    own = [aws.iam.RolePolicy(parts.called(what), role=role.id, policy=policy, opts=parts.opts())] if policy is not None else []
    return aws.eks.PodIdentityAssociation(
        parts.called(what),
        cluster_name=cluster_name,
        namespace=namespace,
        service_account=service_account,
        role_arn=role.arn,
        tags=parts.tagged(what),
        opts=parts.opts(*granted, *own),
    )


def _create_role(
    parts: Parts, what: str, description: str, trust: Statement, policies: Sequence[str]
) -> tuple[aws.iam.Role, list[aws.iam.RolePolicyAttachment]]:
    role = aws.iam.Role(
        parts.called(what),
        description=description,
        assume_role_policy=policy_text(trust),
        tags=parts.tagged(what),
        opts=parts.opts(),
    )
    return role, [
        aws.iam.RolePolicyAttachment(
            parts.called(f"{what}-{policy.rsplit('/', 1)[-1]}"), role=role.name, policy_arn=f"{MANAGED}{policy}", opts=parts.opts()
        )
        for policy in policies
    ]
