"""What simulated EKS holds, and what its operations share: finding things, refusing, tags, updates."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from mlgate_testkit.aws.apis.dispatch import Place, Refused
from mlgate_testkit.aws.documents import trusts

__all__ = ["Held", "cluster_of", "held_in", "invalid", "listed", "missing", "now", "require_role", "subnets_of", "taken", "updated"]


@dataclass(slots=True)
class Held:
    """One cluster and what belongs to it, each as its describe operation shows it."""

    cluster: dict[str, Any]
    nodegroups: dict[str, dict[str, Any]] = field(default_factory=dict)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    addons: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """By principal, then by policy."""
    pods: dict[str, dict[str, Any]] = field(default_factory=dict)
    providers: dict[str, dict[str, Any]] = field(default_factory=dict)
    updates: dict[str, dict[str, Any]] = field(default_factory=dict)


def held_in(place: Place) -> dict[str, Held]:
    """Every cluster here."""
    return place.store("clusters")


def cluster_of(place: Place, parameters: dict[str, Any], key: str = "clusterName") -> Held:
    """The cluster that a request names. Raises ResourceNotFoundException."""
    held = held_in(place).get(parameters[key])
    if held is None:
        raise missing(f"No cluster found for name: {parameters[key]}.")
    return held


def missing(message: str) -> Refused:
    """404."""
    return Refused("ResourceNotFoundException", message)


def invalid(message: str) -> Refused:
    """400."""
    return Refused("InvalidParameterException", message)


def taken(message: str) -> Refused:
    """409."""
    return Refused("ResourceInUseException", message)


def now() -> datetime:
    """In UTC."""
    return datetime.now(UTC)


def updated(held: Held, kind: str, **parameters: Any) -> dict[str, Any]:
    """The answer to an update: it is done already, which AWS takes minutes for."""
    update = {
        "id": str(uuid.uuid4()),
        "status": "Successful",
        "type": kind,
        "params": [{"type": name, "value": str(value)} for name, value in parameters.items()],
        "createdAt": now(),
        "errors": [],
    }
    held.updates[str(update["id"])] = update
    return {"update": update}


def listed(names: Any, key: str) -> dict[str, Any]:
    """The answer to a list, in one page."""
    return {key: sorted(names)}


def require_role(place: Place, arn: str, absent: str, *services: str, untrusting: str = "") -> None:
    """Raises InvalidParameterException unless the role exists (`absent`) and trusts one of the services, where any is given (`untrusting`).

    In this account: the roles of others cannot be asked.
    """
    if f"::{place.account}:" not in arn:
        return
    roles = iam_backends[place.account][place.partition].roles.values()
    role = next((role for role in roles if role.arn == arn), None)
    if role is None:
        raise invalid(absent)
    if services and not any(trusts(role.assume_role_policy_document, service) for service in services):
        raise invalid(untrusting or absent)


def subnets_of(place: Place, subnet_ids: list[str]) -> list[Any]:
    """moto's subnets of these ids. Raises InvalidParameterException for one that does not exist or lies in another VPC than the first."""
    known = {subnet.id: subnet for zone in ec2_backends[place.account][place.region].subnets.values() for subnet in zone.values()}
    for subnet_id in subnet_ids:
        if subnet_id not in known:
            raise invalid(f"The subnet ID '{subnet_id}' does not exist")
    found = [known[subnet_id] for subnet_id in subnet_ids]
    if len({subnet.vpc_id for subnet in found}) > 1:
        raise invalid(f"Subnets {subnet_ids} do not all belong to the same VPC")
    return found
