"""Who may take a role: its trust policy, for pods, for people and machines by their ARN, and for pipelines by their token."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from mlgate_components.aws.names import Arn
from mlgate_components.aws.policies import Statement

__all__ = ["AUDIENCE", "BOUNDARY", "HOSTS", "people", "pipeline", "pods", "subject"]

# GitHub docs, "Configuring OpenID Connect in Amazon Web Services", and GitLab docs, "Configure OpenID Connect in AWS": whose tokens they
# are. The audience is the one that GitHub's action for AWS asks for; a GitLab job asks for it in `id_tokens`.
HOSTS = {"github": "token.actions.githubusercontent.com", "gitlab": "gitlab.com"}
AUDIENCE = "sts.amazonaws.com"
BOUNDARY = Arn(r"arn:aws[a-z-]*:iam::(\d{12}|aws):policy/[\w+=,.@/-]+", "arn:aws:iam::123456789012:policy/ml-boundary")


def subject(host: str, repository: str, environment: str) -> str:
    """The claim `sub` of a job of that repository in that deployment environment.

    GitHub docs, "OpenID Connect reference", filtering for a specific environment. GitLab puts no environment's name into it, but its tier
    and that it is protected, if the project says so (projects API, `ci_id_token_sub_claim_components`, GitLab 18.7; the form is that of
    its merge request 160562: `<claim>:<value>`, joined by colons).
    """
    if host == HOSTS["github"]:
        return f"repo:{repository}:environment:{environment}"
    return f"project_path:{repository}:environment_protected:true:deployment_tier:{environment}"


def pipeline(provider_arn: pulumi.Input[str], host: str, repository: str, environment: str) -> Statement:
    """A pipeline's job, by the token that its host signs: of that repository, in that environment, meant for AWS."""
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{host}:aud": AUDIENCE, f"{host}:sub": subject(host, repository, environment)}},
    }


def people(principals: Sequence[str], *, mfa: bool) -> Statement:
    """Roles and users by whole name. `mfa`: only who has shown a second factor in this very session.

    IAM user guide, "MFA-protected API access": the key is absent where keys for ever are used, so it must be there and true.
    """
    statement: Statement = {"Effect": "Allow", "Principal": {"AWS": sorted(principals)}, "Action": "sts:AssumeRole"}
    return {**statement, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}} if mfa else statement


def pods(cluster_arn: pulumi.Input[str], namespace: str, service_account: str) -> Statement:
    """Pods of one service account of one cluster, by EKS Pod Identity.

    EKS user guide, "Create IAM role with trust policy required by EKS Pod Identity" and its session tags. Without the conditions whoever
    may make associations, in any cluster of the account, could give the role to pods of theirs. The cluster's ARN names the account too.
    """
    return {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:RequestTag/eks-cluster-arn": cluster_arn,
                "aws:RequestTag/kubernetes-namespace": namespace,
                "aws:RequestTag/kubernetes-service-account": service_account,
            }
        },
    }
