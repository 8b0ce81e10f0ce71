"""The component, recorded: what it registers, under whom, and what it refuses before it registers anything."""

import pulumi
import pytest

from mlgate import LedgerError, Release
from mlgate_components.local.config import ServiceConfig
from mlgate_components.local.endpoint import TYPE, TorchServeEndpoint, TorchServeEndpointArgs
from mlgate_components.local.resources import EndpointProcess, StableUrl, StoredRelease
from mlgate_testkit.record import record


@pytest.fixture
def recorded(environment, tmp_path):
    """The graph of a program with one service, which exports the endpoint's addresses, or goes on where it is refused."""

    def run(refused=(), **config):
        def program():
            args = TorchServeEndpointArgs(
                environment=environment, project=tmp_path, config=ServiceConfig(declaration="service.yaml", **config)
            )
            try:
                endpoint = TorchServeEndpoint("toy", args)
            except refused:
                return
            for output in ("url", "stable_url", "candidate_url"):
                pulumi.export(output, getattr(endpoint, output))

        return record(program, stack="local", project="mlgate")

    return run


def test_a_candidate_alone_gets_store_endpoint_and_url_under_the_component(recorded, packed):
    folder = packed("1")
    graph = recorded(candidate=str(folder))
    name = f"toy-{Release.read(folder).digest[7:19]}"
    (component,) = graph.roots
    assert (component.type, component.name) == (TYPE, "toy")
    stored, process, url = (graph.one(kind) for kind in (StoredRelease, EndpointProcess, StableUrl))
    assert (stored.name, process.name, url.name) == (name, name, "toy")
    assert {child.urn for child in component.children} == {child.urn for child in (stored, process, url)}
    assert process.needs(stored)
    assert url.needs(process)
    assert graph.outputs["url"] == url.outputs["url"]
    assert graph.outputs["candidate_url"] == process.outputs["url"]
    assert graph.outputs.get("stable_url") is None


def test_both_digests_stand_in_the_urls_inputs_so_that_a_preview_shows_them(recorded, packed, promoted):
    stable, candidate = promoted(packed("1")), Release.read(packed("2")).digest
    graph = recorded(stable=stable, candidate=str(packed("2")))
    url = graph.one(StableUrl).inputs
    assert (url["stable"], url["candidate"], url["weight"]) == (stable, candidate, 0)
    assert url["stable_url"] == graph.one(EndpointProcess, f"toy-{stable[7:19]}").outputs["url"]
    assert len(graph.resources) == 6


def test_what_is_refused_registers_nothing(recorded, packed, promoted):
    promoted(packed("1"))
    assert recorded(candidate=str(packed("2")), refused=LedgerError).resources == []
