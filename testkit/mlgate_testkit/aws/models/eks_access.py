"""EKS access entries, their policies, and OIDC identity providers."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import enumerated, given
from mlgate_testkit.aws.models.eks_common import parts, retag_arn, seen_role
from mlgate_testkit.aws.rules import choice, text
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _create(aws: Aws, inputs: Inputs) -> str:
    principal = inputs["principalArn"]
    seen_role(aws, principal, f"The specified principalArn is invalid: invalid principal. ({principal})")
    request = given(inputs, clusterName="clusterName", principalArn="principalArn", type="type", username="userName", tags="tags")
    aws.client("eks").create_access_entry(**request, **given(inputs, kubernetesGroups="kubernetesGroups"))
    return f"{inputs['clusterName']}:{principal}"


def _entry(aws: Aws, entry_id: str) -> dict[str, Any]:
    cluster, principal = parts(entry_id)
    found: dict[str, Any] = aws.client("eks").describe_access_entry(clusterName=cluster, principalArn=principal)["accessEntry"]
    return found


def _read(aws: Aws, entry_id: str, known: Inputs) -> Outputs | None:
    entry = _entry(aws, entry_id)
    left_to_eks = entry["type"] != "STANDARD" and known.get("kubernetesGroups") == []  # which gives nodes groups of its own
    return {
        "clusterName": entry["clusterName"],
        "principalArn": entry["principalArn"],
        "accessEntryArn": entry["accessEntryArn"],
        "kubernetesGroups": [] if left_to_eks else entry["kubernetesGroups"],
        "userName": entry["username"],
        "type": entry["type"],
        "createdAt": time_of(entry["createdAt"]),
        "modifiedAt": time_of(entry["modifiedAt"]),
        "tags": entry["tags"],
    }


def _update(aws: Aws, entry_id: str, olds: Inputs, news: Inputs) -> None:
    cluster, principal = parts(entry_id)
    changed: dict[str, Any] = {}
    if not same_set(olds.get("kubernetesGroups") or [], news.get("kubernetesGroups") or []):
        changed["kubernetesGroups"] = news.get("kubernetesGroups") or []
    if news.get("userName") and olds.get("userName") != news["userName"]:
        changed["username"] = news["userName"]
    if changed:
        aws.client("eks").update_access_entry(clusterName=cluster, principalArn=principal, **changed)
    retag_arn(aws, _entry(aws, entry_id)["accessEntryArn"], olds, news)


def _delete(aws: Aws, entry_id: str, _inputs: Inputs) -> None:
    cluster, principal = parts(entry_id)
    aws.client("eks").delete_access_entry(clusterName=cluster, principalArn=principal)


def _associate(aws: Aws, inputs: Inputs) -> str:
    cluster, principal, policy = inputs["clusterName"], inputs["principalArn"], inputs["policyArn"]
    scope = {"type": inputs["accessScope"]["type"], **given(inputs["accessScope"], namespaces="namespaces")}
    aws.client("eks").associate_access_policy(clusterName=cluster, principalArn=principal, policyArn=policy, accessScope=scope)
    return f"{cluster}#{principal}#{policy}"


def _read_policy(aws: Aws, association_id: str, _known: Inputs) -> Outputs | None:
    cluster, principal, policy = association_id.split("#")
    found = aws.client("eks").list_associated_access_policies(clusterName=cluster, principalArn=principal)["associatedAccessPolicies"]
    for each in found:
        if each["policyArn"] == policy:
            return {
                "clusterName": cluster,
                "principalArn": principal,
                "policyArn": policy,
                "accessScope": {"type": each["accessScope"]["type"], "namespaces": each["accessScope"].get("namespaces") or None},
                "associatedAt": time_of(each["associatedAt"]),
                "modifiedAt": time_of(each["modifiedAt"]),
            }
    return None


def _disassociate(aws: Aws, association_id: str, _inputs: Inputs) -> None:
    cluster, principal, policy = association_id.split("#")
    aws.client("eks").disassociate_access_policy(clusterName=cluster, principalArn=principal, policyArn=policy)


_OIDC = (
    "identityProviderConfigName",
    "issuerUrl",
    "clientId",
    "usernameClaim",
    "usernamePrefix",
    "groupsClaim",
    "groupsPrefix",
    "requiredClaims",
)


def _connect(aws: Aws, inputs: Inputs) -> str:
    aws.client("eks").associate_identity_provider_config(clusterName=inputs["clusterName"], oidc=inputs["oidc"], tags=inputs["tags"])
    return f"{inputs['clusterName']}:{inputs['oidc']['identityProviderConfigName']}"


def _oidc(aws: Aws, config_id: str) -> dict[str, Any]:
    cluster, name = parts(config_id)
    config = {"type": "oidc", "name": name}
    found = aws.client("eks").describe_identity_provider_config(clusterName=cluster, identityProviderConfig=config)
    oidc: dict[str, Any] = found["identityProviderConfig"]["oidc"]
    return oidc


def _read_oidc(aws: Aws, config_id: str, _known: Inputs) -> Outputs | None:
    oidc = _oidc(aws, config_id)
    return {
        "clusterName": oidc["clusterName"],
        "arn": oidc["identityProviderConfigArn"],
        "identityProviderConfigName": oidc["identityProviderConfigName"],
        "status": oidc["status"],
        "oidc": {key: oidc[key] for key in _OIDC if oidc.get(key)},
        "tags": oidc["tags"],
    }


def _update_oidc(aws: Aws, config_id: str, olds: Inputs, news: Inputs) -> None:
    retag_arn(aws, _oidc(aws, config_id)["identityProviderConfigArn"], olds, news)


def _disconnect(aws: Aws, config_id: str, _inputs: Inputs) -> None:
    cluster, name = parts(config_id)
    aws.client("eks").disassociate_identity_provider_config(clusterName=cluster, identityProviderConfig={"type": "oidc", "name": name})


MODELS = (
    ResourceModel(
        type="aws:eks/accessEntry:AccessEntry",
        noun="EKS Access Entry",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        defaults={"type": "STANDARD"},
        forces_new=frozenset({"clusterName", "principalArn", "type"}),
        computed=frozenset({"kubernetesGroups", "userName"}),
        renewed={"modifiedAt": frozenset({"kubernetesGroups", "userName"})},
        equivalent={"kubernetesGroups": same_set},
        rules=(choice("type", "STANDARD", "EC2", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "HYBRID_LINUX", "HYPERPOD_LINUX"),),
        behaviours=(
            Behaviour(
                "it needs a mode with API, a principal that exists and has no entry, and groups that do not begin with system:",
                "EKS user guide, Create access entries; messages of CreateAccessEntry; own model, moto has none",
                "test_eks_access.py::test_an_entry_needs_the_mode_a_principal_and_groups_of_ones_own",
            ),
        ),
    ),
    ResourceModel(
        type="aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
        noun="EKS Access Policy Association",
        create=_associate,
        read=_read_policy,
        delete=_disassociate,
        forces_new=frozenset({"clusterName", "principalArn", "policyArn", "accessScope"}),
        rules=(
            enumerated("accessScope.type", "eks", "AccessScopeType"),
            text("policyArn", r"arn:[a-z-]+:eks::aws:cluster-access-policy/\w+", "is no ARN of an access policy (an IAM policy's is none)"),
        ),
        behaviours=(
            Behaviour(
                "the policy is one of EKS's own, with namespaces where its scope is of them",
                "EKS user guide, Review access policy permissions; own model, moto has none",
                "test_eks_access.py::test_a_policy_is_one_of_eks_and_scoped",
            ),
        ),
    ),
    ResourceModel(
        type="aws:eks/identityProviderConfig:IdentityProviderConfig",
        noun="EKS Identity Provider Config",
        create=_connect,
        read=_read_oidc,
        update=_update_oidc,
        delete=_disconnect,
        forces_new=frozenset({"clusterName", "oidc"}),
        rules=(text("oidc.issuerUrl", r"https://.*", "must begin with https://"),),
        behaviours=(
            Behaviour(
                "a cluster has one identity provider",
                "EKS user guide, Grant users access to Kubernetes with an external OIDC provider; own model, moto has none",
                "test_eks_access.py::test_a_cluster_has_one_identity_provider",
            ),
        ),
    ),
)
