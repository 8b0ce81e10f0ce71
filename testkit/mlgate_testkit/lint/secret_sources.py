"""Where a secret comes from: one that is marked, and stands in the program or was read in clear, is known to more than it should be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlgate_testkit.lint.findings import Finding, leaves
from mlgate_testkit.lint.secret_names import last_name, speaks_of_a_secret
from mlgate_testkit.record import Graph, Resource, Secret

__all__ = ["read_in_clear", "written_in_the_program"]

_PARAMETER = "aws:ssm/parameter:Parameter"
_MORE_NAMES = re.compile(r"(plaintext|secret_?binary|preshared_?key|customer_?key|key_?material(_?base64)?)$", re.I)
"""Names that say it only where an SDK marks the input as secret, as it does for certificates, notes and ids too."""


def written_in_the_program(graph: Graph) -> Iterator[Finding]:
    """Marked inputs, named as secrets, whose value is a text of the program's own code.

    Not what is computed from another resource, nor what the configuration gives, which may be the same text in a test.
    """
    given = {value.value if isinstance(value, Secret) else value for value in graph.config.values()}
    written = graph.literals - given
    for resource in graph.resources:
        for key, value in resource.inputs.items():
            if resource.read or resource.property_dependency_urns.get(key):
                continue
            for path, text in _marked(value, key):
                if text in written and _secret(resource, path):
                    problem = "its value stands in the program, for everybody to read who reads that"
                    yield Finding.of("secret-in-clear", resource, path, problem, "take it from config.require_secret(...)")


def read_in_clear(graph: Graph) -> Iterator[Finding]:
    """Secrets of the configuration that the program reads without their mark; not those that are told where they stand in clear."""
    places = [values for resource in graph.resources for values in (resource.inputs, resource.outputs)]
    clear = [text for values in (*places, graph.outputs) for _, text in leaves(values) if isinstance(text, str)]
    for read in graph.read_in_clear:
        secret = graph.config.get(read.key)
        if not isinstance(secret, Secret) or any(secret.value in text for text in clear):
            continue
        problem = f"the configuration has it as a secret, and {read.method} gives it without that mark"
        yield Finding("secret-in-clear", "configuration", read.key, read.method, problem, f"read it with {read.instead}", read.made_by)


def _secret(resource: Resource, path: str) -> bool:
    name = re.sub("Wo$", "", last_name(path))  # as AWS's SDK calls an input that no state keeps
    if resource.type == _PARAMETER:
        return resource.inputs.get("type") == "SecureString"
    return speaks_of_a_secret(name) or _MORE_NAMES.search(name) is not None


def _marked(value: Any, path: str, *, marked: bool = False) -> Iterator[tuple[str, str]]:
    """The texts under a mark with their paths; a text that is JSON has its members too."""
    match value:
        case Secret():
            yield from _marked(value.value, path, marked=True)
        case Mapping():
            for key, member in value.items():
                yield from _marked(member, f"{path}.{key}", marked=marked)
        case list():
            for index, member in enumerate(value):
                yield from _marked(member, f"{path}[{index}]", marked=marked)
        case str() if marked and value:
            yield path, value
            if isinstance(members := _read(value), Mapping):
                yield from _marked(members, path, marked=True)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
