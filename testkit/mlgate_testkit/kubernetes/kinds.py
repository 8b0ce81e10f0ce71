"""Which Kubernetes kind a Pulumi type token stands for, and which of them no custom resource can ever add."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mlgate_testkit.provider.provider import ProviderError

__all__ = ["BUILT_IN_GROUPS", "RELEASE", "ObjectKind", "is_patch", "nearest", "of_inputs", "of_token"]

RELEASE = "kubernetes:helm.sh/v3:Release"

# Groups of the API server itself. Custom resources cannot have them, so a kind they do not serve will not come later in the update either.
BUILT_IN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)


@dataclass(frozen=True, slots=True, order=True)
class ObjectKind:
    """Group ("" is the core group), version and kind, as the API server names them."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """As in a manifest: "v1", "apps/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.api_version} {self.kind}"


def of_token(token: str) -> ObjectKind:
    """The kind of "kubernetes:apps/v1:Deployment"; a Patch resource's is that of the object it patches only once its inputs are known.

    Raises ProviderError for a token that names no kind.
    """
    _, _, rest = token.partition(":")
    module, _, name = rest.rpartition(":")
    group, slash, version = module.rpartition("/")
    if not slash or not version or not name:
        raise ProviderError(
            f"{token!r} names no Kubernetes kind; the stand-in knows kubernetes:<group>/<version>:<Kind> and {RELEASE}, "
            "and no component that runs inside the real provider"
        )
    return ObjectKind("" if group == "core" else group, version, name)


def of_inputs(token: str, inputs: dict[str, Any]) -> ObjectKind:
    """The kind that the inputs name, else the token's."""
    api_version, kind = inputs.get("apiVersion"), inputs.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return of_token(token)
    group, _, version = api_version.rpartition("/")
    return ObjectKind("" if group == "core" else group, version, kind)


def is_patch(token: str, kind: ObjectKind) -> bool:
    """Whether the type patches an object that somebody else owns ("kubernetes:apps/v1:DeploymentPatch" of kind Deployment)."""
    return token.rsplit(":", 1)[-1] == f"{kind.kind}Patch"


def nearest(wanted: ObjectKind, known: Iterable[ObjectKind]) -> ObjectKind | None:
    """The known kind that was probably meant: the same name in another group or version first, then the likest name."""
    kinds = sorted(known)
    same = [kind for kind in kinds if kind.kind == wanted.kind]
    if same:
        return max(same, key=lambda kind: difflib.SequenceMatcher(None, kind.api_version, wanted.api_version).ratio())
    within = [kind for kind in kinds if kind.api_version == wanted.api_version] or kinds
    names = difflib.get_close_matches(wanted.kind, [kind.kind for kind in within], n=1)
    return next(kind for kind in within if kind.kind == names[0]) if names else None
