"""The version of a cluster goes up one minor at a time and never down: judged by the stack's state, in the preview already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pulumi

from mlgate.errors import Problem
from mlgate_components.arguments import ArgumentsError, Wrong

__all__ = ["check_version", "judged_before_updates", "wrong_step"]

_MINOR = re.compile(r"(\d+)\.(\d+)")


def check_version(version: str, wrong: Wrong) -> None:
    """Whether it is a minor version at all. Which there are only EKS knows."""
    if not _MINOR.fullmatch(version):
        wrong.add("version", f"is {version!r}", "a minor version of Kubernetes, such as '1.35'")


def wrong_step(before: str, after: str) -> str:
    """What would be accepted instead of `after` where the cluster has `before`; "" for the same and the next minor.

    Source: EKS user guide, "Update existing cluster to new Kubernetes version".
    """
    (major, minor), (next_major, next_minor) = (tuple(map(int, version.split("."))) for version in (before, after))
    if (next_major, next_minor - minor) in {(major, 0), (major, 1)}:
        return ""
    if (next_major, next_minor) < (major, minor):
        return f"{before} or {major}.{minor + 1}: EKS takes no version back; a lower one is a new cluster"
    return f"{major}.{minor + 1} first, then the next: EKS goes up one minor at a time"


def judged_before_updates(component: str, name: str) -> pulumi.ResourceHookBinding:
    """Refuses a step that EKS would refuse, before anything is changed: a preview asks it too. Raises ArgumentsError."""

    def judge(step: pulumi.ResourceHookArgs) -> None:
        before, after = _version(step.old_inputs), _version(step.new_inputs)
        if before and after and (accepted := wrong_step(before, after)):
            raise ArgumentsError(component, name, [Problem("version", f"is {after}, and the cluster has {before}", accepted)])

    hook = pulumi.ResourceHook(f"{component}-{name}-version", judge, opts=pulumi.ResourceHookOptions(on_dry_run=True))
    return pulumi.ResourceHookBinding(before_update=[hook])


def _version(inputs: Mapping[str, Any] | None) -> str:
    return str((inputs or {}).get("version") or "")
