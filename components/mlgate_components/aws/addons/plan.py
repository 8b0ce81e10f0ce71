"""Which add-ons there will be, at which version and from where: read from the table and the arguments, before anything is made."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlgate_components.arguments import Wrong, check
from mlgate_components.aws.addons.arguments import AddonSettings, ClusterAddonsArgs
from mlgate_components.aws.addons.table import TABLE, Addon, Chart
from mlgate_components.aws.cluster.eks_addon import EKS_VERSION, EKS_VERSIONS
from mlgate_components.aws.names import ROLE_NAME, check_name

__all__ = ["AddonPlan", "addon_plans", "merged", "nested", "planned"]

_OCI = "oci://"
_EXACT = re.compile(r"v?\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MIRROR = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*")
_ZONE = re.compile(r"Z[A-Z0-9]{1,31}")  # Route 53 API reference, HostedZone: ids have up to 32 characters
_LONGEST = "-aws-load-balancer-controller"


@dataclass(frozen=True, slots=True)
class AddonPlan:
    """One that will be there. `chart` is empty for one of EKS's, `repository` for a chart from a registry, `digest` where none is known."""

    name: str
    addon: Addon
    version: str | None
    chart: str
    repository: str
    digest: str
    values: Mapping[str, Any]

    @property
    def reference(self) -> str:
        """How Helm is told of the chart, by its digest where that is known."""
        return f"{self.chart}@{self.digest}" if self.digest else self.chart

    @property
    def unpinned(self) -> tuple[str, str] | None:
        """The setting that would pin it and how to come by its value, for a cluster of `{version}`; None where it is pinned."""
        if self.addon.chart is None:
            return None if self.version else ("version", EKS_VERSIONS.format(name=self.addon.eks, version="{version}"))
        if self.digest or not self.chart.startswith(_OCI):
            return None
        return "digest", f"crane digest {self.chart.removeprefix(_OCI)}:{self.version}"


def addon_plans(said: Mapping[str, AddonSettings], mirror: str) -> dict[str, AddonPlan]:
    """Those that are on, each behind what it needs, by what is said of them."""
    on = [each for each in TABLE if said.get(each, {}).get("on", True)]
    return {each: _plan(each, said.get(each, {}), mirror, "prometheus-operator" in on) for each in on}


def planned(name: str, args: ClusterAddonsArgs) -> Mapping[str, AddonPlan]:
    """Those that are on, each behind what it needs. Raises ArgumentsError with everything that is wrong."""
    wrong = Wrong("ClusterAddons", name)
    check(ClusterAddonsArgs, args, wrong)
    check_name(name, wrong, at_most=ROLE_NAME - len(_LONGEST))
    wrong.stop()
    said, mirror = args.get("addons", {}), args.get("mirror", "")
    for each in said:
        if each not in TABLE:
            near = difflib.get_close_matches(each, TABLE, n=1)
            wrong.add(f"addons.{each}", "is no add-on", f"did you mean {near[0]}?" if near else f"there are {', '.join(TABLE)}")
    if mirror and not _MIRROR.fullmatch(mirror):
        wrong.add(
            "mirror", f"is {mirror!r}", "a registry and a folder in it, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/mirror"
        )
    plans = addon_plans(said, mirror)
    for plan in plans.values():
        _check(plan, said.get(plan.name, {}), wrong, pinned=args.get("pinned", False))
    _check_zones(args, wrong, needed="external-dns" in plans)
    if {"karpenter", "karpenter-crd"} <= plans.keys() and plans["karpenter"].version != plans["karpenter-crd"].version:
        found, needed = plans["karpenter-crd"].version, plans["karpenter"].version
        wrong.add("addons.karpenter-crd.version", f"is {found}", f"{needed}, as karpenter: they are made for each other")
    wrong.stop()
    return plans


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both trees of values; where both say something, what `above` says."""
    both = {
        key: merged(below[key], value) if isinstance(value, Mapping) and isinstance(below.get(key), Mapping) else value
        for key, value in above.items()
    }
    return {**below, **both}


def nested(path: str, value: str) -> dict[str, Any]:
    """A tree of values with that one at `path` (`image.repository`)."""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def _plan(name: str, settings: AddonSettings, mirror: str, monitored: bool) -> AddonPlan:
    addon, said = TABLE[name], settings.get("values", {})
    if addon.chart is None:
        return AddonPlan(name, addon, settings.get("version"), "", "", "", merged(addon.values, said))
    values = merged(addon.values, addon.monitors if monitored else {})
    for path, image in _mirrored(addon.chart, mirror).items():
        values = merged(values, nested(path, image))
    chart, repository = _origin(addon.chart, mirror)
    version = settings.get("version", addon.chart.version)
    # A mirror may hold the same files packed anew.
    ours = addon.chart.digest if version == addon.chart.version and not mirror else ""
    return AddonPlan(name, addon, version, chart, repository, settings.get("digest", ours), merged(values, said))


def _origin(chart: Chart, mirror: str) -> tuple[str, str]:
    """How Helm is told of it: by its whole reference in a registry, or by its name and the repository that it is in."""
    if mirror:
        return f"{_OCI}{mirror}/{chart.place.split('://', 1)[1]}/{chart.name}", ""
    return (f"{chart.place}/{chart.name}", "") if chart.place.startswith(_OCI) else (chart.name, chart.place)


def _mirrored(chart: Chart, mirror: str) -> Mapping[str, str]:
    """Values by which all its images come from the mirror, if there is one."""
    return {**{path: f"{mirror}/{upstream}" for path, upstream in chart.images.items()}, **chart.started} if mirror else {}


def _check(plan: AddonPlan, settings: AddonSettings, wrong: Wrong, *, pinned: bool) -> None:
    path, version, digest = f"addons.{plan.name}", plan.version, settings.get("digest")
    if plan.addon.chart is None:
        if version is not None and not EKS_VERSION.fullmatch(version):
            wrong.add(
                f"{path}.version", f"is {version!r}", "a version of EKS's, such as v1.18.2-eksbuild.2 (aws eks describe-addon-versions)"
            )
        if digest:
            wrong.add(f"{path}.digest", "is of no chart", "leave it out: EKS installs this one by its version")
    else:
        if version is None or not _EXACT.fullmatch(version):
            wrong.add(f"{path}.version", f"is {version!r}", f"an exact version, such as {plan.addon.chart.version}")
        if digest and not plan.chart.startswith(_OCI):
            wrong.add(
                f"{path}.digest", "is of a chart from a repository", "leave it out, or give a mirror: only what is in a registry has one"
            )
        elif digest and not _DIGEST.fullmatch(digest):
            wrong.add(f"{path}.digest", f"is {digest!r}", "sha256: and 64 hex digits")
    if pinned and plan.unpinned:
        setting, command = plan.unpinned
        wrong.add(f"{path}.{setting}", "is missing", f"pin it, since `pinned` is on ({command})")


def _check_zones(args: ClusterAddonsArgs, wrong: Wrong, *, needed: bool) -> None:
    zones = args.get("dns_zone_ids", [])
    if needed and not zones:
        wrong.add("dns_zone_ids", "is missing", "name the hosted zones of external-dns, or turn it off: addons.external-dns.on = False")
    for index, zone in enumerate(zones):
        if isinstance(zone, str) and not _ZONE.fullmatch(zone):
            wrong.add(f"dns_zone_ids[{index}]", f"is {zone!r}", "the id of a hosted zone, such as Z0123456789ABCDEFGHIJ")
