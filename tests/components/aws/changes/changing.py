"""What a change of one argument of a component does to each of its resources, asked of the providers, without an engine.

A recording before and one after give the inputs; a resource's own answer is its simulated provider's Diff over them. What is made or
replaced has outputs that a preview does not know, and so have some updates (the latest version of a launch template), as the provider's
own preview says; whatever takes one of them is asked again until nothing more turns unknown. What goes before its replacement is there
takes along whatever takes any output of it and could not change in place.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import mlgate_components.aws as area
from mlgate.errors import Problem
from mlgate_components.arguments import ArgumentsError
from mlgate_testkit.provider.provider import Provider, Run, State
from mlgate_testkit.provider.provider import Resource as Asked
from mlgate_testkit.provider.values import UNKNOWN, has_unknown, plain
from mlgate_testkit.record import Graph, record
from mlgate_testkit.record.placeholders import MARK
from mlgate_testkit.record.resource import Resource
from tests.core.platforms import varied

_SEED = bytes(32)
_REGION = "eu-central-1"
_PREVIEW = Run(preview=True, timeout_s=0, cancelled=threading.Event(), warn=lambda _line: None)
_ALL = ""
"""In the place of an output's name: every one of them."""
Args = dict[str, Any]


def _versioned(inputs: Mapping[str, Any]) -> Mapping[str, str]:
    return {"latestVersion": f"<latestVersion of LaunchTemplate {inputs['tags']['Name']}>"}


_NUMBERS: Mapping[str, Any] = {"aws:ec2/launchTemplate:LaunchTemplate": _versioned}
"""Numbers that others take, as marks that name them: a recording leaves a number unknown, so none could be told to have changed."""


@dataclass(frozen=True)
class With:
    """Another value of an argument that goes only together with more than is usual: `beside`, by path, is there before and after."""

    value: Any
    beside: Mapping[str, Any]


def within(path: str, given: Args, beside: Args | None = None, /, **others: Any) -> Args:
    """Changes of an optional argument: that it is given, and another value for each of its keys where it is."""
    beside = beside or {}
    return {path: With(given, beside), **{f"{path}.{key}": With(value, {**beside, path: given}) for key, value in others.items()}}


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

        return record(program, invokes=self.answers, resources={**_NUMBERS, **self.resources})


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


@dataclass(frozen=True)
class Refusal:
    """What the component itself says of a value that it does not take, before anything is asked."""

    problems: tuple[Problem, ...]
    kind = "refused"

    def __str__(self) -> str:
        return "; ".join(f"`{each.where}` {each.found} -> {each.expected}" for each in self.problems)


def effects(case: Case) -> dict[str, Effect | Refusal]:
    """The effect of each change, by the argument's path."""
    befores: dict[str, Graph] = {}  # a recording takes long, and what goes together is changed from the same one

    def told(path: str, value: Any) -> Effect | Refusal:
        change = value if isinstance(value, With) else With(value, {})
        args = varied(change.beside, case.usual)
        before = befores.get(repr(args)) or befores.setdefault(repr(args), case.recorded(args))
        try:
            return effect(before, case.recorded(varied({path: change.value}, args)))
        except ArgumentsError as error:
            return Refusal(tuple(error.problems))

    return {path: told(path, value) for path, value in case.changes.items()}


def effect(before: Graph, after: Graph) -> Effect:
    """What becomes of each resource of one recording by another."""
    olds, news = _own(before), _own(after)
    unknown = {_Output(_ALL, *key.marked) for key in news if key not in olds}
    gone: set[str] = set()
    while True:
        fates = {key: _fate(found, news[key], unknown, gone) for key, found in olds.items() if key in news}
        more = {_Output(output, *key.marked) for key, fate in fates.items() for output in fate.unknown}
        first = {olds[key].urn for key, fate in fates.items() if fate.goes_first}
        if more <= unknown and first <= gone:
            break
        unknown |= more
        gone |= first
    replaced = {key for key, fate in fates.items() if fate.kind == "replace"}
    return Effect(
        created=_counter(news[key] for key in news if key not in olds),
        updated=_counter(olds[key] for key, fate in fates.items() if fate.kind == "update"),
        replaced=_counter(olds[key] for key in replaced),
        deleted=_counter(olds[key] for key in olds if key not in news),
        refused=_counter(found for key, found in olds.items() if found.protect and (key in replaced or key not in news)),
    )


class _Key(NamedTuple):
    """By which a resource is the same in both recordings."""

    type: str
    name: str

    @property
    def marked(self) -> tuple[str, str]:
        """How a mark names it."""
        return self.type.rpartition(":")[2], self.name


class _Output(NamedTuple):
    """An output of a resource, as a mark names them."""

    name: str
    kind: str
    of: str


class _Fate(NamedTuple):
    """What becomes of a resource, which of its outputs a preview does not know then, and whether it goes before its replacement is made."""

    kind: str
    unknown: frozenset[str] = frozenset()
    goes_first: bool = False


def _fate(old: Resource, new: Resource, unknown: set[_Output], gone: set[str]) -> _Fate:
    """By what is unknown so far, and what goes before it is replaced, by URN."""
    known, inputs = plain(old.inputs), _unknown_where(plain(new.inputs), unknown)
    without = {key: UNKNOWN for key, urns in old.property_dependency_urns.items() if gone & {*urns}}
    if known == inputs and not without:
        return _Fate("same")
    provider, asked = _provider(old.type.partition(":")[0]), Asked(old.urn, old.type, old.name)
    olds, wrong = provider.check(asked, {}, known, _SEED)
    news, refused = provider.check(asked, olds, inputs, _SEED)
    assert wrong + refused == [], f"{old.urn}: an engine would not come to ask for the Diff"
    state = State("it", olds, {**olds, "region": _REGION})
    # Pulumi, pkg/resource/deploy, calculateDependentReplacements: its old inputs, unknown where they depend on what will be gone.
    if without and provider.diff(asked, state, {**olds, **without}).replace:
        return _Fate("replace", frozenset({_ALL}), goes_first=True)
    answer = provider.diff(asked, state, news)
    if answer.replace:
        return _Fate("replace", frozenset({_ALL}), answer.delete_before_replace)
    if not answer.changed:
        return _Fate("same")
    if old.type.startswith("kubernetes:"):
        return _Fate("update", frozenset({_ALL}))  # a preview asks the cluster for them, and there is none
    outputs = provider.update(asked, state, news, _PREVIEW)
    return _Fate("update", frozenset(name for name, value in outputs.items() if value is UNKNOWN))


@cache
def _provider(package: str) -> Provider:
    """Simulated AWS's or the Kubernetes stand-in's, which needs no cluster to say what a change means."""
    from mlgate_testkit.aws import SimulatedAws  # moto takes a second to load
    from mlgate_testkit.kubernetes import KubernetesStandIn

    return KubernetesStandIn().configure({}) if package == "kubernetes" else SimulatedAws().configure({"region": _REGION})


def _own(graph: Graph) -> dict[_Key, Resource]:
    """What providers are asked about: neither components nor providers themselves."""
    made = [found for found in graph.resources if found.custom and not found.read and not found.type.startswith("pulumi:")]
    unmarked = [found.urn for found in made if has_unknown(found.inputs)]
    assert unmarked == [], "these take outputs that the recording does not know, so their changes would be missed: mark them"
    return {_Key(found.type, found.name): found for found in made}


def _unknown_where(value: Any, unknown: set[_Output]) -> Any:
    """The value, in which whatever holds one of those outputs is unknown."""
    if isinstance(value, Mapping):
        return {key: _unknown_where(member, unknown) for key, member in value.items()}
    if isinstance(value, list):
        return [_unknown_where(member, unknown) for member in value]
    return UNKNOWN if isinstance(value, str) and any(output in unknown for output in _outputs_in(value)) else value


def _outputs_in(text: str) -> Iterator[_Output]:
    """Those whose marks stand in a text, each by its name and as one of all."""
    for mark in MARK.finditer(text):
        for name in (mark["path"].partition(".")[0], _ALL):
            yield _Output(name, mark["kind"], mark["name"])


def _counter(resources: Iterable[Resource]) -> Counter[str]:
    return Counter(f"{found.type.split(':')[1].split('/')[0]} {found.type.rsplit(':', 1)[-1]}" for found in resources)


def _counted(count: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" if number > 1 else name for name, number in sorted(count.items()))
