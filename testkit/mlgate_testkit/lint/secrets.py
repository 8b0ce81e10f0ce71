"""Rules about secrets: what is one must be marked as one, or it stands in state, previews and logs for everybody to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlgate_testkit.lint.findings import Finding, Rule, known_text, leaves
from mlgate_testkit.lint.secret_names import last_name, speaks_of_a_secret
from mlgate_testkit.lint.secret_sources import read_in_clear, written_in_the_program
from mlgate_testkit.record import Graph, Secret

__all__ = ["RULES", "known_secrets"]

_SHAPES = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    "an AWS access key": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a GitHub token": re.compile(r"\b(ghp|gho|ghs|github_pat)_[A-Za-z0-9_]{20,}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "an address with a password": re.compile(r"\b[a-z][a-z0-9+]*://[^\s/:@]+:[^\s/:@<]+@"),
}
_SHORTEST = 6
"""A secret shorter than this stands in other texts by chance."""
_MARK = "take it from config.require_secret(...) or wrap it in pulumi.Output.secret(...)"
_REGISTERED = "register it as pulumi.Output.secret(...), or not at all"
_ADDITIONAL = "pass opts=pulumi.ResourceOptions(additional_secret_outputs=[...]) with its name"


def _secrets_in_clear(graph: Graph) -> Iterator[Finding]:
    known = known_secrets(graph)
    for resource in graph.resources:
        given = dict(_in_clear(resource.inputs, known))
        for path, problem in given.items():
            yield Finding.of("secret-in-clear", resource, path, problem, _remedy(resource.type, path))
        for path, problem in _in_clear(resource.outputs, known):
            if path not in given:  # a provider gives its inputs back
                remedy = _REGISTERED if resource.component else _ADDITIONAL
                yield Finding.of("secret-in-clear", resource, path, f"{problem}, among its outputs", remedy)
    for path, problem in _in_clear(graph.outputs, known):
        place = f"{graph.project}/{graph.stack}"
        yield Finding("secret-in-clear", "stack", place, path, problem, "export it with pulumi.Output.secret(...), or not at all")
    yield from written_in_the_program(graph)
    yield from read_in_clear(graph)


def _remedy(token: str, path: str) -> str:
    """A mark keeps a value out of Pulumi's state and logs. On a cluster it would still stand where everybody reads it."""
    if not token.startswith("kubernetes:") or token == "kubernetes:core/v1:Secret":  # noqa: S105 - a type
        return _MARK
    how = ", and name that with value_from.secret_key_ref" if re.search(r"\benv\[\d+\]\.value$", path) else ""
    return f"put it into a Secret, string_data from config.require_secret(...){how}"


def _in_clear(values: Mapping[str, Any], known: set[str]) -> Iterator[tuple[str, str]]:
    named = dict(_pairs(values))
    for path, value in leaves(values):
        if not isinstance(value, str) or not value:
            continue
        name = named.get(path) or last_name(path)
        lost = next((secret for secret in known if secret in value), None)
        shape = next((word for word, pattern in _SHAPES.items() if pattern.search(value)), None)
        if lost is not None:
            yield path, "it holds the value of a secret, and the mark is lost"
        elif shape:
            yield path, f"it looks like {shape}, in clear"
        elif known_text(value) and speaks_of_a_secret(name):
            yield path, f'"{name}" is in clear'


def _pairs(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Environment variables and the like: {"name": "DB_PASSWORD", "value": "..."} names its value itself."""
    if isinstance(value, Mapping):
        if isinstance(value.get("name"), str) and "value" in value:
            yield f"{path}.value", value["name"]
        for key, member in value.items():
            yield from _pairs(member, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _pairs(member, f"{path}[{index}]")


def known_secrets(graph: Graph) -> set[str]:
    """The texts of all secrets that the graph still marks, and of the configuration's."""
    marked = [value for resource in graph.resources for source in (resource.inputs, resource.outputs) for _, value in leaves(source)]
    marked += [value for _, value in leaves(graph.outputs)]
    marked += list(graph.config.values())
    texts = {value.value for value in marked if isinstance(value, Secret) and isinstance(value.value, str)}
    return {text for text in texts if len(text) >= _SHORTEST and known_text(text)}


_SAYS = "secrets are marked as secrets, in inputs, outputs and exports, come from the configuration and are read from it as secrets"

RULES: tuple[Rule, ...] = (Rule("secret-in-clear", _SAYS, _secrets_in_clear),)
