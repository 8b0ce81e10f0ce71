"""Traffic by policy: what the component's constructor refuses is refused to a program that leaves the component out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlgate import Environment, Release, Verdict
from mlgate_components.local.resources import EndpointProcess, StableUrl
from mlgate_evidence.history import Attempt
from mlgate_evidence.ledger import Ledger
from mlgate_policies.resource import UNKNOWN, Resource
from mlgate_testkit.record import record

from .asking import objections, resource, resources

URL = "pulumi-python:dynamic/mlgate:StableUrl"
ENDPOINT = "pulumi-python:dynamic/mlgate:EndpointProcess"
OTHER = "sha256:" + "ab" * 32


def url(environment: Environment, **properties: Any) -> Resource:
    place = {"home": str(environment.home), "stage": "local", "service": "toy"}
    return resource(URL, {**place, "weight": 0.0, **properties})


def endpoint(environment: Environment, release: str, configuration: Any, **properties: Any) -> Resource:
    place = {"home": str(environment.home), "stage": "local", "service": "toy"}
    return resource(ENDPOINT, {**place, "release": release, "configuration": configuration, **properties}, name=f"toy-{release[7:19]}")


def configuration_of(environment: Environment) -> str:
    stable = Ledger.of(environment).stable("toy", "local")
    assert stable
    return stable.configuration


def test_a_promoted_release_has_its_traffic(at_home: Environment, packed: Callable[[str], Path], promoted: Callable[[Path], str]) -> None:
    release = promoted(packed("1"))
    serving = endpoint(at_home, release, configuration_of(at_home))
    assert objections("unproven-traffic", url(at_home, stable=release), serving) == []


def test_in_another_configuration_it_has_none(at_home: Environment, packed: Callable[[str], Path], promoted: Callable[[Path], str]) -> None:
    release = promoted(packed("1"))
    (found,) = objections("unproven-traffic", url(at_home, stable=release), endpoint(at_home, release, OTHER))
    assert "it was promoted with configuration" in found
    both = [endpoint(at_home, release, each) for each in (configuration_of(at_home), OTHER)]
    assert len(objections("unproven-traffic", url(at_home, stable=release), *both)) == 1


def test_a_release_that_passed_and_was_not_promoted_has_none(
    at_home: Environment, packed: Callable[[str], Path], gated: Callable[..., Attempt]
) -> None:
    attempt = gated(packed("1"))
    assert attempt.release
    (found,) = objections(
        "unproven-traffic", url(at_home, stable=attempt.release), endpoint(at_home, attempt.release, attempt.configuration)
    )
    assert "it has passed and is not promoted" in found
    assert "mlgate promote service.yaml" in found


def test_a_release_that_failed_has_none(at_home: Environment, packed: Callable[[str], Path], gated: Callable[..., Attempt]) -> None:
    attempt = gated(packed("1"), Verdict.FAIL)
    assert attempt.release
    (found,) = objections(
        "unproven-traffic", url(at_home, stable=attempt.release), endpoint(at_home, attempt.release, attempt.configuration)
    )
    assert f"attempt {attempt.id} ended with FAIL" in found


def test_evidence_that_was_changed_gives_none(at_home: Environment, packed: Callable[[str], Path], promoted: Callable[[Path], str]) -> None:
    release = promoted(packed("1"))
    serving = endpoint(at_home, release, configuration_of(at_home))
    (evidence,) = at_home.evidence.glob("*/evidence.json")
    evidence.write_bytes(evidence.read_bytes().replace(b'"sig"', b'"gis"'))
    assert len(objections("unproven-traffic", url(at_home, stable=release), serving)) == 1


def test_a_candidate_with_a_weight_has_traffic_too(
    at_home: Environment, packed: Callable[[str], Path], promoted: Callable[[Path], str]
) -> None:
    release, candidate = promoted(packed("1")), Release.read(packed("2")).digest
    configuration = configuration_of(at_home)
    serving = [endpoint(at_home, release, configuration), endpoint(at_home, candidate, configuration)]
    arms = {"stable": release, "candidate": candidate}
    assert objections("unproven-traffic", url(at_home, **arms), *serving) == []
    for weight in (5.0, UNKNOWN):
        (found,) = objections("unproven-traffic", url(at_home, **arms, weight=weight), *serving)
        assert f"release {candidate[7:19]} of toy" in found
    (found,) = objections("unproven-traffic", url(at_home, **arms, weight=100), *serving)
    assert f"release {candidate[7:19]} of toy" in found
    assert objections("unproven-traffic", url(at_home, candidate=candidate), *serving) == []
    assert objections("unproven-traffic", url(at_home, candidate=candidate, weight=None), *serving) == []


def test_a_stable_release_without_any_traffic_needs_no_promotion(
    at_home: Environment, packed: Callable[[str], Path], promoted: Callable[[Path], str]
) -> None:
    release = promoted(packed("1"))
    configuration = configuration_of(at_home)
    serving = [endpoint(at_home, release, configuration), endpoint(at_home, OTHER, configuration)]
    arms = {"stable": OTHER, "candidate": release}
    assert objections("unproven-traffic", url(at_home, **arms, weight=100.0), *serving) == []
    for weight in (99.0, UNKNOWN, None):
        assert len(objections("unproven-traffic", url(at_home, **arms, weight=weight), *serving)) == 1


def test_traffic_to_what_no_endpoint_of_the_stack_serves_is_refused(
    at_home: Environment, packed: Callable[[str], Path], promoted: Callable[[Path], str]
) -> None:
    release = promoted(packed("1"))
    other = endpoint(at_home, OTHER, configuration_of(at_home))
    (found,) = objections("unproven-traffic", url(at_home, stable=release), other)
    assert found == f"release {release[7:19]} of toy gets traffic, and no endpoint of this stack serves it"


def test_a_release_that_is_not_known_before_the_update_has_none(at_home: Environment) -> None:
    unknown = "the release that gets traffic is not known before the update"
    assert objections("unproven-traffic", url(at_home, stable=UNKNOWN)) == [unknown]
    both = objections("unproven-traffic", url(at_home, stable=UNKNOWN, candidate=OTHER, weight=5.0))
    assert both == [unknown, "release abababababab of toy gets traffic, and no endpoint of this stack serves it"]


@pytest.mark.parametrize("elsewhere", [{"home": "/elsewhere/local"}, {"stage": "prod"}])
def test_a_program_brings_no_ledger_of_its_own(
    at_home: Environment, packed: Callable[[str], Path], promoted: Callable[[Path], str], elsewhere: dict[str, str]
) -> None:
    release = promoted(packed("1"))
    (found,) = objections("unproven-traffic", url(at_home, stable=release, **elsewhere))
    assert found.endswith(f"judged is by the ledger of local in {at_home.home}")


@pytest.mark.parametrize(
    ("given", "right", "made_from", "objected"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1", False, False),
        ("http://127.0.0.1:2", "http://127.0.0.1:1", True, True),
        (UNKNOWN, UNKNOWN, True, False),
        (UNKNOWN, UNKNOWN, False, True),
        ("http://127.0.0.1:1", UNKNOWN, False, True),
    ],
)
def test_the_url_of_an_arm_is_that_of_its_endpoint(
    environment: Environment, given: Any, right: Any, made_from: bool, objected: bool
) -> None:
    serving = endpoint(environment, OTHER, OTHER, url=right)
    asked = resource(
        URL,
        url(environment, stable=OTHER, stable_url=given).properties,
        made_from={"stable_url": [serving.urn]} if made_from else {},
    )
    found = objections("diverted-traffic", asked, serving)
    assert found == ([f"stable_url is not the URL of {serving.name}, the endpoint of release abababababab"] if objected else [])


def test_the_rules_look_at_the_resources_that_the_component_makes(environment: Environment) -> None:
    def program() -> None:
        place = {"home": str(environment.home), "stage": "local", "service": "toy"}
        served = EndpointProcess("toy-1", {**place, "release": OTHER, "configuration": OTHER, "folder": "/f"}, None)
        StableUrl("toy", {**place, "stable": OTHER, "stable_url": served.url, "weight": 0}, None)

    graph = record(program, stack="local")
    assert [each.type for each in graph.resources] == [ENDPOINT, URL]
    serving, moving = resources(graph, at_end=True)
    assert objections("diverted-traffic", moving, serving) == []
