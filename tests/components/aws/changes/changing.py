"""What a change of one argument of a component does to each of its resources, asked of the providers' Diff, without an engine.

A recording before and one after give the inputs; a resource's own answer is its simulated provider's Diff over them. What is replaced has
other outputs afterwards, which are unknown in a preview, so whatever takes one is asked again until nothing more is replaced.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import mlgate_components.aws as area
from mlgate_testkit.provider.provider import Provider, State
from mlgate_testkit.provider.provider import Resource as Asked
from mlgate_testkit.provider.values import UNKNOWN, Secret
from mlgate_testkit.record import Graph, record
from mlgate_testkit.record.resource import Resource

_PLACEHOLDER = re.compile(r"<\w+ of (\w+) ([^>]+)>")
_SEED = bytes(32)
_REGION = "eu-central-1"
Args = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A component, by its name, with usual arguments, and another value for each of them by its path.

    `answers`: what functions that it calls find, `resources` what the cloud gives. `in_cluster`: it is given a Kubernetes provider.
    `of`: which use of the component, where there are several.
    """

    component: str
    usual: Args
    changes: Mapping[str, Any]
    answers: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    in_cluster: bool = False
    of: str = ""

    @property
    def title(self) -> str:
        """The component's class, and which use of it this is where there are several."""
        return f"{self.component} {self.of}".strip()

    @property
    def made(self) -> Any:
        """The class."""
        return getattr(area, self.component)

    @property
    def theme(self) -> str:
        """The folder or module of the area that it stands in."""
        return str(self.made.__module__.removeprefix(f"{area.__name__}.").partition(".")[0])

    def recorded(self, args: Args) -> Graph:
        """The component alone, with those arguments."""

        def program() -> None:
            import pulumi
            import pulumi_kubernetes as kubernetes

            providers = [kubernetes.Provider("ml", kubeconfig="{}")] if self.in_cluster else None
            self.made("it", args, pulumi.ResourceOptions(providers=providers))

        return record(program, invokes=self.answers, resources=self.resources)


@dataclass(frozen=True)
class Effect:
    """How many resources of which type ("ec2 Subnet") are made, changed in place, replaced and removed.

    `refused`: those of the replaced and removed that are protected, at which Pulumi stops.
    """

    created: Counter[str]
    updated: Counter[str]
    replaced: Counter[str]
    deleted: Counter[str]
    refused: Counter[str]

    @property
    def kind(self) -> str:
        """ "replace", "update" or "none"; what is made or removed alone is an update."""
        return "replace" if self.replaced else "update" if self.created or self.updated or self.deleted else "none"

    def __str__(self) -> str:
        words = {"replaces": self.replaced, "changes": self.updated, "makes": self.created, "removes": self.deleted}
        said = [f"{word} {_counted(count)}" for word, count in words.items() if count]
        said += [f"Pulumi stops at {_counted(self.refused)}, protected"] if self.refused else []
        return "; ".join(said) or "nothing"


def effects(case: Case) -> dict[str, Effect]:
    """The effect of each change, by the argument's path."""
    before = case.recorded(case.usual)
    return {path: effect(before, case.recorded(_changed(case.usual, path, value))) for path, value in case.changes.items()}


def effect(before: Graph, after: Graph) -> Effect:
    """What becomes of each resource of one recording by another."""
    olds, news = _own(before), _own(after)
    both = [key for key in olds if key in news]
    replaced: set[tuple[str, str]] = set()
    while True:
        fates = {key: _fate(olds[key], news[key], replaced) for key in both}
        more = {key for key, fate in fates.items() if fate == "replace"}
        if more == replaced:
            break
        replaced = more
    return Effect(
        created=_counter(news[key] for key in news if key not in olds),
        updated=_counter(olds[key] for key, fate in fates.items() if fate == "update"),
        replaced=_counter(olds[key] for key in replaced),
        deleted=_counter(olds[key] for key in olds if key not in news),
        refused=_counter(found for key, found in olds.items() if found.protect and (key in replaced or key not in news)),
    )


def _fate(old: Resource, new: Resource, replaced: set[tuple[str, str]]) -> str:
    inputs = _unknown_where(_plain(new.inputs), {(token.rsplit(":", 1)[-1], name) for token, name in replaced})
    known = _plain(old.inputs)
    if known == inputs:
        return "same"
    provider, asked = _provider(old.type.partition(":")[0]), Asked(old.urn, old.type, old.name)
    olds, wrong = provider.check(asked, {}, known, _SEED)
    news, refused = provider.check(asked, olds, inputs, _SEED)
    assert wrong + refused == [], f"{old.urn}: an engine would not come to ask for the Diff"
    answer = provider.diff(asked, State("it", olds, {**olds, "region": _REGION}), news)
    return "replace" if answer.replace else "update" if answer.changed else "same"


@cache
def _provider(package: str) -> Provider:
    """Simulated AWS's or the Kubernetes stand-in's, which needs no cluster to say what a change means."""
    from mlgate_testkit.aws import SimulatedAws  # moto takes a second to load
    from mlgate_testkit.kubernetes import KubernetesStandIn

    return KubernetesStandIn().configure({}) if package == "kubernetes" else SimulatedAws().configure({"region": _REGION})


def _own(graph: Graph) -> dict[tuple[str, str], Resource]:
    """What providers are asked about: neither components nor providers themselves."""
    made = (found for found in graph.resources if found.custom and not found.read and not found.type.startswith("pulumi:"))
    return {(found.type, found.name): found for found in made}


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return _plain(value.value)
    if isinstance(value, Mapping):
        return {key: _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value


def _unknown_where(value: Any, replaced: set[tuple[str, str]]) -> Any:
    """The value, in which whatever holds an output of one of those is unknown."""
    if isinstance(value, dict):
        return {key: _unknown_where(member, replaced) for key, member in value.items()}
    if isinstance(value, list):
        return [_unknown_where(member, replaced) for member in value]
    if isinstance(value, str) and any(match.groups() in replaced for match in _PLACEHOLDER.finditer(value)):
        return UNKNOWN
    return value


def _changed(usual: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    args = copy.deepcopy(usual)
    *way, last = path.split(".")
    at = args
    for step in way:
        at = at.setdefault(step, {})
    at[last] = value
    return args


def _counter(resources: Any) -> Counter[str]:
    return Counter(f"{found.type.split(':')[1].split('/')[0]} {found.type.rsplit(':', 1)[-1]}" for found in resources)


def _counted(count: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" if number > 1 else name for name, number in sorted(count.items()))
