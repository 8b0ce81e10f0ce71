"""No traffic but to a release that was gated and promoted here: what the endpoint's own constructor asks, asked of whoever leaves it out.

The constructor refuses a program that uses the component, with or without policies. A program may also register the resource that moves
traffic by itself, as any resource; these rules are for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mlgate.digests import short
from mlgate.environment import local
from mlgate.errors import MlgateError
from mlgate_evidence.traffic import require_traffic
from mlgate_policies.resource import UNKNOWN, Resource, known
from mlgate_policies.rule import EVERYWHERE, Rule

__all__ = ["RULES"]

_URL = "pulumi-python:dynamic/mlgate:StableUrl"
_ENDPOINT = "pulumi-python:dynamic/mlgate:EndpointProcess"
_PLACE = ("home", "stage", "service")
_REMEDY = "a release gets traffic by `mlgate gate` and `mlgate promote`; declare it with TorchServeEndpoint"


def _unproven(resource: Resource, others: Sequence[Resource]) -> Iterator[str]:
    environment = local()
    home, stage, service = (resource.at(key) for key in _PLACE)
    if (home, stage) != (str(environment.home), environment.name):
        # Else a program would bring the ledger that allows it.
        yield f"it is of {stage} in {home}, and judged is by the ledger of {environment.name} in {environment.home}"
        return
    for _arm, release in _served(resource):
        if release is UNKNOWN:
            yield "the release that gets traffic is not known before the update"
            continue
        endpoints = _endpoints(resource, release, others)
        if not endpoints:
            yield f"release {short(release)} of {service} gets traffic, and no endpoint of this stack serves it"
        for endpoint in endpoints:
            try:
                require_traffic(environment, service=service, release=release, configuration=str(endpoint.at("configuration")))
            except MlgateError as error:
                yield str(error)


def _diverted(resource: Resource, others: Sequence[Resource]) -> Iterator[str]:
    for arm, release in _served(resource):
        key = f"{arm}_url"
        url = resource.at(key)
        for endpoint in _endpoints(resource, release, others):
            right = endpoint.at("url")
            # Before they are known, by where the URL comes from.
            hidden = UNKNOWN in {url, right}
            if endpoint.urn not in resource.made_from.get(key, ()) if hidden else url != right:
                yield f"{key} is not the URL of {endpoint.name}, the endpoint of release {short(release)}"


def _served(resource: Resource) -> Iterator[tuple[str, Any]]:
    """The arms that get traffic, each with its release."""
    weight = resource.at("weight")
    for arm, gets in (("stable", known(weight, 100)), ("candidate", known(weight, 0, None))):
        release = resource.at(arm)
        if release is not None and (gets or weight is UNKNOWN):
            yield arm, release


def _endpoints(resource: Resource, release: str, others: Sequence[Resource]) -> list[Resource]:
    wanted = (*(resource.at(key) for key in _PLACE), release)
    return [each for each in others if (*(each.at(key) for key in _PLACE), each.at("release")) == wanted]


RULES = (
    Rule(
        name="unproven-traffic",
        why="traffic goes to a release only by valid evidence and a promotion of exactly this release, configuration and stage",
        remedy=_REMEDY,
        levels=EVERYWHERE,
        types=frozenset({_URL}),
        beside=frozenset({_ENDPOINT}),
        check=_unproven,
    ),
    Rule(
        name="diverted-traffic",
        why="evidence about one server says nothing about another one at the end of its URL",
        remedy=_REMEDY,
        levels=EVERYWHERE,
        types=frozenset({_URL}),
        beside=frozenset({_ENDPOINT}),
        check=_diverted,
        at_end=True,
    ),
)
