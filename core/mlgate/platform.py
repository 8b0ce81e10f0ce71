"""`Platform`: what an environment on AWS is made of, as frozen typed values.

They stand in `stacks/Pulumi.<environment>.yaml` under `mlgate:platform`, beside the lines that Pulumi keeps there, so that the program, the
checks between environments, the bill and the policies read one file. Sizes and times carry their unit in their name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from mlgate.addresses import network_of, wrong_callers, wrong_division
from mlgate.documents import Declared, Location, contradictions, once
from mlgate.interface import Name
from mlgate.log_days import LOG_DAYS
from mlgate.platform_checks import CHECKS
from mlgate.platform_pools import GpuAmi, Pool
from mlgate.platform_who import Principal, Who
from mlgate.platform_whole import Whole, Wrong
from mlgate.regions import unknown_region, wrong_zones

__all__ = ["LEVELS", "Addon", "Budget", "Cluster", "Level", "Network", "Pins", "Platform", "Retention", "Service"]

LEVELS = ("dev", "staging", "prod")
Level = Literal["dev", "staging", "prod"]
Account = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]
Days = Annotated[int, Field(ge=1, le=36_500)]
Percent = Annotated[int, Field(ge=1, le=1000)]
Block = Annotated[str, Field(description="addresses, such as 198.51.100.0/24")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")]
# Kubernetes documentation, "Object Names and IDs": a label of RFC 1035, so that it fits everywhere.
Label = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
# Tagging AWS Resources user guide, "Tag naming limits and requirements".
TagValue = Annotated[str, StringConstraints(pattern=r"^[\w .:/=+@-]+$", max_length=256)]
# AWS Budgets API reference: ten notifications of a budget, ten subscribers of each.
_OF_BUDGETS = Field(min_length=1, max_length=10)
_PARTS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def _called(at_most: int, why: str) -> AfterValidator:
    """What is made is called so, or after it."""

    def check(name: str) -> str:
        if not _PARTS.fullmatch(name):
            raise contradictions({(): (f"{name!r} is no name", "lower-case letters, digits and single hyphens, a letter first")})
        if len(name) > at_most:
            raise contradictions({(): (f"{name!r} has {len(name)} characters", f"{at_most} at most, since {why}")})
        return name

    return AfterValidator(check)


# EKS API reference, CreateNodegroup: 63 characters, less the eight that Pulumi puts behind and "-shared".
PoolName = Annotated[str, _called(48, "its node groups are called after it")]
# IAM user guide, "IAM and STS quotas": a role's name has 64, and Pulumi's suffix takes 8.
ServiceName = Annotated[str, _called(56, "its role is called after it")]
_MINOR = re.compile(r"1\.\d{1,2}")


def _named_zones(network: Network) -> Iterator[Wrong]:
    for index, said, accepted in wrong_zones(network.zones):
        yield ("zones",) if index is None else ("zones", index), said, accepted


def _divided(network: Network) -> Iterator[Wrong]:
    try:
        if reason := wrong_division(network_of(network.cidr), len(network.zones)):
            yield ("cidr",), f"is {network.cidr}", reason
    except ValueError as error:
        yield ("cidr",), f"is {network.cidr!r}", str(error)


def _bounded(cluster: Cluster) -> Iterator[Wrong]:
    least, most = cluster.system_nodes_min, cluster.system_nodes_max
    if least > most:
        yield ("system_nodes_min",), f"is {least}", f"at most system_nodes_max, which is {most}"


class Network(Whole):
    """The VPC and the ways out of it."""

    checks = (_named_zones, _divided)

    cidr: str = Field(description="the block of all its addresses")
    zones: list[str] = Field(description="the availability zones by name, two or more")
    nat: Literal["none", "single", "per-zone"] = Field(default="per-zone", description="where private subnets go out")
    dns_zone_ids: list[str] = Field(default=[], description="hosted zones of Route 53 in which the cluster may write")


class Cluster(Whole):
    """The EKS cluster and the nodes that its own services stand on."""

    checks = (_bounded,)

    version: str = Field(description="Kubernetes' minor version, such as 1.35; it goes up one at a time and never down")
    public_from: list[Block] = Field(default=[], description="whose addresses reach the API server from the internet; nobody's unless said")
    system_instance_types: list[str] = Field(description="machines for the cluster's own services")
    system_nodes_min: int = Field(default=2, ge=2, le=100, description="how many of them there are at least")
    system_nodes_max: int = Field(default=4, ge=2, le=100, description="and at most")
    deletion_protection: bool = Field(default=True, description="whether EKS refuses to delete it")
    admins: dict[Name, Principal] = Field(
        min_length=1, description="roles that may do everything in it, by a name: the one that runs `pulumi up` among them"
    )

    @field_validator("version", mode="before")
    @classmethod
    def _minor(cls, version: object) -> object:
        # YAML reads 1.30 as the number 1.3.
        if not isinstance(version, str) or not _MINOR.fullmatch(version):
            raise contradictions({(): (f"{version!r} is no minor version of Kubernetes", "write it as text, such as '1.35'")})
        return version

    @field_validator("public_from")
    @classmethod
    def _somebody(cls, blocks: list[str]) -> list[str]:
        found: dict[Location, tuple[str, str]] = {
            (index,): wrong for index, wrong in enumerate(map(wrong_callers, blocks)) if wrong is not None
        }
        if found:
            raise contradictions(found)
        return blocks

    @field_validator("admins")
    @classmethod
    def _roles(cls, admins: dict[str, str]) -> dict[str, str]:
        found: dict[Location, tuple[str, str]] = {}
        named: dict[str, str] = {}
        for name, admin in admins.items():
            if ":user/" in admin:
                found[name,] = f"is the user {admin}", "a role, which a user takes"
            elif named.setdefault(admin, name) != name:
                found[name,] = f"is the role of {named[admin]} too", "each role once: EKS has one entry for it"
        if found:
            raise contradictions(found)
        return admins


class Retention(Declared):
    """How long what is made is kept, and how hard that is to change."""

    evidence_days: Days = Field(description="how long nobody deletes evidence")
    evidence_lock: Literal["governance", "compliance"] = Field(
        description="governance: whom IAM lets bypass it may delete all the same; compliance: nobody, not even AWS; it is never shortened"
    )
    models_days: Days = Field(description="how long a model that was replaced or deleted can be brought back")
    logs_days: Days = Field(description="how long logs of network, cluster and buckets are kept")
    audit_days: Days = Field(description="how long the record of who read and wrote is kept")
    images: int = Field(default=50, ge=1, le=10_000, description="how many images a repository keeps")
    keys_days: int = Field(default=30, ge=7, le=30, description="how long a deleted key can be brought back (KMS: 7 to 30)")

    @field_validator("logs_days")
    @classmethod
    def _kept(cls, days: int) -> int:
        if days not in LOG_DAYS:
            raise contradictions({(): (f"is {days}", f"CloudWatch Logs keeps for {', '.join(map(str, LOG_DAYS))} days")})
        return days


class Budget(Declared):
    """What the environment may cost, and who hears of it."""

    monthly_usd: float = Field(gt=0, description="what a month may cost, in US dollars")
    alert_percents: Annotated[list[Percent], _OF_BUDGETS, AfterValidator(once)] = Field(
        default=[50, 80, 100], description="at which shares of it somebody is told, ten at most"
    )
    notify: Annotated[list[Email], _OF_BUDGETS, AfterValidator(once)] = Field(description="who, by e-mail, ten at most")


class Addon(Declared):
    """What is said of an add-on of the cluster, such as karpenter."""

    on: bool = Field(default=True, description="whether it is there")
    version: str | None = Field(default=None, description="its exact version; the one that mlgate was read with unless said")
    digest: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$", description="the digest of its chart in a registry")


class Pins(Declared):
    """Exact versions of what is taken from elsewhere. What has none is looked up at each preview, which prod does not allow."""

    eks_addons: dict[str, str] = Field(default={}, description="EKS's add-ons that every node needs, by name, each with its version")
    addons: dict[str, Addon] = Field(default={}, description="the other add-ons, by name")
    nodes_image: Literal["al2023", "bottlerocket"] = Field(default="al2023", description="the operating system of the system nodes")
    nodes_release: str | None = Field(default=None, description="the release of EKS's image for it")
    gpu_ami: GpuAmi | None = Field(default=None, description="the image of nodes with accelerators; every pool needs it")
    mirror: str | None = Field(default=None, description="the registry, and a folder in it, that charts and their images come from")


class Service(Declared):
    """A service's identity: the pods that it covers, and what of the stores they see."""

    namespace: Label = Field(description="the namespace of its pods")
    service_account: Label = Field(description="their service account, of no other service")


class Platform(Whole):
    """An environment on AWS."""

    checks = CHECKS

    level: Level = Field(description="how much depends on it: what prod holds is at least what staging does, and staging at least dev")
    account: Account = Field(description="the AWS account, as text; the provider is bound to it")
    region: str = Field(description="the AWS region")
    owner: Name = Field(description="the team that answers for it")
    cost_center: TagValue | None = Field(default=None, description="whose budget it is paid from")
    network: Network = Field(description="the VPC")
    cluster: Cluster = Field(description="the EKS cluster")
    retention: Retention = Field(description="what is kept how long")
    who: Who = Field(description="who may do what")
    budget: Budget = Field(description="what it may cost")
    pins: Pins = Field(default=Pins(), description="versions of what is taken from elsewhere")
    pools: dict[PoolName, Pool] = Field(default={}, description="pools of nodes with accelerators, by name")
    services: dict[ServiceName, Service] = Field(default={}, description="the services that get identity, storage and repository, by name")

    @field_validator("region")
    @classmethod
    def _known(cls, region: str) -> str:
        if instead := unknown_region(region):
            raise contradictions({(): (f"{region!r} is no region that EKS is in", instead)})
        return region
