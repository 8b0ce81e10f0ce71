"""EKS node groups and Fargate profiles: what their creation refuses and what may change. No nodes start: a group is ACTIVE at once.

Messages are those of the API where they are known to us.
"""

from __future__ import annotations

import uuid
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES

from mlgate_testkit.aws.apis.dispatch import Operation, Place
from mlgate_testkit.aws.apis.eks_state import Held, cluster_of, invalid, listed, missing, now, require_role, subnets_of, taken, updated
from mlgate_testkit.aws.apis.eks_versions import VERSIONS, minor

__all__ = ["OPERATIONS", "release_version"]

_DEFAULT_TYPE = "t3.medium"
_DEFAULT_AMI = "AL2023_x86_64_STANDARD"  # whatever the types are: HHS/simpler-grants-gov#12404, eksctl-io/eksctl#7754
_LAST_AL2 = 32  # EKS user guide: no AL2 AMIs from Kubernetes 1.33 on


def release_version(version: str) -> str:
    """The AMI release of a Kubernetes version, in the real form: EKS numbers AMIs by Kubernetes version and date."""
    return f"{version}.3-20261101"


def _create(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    cluster, name = held.cluster, wanted["nodegroupName"]
    if name in held.nodegroups:
        raise taken(f"NodeGroup already exists with name {name} and cluster name {cluster['name']}")
    _require_node_role(place, wanted["nodeRole"])
    subnets_of(place, wanted["subnets"])
    version = wanted.get("version") or cluster["version"]
    _require_version(version, cluster["version"])
    template = _template(place, wanted.get("launchTemplate"))
    types = _types(wanted, template)
    capacity = wanted.get("capacityType") or "ON_DEMAND"
    _require_block(capacity, template)
    ami = _ami(wanted, template, types, version)
    scaling = {"minSize": 1, "maxSize": 2, "desiredSize": 2} | (wanted.get("scalingConfig") or {})
    _require_scaling(scaling)
    identity = str(uuid.uuid4())
    resources: dict[str, Any] = {"autoScalingGroups": [{"name": f"eks-{name}-{identity}"}]}
    if (wanted.get("remoteAccess") or {}).get("ec2SshKey"):
        resources["remoteAccessSecurityGroup"] = f"sg-{identity.replace('-', '')[:17]}"
    held.nodegroups[name] = {
        "nodegroupName": name,
        "nodegroupArn": place.arn("eks", f"nodegroup/{cluster['name']}/{name}/{identity}"),
        "clusterName": cluster["name"],
        "version": version,
        "releaseVersion": wanted.get("releaseVersion") or release_version(version),
        "createdAt": now(),
        "modifiedAt": now(),
        "status": "ACTIVE",
        "capacityType": capacity,
        "scalingConfig": scaling,
        "instanceTypes": None if template.get("InstanceType") else types,
        "subnets": wanted["subnets"],
        "remoteAccess": wanted.get("remoteAccess"),
        "amiType": ami,
        "nodeRole": wanted["nodeRole"],
        "labels": wanted.get("labels") or {},
        "taints": wanted.get("taints") or [],
        "resources": resources,
        "diskSize": None if wanted.get("launchTemplate") else wanted.get("diskSize") or (50 if ami.startswith("WINDOWS") else 20),
        "health": {"issues": []},
        "updateConfig": wanted.get("updateConfig") or {"maxUnavailable": 1},
        "nodeRepairConfig": wanted.get("nodeRepairConfig") or {"enabled": False},
        "warmPoolConfig": wanted.get("warmPoolConfig"),
        "launchTemplate": template.get("reference"),
        "tags": wanted.get("tags") or {},
    }
    return {"nodegroup": held.nodegroups[name]}


def _require_node_role(place: Place, role: str) -> None:
    """Message: bottlerocket-os/bottlerocket-update-operator#316, where the service is called as in China."""
    service = "ec2.amazonaws.com"
    services = (service, f"{service}.cn") if place.partition == "aws-cn" else (service,)
    untrusting = f"Following required service principals [{services[-1]}] were not found in the trust relationships of nodeRole {role}"
    require_role(place, role, f"The role with name {role.rsplit('/', 1)[-1]} cannot be found.", *services, untrusting=untrusting)


def _require_version(version: str, of_cluster: str) -> None:
    if version not in VERSIONS:
        raise invalid(f"unsupported Kubernetes version {version}; supported are {', '.join(VERSIONS)}")
    if not 0 <= minor(of_cluster) - minor(version) <= 3:
        raise invalid(
            f"Nodegroup version {version} must be at most 3 minor versions behind the cluster's {of_cluster}, and not ahead of it"
        )


def _require_scaling(scaling: dict[str, int]) -> None:
    least, most, desired = scaling["minSize"], scaling["maxSize"], scaling["desiredSize"]
    if least > desired:
        raise invalid(f"Minimum capacity {least} can't be greater than desired size {desired}")
    if desired > most:
        raise invalid(f"desired capacity {desired} can't be greater than max size {most}")
    if least < 0 or most < 1:
        raise invalid(f"minSize {least} must be at least 0 and maxSize {most} at least 1")


def _template(place: Place, given: dict[str, Any] | None) -> dict[str, Any]:
    """The data of a launch template, and under "reference" what names it and its version."""
    if not given:
        return {}
    templates = ec2_backends[place.account][place.region].launch_templates
    found = next((each for each in templates.values() if each.id == given.get("id") or each.name == given.get("name")), None)
    if found is None:
        raise invalid(f"The specified launch template, with template ID {given.get('id') or given.get('name')}, does not exist.")
    named = str(given.get("version") or "$Default")
    number = {"$Default": found.default_version_number, "$Latest": found.latest_version_number}.get(named, named)
    version = next((each for each in found.versions if str(each.number) == str(number)), None)
    if version is None:
        raise invalid(f"Could not find the specified version {number} for the launch template with ID {found.id}.")
    return {**version.data, "reference": {"id": found.id, "name": found.name, "version": str(number)}}


def _types(wanted: dict[str, Any], template: dict[str, Any]) -> list[str]:
    given = wanted.get("instanceTypes") or []
    if template and wanted.get("diskSize"):
        raise invalid("Disk size must be specified within the launch template.")
    if template and wanted.get("remoteAccess"):
        raise invalid("Remote access configuration cannot be specified with a launch template.")
    if given and template.get("InstanceType"):
        raise invalid("You cannot specify instance types in both launch template and API request.")
    types = [template["InstanceType"]] if template.get("InstanceType") else given or [_DEFAULT_TYPE]
    unknown = [each for each in types if each not in INSTANCE_TYPES]
    if unknown:
        raise invalid(f"The following supplied instance types do not exist: [{', '.join(unknown)}]")
    return types


def _ami(wanted: dict[str, Any], template: dict[str, Any], types: list[str], version: str) -> str:
    given: str | None = wanted.get("amiType")
    if template.get("ImageId"):
        if given not in {None, "CUSTOM"}:
            raise invalid("You cannot specify an AMI Type when specifying an image id in the launch template.")
        return "CUSTOM"
    if given == "CUSTOM":
        raise invalid("amiType CUSTOM needs an image id in the launch template.")
    ami = given or _DEFAULT_AMI
    wrong = [each for each in types if _architecture(each) != ("arm64" if "ARM_64" in ami else "x86_64")]
    if wrong:
        raise invalid(f"[{', '.join(wrong)}] is not a valid instance type for requested amiType {ami}")
    if ami.startswith("AL2_") and minor(version) > _LAST_AL2:
        raise invalid(f"AMI Type {ami} is only supported for kubernetes versions 1.{_LAST_AL2} or earlier")
    return ami


def _architecture(instance_type: str) -> str:
    supported = INSTANCE_TYPES[instance_type]["ProcessorInfo"]["SupportedArchitectures"]
    return "arm64" if "arm64" in supported else "x86_64"


def _require_block(capacity: str, template: dict[str, Any]) -> None:
    """EKS user guide, "Create a managed node group with Capacity Blocks for ML"."""
    if capacity != "CAPACITY_BLOCK":
        return
    market = (template.get("InstanceMarketOptions") or {}).get("MarketType")
    target = (template.get("CapacityReservationSpecification") or {}).get("CapacityReservationTarget") or {}
    if market != "capacity-block" or not target or not template.get("InstanceType"):
        raise invalid(
            "Capacity type CAPACITY_BLOCK needs a launch template with an instance type, instanceMarketOptions.marketType "
            "capacity-block and a capacityReservationTarget."
        )


def _group(held: Held, name: str) -> dict[str, Any]:
    if name not in held.nodegroups:
        raise missing(f"No node group found for name: {name}.")
    return held.nodegroups[name]


def _describe(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"nodegroup": _group(cluster_of(place, wanted), wanted["nodegroupName"])}


def _update_config(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    group = _group(held, wanted["nodegroupName"])
    scaling = group["scalingConfig"] | (wanted.get("scalingConfig") or {})
    _require_scaling(scaling)
    labels = wanted.get("labels") or {}
    kept = {key: value for key, value in group["labels"].items() if key not in labels.get("removeLabels", ())}
    taints = wanted.get("taints") or {}
    changed = [(taint["key"], taint["effect"]) for taint in [*taints.get("removeTaints", ()), *taints.get("addOrUpdateTaints", ())]]
    group.update(
        scalingConfig=scaling,
        labels=kept | (labels.get("addOrUpdateLabels") or {}),
        taints=[each for each in group["taints"] if (each["key"], each["effect"]) not in changed] + taints.get("addOrUpdateTaints", []),
        modifiedAt=now(),
    )
    for key in ("updateConfig", "nodeRepairConfig", "warmPoolConfig"):
        if wanted.get(key):
            group[key] = wanted[key]
    if not (group["warmPoolConfig"] or {}).get("enabled"):
        group["warmPoolConfig"] = None
    return updated(held, "ConfigUpdate")


def _update_version(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    group = _group(held, wanted["nodegroupName"])
    version = wanted.get("version") or group["version"]
    _require_version(version, held.cluster["version"])
    if minor(version) < minor(group["version"]):
        raise invalid(f"Nodegroup version cannot be downgraded from {group['version']} to {version}")
    if wanted.get("launchTemplate"):
        before, template = group["launchTemplate"], _template(place, wanted["launchTemplate"])
        if before is None or template["reference"]["id"] != before["id"]:
            raise invalid("You cannot change the launch template of a node group, only its version")
        group["launchTemplate"] = template["reference"]
    group["releaseVersion"] = wanted.get("releaseVersion") or release_version(version)
    group.update(version=version, modifiedAt=now())
    return updated(held, "VersionUpdate", Version=version)


def _delete(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    group = _group(held, wanted["nodegroupName"])
    del held.nodegroups[wanted["nodegroupName"]]
    return {"nodegroup": group | {"status": "DELETING"}}


def _create_profile(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    cluster, name = held.cluster, wanted["fargateProfileName"]
    if name in held.profiles:
        raise taken("A Fargate Profile already exists with this name in this cluster.")
    role = wanted["podExecutionRoleArn"]
    require_role(
        place,
        role,
        f"Misconfigured PodExecutionRole Trust Policy; Please add the eks-fargate-pods.amazonaws.com Service Principal ({role})",
        "eks-fargate-pods.amazonaws.com",
    )
    subnets = wanted.get("subnets") or []
    tables = ec2_backends[place.account][place.region].route_tables.values()
    for subnet in subnets_of(place, subnets):
        routes = [route for table in tables if subnet.id in table._associations.values() for route in table._routes.values()]
        if any(str(route.gateway_id or "").startswith("igw-") for route in routes):
            raise invalid(f"Subnet {subnet.id} provided in Fargate Profile is not a private subnet")
    held.profiles[name] = {
        "fargateProfileName": name,
        "fargateProfileArn": place.arn("eks", f"fargateprofile/{cluster['name']}/{name}/{uuid.uuid4()}"),
        "clusterName": cluster["name"],
        "createdAt": now(),
        "podExecutionRoleArn": role,
        "subnets": subnets or cluster["resourcesVpcConfig"]["subnetIds"],
        "selectors": wanted.get("selectors") or [],
        "status": "ACTIVE",
        "tags": wanted.get("tags") or {},
    }
    return {"fargateProfile": held.profiles[name]}


def _describe_profile(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    return {"fargateProfile": _profile(cluster_of(place, wanted), wanted["fargateProfileName"])}


def _delete_profile(place: Place, wanted: dict[str, Any]) -> dict[str, Any]:
    held = cluster_of(place, wanted)
    profile = _profile(held, wanted["fargateProfileName"])
    del held.profiles[wanted["fargateProfileName"]]
    return {"fargateProfile": profile | {"status": "DELETING"}}


def _profile(held: Held, name: str) -> dict[str, Any]:
    if name not in held.profiles:
        raise missing(f"No Fargate Profile found with name: {name}.")
    return held.profiles[name]


OPERATIONS: dict[str, Operation] = {
    "CreateNodegroup": _create,
    "DescribeNodegroup": _describe,
    "ListNodegroups": lambda place, wanted: listed(cluster_of(place, wanted).nodegroups, "nodegroups"),
    "UpdateNodegroupConfig": _update_config,
    "UpdateNodegroupVersion": _update_version,
    "DeleteNodegroup": _delete,
    "CreateFargateProfile": _create_profile,
    "DescribeFargateProfile": _describe_profile,
    "ListFargateProfiles": lambda place, wanted: listed(cluster_of(place, wanted).profiles, "fargateProfileNames"),
    "DeleteFargateProfile": _delete_profile,
}
