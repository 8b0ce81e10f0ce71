"""What the parts of an environment must not say of each other: the checks of `Platform`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlgate.platform_machines import impossible, needs_karpenter
from mlgate.platform_who import APART, duty_of_made
from mlgate.regions import REGIONS, region_of

if TYPE_CHECKING:
    from mlgate.platform import Platform
    from mlgate.platform_whole import Check, Wrong

__all__ = ["CHECKS"]

_OF_ROLES = frozenset({"auditor", "break-glass", "deployer"})  # by which the cluster knows them


def _zones(platform: Platform) -> Iterator[Wrong]:
    for index, zone in enumerate(platform.network.zones):
        # What is a zone of nowhere is told by the network.
        if (there := region_of(zone)) in REGIONS and there != platform.region:
            yield ("network", "zones", index), f"is {zone!r}", f"a zone of {platform.region}"


def _admins_names(platform: Platform) -> Iterator[Wrong]:
    for name in sorted(_OF_ROLES & platform.cluster.admins.keys()):
        yield ("cluster", "admins", name), f"{name} is the name of a role of `who`", "another name: that role is let in by itself"


def _admins_sign(platform: Platform) -> Iterator[Wrong]:
    for name, admin in platform.cluster.admins.items():
        if duty_of_made(admin) == "gate":
            yield ("cluster", "admins", name), f"is {admin}, which is called as the gate's role is", APART


def _takers_of_the_gate(platform: Platform) -> Iterator[Wrong]:
    for name, admin in platform.cluster.admins.items():
        if admin in platform.who.gate.principals:
            yield ("cluster", "admins", name), "takes the gate's role too", APART


def _signer(platform: Platform) -> Iterator[Wrong]:
    if not (platform.who.gate.principals or platform.who.gate.pipelines):
        yield ("who", "gate"), "is nobody", "principals or pipelines: somebody must be able to sign evidence"


def _image(platform: Platform) -> Iterator[Wrong]:
    if platform.pools and platform.pins.gpu_ami is None:
        accepted = f"the image of the nodes of {', '.join(platform.pools)}: its family and version, or its id"
        yield ("pins", "gpu_ami"), "is missing", accepted


def _pods(platform: Platform) -> Iterator[Wrong]:
    pods: dict[tuple[str, str], str] = {}
    for name, service in platform.services.items():
        first = pods.setdefault((service.namespace, service.service_account), name)
        if first != name:
            said = f"is {service.service_account!r} in the namespace {service.namespace}, as {first}'s is"
            yield ("services", name, "service_account"), said, "one of its own: EKS gives pods of a service account one role"


def _karpenter(platform: Platform) -> Iterator[Wrong]:
    karpenter = platform.pins.addons.get("karpenter")
    for name, pool in platform.pools.items():
        if karpenter and not karpenter.on and needs_karpenter(pool):
            yield (
                ("pools", name),
                "needs Karpenter, which pins.addons.karpenter.on turns off",
                "that set to true, or a share for the pool: its nodes are a group of fixed size then",
            )


def _machines(platform: Platform) -> Iterator[Wrong]:
    for name, pool in platform.pools.items():
        yield from impossible(name, pool, platform.region, platform.network.zones, platform.pins.gpu_ami)


CHECKS: tuple[Check, ...] = (
    *(_zones, _admins_names, _admins_sign, _takers_of_the_gate, _signer),
    *(_image, _pods, _karpenter, _machines),
)
"""Each asks as few parts as it can: what is wrong by itself keeps those from being asked that need it, and no other."""
