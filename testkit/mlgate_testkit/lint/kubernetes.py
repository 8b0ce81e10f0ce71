"""Rules about Kubernetes objects: names that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgate_testkit.lint.findings import Finding, Rule, naming_input, physical_name
from mlgate_testkit.record import Graph

__all__ = ["RULES"]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# kubernetes.io/docs/concepts/overview/working-with-objects/names: RFC 1123 subdomain for most kinds, RFC 1123 label for these.
_LABELS = {"Namespace", "Service"}
_ADDED = 9
"""The provider's own names end in "-" and 8 characters."""


def _names(graph: Graph) -> Iterator[Finding]:
    for resource in graph.resources:
        if not resource.type.startswith("kubernetes:") or resource.component or resource.read:
            continue
        named = physical_name(resource)
        if named is None and naming_input(resource) is not None:
            continue  # a name that is still to come
        given = named[1] if named else resource.name
        length = len(given) + (0 if named else _ADDED)
        longest, pattern = (63, _LABEL) if resource.type.rpartition(":")[2] in _LABELS else (253, _SUBDOMAIN)
        if length > longest:
            with_added = "" if named else f", {length} with the {_ADDED} that the provider adds"
            problem = f'"{given}" has {len(given)} characters{with_added}; at most {longest} are allowed'
            yield Finding.of("name-limits", resource, "metadata.name", problem, "shorten it")
        elif named and not pattern.fullmatch(given) and ":" not in given:
            rule = "a to z, 0 to 9 and -, beginning and ending with a letter or digit"
            yield Finding.of("name-limits", resource, "metadata.name", f'"{given}" has characters that are not allowed', f"use {rule}")


RULES: tuple[Rule, ...] = (Rule("name-limits", "names keep to the length and characters of their API", _names),)
