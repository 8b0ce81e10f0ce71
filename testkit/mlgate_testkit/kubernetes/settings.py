"""A provider's configuration as programs and stacks give it: every value may be text, since the engine hands over `true` as "true"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mlgate_testkit.provider.provider import Failure, ProviderError
from mlgate_testkit.provider.values import UNKNOWN, has_unknown

__all__ = ["Settings", "read_kubeconfig", "wrong"]

_FLAGS = (
    "deleteUnreachable",
    "enableConfigMapMutable",
    "enablePatchForce",
    "enableSecretMutable",
    "enableServerSideApply",
    "skipUpdateUnreachable",
    "suppressDeprecationWarnings",
    "suppressHelmHookWarnings",
    "upsertExistingObjects",
)
_ACCEPTED = frozenset(
    {*_FLAGS, "cluster", "clusterIdentifier", "context", "helmReleaseSettings", "kubeClientSettings", "kubeconfig", "namespace", "version"}
)
_REFUSED = {
    "alwaysRender": "the stand-in applies to a cluster and renders nothing",
    "renderYamlToDirectory": "the stand-in applies to a cluster and renders nothing; leave it out under test, or read the recorded graph",
    "strictMode": "the stand-in does not model it; give the provider a `kubeconfig` and a `context` instead",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """What one provider resource of a program is set to.

    `kubeconfig` is None while only a later update will know it, "" where none is given.
    """

    kubeconfig: str | None = ""
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    patch_force: bool = False
    upsert: bool = False
    mutable_config_maps: bool = False
    mutable_secrets: bool = False
    suppress_deprecations: bool = False

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> Settings:
        """From a provider's inputs. Unknown inputs (a cluster that this update creates) leave the cluster unknown."""
        unknown = any(has_unknown(inputs.get(key)) for key in ("kubeconfig", "context", "cluster"))

        def text(key: str) -> str:
            value = inputs.get(key)
            return value if isinstance(value, str) else json.dumps(value) if isinstance(value, Mapping) and not has_unknown(value) else ""

        return cls(
            kubeconfig=None if unknown else text("kubeconfig"),
            context=text("context"),
            cluster=text("cluster"),
            namespace=text("namespace"),
            delete_unreachable=_flag(inputs, "deleteUnreachable"),
            skip_update_unreachable=_flag(inputs, "skipUpdateUnreachable"),
            patch_force=_flag(inputs, "enablePatchForce"),
            upsert=_flag(inputs, "upsertExistingObjects"),
            mutable_config_maps=_flag(inputs, "enableConfigMapMutable"),
            mutable_secrets=_flag(inputs, "enableSecretMutable"),
            suppress_deprecations=_flag(inputs, "suppressDeprecationWarnings"),
        )


def wrong(inputs: Mapping[str, Any]) -> list[Failure]:
    """What a provider cannot be set to, each by name."""
    failures = [Failure(key, reason) for key, reason in _REFUSED.items() if inputs.get(key) not in {None, "", False, "false"}]
    if inputs.get("enableServerSideApply") in {False, "false"}:
        failures.append(Failure("enableServerSideApply", "the stand-in knows server-side apply only; leave it out, true is the default"))
    failures += [
        Failure(key, f"{inputs[key]!r} is neither true nor false")
        for key in _FLAGS
        if inputs.get(key) not in {None, "", True, False, "true", "false", UNKNOWN}
    ]
    known = _ACCEPTED | set(_REFUSED)
    others = sorted(key for key in set(inputs) - known if not key.startswith("__"))
    failures += [Failure(key, "the Kubernetes provider has no such setting") for key in others]
    if isinstance(inputs.get("kubeconfig"), str) and inputs["kubeconfig"]:
        try:
            read_kubeconfig(inputs["kubeconfig"])
        except ProviderError as error:
            failures.append(Failure("kubeconfig", str(error)))
    return failures


def read_kubeconfig(given: str) -> dict[str, Any]:
    """A kubeconfig by content (YAML or JSON) or by path, with its own relative paths made absolute. Raises ProviderError: it is neither."""
    folder = None
    if "\n" not in given and not given.lstrip().startswith("{"):
        path = Path(given).expanduser()
        try:
            given, folder = path.read_text(encoding="utf-8"), path.absolute().parent
        except OSError as error:
            raise ProviderError(f"the kubeconfig {given!r} cannot be read: {error.strerror}; give a path or the content") from None
    try:
        content = yaml.safe_load(given)
    except yaml.YAMLError as error:
        raise ProviderError(f"the kubeconfig is no YAML: {error}") from None
    if not isinstance(content, dict) or not isinstance(content.get("clusters"), list) or not content["clusters"]:
        raise ProviderError("the kubeconfig names no clusters; give a path or the content of one that does")
    if folder is not None:
        _make_absolute(content, folder)
    return content


def _make_absolute(content: dict[str, Any], folder: Path) -> None:
    for group, member, keys in (
        ("clusters", "cluster", ("certificate-authority",)),
        ("users", "user", ("client-certificate", "client-key", "tokenFile")),
    ):
        for entry in content.get(group) or []:
            for key in keys:
                if entry.get(member, {}).get(key):
                    entry[member][key] = str(folder / entry[member][key])


def _flag(inputs: Mapping[str, Any], key: str) -> bool:
    return inputs.get(key) in {True, "true"}
