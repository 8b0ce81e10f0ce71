"""EKS add-ons and pod identity associations, which moto has not. An add-on is ACTIVE at once; nothing runs."""

from __future__ import annotations

import uuid
from typing import Any

from mlgate_testkit.aws.apis.dispatch import Operation, Place
from mlgate_testkit.aws.apis.eks_state import Held, cluster_of, invalid, listed, missing, now, require_role, taken, updated
from mlgate_testkit.aws.apis.eks_versions import require_addon, require_configuration

__all__ = ["OPERATIONS"]


def _create(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    cluster, name = held.cluster, wanted["addonName"]
    version = require_addon(name, cluster["version"], wanted.get("addonVersion"))
    if name in held.addons:
        raise taken("Addon already exists.")
    require_configuration(wanted.get("configurationValues"))
    if role := wanted.get("serviceAccountRoleArn"):
        require_role(place, role, f"The role {role} does not exist")
    held.addons[name] = {
        "addonName": name,
        "clusterName": cluster["name"],
        "status": "ACTIVE",
        "addonVersion": version,
        "health": {"issues": []},
        "addonArn": place.arn("eks", f"addon/{cluster['name']}/{name}/{uuid.uuid4()}"),
        "createdAt": now(),
        "modifiedAt": now(),
        "serviceAccountRoleArn": role,
        "tags": wanted.get("tags") or {},
        "owner": "aws",
        "publisher": "eks",
        "configurationValues": wanted.get("configurationValues"),
        "podIdentityAssociations": _associate(place, held, wanted.get("podIdentityAssociations"), "kube-system"),
        "namespaceConfig": wanted.get("namespaceConfig"),
    }
    return {"addon": held.addons[name]}


def _update(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    addon = _addon(held, wanted)
    version = require_addon(wanted["addonName"], held.cluster["version"], wanted.get("addonVersion") or addon["addonVersion"])
    require_configuration(wanted.get("configurationValues"))
    addon.update(addonVersion=version, modifiedAt=now())
    for key in ("configurationValues", "serviceAccountRoleArn"):
        if key in wanted:
            addon[key] = wanted[key] or None
    if wanted.get("podIdentityAssociations") is not None:
        for arn in addon["podIdentityAssociations"]:
            held.pods.pop(arn.rsplit("/", 1)[-1], None)
        addon["podIdentityAssociations"] = _associate(place, held, wanted["podIdentityAssociations"], "kube-system")
    return updated(held, "AddonUpdate", AddonVersion=version)


def _delete(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    addon = _addon(held, wanted)
    for arn in addon["podIdentityAssociations"]:
        held.pods.pop(arn.rsplit("/", 1)[-1], None)
    del held.addons[wanted["addonName"]]
    return {"addon": addon | {"status": "DELETING"}}


def _addon(held: Held, wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted["addonName"] not in held.addons:
        raise missing(f"No addon: {wanted['addonName']} found in cluster: {wanted['clusterName']}")
    return held.addons[wanted["addonName"]]


def _associate(place: Place, held: Held, given: list[dict[str, Any]] | None, namespace: str) -> list[str]:
    made = [_pod(place, held, {"namespace": namespace, **each}) for each in given or ()]
    return [association["associationArn"] for association in made]


def _pod(place: Place, held: Held, wanted: dict[str, Any]) -> dict[str, Any]:
    cluster, namespace, account = held.cluster["name"], wanted["namespace"], wanted["serviceAccount"]
    for association in held.pods.values():
        if (association["namespace"], association["serviceAccount"]) == (namespace, account):
            raise taken(f"Association already exists: {association['associationId']}")
    role = wanted["roleArn"]
    require_role(place, role, f"Role provided in the request does not exist: {role}")
    if wanted.get("policy") and not wanted.get("disableSessionTags"):
        raise invalid("disableSessionTags must be true when a policy is given")
    identity = f"a-{uuid.uuid4().hex[:17]}"
    held.pods[identity] = {
        "clusterName": cluster,
        "namespace": namespace,
        "serviceAccount": account,
        "roleArn": role,
        "associationArn": place.arn("eks", f"podidentityassociation/{cluster}/{identity}"),
        "associationId": identity,
        "tags": wanted.get("tags") or {},
        "createdAt": now(),
        "modifiedAt": now(),
        "disableSessionTags": bool(wanted.get("disableSessionTags")),
        "targetRoleArn": wanted.get("targetRoleArn"),
        "externalId": str(uuid.uuid4()) if wanted.get("targetRoleArn") else None,
        "policy": wanted.get("policy"),
    }
    return held.pods[identity]


def _association(held: Held, wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted["associationId"] not in held.pods:
        raise missing(f"No association: {wanted['associationId']} found in cluster: {wanted['clusterName']}")
    return held.pods[wanted["associationId"]]


def _create_pod(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"association": _pod(place, cluster_of(place, wanted), wanted)}


def _describe_pod(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"association": _association(cluster_of(place, wanted), wanted)}


def _list_pods(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    found = cluster_of(place, wanted).pods.values()
    asked = [(key, wanted[key]) for key in ("namespace", "serviceAccount") if wanted.get(key)]
    return {"associations": [each for each in found if all(each[key] == value for key, value in asked)]}


def _update_pod(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    association = _association(cluster_of(place, wanted), wanted)
    if role := wanted.get("roleArn"):
        require_role(place, role, f"Role provided in the request does not exist: {role}")
    association.update({key: wanted[key] for key in ("roleArn", "disableSessionTags", "targetRoleArn", "policy") if key in wanted})
    association["modifiedAt"] = now()
    return {"association": association}


def _delete_pod(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    association = _association(held, wanted)
    del held.pods[wanted["associationId"]]
    return {"association": association}


OPERATIONS: dict[str, Operation] = {
    "CreateAddon": _create,
    "DescribeAddon": lambda place, wanted: {"addon": _addon(cluster_of(place, wanted), wanted)},
    "ListAddons": lambda place, wanted: listed(cluster_of(place, wanted).addons, "addons"),
    "UpdateAddon": _update,
    "DeleteAddon": _delete,
    "CreatePodIdentityAssociation": _create_pod,
    "DescribePodIdentityAssociation": _describe_pod,
    "ListPodIdentityAssociations": _list_pods,
    "UpdatePodIdentityAssociation": _update_pod,
    "DeletePodIdentityAssociation": _delete_pod,
}
