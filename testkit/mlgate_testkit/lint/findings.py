"""What a rule finds: which resource and property, what is wrong, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlgate_testkit.record import UNKNOWN, Graph, Resource, Secret

__all__ = ["Finding", "Rule", "at", "brief", "known_text", "leaves", "naming_input", "naming_inputs", "physical_name", "table"]

_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\[\]]+)')
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach of one rule. `resource` is its type and `path` its place; `property` an input, an option or an export."""

    rule: str
    resource: str
    path: str
    property: str
    problem: str
    remedy: str
    made_by: str | None = None

    @classmethod
    def of(cls, rule: str, resource: Resource, property: str, problem: str, remedy: str) -> Finding:  # noqa: A002 - as the field
        return cls(rule, resource.type, resource.path, property, problem, remedy, resource.made_by)

    def __str__(self) -> str:
        return f"{self.rule}: {self.resource} {self.path}: {self.property}: {self.problem}\n  -> {self.remedy}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A name that `allow` can mention, one sentence for the table in the docs, and the check."""

    name: str
    says: str
    check: Callable[[Graph], Iterable[Finding]]


def leaves(values: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar, secret, file or reference in `values` with its path ("tags.Owner", "rules[0].name"). Secrets stay closed."""
    for key, value in values.items():
        yield from _leaves(value, f"{path}.{key}" if path else key)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from leaves(value, path)
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _leaves(member, f"{path}[{index}]")
    else:
        yield path, value


def at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a path ("rules[0].port", 'tags["a.b"]'); None where there is none."""
    found: Any = values
    for quoted, index, key in _STEP.findall(path):
        if isinstance(found, list):
            found = found[int(index)] if index and int(index) < len(found) else None
        else:
            step = re.sub(r"\\(.)", r"\1", quoted) if quoted else index or key
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


def brief(value: Any) -> str:
    """A value in one line of a table."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def known_text(value: Any) -> str | None:
    """The text of an input that is there, no secret, known, and free of placeholders; else None."""
    if isinstance(value, Secret) or value is UNKNOWN or not isinstance(value, str):
        return None
    return None if " of " in value and "<" in value else value


def naming_input(resource: Resource) -> tuple[str, Any] | None:
    """The input that names a resource in its cloud, and its value; None where the provider makes the name up."""
    if resource.type.startswith("kubernetes:"):
        metadata = resource.inputs.get("metadata")
        value = metadata.get("name") if isinstance(metadata, Mapping) else metadata if metadata is UNKNOWN else None
        return None if value is None else ("metadata.name", value)
    return next(((key, resource.inputs[key]) for key in naming_inputs(resource.type) if resource.inputs.get(key) is not None), None)


def naming_inputs(token: str) -> tuple[str, ...]:
    """The inputs of which one, where the type has it, is the name in its cloud."""
    word = token.rpartition(":")[2]
    small = word[:1].lower() + word[1:]
    own = ("bucket",) if word in {"Bucket", "BucketV2"} else (f"{small}Name", "identifier", f"{small}Identifier", f"{small}Id")
    return ("name", *own)


def physical_name(resource: Resource) -> tuple[str, str] | None:
    """That input and the name in it; None where there is none, or it is not known yet."""
    named = naming_input(resource)
    text = known_text(named[1]) if named else None
    return (named[0], text) if named and text else None


def table(findings: list[Finding]) -> str:
    """Findings for a person: one block each, in columns."""
    heads = [("rule", "resource", "property", "made by")]
    rows = [(found.rule, f"{found.resource} {found.path}", found.property, found.made_by or "-") for found in findings]
    widths = [max(len(row[column]) for row in heads + rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(heads[0], widths, strict=True)).rstrip()]
    for found, row in zip(findings, rows, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        lines.extend((f"    {found.problem}", f"    -> {found.remedy}"))
    return "\n".join(lines)
