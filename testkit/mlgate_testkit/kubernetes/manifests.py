"""YAML documents as objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from mlgate_testkit.kubernetes.kinds import ObjectKind, of_inputs
from mlgate_testkit.kubernetes.objects import namespace_of
from mlgate_testkit.provider.provider import ProviderError

__all__ = ["decode"]


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: a date is text, as it is in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def decode(text: Any, default_namespace: str, namespaced: Callable[[ObjectKind], bool]) -> list[dict[str, Any]]:
    """The objects in `text`, those without kind left out, those of namespaced kinds in `default_namespace` where they name none.

    Raises ProviderError: it is no text, or no YAML (with line and column).
    """
    if not isinstance(text, str):
        raise ProviderError("kubernetes:yaml:decode takes `text`, the YAML documents")
    try:
        documents = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        raise ProviderError(f"the manifest is no YAML: {error}") from None
    objects = [document for document in documents if isinstance(document, dict) and document.get("kind") and document.get("apiVersion")]
    if default_namespace:
        for each in objects:
            if not namespace_of(each) and namespaced(of_inputs("", each)):
                each["metadata"] = {**(each.get("metadata") or {}), "namespace": default_namespace}
    return objects
