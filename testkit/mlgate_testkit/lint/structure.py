"""Rules about the shape of a program: parents, components, what is kept, and dependencies that Pulumi cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mlgate.stateful import STATEFUL
from mlgate_testkit.lint.findings import Finding, Rule, known_text, leaves, naming_input, naming_inputs, physical_name
from mlgate_testkit.record import Graph, Resource
from mlgate_testkit.record.sdk import arguments_of, class_of, field_types

__all__ = ["RULES"]

_ARN = re.compile(r"arn:[\w-]*:[^\s\",\\]+")
"""As it stands alone or in a policy."""

_SHORTEST_NAME = 4
"""Shorter names ("web") stand in too many inputs by chance."""

_LABELS = re.compile(r"(^|\.)(tags|labels|annotations|matchLabels|selector)\.")
"""What says something of its resource in words of its own."""


def _stray_children(graph: Graph) -> Iterator[Finding]:
    """A resource made by a component's own code must stand in that component, or in something that does."""
    for resource in graph.resources:
        if not resource.makers or resource.type.startswith("pulumi:providers:"):
            continue
        maker = resource.makers[0]
        if maker not in resource.ancestors:
            stands = f"under {resource.parent.path}" if resource.parent else "directly under the stack"
            yield Finding.of(
                "stray-child",
                resource,
                "parent",
                f"{maker.type} {maker.path} makes it, and it stands {stands}",
                "pass opts=pulumi.ResourceOptions(parent=self)",
            )


def _outside_components(graph: Graph) -> Iterator[Finding]:
    for resource in graph.resources:
        outside = resource.custom and not any(ancestor.component for ancestor in resource.ancestors)
        if outside and not resource.read and not resource.makers and not resource.type.startswith("pulumi:"):
            yield Finding.of(
                "outside-component",
                resource,
                "parent",
                "it belongs to no component",
                'make it in one, or allow "outside-component:' + resource.path + '" with the reason',
            )


def _unprotected(graph: Graph) -> Iterator[Finding]:
    for resource in graph.resources:
        holds = STATEFUL.get(resource.type)
        if holds is None or resource.read:
            continue
        for option, loses in (
            ("protect", "a destroy or a replacement deletes it"),
            ("retain_on_delete", "it goes when the program drops it"),
        ):
            if not getattr(resource, option):
                problem = f"it holds {holds}, and without {option} {loses}"
                yield Finding.of("unprotected-state", resource, option, problem, f"pass opts=pulumi.ResourceOptions({option}=True)")


def _missing_dependencies(graph: Graph) -> Iterator[Finding]:
    """An input that repeats another resource's own name as plain text: Pulumi sees no dependency, and may make them in any order."""
    names: dict[str, list[tuple[Resource, str]]] = {}
    for resource in graph.resources:
        named = None if resource.component or resource.read else physical_name(resource)
        if named and len(named[1]) >= _SHORTEST_NAME:
            names.setdefault(named[1], []).append((resource, named[0]))
    made_up = _logical_names(graph)
    for resource in graph.resources:
        own = physical_name(resource)
        for path, value in leaves({} if resource.component else resource.inputs):
            text = known_text(value)
            if text is None or (own and path == own[0]):
                continue
            for name, other, key in _named_in(text, path, names):
                if not (other is resource or resource.needs(other) or other.needs(resource) or other in resource.ancestors):
                    yield Finding.of(
                        "missing-dependency",
                        resource,
                        path,
                        f'"{name}" is the name of {other.type} {other.path}, written out: Pulumi does not know that one needs the other',
                        f"pass that resource's own output ({key}, id or arn)",
                    )
            for other in made_up.get(text, ()):
                if other is not resource and not _LABELS.search(path) and _refers(path, other.type):
                    yield Finding.of(
                        "missing-dependency",
                        resource,
                        path,
                        f'"{text}" is the name of {other.type} {other.path} in the program, and not its real one, which is made up for it',
                        "pass that resource's own output (its name, id or arn)",
                    )


def _logical_names(graph: Graph) -> dict[str, list[Resource]]:
    """Pulumi's names of the resources that could be given a real one, and are given none."""
    found: dict[str, list[Resource]] = {}
    for resource in graph.resources:
        if resource.custom and not resource.read and len(resource.name) >= _SHORTEST_NAME and _named_by_itself(resource):
            found.setdefault(resource.name, []).append(resource)
    return found


def _named_by_itself(resource: Resource) -> bool:
    if naming_input(resource) is not None:
        return False
    if resource.type.startswith("kubernetes:"):
        return True
    known = resource.sdk_class if resource.sdk_class is not None else class_of(resource.type)
    arguments = arguments_of(known) if known is not None else None
    return arguments is not None and not field_types(arguments).keys().isdisjoint(naming_inputs(resource.type))


def _named_in(text: str, path: str, names: dict[str, list[tuple[Resource, str]]]) -> Iterator[tuple[str, Resource, str]]:
    """Names that the text is, where its input speaks of such a resource, or that stand in an ARN in it."""
    in_arns = {word for arn in _ARN.findall(text) for word in re.split(r"[:/]", arn)}
    for name in sorted({text, *in_arns}):
        for other, key in names.get(name, ()):
            if name in in_arns or _refers(path, other.type):
                yield name, other, key


def _refers(path: str, token: str) -> bool:
    """Whether the last step of an input's path speaks of that type: "bucket" of a Bucket, "clusterName" of a Cluster."""
    steps = [step.lower() for step in re.split(r"[.\[\]\d]+", path) if step]
    word = token.rpartition(":")[2].lower()
    kinds = {word, re.sub(r"(v\d+|group|instance)$", "", word) or word}
    return any(kind in step for kind in kinds for step in steps[-2:])


RULES: tuple[Rule, ...] = (
    Rule("stray-child", "what a component makes stands in that component", _stray_children),
    Rule("outside-component", "every resource belongs to a component", _outside_components),
    Rule("unprotected-state", "what holds data is protected and retained", _unprotected),
    Rule(
        "missing-dependency",
        "a resource that needs another takes its outputs, not its name, in the cloud or in the program",
        _missing_dependencies,
    ),
)
