"""The pins of an environment: as its components take them, which of them are missing, and what stands in for those in a recording.

What an environment costs, and what stays of it, depends on no pin. So its program can be recorded before all of them are known, with
values that are nobody's in their place. An engine never sees such: what it runs reads the stack's own file, and asks for what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlgate_components.aws.addons.plan import addon_plans
from mlgate_components.aws.cluster.arguments import ADDONS
from mlgate_components.aws.cluster.eks_addon import EKS_VERSIONS

if TYPE_CHECKING:
    from mlgate.platform import Platform

__all__ = ["Unpinned", "addon_settings", "is_pinned", "stand_ins", "unpinned"]

_STAND_INS = {"digest": f"sha256:{0:064}", "version": "v0.0.0-eksbuild.0", "release": "0.0.0-00000000"}
# EKS user guide, "Retrieve recommended Amazon Linux AMI IDs", and Bottlerocket's README: parameters that say the newest release.
_RELEASES = {
    "al2023": "eks/optimized-ami/{version}/amazon-linux-2023/x86_64/standard/recommended/release_version",
    "bottlerocket": "bottlerocket/aws-k8s-{version}/x86_64/latest/image_version",
}


@dataclass(frozen=True, slots=True)
class Unpinned:
    """A pin that is missing: where it belongs in the environment, how to come by it, and what stands in for it in a recording."""

    at: tuple[str, ...]
    command: str
    stand_in: str

    @property
    def path(self) -> str:
        """Such as pins.addons.karpenter.digest."""
        return ".".join(self.at)


def is_pinned(platform: Platform) -> bool:
    """Whether everything in it must be at an exact version."""
    return platform.level == "prod"


def addon_settings(platform: Platform) -> dict[str, Any]:
    """What is said of each add-on, as ClusterAddons takes it."""
    said = {name: addon.model_dump(exclude_none=True) for name, addon in platform.pins.addons.items()}
    if not platform.network.dns_zone_ids:
        said["external-dns"] = {"on": False}  # there is nothing that it could write to
    return said


def unpinned(platform: Platform) -> list[Unpinned]:
    """Every pin that its components will ask for."""
    if not is_pinned(platform):
        return []
    pins, version, found = platform.pins, platform.cluster.version, []
    found += [
        Unpinned(("pins", "eks_addons", name), EKS_VERSIONS.format(version=version, name=name), _STAND_INS["version"])
        for name in ADDONS
        if name not in pins.eks_addons
    ]
    if pins.nodes_release is None:
        newest = f"aws ssm get-parameter --name /aws/service/{_RELEASES[pins.nodes_image].format(version=version)}"
        found.append(Unpinned(("pins", "nodes_release"), newest, _STAND_INS["release"]))
    for plan in addon_plans(addon_settings(platform), pins.mirror or "").values():
        if plan.unpinned:
            setting, command = plan.unpinned
            found.append(Unpinned(("pins", "addons", plan.name, setting), command.format(version=version), _STAND_INS[setting]))
    return found


def stand_ins(platform: Platform, missing: list[Unpinned]) -> dict[str, Any]:
    """The environment's values with what stands in for its missing pins: to record a program with, and for nothing else."""
    values = platform.model_dump()
    for each in missing:
        *way, last = each.at
        here = values
        for step in way:
            here = here.setdefault(step, {})
        here[last] = each.stand_in
    return values
