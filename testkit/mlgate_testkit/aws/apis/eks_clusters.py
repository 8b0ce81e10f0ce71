"""EKS clusters: what CreateCluster refuses, which updates there are, and what stands in the way of a deletion.

Messages are those of the API where they are known to us. A cluster is ACTIVE at once.
"""

from __future__ import annotations

import base64
import ipaddress
import re
import uuid
from typing import Any

from moto.ec2.models import ec2_backends

from mlgate_testkit.aws.apis.dispatch import Operation, Place, Refused
from mlgate_testkit.aws.apis.eks_state import (
    Held,
    cluster_of,
    held_in,
    invalid,
    listed,
    missing,
    now,
    require_role,
    subnets_of,
    taken,
    updated,
)
from mlgate_testkit.aws.apis.eks_versions import DEFAULT_VERSION, VERSIONS, minor

__all__ = ["OPERATIONS"]

_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_MODES = {"CONFIG_MAP": {"API_AND_CONFIG_MAP"}, "API_AND_CONFIG_MAP": {"API"}, "API": set()}
"""EKS user guide, "Change authentication mode": one step at a time, and never back."""
_ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
_CREATOR = "user/moto"  # whom moto's STS takes every caller for


def _create(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    name = wanted["name"]
    if not re.fullmatch(r"[0-9A-Za-z][A-Za-z0-9\-_]{0,99}", name):
        raise invalid(f"The cluster name {name!r} must match ^[0-9A-Za-z][A-Za-z0-9\\-_]* and have 1 to 100 characters")
    if name in held_in(place):
        raise taken(f"Cluster already exists with name: {name}")
    version = wanted.get("version") or DEFAULT_VERSION
    if version not in VERSIONS:
        raise invalid(f"unsupported Kubernetes version {version}; supported are {', '.join(VERSIONS)}")
    role = wanted["roleArn"]
    untrusted = f"Role with arn: {role}, could not be assumed because it does not exist or the trusted entity is not correct"
    require_role(place, role, untrusted, "eks.amazonaws.com")
    cluster = _described(place, wanted, version)
    held = Held(cluster)
    held_in(place)[name] = held
    if cluster["accessConfig"]["authenticationMode"] != "CONFIG_MAP" and cluster["accessConfig"]["bootstrapClusterCreatorAdminPermissions"]:
        _admit_creator(place, held)
    return {"cluster": cluster}


def _described(place: Place, wanted: dict[str, Any], version: str) -> dict[str, Any]:
    name, identity = wanted["name"], uuid.uuid4().hex.upper()
    network = _network(place, wanted)
    _auto_mode(wanted)
    certificate = base64.b64encode(f"-----BEGIN CERTIFICATE-----\nsimulated {identity}\n-----END CERTIFICATE-----\n".encode()).decode()
    return {
        "name": name,
        "arn": place.arn("eks", f"cluster/{name}"),
        "createdAt": now(),
        "version": version,
        "endpoint": f"https://{identity}.gr7.{place.region}.eks.amazonaws.com",
        "roleArn": wanted["roleArn"],
        "resourcesVpcConfig": network,
        "kubernetesNetworkConfig": _services(place, wanted.get("kubernetesNetworkConfig") or {}, network["vpcId"]),
        "logging": _logging(wanted.get("logging") or {}),
        "identity": {"oidc": {"issuer": f"https://oidc.eks.{place.region}.amazonaws.com/id/{identity}"}},
        "status": "ACTIVE",
        "certificateAuthority": {"data": certificate},
        "platformVersion": "eks.4",
        "tags": wanted.get("tags") or {},
        "encryptionConfig": wanted.get("encryptionConfig") or [],
        "accessConfig": {"bootstrapClusterCreatorAdminPermissions": True, "authenticationMode": "CONFIG_MAP"}
        | (wanted.get("accessConfig") or {}),
        "upgradePolicy": {"supportType": "EXTENDED"} | (wanted.get("upgradePolicy") or {}),
        "zonalShiftConfig": wanted.get("zonalShiftConfig") or {"enabled": False},
        "remoteNetworkConfig": wanted.get("remoteNetworkConfig"),
        "computeConfig": wanted.get("computeConfig"),
        "storageConfig": wanted.get("storageConfig"),
        "deletionProtection": bool(wanted.get("deletionProtection")),
        "controlPlaneScalingConfig": wanted.get("controlPlaneScalingConfig") or {"tier": "standard"},
    }


def _network(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    given = wanted["resourcesVpcConfig"]
    vpc_id = _require_subnets(place, given.get("subnetIds") or [])
    ec2 = ec2_backends[place.account][place.region]
    for group in given.get("securityGroupIds") or ():
        if ec2.get_security_group_from_id(group) is None:
            raise invalid(f"The security group '{group}' does not exist")
    network = {
        "subnetIds": given["subnetIds"],
        "securityGroupIds": given.get("securityGroupIds") or [],
        "vpcId": vpc_id,
        "endpointPublicAccess": given.get("endpointPublicAccess", True),
        "endpointPrivateAccess": given.get("endpointPrivateAccess", False),
        "publicAccessCidrs": given.get("publicAccessCidrs") or ["0.0.0.0/0"],
    }
    _require_reachable(network)
    own = ec2.create_security_group(
        f"eks-cluster-sg-{wanted['name']}-{uuid.uuid4().int % 10**10:010}",
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
        vpc_id=vpc_id,
        tags={f"kubernetes.io/cluster/{wanted['name']}": "owned", "Name": f"eks-cluster-sg-{wanted['name']}"},
    )
    return network | {"clusterSecurityGroupId": own.id}


def _require_subnets(place: Place, subnet_ids: list[str]) -> str:
    subnets = subnets_of(place, subnet_ids)
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise invalid("Subnets specified must be in at least two different AZs")
    return str(subnets[0].vpc_id)


def _require_reachable(network: dict[str, Any]) -> None:
    if not network["endpointPublicAccess"] and not network["endpointPrivateAccess"]:
        raise invalid("Private and public endpoint access cannot be false")
    for cidr in network["publicAccessCidrs"]:
        try:
            ipaddress.ip_network(cidr)
        except ValueError:
            raise invalid(f"The following CIDRs are invalid in publicAccessCidrs: [{cidr}]") from None


def _services(place: Place, given: dict[str, Any], vpc_id: str) -> dict[str, Any]:
    block = ipaddress.ip_network(ec2_backends[place.account][place.region].get_vpc(vpc_id).cidr_block)
    chosen = "172.20.0.0/16" if block.network_address in ipaddress.ip_network("10.0.0.0/8") else "10.100.0.0/16"
    cidr = given.get("serviceIpv4Cidr") or chosen
    services = ipaddress.ip_network(cidr, strict=False)
    private = any(services.subnet_of(ipaddress.ip_network(each)) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))  # type: ignore[arg-type]
    if not private or not 12 <= services.prefixlen <= 24:
        raise invalid(f"serviceIpv4Cidr {cidr} must lie in 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, and between /24 and /12")
    if services.overlaps(block):
        raise invalid(f"serviceIpv4Cidr {cidr} overlaps with the VPC's CIDR block {block}")
    balancing = given.get("elasticLoadBalancing") or {"enabled": False}
    return {"serviceIpv4Cidr": cidr, "ipFamily": given.get("ipFamily") or "ipv4", "elasticLoadBalancing": balancing}


def _auto_mode(given: dict[str, Any]) -> None:
    switches = {
        bool((given.get("computeConfig") or {}).get("enabled")),
        bool(((given.get("storageConfig") or {}).get("blockStorage") or {}).get("enabled")),
        bool(((given.get("kubernetesNetworkConfig") or {}).get("elasticLoadBalancing") or {}).get("enabled")),
    }
    if len(switches) > 1:
        raise invalid(
            "For EKS Auto Mode, please ensure that all required configs, including computeConfig, kubernetesNetworkConfig, "
            "and blockStorage are all either fully enabled or fully disabled."
        )


def _logging(given: dict[str, Any]) -> dict[str, Any]:
    enabled = {kind for setup in given.get("clusterLogging") or () if setup.get("enabled") for kind in setup.get("types") or ()}
    groups = [{"types": [kind for kind in _LOGS if (kind in enabled) == switch], "enabled": switch} for switch in (True, False)]
    return {"clusterLogging": [group for group in groups if group["types"]]}


def _admit_creator(place: Place, held: Held) -> None:
    principal = f"arn:{place.partition}:iam::{place.account}:{_CREATOR}"
    held.entries[principal] = {
        "clusterName": held.cluster["name"],
        "principalArn": principal,
        "kubernetesGroups": [],
        "accessEntryArn": f"{held.cluster['arn'].replace(':cluster/', ':access-entry/')}/user/{place.account}/moto/{uuid.uuid4()}",
        "createdAt": now(),
        "modifiedAt": now(),
        "tags": {},
        "username": principal,
        "type": "STANDARD",
    }
    held.policies[principal] = {
        _ADMIN: {"policyArn": _ADMIN, "accessScope": {"type": "cluster", "namespaces": []}, "associatedAt": now(), "modifiedAt": now()}
    }


def _update_config(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted, "name")
    cluster = held.cluster
    if network := wanted.get("resourcesVpcConfig"):
        merged = cluster["resourcesVpcConfig"] | network
        if network.get("subnetIds") and _require_subnets(place, network["subnetIds"]) != merged["vpcId"]:
            raise invalid("Subnets specified must belong to the cluster's VPC")
        _require_reachable(merged)
        cluster["resourcesVpcConfig"] = merged
    if access := wanted.get("accessConfig"):
        _change_mode(cluster["accessConfig"], access["authenticationMode"])
    if logging := wanted.get("logging"):
        cluster["logging"] = _logging(logging)
    automatic = {key: wanted[key] for key in ("computeConfig", "storageConfig", "kubernetesNetworkConfig") if wanted.get(key)}
    if automatic:
        merged = {
            key: (cluster.get(key) or {}) | (automatic.get(key) or {})
            for key in ("computeConfig", "storageConfig", "kubernetesNetworkConfig")
        }
        _auto_mode(merged)
        cluster.update({key: merged[key] for key in automatic})
    for key in ("upgradePolicy", "zonalShiftConfig", "deletionProtection", "remoteNetworkConfig", "controlPlaneScalingConfig"):
        if wanted.get(key) is not None:
            cluster[key] = wanted[key]
    return updated(held, "ConfigUpdate")


def _change_mode(access: dict[str, Any], mode: str) -> None:
    before = access["authenticationMode"]
    if mode == before:
        raise invalid(f"Authentication mode is already {mode}")
    if mode not in _MODES[before]:
        raise invalid(f"Unsupported authentication mode update from {before} to {mode}")
    access["authenticationMode"] = mode


def _update_version(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted, "name")
    before, after = held.cluster["version"], wanted["version"]
    if after == before:
        raise invalid(f"Cluster is already at the desired configuration with version {after}")
    if after not in VERSIONS or minor(after) != minor(before) + 1:
        raise invalid(f"Unsupported Kubernetes minor version update from {before} to {after}")
    for node_group in held.nodegroups.values():
        if minor(after) - minor(node_group["version"]) > 3:  # Kubernetes' version skew policy, checked by EKS's upgrade insights
            raise invalid(f"Nodegroup {node_group['nodegroupName']} has version {node_group['version']}: at most 3 minors behind {after}")
    held.cluster["version"] = after
    return updated(held, "VersionUpdate", Version=after)


def _associate_encryption(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    if held.cluster["encryptionConfig"]:
        raise invalid("Encryption is already enabled on the cluster")
    held.cluster["encryptionConfig"] = wanted["encryptionConfig"]
    return updated(held, "AssociateEncryptionConfig")


def _delete(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted, "name")
    if held.cluster["deletionProtection"]:
        raise Refused(
            "InvalidRequestException", f"Cluster {wanted['name']} has deletion protection enabled; turn deletionProtection off first"
        )
    if held.nodegroups:
        raise taken("Cluster has nodegroups attached")
    if held.profiles:
        raise taken("Cluster has Fargate profiles attached")
    del held_in(place)[wanted["name"]]
    ec2 = ec2_backends[place.account][place.region]
    if ec2.get_security_group_from_id(group := held.cluster["resourcesVpcConfig"]["clusterSecurityGroupId"]):
        ec2.delete_security_group(group_id=group)
    return {"cluster": held.cluster | {"status": "DELETING"}}


def _describe_update(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    update = cluster_of(place, wanted, "name").updates.get(wanted["updateId"])
    if update is None:
        raise missing(f"No update found for ID: {wanted['updateId']}")
    return {"update": update}


OPERATIONS: dict[str, Operation] = {
    "CreateCluster": _create,
    "DescribeCluster": lambda place, wanted: {"cluster": cluster_of(place, wanted, "name").cluster},
    "ListClusters": lambda place, _wanted: listed(held_in(place), "clusters"),
    "UpdateClusterConfig": _update_config,
    "UpdateClusterVersion": _update_version,
    "AssociateEncryptionConfig": _associate_encryption,
    "DeleteCluster": _delete,
    "DescribeUpdate": _describe_update,
}
