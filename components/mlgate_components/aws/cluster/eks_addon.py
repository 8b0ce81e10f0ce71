"""An add-on that EKS installs and keeps up, at a version that is pinned or looked up."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from mlgate_components.arguments import Wrong
from mlgate_components.aws.parts import Parts

__all__ = ["EKS_VERSION", "EKS_VERSIONS", "check_addon_versions", "create_addon"]

EKS_VERSION = re.compile(r"v\d+\.\d+\.\d+-eksbuild\.\d+")
EKS_VERSIONS = "aws eks describe-addon-versions --kubernetes-version {version} --addon-name {name}"
"""The command that says which versions of an add-on go with a minor version of Kubernetes."""


def create_addon(
    parts: Parts,
    name: str,
    *,
    cluster_name: pulumi.Input[str],
    kubernetes_version: pulumi.Input[str],
    version: str | None,
    values: Mapping[str, Any] | None = None,
    after: Sequence[pulumi.Resource] = (),
) -> aws.eks.Addon:
    """Without `version` it is the one that EKS has as its default for that version of Kubernetes at each preview."""
    return aws.eks.Addon(
        parts.called(name),
        cluster_name=cluster_name,
        addon_name=name,
        addon_version=version or _default_version(parts, name, kubernetes_version),
        configuration_values=pulumi.Output.json_dumps(values, sort_keys=True) if values else None,
        resolve_conflicts_on_update="OVERWRITE",  # what somebody changed by hand in it would stop the next upgrade half-way
        tags=parts.tagged(name),
        opts=parts.opts(*after),
    )


def _default_version(parts: Parts, name: str, kubernetes_version: pulumi.Input[str]) -> pulumi.Output[str]:
    answer = aws.eks.get_addon_version_output(
        addon_name=name, kubernetes_version=kubernetes_version, opts=pulumi.InvokeOutputOptions(parent=parts.owner)
    )
    version: pulumi.Output[str] = answer.version
    return version


def check_addon_versions(versions: Mapping[str, str], known: Collection[str], wrong: Wrong, *, path: str, pinned: bool) -> None:
    """Versions by add-on: names that there are, versions of EKS's form and, if `pinned`, one for each."""
    for name, version in versions.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            wrong.add(f"{path}.{name}", "is no add-on here", f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}")
        elif not EKS_VERSION.fullmatch(version):
            wrong.add(
                f"{path}.{name}", f"is {version!r}", "a version of EKS's, such as v1.12.4-eksbuild.1 (aws eks describe-addon-versions)"
            )
    for name in known if pinned else ():
        if name not in versions:
            wrong.add(f"{path}.{name}", "is missing", "pin its version, since `pinned` is on (aws eks describe-addon-versions)")
