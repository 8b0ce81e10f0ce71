"""EKS access entries, the policies associated with them, OIDC identity providers, and tags of everything in EKS."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from moto.iam.models import iam_backends

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused
from mlgate_testkit.aws.apis.eks_state import Held, cluster_of, held_in, invalid, listed, missing, now, taken, updated

__all__ = ["ACCESS_POLICIES", "OPERATIONS"]

ACCESS_POLICIES = tuple(  # EKS user guide, "Review access policy permissions"
    f"Amazon{name}Policy"
    for name in (
        "EKSAdmin",
        "EKSClusterAdmin",
        "EKSAdminView",
        "EKSEdit",
        "EKSView",
        "EKSSecretReader",
        "EKSAutoNode",
        "EKSBlockStorage",
        "EKSLoadBalancing",
        "EKSNetworking",
        "EKSCompute",
        "EKSBlockStorageCluster",
        "EKSLoadBalancingCluster",
        "EKSComputeCluster",
        "EKSNetworkingCluster",
        "EKSHybrid",
        "EKSClusterInsights",
        "SagemakerHyperpodCluster",
        "SagemakerHyperpodSpaceCluster",
        "SagemakerHyperpodSpaceTemplate",
        "SagemakerHyperpodSystemNamespace",
    )
)


def _entries(place: Place, wanted: dict[str, Any]) -> Held:
    """The cluster, if its authentication mode knows access entries."""
    held = cluster_of(place, wanted)
    if held.cluster["accessConfig"]["authenticationMode"] == "CONFIG_MAP":
        raise Refused(
            "InvalidRequestException",
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        )
    return held


def _entry(held: Held, wanted: dict[str, Any]) -> dict[str, Any]:
    if wanted["principalArn"] not in held.entries:
        raise missing(f"The specified principalArn could not be found: {wanted['principalArn']}")
    return held.entries[wanted["principalArn"]]


def _create(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = _entries(place, wanted)
    principal, kind = wanted["principalArn"], wanted.get("type") or "STANDARD"
    if principal in held.entries:
        raise taken("The specified access entry resource is already in use on this cluster.")
    _require_principal(place, principal)
    groups = wanted.get("kubernetesGroups") or []
    _require_groups(groups)
    if kind != "STANDARD" and (groups or wanted.get("username")):
        raise invalid(f"The access entry type {kind} does not accept kubernetesGroups or username")
    owner, _, name = principal.split(":", 5)[5].partition("/")
    held.entries[principal] = {
        "clusterName": held.cluster["name"],
        "principalArn": principal,
        "kubernetesGroups": groups or (["system:nodes"] if kind.startswith("EC2") else []),
        "accessEntryArn": place.arn("eks", f"access-entry/{held.cluster['name']}/{owner}/{place.account}/{name}/{uuid.uuid4()}"),
        "createdAt": now(),
        "modifiedAt": now(),
        "tags": wanted.get("tags") or {},
        "username": wanted.get("username") or _username(principal, kind),
        "type": kind,
    }
    return {"accessEntry": held.entries[principal]}


def _username(principal: str, kind: str) -> str:
    if kind.startswith("EC2") or kind == "HYBRID_LINUX":
        return "system:node:{{EC2PrivateDNSName}}"
    if ":role/" in principal:
        return principal.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/{{SessionName}}"
    return principal


def _require_principal(place: Place, principal: str) -> None:
    problem = invalid(f"The specified principalArn is invalid: invalid principal. ({principal})")
    if principal.count(":") < 5 or not principal.split(":", 5)[5].startswith(("role/", "user/")):
        raise problem
    backend = iam_backends[place.account][place.partition]
    if f"::{place.account}:role/" in principal and not any(role.arn == principal for role in backend.roles.values()):
        raise problem


def _require_groups(groups: list[str]) -> None:
    for group in groups:
        if group.startswith("system:"):
            raise invalid(f"The kubernetes group name {group} is invalid, it cannot start with system:")


def _update(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    entry = _entry(_entries(place, wanted), wanted)
    if "kubernetesGroups" in wanted:
        _require_groups(wanted["kubernetesGroups"] or [])
        entry["kubernetesGroups"] = wanted["kubernetesGroups"] or []
    if wanted.get("username"):
        entry["username"] = wanted["username"]
    entry["modifiedAt"] = now()
    return {"accessEntry": entry}


def _delete(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = _entries(place, wanted)
    _entry(held, wanted)
    del held.entries[wanted["principalArn"]]
    held.policies.pop(wanted["principalArn"], None)
    return {}


def _associate(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = _entries(place, wanted)
    entry = _entry(held, wanted)
    policy, scope = wanted["policyArn"], wanted["accessScope"]
    prefix = f"arn:{place.partition}:eks::aws:cluster-access-policy/"
    if not policy.startswith(prefix):
        raise invalid(f"The policyArn parameter format is not valid: {policy}; it is {prefix}<policy>")
    if policy.removeprefix(prefix) not in ACCESS_POLICIES:
        raise invalid(f"The policyArn {policy} does not exist; access policies are {', '.join(ACCESS_POLICIES)}")
    if entry["type"] != "STANDARD":
        raise invalid(f"Access policies can't be associated with an access entry of type {entry['type']}")
    if (scope["type"] == "namespace") != bool(scope.get("namespaces")):
        raise invalid("accessScope needs namespaces with type namespace, and takes none with type cluster")
    of_entry = held.policies.setdefault(wanted["principalArn"], {})
    before = of_entry.get(policy, {})
    of_entry[policy] = {
        "policyArn": policy,
        "accessScope": {"type": scope["type"], "namespaces": scope.get("namespaces") or []},
        "associatedAt": before.get("associatedAt") or now(),
        "modifiedAt": now(),
    }
    names = {"clusterName": held.cluster["name"], "principalArn": wanted["principalArn"]}
    return {**names, "associatedAccessPolicy": of_entry[policy]}


def _associated(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = _entries(place, wanted)
    _entry(held, wanted)
    names = {"clusterName": held.cluster["name"], "principalArn": wanted["principalArn"]}
    return {**names, "associatedAccessPolicies": list(held.policies.get(wanted["principalArn"], {}).values())}


def _disassociate(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = _entries(place, wanted)
    _entry(held, wanted)
    if held.policies.get(wanted["principalArn"], {}).pop(wanted["policyArn"], None) is None:
        raise missing(f"The access policy {wanted['policyArn']} is not associated with {wanted['principalArn']}")
    return {}


def _list_policies(place: Place, _wanted: dict[str, Any]) -> dict[str, Any]:
    prefix = f"arn:{place.partition}:eks::aws:cluster-access-policy/"
    return {"accessPolicies": [{"name": name, "arn": prefix + name} for name in ACCESS_POLICIES]}


def _connect(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held, oidc = cluster_of(place, wanted), wanted["oidc"]
    name = oidc["identityProviderConfigName"]
    if held.providers:
        raise taken(f"Cluster {wanted['clusterName']} already has an identity provider config: one is allowed")
    if not oidc["issuerUrl"].startswith("https://"):
        raise invalid(f"issuerUrl {oidc['issuerUrl']} must begin with https://")
    arn = place.arn("eks", f"identityproviderconfig/{wanted['clusterName']}/oidc/{name}/{uuid.uuid4()}")
    held.providers[name] = {
        **oidc,
        "identityProviderConfigArn": arn,
        "clusterName": wanted["clusterName"],
        "tags": wanted.get("tags") or {},
        "status": "ACTIVE",
    }
    return updated(held, "AssociateIdentityProviderConfig") | {"tags": wanted.get("tags") or {}}


def _provider(held: Held, wanted: dict[str, Any]) -> dict[str, Any]:
    name = wanted["identityProviderConfig"]["name"]
    if name not in held.providers:
        raise missing(f"No identity provider config found with name: {name}")
    return held.providers[name]


def _disconnect(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    _provider(held, wanted)
    del held.providers[wanted["identityProviderConfig"]["name"]]
    return updated(held, "DisassociateIdentityProviderConfig")


def _tagged(place: Place, arn: str) -> dict[str, Any]:
    for each in _everything(place):
        if arn in each.values():
            tags: dict[str, Any] = each["tags"]
            return tags
    raise missing(f"Resource not found: {arn}")


def _everything(place: Place) -> Iterator[dict[str, Any]]:
    for held in held_in(place).values():
        yield held.cluster
        for kind in (held.nodegroups, held.profiles, held.addons, held.entries, held.pods, held.providers):
            yield from kind.values()


def _tag(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    _tagged(place, wanted["resourceArn"]).update(wanted["tags"])
    return {}


def _untag(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    tags = _tagged(place, wanted["resourceArn"])
    for key in wanted["tagKeys"]:
        tags.pop(key, None)
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateAccessEntry": _create,
    "DescribeAccessEntry": lambda place, wanted: {"accessEntry": _entry(_entries(place, wanted), wanted)},
    "ListAccessEntries": lambda place, wanted: listed(_entries(place, wanted).entries, "accessEntries"),
    "UpdateAccessEntry": _update,
    "DeleteAccessEntry": _delete,
    "AssociateAccessPolicy": _associate,
    "ListAssociatedAccessPolicies": _associated,
    "DisassociateAccessPolicy": _disassociate,
    "ListAccessPolicies": _list_policies,
    "AssociateIdentityProviderConfig": _connect,
    "DescribeIdentityProviderConfig": lambda place, wanted: {
        "identityProviderConfig": {"oidc": _provider(cluster_of(place, wanted), wanted)}
    },
    "ListIdentityProviderConfigs": lambda place, wanted: {
        "identityProviderConfigs": [{"type": "oidc", "name": name} for name in cluster_of(place, wanted).providers]
    },
    "DisassociateIdentityProviderConfig": _disconnect,
    "TagResource": _tag,
    "UntagResource": _untag,
    "ListTagsForResource": lambda place, wanted: {"tags": _tagged(place, wanted["resourceArn"])},
}
