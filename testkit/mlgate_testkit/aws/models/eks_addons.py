"""EKS add-ons and pod identity associations."""

from __future__ import annotations

from typing import Any

from mlgate_testkit.aws.account import Aws
from mlgate_testkit.aws.model import Behaviour, ResourceModel, same_set
from mlgate_testkit.aws.models.ec2_common import given
from mlgate_testkit.aws.models.eks_common import parts, retag_arn, seen_role
from mlgate_testkit.aws.rules import choice
from mlgate_testkit.aws.times import time_of
from mlgate_testkit.provider.provider import Inputs, Outputs

__all__ = ["MODELS"]


def _create(aws: Aws, inputs: Inputs) -> str:
    if role := inputs.get("serviceAccountRoleArn"):
        seen_role(aws, role, f"The role {role} does not exist")
    request = _request(inputs) | given(inputs, namespaceConfig="namespaceConfig", tags="tags")
    if inputs.get("resolveConflictsOnCreate"):
        request["resolveConflicts"] = inputs["resolveConflictsOnCreate"]
    aws.client("eks").create_addon(**request)
    return f"{inputs['clusterName']}:{inputs['addonName']}"


def _request(inputs: Inputs) -> dict[str, Any]:
    return given(
        inputs,
        clusterName="clusterName",
        addonName="addonName",
        addonVersion="addonVersion",
        configurationValues="configurationValues",
        serviceAccountRoleArn="serviceAccountRoleArn",
        podIdentityAssociations="podIdentityAssociations",
    )


def _read(aws: Aws, addon_id: str, _known: Inputs) -> Outputs | None:
    eks, (cluster, name) = aws.client("eks"), parts(addon_id)
    addon: dict[str, Any] = eks.describe_addon(clusterName=cluster, addonName=name)["addon"]
    pods = [_pod(aws, cluster, arn.rsplit("/", 1)[-1]) for arn in addon.get("podIdentityAssociations") or ()]
    return {
        "clusterName": addon["clusterName"],
        "addonName": addon["addonName"],
        "addonVersion": addon["addonVersion"],
        "arn": addon["addonArn"],
        "configurationValues": addon.get("configurationValues"),
        "serviceAccountRoleArn": addon.get("serviceAccountRoleArn"),
        "podIdentityAssociations": [{key: pod[key] for key in ("roleArn", "serviceAccount")} for pod in pods],
        "namespaceConfig": addon.get("namespaceConfig"),
        "createdAt": time_of(addon["createdAt"]),
        "modifiedAt": time_of(addon["modifiedAt"]),
        "tags": addon["tags"],
    }


def _update(aws: Aws, addon_id: str, olds: Inputs, news: Inputs) -> None:
    eks, (cluster, name) = aws.client("eks"), parts(addon_id)
    watched = ("addonVersion", "configurationValues", "serviceAccountRoleArn", "podIdentityAssociations")
    if any(olds.get(key) != news.get(key) for key in watched):
        request = _request(news)
        for key, empty in (("configurationValues", ""), ("podIdentityAssociations", [])):
            if olds.get(key) and not news.get(key):
                request[key] = empty
        if news.get("resolveConflictsOnUpdate"):
            request["resolveConflicts"] = news["resolveConflictsOnUpdate"]
        eks.update_addon(**request)
    retag_arn(aws, eks.describe_addon(clusterName=cluster, addonName=name)["addon"]["addonArn"], olds, news)


def _delete(aws: Aws, addon_id: str, inputs: Inputs) -> None:
    cluster, name = parts(addon_id)
    aws.client("eks").delete_addon(clusterName=cluster, addonName=name, preserve=bool(inputs.get("preserve")))


def _pod(aws: Aws, cluster: str, association_id: str) -> dict[str, Any]:
    found = aws.client("eks").describe_pod_identity_association(clusterName=cluster, associationId=association_id)
    pod: dict[str, Any] = found["association"]
    return pod


def _create_pod(aws: Aws, inputs: Inputs) -> str:
    seen_role(aws, inputs["roleArn"], f"Role provided in the request does not exist: {inputs['roleArn']}")
    request = given(inputs, clusterName="clusterName", namespace="namespace", serviceAccount="serviceAccount", roleArn="roleArn")
    request |= given(inputs, disableSessionTags="disableSessionTags", targetRoleArn="targetRoleArn", policy="policy", tags="tags")
    return str(aws.client("eks").create_pod_identity_association(**request)["association"]["associationId"])


def _whose(association_id: str, known: Inputs) -> tuple[str, str]:
    """Cluster and association; it is imported as "cluster,a-1"."""
    cluster, name = parts(association_id, ",")
    return (cluster, name) if name else (known["clusterName"], association_id)


def _read_pod(aws: Aws, association_id: str, known: Inputs) -> Outputs | None:
    pod = _pod(aws, *_whose(association_id, known))
    return {
        "clusterName": pod["clusterName"],
        "namespace": pod["namespace"],
        "serviceAccount": pod["serviceAccount"],
        "roleArn": pod["roleArn"],
        "targetRoleArn": pod.get("targetRoleArn"),
        "policy": pod.get("policy"),
        "disableSessionTags": pod["disableSessionTags"],
        "associationArn": pod["associationArn"],
        "associationId": pod["associationId"],
        "externalId": pod.get("externalId") or "",
        "tags": pod["tags"],
    }


def _update_pod(aws: Aws, association_id: str, olds: Inputs, news: Inputs) -> None:
    cluster, identity = _whose(association_id, news)
    changed = {key: news.get(key) for key in ("roleArn", "targetRoleArn", "policy", "disableSessionTags") if olds.get(key) != news.get(key)}
    if changed:
        request = {
            key: ("" if value is None and key != "disableSessionTags" else bool(value) if key == "disableSessionTags" else value)
            for key, value in changed.items()
        }
        aws.client("eks").update_pod_identity_association(clusterName=cluster, associationId=identity, **request)
    retag_arn(aws, _pod(aws, cluster, identity)["associationArn"], olds, news)


def _delete_pod(aws: Aws, association_id: str, inputs: Inputs) -> None:
    cluster, identity = _whose(association_id, inputs)
    aws.client("eks").delete_pod_identity_association(clusterName=cluster, associationId=identity)


MODELS = (
    ResourceModel(
        type="aws:eks/addon:Addon",
        noun="EKS Add-On",
        create=_create,
        read=_read,
        update=_update,
        delete=_delete,
        forces_new=frozenset({"clusterName", "addonName", "namespaceConfig"}),
        computed=frozenset({"addonVersion", "configurationValues", "namespaceConfig"}),
        state_only=frozenset({"preserve", "resolveConflictsOnCreate", "resolveConflictsOnUpdate"}),
        renewed={"modifiedAt": frozenset({"addonVersion", "configurationValues", "serviceAccountRoleArn", "podIdentityAssociations"})},
        equivalent={"podIdentityAssociations": same_set},
        rules=(
            choice("resolveConflictsOnCreate", "NONE", "OVERWRITE"),
            choice("resolveConflictsOnUpdate", "NONE", "OVERWRITE", "PRESERVE"),
        ),
        behaviours=(
            Behaviour(
                "an add-on and its version are offered for the version of the cluster, out of an excerpt of what EKS offers",
                "EKS API reference, CreateAddon and DescribeAddonVersions; own model, moto has none",
                "test_eks_addons.py::test_an_addon_and_its_version_must_be_offered_for_the_cluster",
            ),
            Behaviour(
                "its pod identities are associations of their own, which go with it",
                "EKS API reference, AddonPodIdentityAssociations; own model, moto has none",
                "test_eks_addons.py::test_the_pod_identities_of_an_addon_go_with_it",
            ),
        ),
    ),
    ResourceModel(
        type="aws:eks/podIdentityAssociation:PodIdentityAssociation",
        noun="EKS Pod Identity Association",
        create=_create_pod,
        read=_read_pod,
        update=_update_pod,
        delete=_delete_pod,
        forces_new=frozenset({"clusterName", "namespace", "serviceAccount"}),
        computed=frozenset({"disableSessionTags"}),
        behaviours=(
            Behaviour(
                "a service account has one association, with a role that exists",
                "EKS API reference, CreatePodIdentityAssociation; own model, moto has none",
                "test_eks_addons.py::test_a_service_account_has_one_association",
            ),
        ),
    ),
)
